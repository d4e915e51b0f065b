//! Hard monotonic attention, exact (Wu and Cotterell 2019, "Exact Hard Monotonic Attention for
//! Character-Level Inflection"): every target symbol is written from one position of the source,
//! and the probability of a target is summed over all alignments.
//!
//! The alignment is a hidden Markov chain. With `f_t(j) = p(a_t = j | y_<t, x)` (the filter), the
//! next symbol has the probability `sum_j f_t(j) p(y_t | a_t = j)`, and the product of these over the
//! target is exactly the sum over all alignments.
//!
//! The decoder starts from a summary of the source, unless the settings turn that off. Where features
//! have an encoder of their own, the decoder reads their sum at each step.

mod alignment;
mod emission;
mod encoder;

use std::sync::Arc;

use rnn_kernels::Cell;

use alignment::{Alignment, posterior};
use emission::{Emission, Emitted};
use encoder::BidirectionalEncoder;

use super::{StepScores, of_source, selected};
use crate::layers::{
    Dense, Embedding, LayerInput, Padded, Parameters, Recurrent, Rows, Run, SourceBatch,
    WeightError, relu, tanh,
};
use crate::settings::ModelSettings;
use crate::text::VocabularySizes;

/// Probabilities below this count as this: it keeps logarithms finite.
const TINY: f32 = 1e-30;

/// All weights of a model with hard monotonic attention.
#[derive(Debug)]
pub struct MonotonicNetwork {
    /// Vectors `[source symbols, size]`.
    source_embedding: Embedding,
    /// Reads the source from both ends.
    encoder: BidirectionalEncoder,
    /// What the decoder knows of features that have an encoder of their own.
    features: Option<FeatureSum>,
    /// Vectors `[target symbols, size]`.
    target_embedding: Embedding,
    /// From what the encoder knows of the whole source to the first state of the first layer.
    summary: Option<Dense>,
    /// Reads the target, one a layer.
    decoder: Vec<Recurrent>,
    /// Where a symbol is written from.
    alignment: Alignment,
    /// Which symbol is written there.
    emission: Emission,
    cell: Cell,
    copies: bool,
}

/// Features as one vector: `relu(W sum_k e_k + b)` over their embeddings.
#[derive(Debug)]
struct FeatureSum {
    /// Vectors `[features, size]`.
    embedding: Embedding,
    /// `W` and `b`, of the embedding's size.
    layer: Dense,
}

/// Where the network stands, for a batch of sequences.
#[derive(Debug)]
pub struct MonotonicState {
    /// Each layer's state `[states * batch, units]`; none before the first step of a layer that
    /// starts from zero.
    layers: Vec<Option<Rows>>,
    /// Probability of each position to be that from which the last symbol was written,
    /// `[batch, places]`.
    position: Rows,
    /// Filter and emission of the last step, whose symbol is not read yet.
    open: Option<(Rows, Emitted)>,
    memory: Arc<SourceMemory>,
    /// The source to which each row belongs.
    sources: Vec<u32>,
}

/// What the decoder knows of each source, the same at every step.
#[derive(Debug)]
struct SourceMemory {
    /// `T h_j`, `[places * sources, units]`.
    content: Rows,
    /// The encoder's share of the emission, `[places * sources, hidden]`.
    emission: Rows,
    /// The features' vectors, `[sources, size]`.
    features: Option<Rows>,
    /// Positions of each source, at least one.
    lengths: Vec<usize>,
    /// For a model that copies, the target symbol at each position of each source.
    copied: Option<Vec<Vec<i32>>>,
}

impl MonotonicNetwork {
    /// The network, from stored weights.
    ///
    /// # Errors
    /// If they do not fit the settings.
    pub fn new(
        model: &ModelSettings,
        sizes: VocabularySizes,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let settings = &model.monotonic;
        let cell = model.cell.kernel();
        let source = model.embedding.width(sizes.source);
        let target = model.embedding.width(sizes.target);
        let (encoder, decoder) = (2 * model.encoder_units, model.decoder_units());
        let input = target + if sizes.features > 0 { target } else { 0 };
        Ok(Self {
            source_embedding: params.embedding("source_embedding", [sizes.source, source])?,
            encoder: params.layer("encoder", |p| {
                let shape = [source, model.encoder_units, settings.encoder_layers];
                BidirectionalEncoder::new(cell, shape, p)
            })?,
            features: (sizes.features > 0)
                .then(|| params.layer("features", |p| FeatureSum::new(sizes.features, target, p)))
                .transpose()?,
            target_embedding: params.embedding("target_embedding", [sizes.target, target])?,
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
            cell,
            copies: model.copy,
        })
    }

    /// Reads the sources and returns the decoder's first state.
    pub fn encode(&self, source: &SourceBatch) -> MonotonicState {
        let symbols = at_least_one(&source.symbols);
        let batch = symbols.batch();
        let states = self.encoder.read(&self.source_embedding, &symbols);
        let mut layers = vec![None; self.decoder.len()];
        if let (Some(summary), Some(first)) = (&self.summary, layers.first_mut()) {
            *first = Some(self.summarize(summary, &states, batch));
        }
        let features = self.features.as_ref();
        let copied = source.copy_ids.as_ref().filter(|_| self.copies);
        let mut position = Rows::zeros(batch, symbols.time);
        // Before the first symbol the alignment stands at the first position.
        position.iter_mut().for_each(|places| places[0] = 1.0);
        MonotonicState {
            layers,
            position,
            open: None,
            memory: Arc::new(SourceMemory {
                content: self.alignment.content(&states),
                emission: self.emission.of_places(&states),
                features: features.map(|layer| layer.forward(&source.features_or_none())),
                lengths: symbols.lengths,
                copied: copied.map(of_source),
            }),
            sources: (0..batch as u32).collect(),
        }
    }

