//! Hard monotonic attention, exact (Wu and Cotterell 2019, "Exact Hard Monotonic Attention for
//! Character-Level Inflection"): every target symbol is written from one position of the source,
//! and the probability of a target is summed over all alignments.
//!
//! The alignment is a hidden Markov chain. With `f_t(j) = p(a_t = j | y_<t, x)` (the filter), the
//! next symbol has the probability `sum_j f_t(j) p(y_t | a_t = j)`, and the product of these over the
//! target is exactly the sum over all alignments. So training needs no more than the cross-entropy
//! of the next symbol, and beam search over steps is exact with respect to the marginal likelihood.
//! Everything is kept in logarithms.
//!
//! In the paper the decoder reads nothing but the target so far, and the source reaches it through
//! the alignment alone. Then it cannot tell an ending that it has written from one that the source
//! has itself, so it starts from a summary of the source here, unless that is turned off. Where
//! features have an encoder of their own, the decoder reads their sum, too, at each step.

mod alignment;
mod chain;
mod emission;
mod encoder;

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation};

pub use alignment::{Alignment, Places};
pub use chain::{Emitted, transitions};
pub use emission::Emission;
pub use encoder::BidirectionalEncoder;

use crate::config::ModelSettings;
use crate::encoding::Padded;
use crate::encoding::SourceBatch;
use crate::layers::dense::Dense;
use crate::layers::dropout::{Dropout, Noise};
use crate::layers::embedding::{LIMIT, look_up};
use crate::layers::parameters::Parameters;
use crate::layers::recurrent::{Direction, LayerInput, Layout, Recurrent, Run};
use crate::layers::tensors::constant;
use crate::ops::flex::is_flex_f32;
use crate::ops::hard_attention::{ChainScores, HardAttentionPlan, hard_attention};
use crate::ops::tanh::tanh;
use crate::text::VocabularySizes;
use seq2seq_runtime::layers::WeightError;

/// All weights of a model with hard monotonic attention.
#[derive(Module, Debug)]
pub struct MonotonicNetwork {
    /// Vectors `[source symbols, size]`.
    pub source_embedding: Param<Tensor<2>>,
    /// Reads the source from both ends.
    pub encoder: BidirectionalEncoder,
    /// What the decoder knows of features that have an encoder of their own.
    pub features: Option<FeatureSum>,
    /// Vectors `[target symbols, size]`.
    pub target_embedding: Param<Tensor<2>>,
    /// From what the encoder knows of the whole source to the first state of the first layer.
    pub summary: Option<Dense>,
    /// Reads the target, one a layer.
    pub decoder: Vec<Recurrent>,
    /// Where a symbol is written from.
    pub alignment: Alignment,
    /// Which symbol is written there.
    pub emission: Emission,
    /// Whether to take over what stands at a position is an action of its own.
    #[module(skip)]
    copies: bool,
    #[module(skip)]
    dropout: f64,
}

/// Features as one vector: `relu(W sum_k e_k + b)` over their embeddings.
#[derive(Module, Debug)]
pub struct FeatureSum {
    /// Vectors `[features, size]`.
    pub embedding: Param<Tensor<2>>,
    /// `W` and `b`, of the embedding's size.
    pub layer: Dense,
}

/// What does not change while a batch of targets is written.
#[derive(Clone, Debug)]
struct Source {
    places: Places,
    /// The encoder's share of the emission, `[batch, places, hidden]`.
    emission: Tensor<3>,
    /// The features' vector, `[batch, size]`.
    features: Option<Tensor<2>>,
    /// The first state of the decoder's first layer, `[states, batch, units]`, until it has started.
    summary: Option<Tensor<3>>,
    /// Positions of each source, at least one.
    lengths: Vec<usize>,
    /// For a model that copies, the target symbol at each position, `[batch, places]`.
    copied: Option<Vec<i32>>,
}

