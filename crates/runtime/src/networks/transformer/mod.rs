//! The Transformer encoder-decoder (Vaswani et al. 2017), normalised before each part as in Xiong
//! et al. 2020, at the sizes that short sequences of symbols need (Wu et al. 2021).
//!
//! Rows are time-major, `[time * batch, size]`. Where features have an encoder of their own, they
//! follow the source's symbols without an order, with a table of their own (Wu et al. 2021, section
//! 3: feature-invariant Transformer).

mod decoder_layer;
mod encoder_layer;
mod feed_forward;
mod multi_head;
mod positions;

use std::sync::Arc;

use decoder_layer::DecoderLayer;
use encoder_layer::EncoderLayer;
use multi_head::{Memory, Sequences};
use positions::{Positions, Rotation};

use super::{StepScores, of_source, selected};
use crate::layers::{
    Dense, Embedding, LayerInput, LayerNorm, Matrix, Padded, Parameters, PointerGenerator,
    PointerInput, Rows, SourceBatch, WeightError, sums_of_sources,
};
use crate::settings::{ModelSettings, TransformerSettings};
use crate::text::VocabularySizes;

/// Least sum that attention is divided by.
const TINY: f32 = 1e-12;

/// All weights of a Transformer encoder-decoder.
#[derive(Debug)]
pub struct TransformerNetwork {
    /// Vectors `[source symbols, size]`.
    source_embedding: Embedding,
    /// Vectors `[features, size]`, where features have a table of their own.
    feature_embedding: Option<Embedding>,
    source_positions: Positions,
    encoder: Vec<EncoderLayer>,
    /// After the last layer of the encoder.
    encoder_norm: LayerNorm,
    /// Vectors `[target symbols, size]`.
    target_embedding: Embedding,
    target_positions: Positions,
    decoder: Vec<DecoderLayer>,
    /// After the last layer of the decoder.
    decoder_norm: LayerNorm,
    output: Output,
    /// Chooses between writing and copying, from where the last layer looks.
    pointer: Option<PointerGenerator>,
    /// Numbers of one head.
    head_size: usize,
}

/// From a row to a score for each target symbol.
#[derive(Debug)]
enum Output {
    /// Weights of its own.
    Own(Dense),
    /// The target's vectors.
    Tied(Matrix),
}

/// Where the decoder stands, for a batch of sequences.
#[derive(Debug)]
pub struct TransformerState {
    /// Keys and values of the target's symbols so far, for each layer.
    own: Vec<Memory>,
    memory: Arc<SourceMemory>,
    /// The source to which each row belongs.
    sources: Vec<u32>,
    /// Symbols read so far.
    steps: usize,
}

/// What the decoder knows of each source, the same at every step.
#[derive(Debug)]
struct SourceMemory {
    /// Keys and values of the encoder's output, for each layer.
    layers: Vec<Memory>,
    /// Symbols and features of each source together.
    lengths: Vec<usize>,
    /// Symbols of each source, at least one.
    symbols: Vec<usize>,
    /// Symbols of the longest.
    longest: usize,
    /// The encoder's rows of symbols, `[longest * sources, size]`.
    states: Rows,
    /// For a model that copies, the target symbols of each source.
    copied: Vec<Vec<i32>>,
}

impl TransformerNetwork {
    /// The network, from stored weights.
    ///
    /// # Errors
    /// If they do not fit the settings.
    pub fn new(
        model: &ModelSettings,
        sizes: VocabularySizes,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let settings = &model.transformer;
        let size = settings.model_size;
        let source_embedding = params.embedding("source_embedding", [sizes.source, size])?;
        let feature_embedding = (sizes.features > 0)
            .then(|| params.embedding("feature_embedding", [sizes.features, size]))
            .transpose()?;
        let source_positions = positions("source_positions", settings, params)?;
        let encoder = params.layers("encoder", settings.encoder_layers(), |_, p| {
            EncoderLayer::new(settings, p)
        })?;
        let encoder_norm = params.layer("encoder_norm", |p| LayerNorm::new(size, p))?;
        let target_embedding = params.embedding("target_embedding", [sizes.target, size])?;
        Ok(Self {
            source_embedding,
            feature_embedding,
            source_positions,
            encoder,
            encoder_norm,
            target_positions: positions("target_positions", settings, params)?,
            decoder: params.layers("decoder", settings.decoder_layers(), |_, p| {
                DecoderLayer::new(settings, p)
            })?,
            decoder_norm: params.layer("decoder_norm", |p| LayerNorm::new(size, p))?,
            output: match settings.tied_output {
                true => Output::Tied(target_embedding.transposed()),
                false => {
                    Output::Own(params.layer("output", |p| Dense::new(size, sizes.target, p))?)
                }
            },
            target_embedding,
            pointer: (model.copy)
                .then(|| params.layer("pointer", |p| PointerGenerator::new(size, size, size, p)))
                .transpose()?,
            head_size: size / settings.heads,
        })
    }

    /// Reads the sources and returns the decoder's first state.
    pub fn encode(&self, source: &SourceBatch) -> TransformerState {
        let batch = source.batch();
        let (mut rows, places, lengths) = self.read_source(source);
        let sequences = Sequences {
            batch,
            lengths: &lengths,
            rotation: self.source_positions.rotation(&places, self.head_size),
        };
        for layer in &self.encoder {
            rows = layer.forward(rows, &sequences);
        }
        let states = self.encoder_norm.forward(&rows);
        let memory = |layer: &DecoderLayer| {
            let rotation = sequences.rotation.as_ref();
            layer.source_attention.memory(&states, rotation)
        };
        TransformerState {
            own: self.decoder.iter().map(|_| Memory::default()).collect(),
            memory: Arc::new(SourceMemory {
                layers: self.decoder.iter().map(memory).collect(),
                symbols: at_least_one(&source.symbols),
                longest: source.symbols.time,
                copied: source.copy_ids.as_ref().map_or_else(Vec::new, of_source),
                states: states.range(0..source.symbols.ids.len()),
                lengths,
            }),
            sources: (0..batch as u32).collect(),
            steps: 0,
        }
    }

