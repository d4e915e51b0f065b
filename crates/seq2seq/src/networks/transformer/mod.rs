//! The Transformer encoder-decoder (Vaswani et al. 2017), normalised before each part as in Xiong
//! et al. 2020, at the sizes that short sequences of symbols need (Wu et al. 2021).
//!
//! Rows are time-major, `[time * batch, size]`: everything but attention works on single rows.
//! Where features have an encoder of their own, they join the source as symbols without an order,
//! with a table of their own (Wu et al. 2021, section 3: feature-invariant Transformer).

mod decoder_layer;
mod encoder_layer;
mod feed_forward;
mod mask;
mod multi_head;
mod positions;

use burn::module::{Module, Param};
use burn::tensor::Tensor;

pub use decoder_layer::{DecoderLayer, Sight};
pub use encoder_layer::EncoderLayer;
pub use feed_forward::FeedForward;
pub use mask::Mask;
pub use multi_head::{Memory, MultiHead, Queries};
pub use positions::{Positions, Rotation};

use crate::config::{ModelSettings, TransformerSettings};
use crate::encoding::Padded;
use crate::encoding::SourceBatch;
use crate::layers::dense::Dense;
use crate::layers::dropout::{Dropout, Noise};
use crate::layers::layer_norm::LayerNorm;
use crate::layers::parameters::Parameters;
use crate::layers::pointer_generator::{PointerGenerator, PointerInput, copy_table};
use crate::layers::recurrent::LayerInput;
use crate::layers::tensors::row_numbers;
use crate::text::VocabularySizes;
use seq2seq_runtime::layers::WeightError;

/// All weights of a Transformer encoder-decoder.
#[derive(Module, Debug)]
pub struct TransformerNetwork {
    /// Vectors `[source symbols, size]`.
    pub source_embedding: Param<Tensor<2>>,
    /// Vectors `[features, size]`, where features have a table of their own.
    pub feature_embedding: Option<Param<Tensor<2>>>,
    /// Places of source symbols.
    pub source_positions: Positions,
    /// Reads the source.
    pub encoder: Vec<EncoderLayer>,
    /// After the last layer of the encoder.
    pub encoder_norm: LayerNorm,
    /// Vectors `[target symbols, size]`.
    pub target_embedding: Param<Tensor<2>>,
    /// Places of target symbols.
    pub target_positions: Positions,
    /// Writes the target.
    pub decoder: Vec<DecoderLayer>,
    /// After the last layer of the decoder.
    pub decoder_norm: LayerNorm,
    /// To a score for each target symbol; none if the target's vectors serve.
    pub output: Option<Dense>,
    /// Chooses between writing and copying, from where the last layer looks.
    pub pointer: Option<PointerGenerator>,
    #[module(skip)]
    dropout: f64,
}

/// What the encoder made of a batch of sources.
struct Encoded {
    /// Keys and values of its output, for each layer of the decoder.
    memories: Vec<Memory>,
    /// Which source symbols there are.
    mask: Mask,
    /// For a model that copies, what can be copied.
    copied: Option<Copied>,
}

/// What a decoder that copies knows of each source.
#[derive(Clone, Debug)]
struct Copied {
    /// Which target symbol each source symbol is, `[batch, source time, target symbols]`.
    table: Tensor<3>,
    /// The encoder's rows, `[batch, source time, size]`.
    states: Tensor<3>,
}