impl MonotonicNetwork {
    /// A network for vocabularies of the given sizes.
    ///
    /// # Errors
    /// If stored parameters do not fit the settings.
    pub fn new(
        model: &ModelSettings,
        sizes: VocabularySizes,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let settings = &model.monotonic;
        let cell = model.cell.kernel();
        let (source, target) = (
            model.embedding.width(sizes.source),
            model.embedding.width(sizes.target),
        );
        let (encoder, decoder) = (2 * model.encoder_units, model.decoder_units());
        let input = target + if sizes.features > 0 { target } else { 0 };
        Ok(Self {
            source_embedding: vectors("source_embedding", [sizes.source, source], params)?,
            encoder: params.layer("encoder", |p| {
                let shape = [source, model.encoder_units, settings.encoder_layers];
                BidirectionalEncoder::new(cell, shape, p)
            })?,
            features: (sizes.features > 0)
                .then(|| params.layer("features", |p| FeatureSum::new(sizes.features, target, p)))
                .transpose()?,
            target_embedding: vectors("target_embedding", [sizes.target, target], params)?,
            summary: (settings.summary)
                .then(|| {
                    let width = cell.states() * decoder;
                    params.layer("summary", |p| Dense::new(encoder, width, p))
                })
                .transpose()?,
            decoder: params.layers("decoder", settings.decoder_layers, |layer, p| {
                Recurrent::new(cell, if layer == 0 { input } else { decoder }, decoder, p)
            })?,
            alignment: params.layer("alignment", |p| {
                Alignment::new(settings, [encoder, decoder], p)
            })?,
            emission: params.layer("emission", |p| {
                let hidden = settings.emission_units.unwrap_or(decoder);
                let actions = sizes.target + usize::from(model.copy);
                Emission::new([encoder, decoder, hidden, actions], p)
            })?,
            copies: model.copy,
            dropout: settings.dropout,
        })
    }

    /// What the layers of the decoder start from: the summary, which nothing needs any more then.
    fn first_states(&self, source: &mut Source) -> Vec<Option<Tensor<3>>> {
        let mut states = vec![None; self.decoder.len()];
        if let Some(first) = states.first_mut() {
            *first = source.summary.take();
        }
        states
    }

    /// Log-probabilities `[time * batch, target symbols]` of every step, given the symbols that the
    /// decoder reads.
    pub fn forward(
        &self,
        source: &SourceBatch,
        decoder_input: &Padded,
        noise: Option<&mut Noise>,
    ) -> Tensor<2> {
        let mut dropout = Dropout::new(self.dropout, noise);
        let mut source = self.read_source(source, &mut dropout);
        let decoder = self.read_target(&mut source, decoder_input, &mut dropout);
        let scores = self.scores(decoder, &source, &mut dropout);
        let plan = HardAttentionPlan {
            moves: self.alignment.moves,
            target_lengths: decoder_input.lengths.clone(),
            written: written(decoder_input),
            source_lengths: source.lengths,
            copied: source.copied,
        };
        let log_probs = if is_flex_f32(&scores.actions) {
            hard_attention(scores, Arc::new(plan))
        } else {
            chain::hard_attention(scores, source.places.start(), &plan)
        };
        let [batch, steps, symbols] = log_probs.dims();
        log_probs.swap_dims(0, 1).reshape([steps * batch, symbols])
    }

    /// What the chain of these decoder states, `[batch, steps, decoder]`, is made of.
    fn scores(&self, decoder: Tensor<3>, source: &Source, dropout: &mut Dropout) -> ChainScores {
        let places = source.emission.clone();
        ChainScores {
            actions: (self.emission).forward(decoder.clone(), places, dropout),
            jumps: self.alignment.jump_scores(decoder.clone()),
            content: self.alignment.content_scores(decoder, &source.places),
        }
    }

    fn read_source(&self, source: &SourceBatch, dropout: &mut Dropout) -> Source {
        let symbols = at_least_one(&source.symbols);
        let vectors = dropout.apply(look_up(self.source_embedding.val(), &symbols));
        let states = self.encoder.read(vectors, &symbols, dropout);
        let states = dropout.apply(states);
        let features = self.features.as_ref();
        Source {
            summary: self
                .summary
                .as_ref()
                .map(|layer| self.summarize(layer, &states)),
            emission: self.emission.places(states.clone()),
            features: features.map(|layer| layer.forward(&source.features_or_none())),
            places: self.alignment.places(states, &symbols.lengths),
            copied: source
                .copy_ids
                .as_ref()
                .filter(|_| self.copies)
                .map(by_sequence),
            lengths: symbols.lengths,
        }
    }