    /// Vectors `[time * batch, size]` of each source's symbols with its features right behind them,
    /// the place of each row, and the length of each source.
    fn read_source(&self, source: &SourceBatch) -> (Rows, Vec<usize>, Vec<usize>) {
        let (symbols, batch) = (&source.symbols, source.batch());
        let mut rows = embed(&self.source_embedding, &symbols.ids);
        let places: Vec<usize> = (0..symbols.ids.len()).map(|row| row / batch).collect();
        self.source_positions.add(&mut rows, &places);
        let own = at_least_one(symbols);
        let Some(table) = &self.feature_embedding else {
            return (rows, places, own);
        };
        let features = source.features_or_none();
        let others = at_least_one(&features);
        let vectors = embed(table, &features.ids);
        let lengths: Vec<usize> = own.iter().zip(&others).map(|(a, b)| a + b).collect();
        let time = lengths.iter().copied().max().unwrap_or(0);
        let mut joined = Rows::zeros(time * batch, rows.width);
        let mut joined_places = vec![0; time * batch];
        for (row, to) in joined.iter_mut().enumerate() {
            let (step, sequence) = (row / batch, row % batch);
            if step < own[sequence] {
                to.copy_from_slice(rows.row(row));
                joined_places[row] = step;
            } else if step < lengths[sequence] {
                to.copy_from_slice(vectors.row((step - own[sequence]) * batch + sequence));
            }
        }
        (joined, joined_places, lengths)
    }

    /// Reads the last symbol of each sequence and scores the next. The attention is that of the
    /// last layer, its heads averaged: a distribution over the source's symbols.
    pub fn step(&self, state: &mut TransformerState, last: &[u32]) -> StepScores {
        let ids: Vec<i32> = last.iter().map(|&id| id as i32).collect();
        let mut input = embed(&self.target_embedding, &ids);
        let places = vec![state.steps; last.len()];
        self.target_positions.add(&mut input, &places);
        let rotation = self.target_positions.rotation(&places, self.head_size);
        let memory = Arc::clone(&state.memory);
        let (mut rows, mut weights) = (input.clone(), Rows::default());
        let layers = self.decoder.iter().zip(&mut state.own).zip(&memory.layers);
        for ((layer, own), source) in layers {
            rows = layer.own_part(rows, own, rotation.as_ref());
            let lengths = &memory.lengths;
            (rows, weights) =
                layer.source_part(rows, rotation.as_ref(), source, lengths, &state.sources);
        }
        state.steps += 1;
        let rows = self.decoder_norm.forward(&rows);
        let mut scores = match &self.output {
            Output::Own(layer) => layer.forward(&rows),
            Output::Tied(vectors) => vectors.product(&rows),
        };
        let looked = memory.on_symbols(&weights, &state.sources);
        if let Some(pointer) = self.pointer.as_ref().filter(|_| !memory.copied.is_empty()) {
            let count = memory.lengths.len();
            let context = sums_of_sources(&looked, &memory.states, &state.sources, count);
            let pointed = PointerInput {
                hidden: &rows,
                context: &context,
                input: &LayerInput::Vectors(&input),
                weights: &looked,
            };
            let copied = |row: usize| &memory.copied[state.sources[row] as usize][..];
            scores = pointer.forward(scores, copied, &pointed);
        }
        StepScores {
            scores,
            attention: Some(with_sum_one(looked)),
        }
    }
}

impl SourceMemory {
    /// What of the attention `[batch, time]` falls on the source's symbols, `[batch, symbols]`.
    fn on_symbols(&self, weights: &Rows, sources: &[u32]) -> Rows {
        let mut looked = Rows::zeros(sources.len(), self.longest);
        for ((to, from), &source) in looked.iter_mut().zip(weights.iter()).zip(sources) {
            let symbols = self.symbols[source as usize];
            to[..symbols].copy_from_slice(&from[..symbols]);
        }
        looked
    }
}

/// Attention to symbols alone as a distribution: what features got of it is left out.
fn with_sum_one(mut weights: Rows) -> Rows {
    for row in weights.iter_mut() {
        let sum = row.iter().sum::<f32>().max(TINY);
        row.iter_mut().for_each(|weight| *weight /= sum);
    }
    weights
}

/// Vectors `[ids, size]`, scaled as in Vaswani et al. 2017, section 3.4.
fn embed(table: &Embedding, ids: &[i32]) -> Rows {
    let mut rows = table.look_up(ids);
    rows.scale((rows.width as f32).sqrt());
    rows
}

/// Lengths, where an empty sequence counts as one symbol.
fn at_least_one(symbols: &Padded) -> Vec<usize> {
    symbols
        .lengths
        .iter()
        .map(|&length| length.max(1))
        .collect()
}

fn positions(
    name: &str,
    settings: &TransformerSettings,
    params: &mut Parameters,
) -> Result<Positions, WeightError> {
    params.layer(name, |p| Positions::new(settings, p))
}

impl TransformerState {
    /// Keeps the given rows, in that order; a row may come several times or not at all.
    pub fn select(&mut self, rows: &[usize]) {
        let batch = self.sources.len();
        self.own.iter_mut().for_each(|own| own.select(batch, rows));
        self.sources = selected(&self.sources, rows);
    }
}