impl TransformerNetwork {
    /// A network for vocabularies of the given sizes.
    ///
    /// # Errors
    /// If stored parameters do not fit the settings.
    pub fn new(
        model: &ModelSettings,
        sizes: VocabularySizes,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let settings = &model.transformer;
        let size = settings.model_size;
        let output = |p: &mut Parameters| Dense::new(size, sizes.target, p);
        Ok(Self {
            source_embedding: vectors("source_embedding", sizes.source, size, params)?,
            feature_embedding: (sizes.features > 0)
                .then(|| vectors("feature_embedding", sizes.features, size, params))
                .transpose()?,
            source_positions: places("source_positions", settings, params)?,
            encoder: params.layers("encoder", settings.encoder_layers(), |_, p| {
                EncoderLayer::new(settings, p)
            })?,
            encoder_norm: params.layer("encoder_norm", |p| LayerNorm::new(size, p))?,
            target_embedding: vectors("target_embedding", sizes.target, size, params)?,
            target_positions: places("target_positions", settings, params)?,
            decoder: params.layers("decoder", settings.decoder_layers(), |_, p| {
                DecoderLayer::new(settings, p)
            })?,
            decoder_norm: params.layer("decoder_norm", |p| LayerNorm::new(size, p))?,
            output: match settings.tied_output {
                true => None,
                false => Some(params.layer("output", output)?),
            },
            pointer: (model.copy)
                .then(|| params.layer("pointer", |p| PointerGenerator::new(size, size, size, p)))
                .transpose()?,
            dropout: settings.dropout,
        })
    }

    /// Scores `[time * batch, target symbols]` of every step, given the symbols that the decoder
    /// reads.
    pub fn forward(
        &self,
        source: &SourceBatch,
        decoder_input: &Padded,
        noise: Option<&mut Noise>,
    ) -> Tensor<2> {
        let mut dropout = Dropout::new(self.dropout, noise);
        let encoded = self.encode(source, &mut dropout);
        self.read(&encoded, decoder_input, &mut dropout)
    }

    fn encode(&self, source: &SourceBatch, dropout: &mut Dropout) -> Encoded {
        let batch = source.batch();
        let symbols = &source.symbols;
        let rows = self.embed(&self.source_embedding, symbols);
        let mut rows = self.source_positions.add(rows, batch);
        let mut seen = visible(symbols);
        let mut places: Vec<usize> = (0..symbols.time).collect();
        if let Some(table) = &self.feature_embedding {
            let features = source.features_or_none();
            rows = Tensor::cat(vec![rows, self.embed(table, &features)], 0);
            seen = seen.into_iter().zip(visible(&features)).map(join).collect();
            places.extend(vec![0; features.time]);
        }
        let mask = Mask::padding(&seen.concat(), batch, &rows);
        let rotation = self.rotation(&self.source_positions, &places, &rows);
        let queries = Queries {
            batch,
            rotation: rotation.as_ref(),
        };
        let mut rows = dropout.apply(rows);
        for layer in &self.encoder {
            rows = layer.forward(rows, queries, &mask, dropout);
        }
        let rows = self.encoder_norm.forward(rows);
        let copied = source.copy_ids.as_ref().zip(self.pointer.as_ref());
        let copied = copied.map(|(ids, _)| self.copied(ids, &rows));
        let memory = |layer: &DecoderLayer| layer.source_attention.memory(rows.clone(), queries);
        Encoded {
            memories: self.decoder.iter().map(memory).collect(),
            mask,
            copied,
        }
    }

    /// Reads target symbols; returns scores `[time * batch, target symbols]`.
    fn read(&self, source: &Encoded, symbols: &Padded, dropout: &mut Dropout) -> Tensor<2> {
        let batch = symbols.batch();
        let rows = self.embed(&self.target_embedding, symbols);
        let rows = self.target_positions.add(rows, batch);
        let causal = Mask::causal(symbols.time, &rows);
        let places: Vec<usize> = (0..symbols.time).collect();
        let rotation = self.rotation(&self.target_positions, &places, &rows);
        let queries = Queries {
            batch,
            rotation: rotation.as_ref(),
        };
        let sight = Sight {
            own: &causal,
            source: &source.mask,
        };
        let input = rows.clone();
        let (mut rows, mut weights) = (dropout.apply(rows), None);
        for (layer, memory) in self.decoder.iter().zip(&source.memories) {
            let (next, seen) = layer.forward(rows, queries, memory, sight, dropout);
            (rows, weights) = (next, Some(seen));
        }
        let rows = self.decoder_norm.forward(rows);
        let scores = self.scores(rows.clone());
        match (&self.pointer, &source.copied, &weights) {
            (Some(pointer), Some(copied), Some(weights)) => pointer.forward(
                scores,
                copied.table.clone(),
                copied.seen(weights, rows, input),
            ),
            _ => scores,
        }
    }