    /// A first state for the decoder, `[states * batch, units]`: at the first position the backward
    /// layer has read the whole source.
    fn summarize(&self, layer: &Dense, states: &Rows, batch: usize) -> Rows {
        let summary = tanh(layer.forward(&states.range(0..batch)));
        let count = self.cell.states();
        let units = summary.width / count;
        let mut first = Rows::new(units, Vec::with_capacity(summary.values.len()));
        for state in 0..count {
            for row in summary.iter() {
                first
                    .values
                    .extend_from_slice(&row[state * units..(state + 1) * units]);
            }
        }
        first
    }

    /// Reads the last symbol of each sequence and gives the log-probabilities of the next. The
    /// attention is the filter: where the next symbol is written from.
    pub fn step(&self, state: &mut MonotonicState, last: &[u32]) -> StepScores {
        if let Some((filter, emitted)) = state.open.take() {
            state.position = filter;
            for ((row, position), &symbol) in state.position.iter_mut().enumerate().zip(last) {
                posterior(position, emitted.of(row, symbol));
            }
        }
        let decoder = self.step_target(state, last);
        let (memory, sources) = (&state.memory, &state.sources);
        let lengths = of_rows(&memory.lengths, sources);
        let filter = (self.alignment).advance(
            &state.position,
            &decoder,
            &memory.content,
            (sources, &memory.lengths),
        );
        let copied = |row: usize| {
            let copied = memory.copied.as_ref()?;
            Some(&copied[sources[row] as usize][..])
        };
        let places = (&memory.emission, &sources[..], memory.lengths.len());
        let emitted = self.emission.forward(&decoder, places, &lengths, copied);
        let scores = emitted.mixed(&filter);
        state.open = Some((filter.clone(), emitted));
        StepScores {
            scores,
            attention: Some(filter),
        }
    }

    /// The decoder's next output, `[batch, units]`.
    fn step_target(&self, state: &mut MonotonicState, last: &[u32]) -> Rows {
        let batch = last.len();
        let ids: Vec<i32> = last.iter().map(|&id| id as i32).collect();
        let mut below = (state.memory.features.as_ref()).map(|features| {
            let features = features.select(
                &state
                    .sources
                    .iter()
                    .map(|&s| s as usize)
                    .collect::<Vec<_>>(),
            );
            self.target_embedding.look_up(&ids).beside(&features)
        });
        for (layer, kept) in self.decoder.iter().zip(&mut state.layers) {
            let input = match &below {
                Some(below) => LayerInput::Vectors(below),
                None => LayerInput::Symbols(Some(&self.target_embedding), &ids),
            };
            let next = layer.forward(&input, Run::step(batch, kept.as_ref()));
            // h comes before c.
            below = Some(next.range(0..batch));
            *kept = Some(next);
        }
        below.unwrap_or_default()
    }
}

impl FeatureSum {
    fn new(features: usize, size: usize, params: &mut Parameters) -> Result<Self, WeightError> {
        Ok(Self {
            embedding: params.embedding("embedding", [features, size])?,
            layer: params.layer("layer", |p| Dense::new(size, size, p))?,
        })
    }

    /// One vector for each source, `[sources, size]`.
    fn forward(&self, features: &Padded) -> Rows {
        let (vectors, batch) = (self.embedding.look_up(&features.ids), features.batch());
        let mut sums = Rows::zeros(batch, vectors.width);
        for (row, vector) in vectors.iter().enumerate() {
            let (step, source) = (row / batch, row % batch);
            if step < features.lengths[source] {
                let sum = &mut sums.values[source * vector.len()..][..vector.len()];
                sum.iter_mut()
                    .zip(vector)
                    .for_each(|(sum, more)| *sum += more);
            }
        }
        let mut output = self.layer.forward(&sums);
        relu(&mut output);
        output
    }
}

/// What each row has of its source.
fn of_rows(of_sources: &[usize], sources: &[u32]) -> Vec<usize> {
    sources
        .iter()
        .map(|&source| of_sources[source as usize])
        .collect()
}

/// An empty source counts as one symbol of padding, so that there is a position to write from.
fn at_least_one(symbols: &Padded) -> Padded {
    let lengths = symbols.lengths.iter();
    Padded {
        lengths: lengths.map(|&length| length.max(1)).collect(),
        ..symbols.clone()
    }
}

impl MonotonicState {
    /// Keeps the given rows, in that order; a row may come several times or not at all.
    pub fn select(&mut self, rows: &[usize]) {
        let batch = self.sources.len();
        for state in self.layers.iter_mut().flatten() {
            *state = state.select_in_blocks(batch, rows);
        }
        match &mut self.open {
            // What is open tells the position anew once the symbol is read.
            Some((filter, emitted)) => {
                *filter = filter.select(rows);
                emitted.select(rows);
            }
            None => self.position = self.position.select(rows),
        }
        self.sources = selected(&self.sources, rows);
    }
}