    /// A first state for the decoder, `[states, batch, units]`, from encoder states
    /// `[time, batch, encoder]`: at the first position the backward layer has read the whole source.
    fn summarize(&self, layer: &Dense, states: &Tensor<3>) -> Tensor<3> {
        let [_, batch, width] = states.dims();
        let first = states.clone().narrow(0, 0, 1).reshape([batch, width]);
        let summary = tanh(layer.forward(first));
        let units = self.decoder.first().map_or(1, Recurrent::units);
        let states = summary.dims()[1] / units;
        summary.reshape([batch, states, units]).swap_dims(0, 1)
    }

    /// Decoder states `[batch, steps, units]` of a whole target.
    fn read_target(
        &self,
        source: &mut Source,
        symbols: &Padded,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        let mut vectors = dropout.apply(self.decoder_input(source, symbols));
        for (layer, initial) in self.decoder.iter().zip(self.first_states(source)) {
            let input = LayerInput::Vectors(vectors);
            let states = layer.forward(input, onward(initial));
            vectors = dropout.apply(states);
        }
        vectors.swap_dims(0, 1)
    }

    /// Vectors `[time, batch, width]`: target symbols, and features behind each.
    fn decoder_input(&self, source: &Source, symbols: &Padded) -> Tensor<3> {
        let vectors = look_up(self.target_embedding.val(), symbols);
        let Some(features) = &source.features else {
            return vectors;
        };
        let [time, batch, _] = vectors.dims();
        let width = features.dims()[1];
        let repeated = features
            .clone()
            .unsqueeze::<3>()
            .expand([time, batch, width]);
        Tensor::cat(vec![vectors, repeated], 2)
    }
}

impl FeatureSum {
    /// A layer for so many features.
    ///
    /// # Errors
    /// If stored parameters do not fit.
    pub fn new(features: usize, size: usize, params: &mut Parameters) -> Result<Self, WeightError> {
        Ok(Self {
            embedding: vectors("embedding", [features, size], params)?,
            layer: params.layer("layer", |p| Dense::new(size, size, p))?,
        })
    }

    /// One vector for each sequence, `[batch, size]`.
    pub fn forward(&self, features: &Padded) -> Tensor<2> {
        let vectors = look_up(self.embedding.val(), features);
        let [time, batch, size] = vectors.dims();
        let present = (0..time).flat_map(|step| {
            let present = move |&length: &usize| f32::from(u8::from(step < length));
            features.lengths.iter().map(present)
        });
        let present: Tensor<3> = constant(present.collect(), [time, batch, 1], &vectors);
        let sum = (vectors * present).sum_dim(0).reshape([batch, size]);
        activation::relu(self.layer.forward(sum))
    }
}

/// The symbols that the decoder reads next, and so writes at each step, `[batch, steps]`. Nothing
/// reads what is past the end.
fn written(decoder_input: &Padded) -> Vec<i32> {
    let (steps, batch) = (decoder_input.time, decoder_input.batch());
    let next = |sequence: usize, step: usize| {
        let next = decoder_input.ids.get((step + 1) * batch + sequence);
        next.copied().unwrap_or(0)
    };
    let sequence = |sequence| (0..steps).map(move |step| next(sequence, step));
    (0..batch).flat_map(sequence).collect()
}

/// Ids `[batch, time]`.
fn by_sequence(symbols: &Padded) -> Vec<i32> {
    let (time, batch) = (symbols.time, symbols.batch());
    let ids = |sequence| (0..time).map(move |step| symbols.ids[step * batch + sequence]);
    (0..batch).flat_map(ids).collect()
}

/// An empty source counts as one symbol of padding, so that there is a position to write from.
fn at_least_one(symbols: &Padded) -> Padded {
    Padded {
        lengths: symbols
            .lengths
            .iter()
            .map(|&length| length.max(1))
            .collect(),
        ..symbols.clone()
    }
}

fn vectors(
    name: &str,
    shape: [usize; 2],
    params: &mut Parameters,
) -> Result<Param<Tensor<2>>, WeightError> {
    params.uniform(name, shape, LIMIT)
}

/// A run of the decoder from a state; what is read has no padding that matters.
fn onward(initial: Option<Tensor<3>>) -> Run<'static> {
    Run {
        initial,
        lengths: None,
        direction: Direction::Forward,
        layout: Layout::Sequence,
        mask: None,
    }
}