    /// What can be copied from sources whose encoder gave these rows (features may stand behind).
    fn copied(&self, ids: &Padded, rows: &Tensor<2>) -> Copied {
        let (time, batch) = (ids.time, ids.batch());
        let size = rows.dims()[1];
        let states = rows.clone().narrow(0, 0, time * batch);
        let symbols = self.target_embedding.val().dims()[0];
        Copied {
            table: copy_table(ids, symbols, (&rows.device().inner(), rows.dtype())),
            states: states.reshape([time, batch, size]).swap_dims(0, 1),
        }
    }

    fn rotation(&self, of: &Positions, places: &[usize], like: &Tensor<2>) -> Option<Rotation> {
        let first = self.encoder.first().map(|layer| &layer.attention);
        let any = first.or_else(|| self.decoder.first().map(|layer| &layer.own_attention));
        of.rotation(places, any?.head_size(), like)
    }

    /// Vectors `[time * batch, size]`, scaled as in Vaswani et al. 2017, section 3.4.
    fn embed(&self, table: &Param<Tensor<2>>, symbols: &Padded) -> Tensor<2> {
        let table = table.val();
        let scale = embedding_scale(table.dims()[1]);
        let rows = row_numbers(symbols.ids.clone(), &table);
        table.select(0, rows).mul_scalar(scale)
    }

    fn scores(&self, rows: Tensor<2>) -> Tensor<2> {
        match &self.output {
            Some(output) => output.forward(rows),
            None => rows.matmul(self.target_embedding.val().transpose()),
        }
    }
}

/// What vectors of `size` numbers are multiplied by, so that places, which are added, are not all that
/// counts at first.
fn embedding_scale(size: usize) -> f64 {
    (size as f64).sqrt()
}

/// Embedding vectors of variance 1 / size, so that the scaled ones have variance 1.
fn vectors(
    name: &str,
    symbols: usize,
    size: usize,
    params: &mut Parameters,
) -> Result<Param<Tensor<2>>, WeightError> {
    params.uniform(name, [symbols, size], (3.0 / size as f32).sqrt())
}

fn places(
    name: &str,
    settings: &TransformerSettings,
    params: &mut Parameters,
) -> Result<Positions, WeightError> {
    let (size, longest) = (settings.model_size, settings.learned_positions);
    params.layer(name, |p| {
        Positions::new(settings.positions, size, longest, p)
    })
}

/// For each sequence, which of its steps are no padding. An empty sequence counts as one symbol.
fn visible(symbols: &Padded) -> Vec<Vec<bool>> {
    let row = |&length: &usize| (0..symbols.time).map(|step| step < length.max(1)).collect();
    symbols.lengths.iter().map(row).collect()
}

fn join((mut first, second): (Vec<bool>, Vec<bool>)) -> Vec<bool> {
    first.extend(second);
    first
}

/// Where heads look on average, `[batch, time, places]`, of weights `[batch, heads, time, places or more]`.
fn mean_of_heads(weights: Tensor<4>, places: usize) -> Tensor<3> {
    let [batch, _, time, _] = weights.dims();
    let mean = weights.narrow(3, 0, places).mean_dim(1);
    mean.reshape([batch, time, places])
}

impl Copied {
    /// What the pointer-generator goes by: where the last layer's heads look on average,
    /// `[batch, heads, time, places]`, and the decoder's rows and input, `[time * batch, size]`.
    fn seen<'a>(&self, weights: &Tensor<4>, rows: Tensor<2>, input: Tensor<2>) -> PointerInput<'a> {
        let [_, places, size] = self.states.dims();
        let weights = mean_of_heads(weights.clone(), places);
        let [batch, time, _] = weights.dims();
        PointerInput {
            hidden: rows.reshape([time, batch, size]),
            context: weights.clone().matmul(self.states.clone()).swap_dims(0, 1),
            input: LayerInput::Vectors(input.reshape([time, batch, size])),
            weights,
        }
    }
}
