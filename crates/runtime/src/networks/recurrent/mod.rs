//! The recurrent network: an encoder reads the source, a decoder started from its final state
//! predicts the target symbol by symbol (Sutskever et al. 2014, Cho et al. 2014), and may look back
//! at the source by attention.

mod bridge;
mod decoder;
mod encoder;

use std::sync::Arc;

use bridge::Bridge;
use decoder::{Decoder, DecoderOutput, DecoderState, SourceMemory};
use encoder::{Encoder, EncoderOutput, Finals};

use super::{StepScores, of_source, selected};
use crate::layers::{
    DecoderSizes, Embedding, LayerInput, LstmGates, Matrix, OutputLayer, Padded, Parameters,
    PointerGenerator, PointerInput, Rows, SourceBatch, WeightError,
};
use crate::settings::{self, DecoderInput, ModelSettings};
use crate::text::VocabularySizes;

/// All weights of a recurrent encoder-decoder model.
#[derive(Debug)]
pub struct RecurrentNetwork {
    /// Vectors `[source symbols, size]`; none for one-hot input or if the target's are shared.
    source_embedding: Option<Embedding>,
    encoder: Encoder,
    features: Option<FeaturesEncoder>,
    /// Turns the encoder's state into the decoder's; none if the decoder starts from zero.
    bridge: Option<Bridge>,
    /// Vectors `[target symbols, size]`; none for one-hot input.
    target_embedding: Option<Embedding>,
    /// The same as a matrix, for a decoder that reads its own distribution.
    mean_vector: Option<Matrix>,
    decoder: Decoder,
    /// From the decoder's vector to a score for each target symbol.
    output: OutputLayer,
    /// Copies from the source.
    pointer: Option<PointerGenerator>,
    decoder_input: DecoderInput,
}

/// Features with vectors and an encoder of their own.
#[derive(Debug)]
struct FeaturesEncoder {
    /// Vectors `[features, size]`; none for one-hot input.
    embedding: Option<Embedding>,
    /// One layer of the same kind as the source's.
    encoder: Encoder,
}

/// Where the network stands, for a batch of sequences.
#[derive(Debug)]
pub struct RecurrentState {
    decoder: DecoderState,
    /// What takes the place of the last symbol: the encoder's output, or the last softmax's vector.
    feedback: Option<Rows>,
    /// The same at every step.
    memory: Arc<SourceMemory>,
    /// The source to which each row belongs.
    sources: Vec<u32>,
}

impl RecurrentNetwork {
    /// The network, from stored weights.
    ///
    /// # Errors
    /// If they do not fit the settings.
    pub fn new(
        settings: &ModelSettings,
        sizes: VocabularySizes,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let reads_symbols = settings.decoder_input != DecoderInput::EncoderOutput;
        let decoder_sizes = DecoderSizes::new(settings, sizes);
        let source_embedding = match settings.shared_embeddings {
            true => None,
            false => embedding(settings, "source_embedding", sizes.source, params)?,
        };
        let units = settings.decoder_units();
        let own_softmax = settings.decoder_input == DecoderInput::OwnSoftmax;
        let encoder = params.layer("encoder", |params| {
            let input = settings.embedding.width(sizes.source);
            Encoder::new(settings, settings.encoder_layers, input, params)
        })?;
        let features = match sizes.features {
            0 => None,
            count => Some(params.layer("features", |params| {
                FeaturesEncoder::new(settings, count, params)
            })?),
        };
        let bridge = match reads_symbols {
            true => Some(params.layer("bridge", |params| {
                let finals = decoder_sizes.source + decoder_sizes.features;
                Bridge::new(settings, finals, params)
            })?),
            false => None,
        };
        let target_embedding = match reads_symbols {
            true => embedding(settings, "target_embedding", sizes.target, params)?,
            false => None,
        };
        let tied = match (settings.embedding, &target_embedding) {
            (settings::Embedding::Size(size), Some(vectors)) if settings.tied_embeddings => {
                Some((vectors, size))
            }
            _ => None,
        };
        Ok(Self {
            decoder: params.layer("decoder", |params| {
                Decoder::new(settings, decoder_sizes, params)
            })?,
            output: params.layer("output", |params| {
                OutputLayer::new(units, sizes.target, tied, params)
            })?,
            pointer: match settings.copy {
                true => Some(params.layer("pointer", |params| {
                    let context = decoder_sizes.context_width(settings);
                    PointerGenerator::new(units, context, decoder_sizes.input, params)
                })?),
                false => None,
            },
            mean_vector: (target_embedding.as_ref().filter(|_| own_softmax)).map(Embedding::matrix),
            source_embedding,
            encoder,
            features,
            bridge,
            target_embedding,
            decoder_input: settings.decoder_input,
        })
    }

    /// Reads the sources and returns the decoder's first state.
    pub fn encode(&self, source: &SourceBatch) -> RecurrentState {
        // One-hot input has no table on either side; shared vectors are the target's.
        let table = self.source_embedding.as_ref();
        let table = table.or(self.target_embedding.as_ref());
        let with_sequence = self.decoder.has_attention();
        let read = self.encoder.forward(table, &source.symbols, with_sequence);
        let features = self.read_features(source, with_sequence);
        let finals = join_finals(&read.finals, features.as_ref().map(|(_, output)| output));
        let reads_encoder = self.decoder_input == DecoderInput::EncoderOutput;
        let batch = source.batch();
        RecurrentState {
            decoder: DecoderState {
                layers: (self.bridge.as_ref()).map(|bridge| bridge.forward(&finals)),
                attentional: None,
            },
            // h comes before c.
            feedback: (finals.last().filter(|_| reads_encoder)).map(|last| last.range(0..batch)),
            memory: Arc::new(self.remember(source, &read, features)),
            sources: (0..batch as u32).collect(),
        }
    }

    fn read_features(
        &self,
        source: &SourceBatch,
        with_sequence: bool,
    ) -> Option<(Padded, EncoderOutput)> {
        let layer = self.features.as_ref()?;
        let features = source.features_or_none();
        let output = (layer.encoder).forward(layer.embedding.as_ref(), &features, with_sequence);
        Some((features, output))
    }

    /// Keeps what the decoder looks at in every step.
    fn remember(
        &self,
        source: &SourceBatch,
        read: &EncoderOutput,
        features: Option<(Padded, EncoderOutput)>,
    ) -> SourceMemory {
        let attention = self.decoder.attention.as_ref();
        let of_features = self.decoder.features_attention.as_ref().zip(features);
        SourceMemory {
            symbols: (attention.zip(read.sequence.as_ref()))
                .map(|(attention, states)| attention.memory(states, &source.symbols.lengths)),
            features: of_features.and_then(|(attention, (symbols, output))| {
                Some(attention.memory(&output.sequence?, &symbols.lengths))
            }),
            copied: source.copy_ids.as_ref().map_or_else(Vec::new, of_source),
        }
    }

    /// One step of the decoder: the last symbol of each sequence to scores `[batch, symbols]`.
    pub fn step(&self, state: &mut RecurrentState, last: &[u32]) -> StepScores {
        let ids: Vec<i32> = last.iter().map(|&id| id as i32).collect();
        let feedback = state.feedback.take();
        let input = match &feedback {
            Some(vectors) => LayerInput::Vectors(vectors),
            None => LayerInput::Symbols(self.target_embedding.as_ref(), &ids),
        };
        let RecurrentState {
            decoder,
            memory,
            sources,
            ..
        } = &mut *state;
        let output = self.decoder.step(&input, decoder, memory, sources);
        let mut scores = self.output.forward(&output.vectors);
        if let (Some(pointer), Some(context), Some(weights)) =
            (&self.pointer, &output.context, &output.weights)
        {
            let input = PointerInput {
                hidden: &output.hidden,
                context,
                input: &input,
                weights,
            };
            let copied = |row: usize| &memory.copied[sources[row] as usize][..];
            scores = pointer.forward(scores, copied, &input);
        }
        state.feedback = match self.decoder_input {
            DecoderInput::Target => None,
            DecoderInput::EncoderOutput => feedback,
            DecoderInput::OwnSoftmax => Some(self.expected_vector(&scores)),
        };
        let DecoderOutput { weights, .. } = output;
        StepScores {
            scores,
            attention: weights,
        }
    }

    /// Outputs of the highest encoder layer `[time * batch, width]`, one for each source symbol.
    pub fn source_states(&self, source: &SourceBatch) -> Option<Rows> {
        let table = self.source_embedding.as_ref();
        let table = table.or(self.target_embedding.as_ref());
        self.encoder.forward(table, &source.symbols, true).sequence
    }

    /// Gates of the lowest decoder layer when it reads these symbols next; see [`Decoder::gates`].
    pub fn gates(&self, state: &RecurrentState, last: &[u32]) -> Option<LstmGates> {
        let ids: Vec<i32> = last.iter().map(|&id| id as i32).collect();
        let input = match &state.feedback {
            Some(vectors) => LayerInput::Vectors(vectors),
            None => LayerInput::Symbols(self.target_embedding.as_ref(), &ids),
        };
        self.decoder.gates(&input, &state.decoder)
    }

    /// The input vector `[batch, width]` that the distribution of scores stands for.
    fn expected_vector(&self, scores: &Rows) -> Rows {
        let mut softmax = scores.clone();
        rnn_kernels::softmax(&mut softmax.values, softmax.width);
        match &self.mean_vector {
            Some(vectors) => vectors.product(&softmax),
            None => softmax,
        }
    }
}

impl FeaturesEncoder {
    fn new(
        settings: &ModelSettings,
        count: usize,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let input = settings.embedding.width(count);
        Ok(Self {
            embedding: embedding(settings, "embedding", count, params)?,
            encoder: params.layer("encoder", |p| Encoder::new(settings, 1, input, p))?,
        })
    }
}

impl RecurrentState {
    /// State of the highest decoder layer `[states * batch, units]`: h, then c of an LSTM; none before the
    /// first step of a decoder that starts from zero.
    pub fn highest(&self) -> Option<&Rows> {
        self.decoder.layers.as_ref()?.last()
    }

    /// Keeps the given rows, in that order; a row may come several times or not at all.
    pub fn select(&mut self, rows: &[usize]) {
        let batch = self.sources.len();
        if let Some(layers) = &mut self.decoder.layers {
            for state in layers {
                *state = state.select_in_blocks(batch, rows);
            }
        }
        let vectors = [&mut self.decoder.attentional, &mut self.feedback];
        for vectors in vectors.into_iter().flatten() {
            *vectors = vectors.select(rows);
        }
        self.sources = selected(&self.sources, rows);
    }
}

fn embedding(
    settings: &ModelSettings,
    name: &str,
    symbols: usize,
    params: &mut Parameters,
) -> Result<Option<Embedding>, WeightError> {
    match settings.embedding {
        settings::Embedding::Size(size) => params.embedding(name, [symbols, size]).map(Some),
        settings::Embedding::Named(_) => Ok(None),
    }
}

/// Each layer's final state, with that of the features beside it.
fn join_finals(source: &[Rows], features: Option<&EncoderOutput>) -> Finals {
    let features = features.and_then(|features| features.finals.last());
    let join = |state: &Rows| match features {
        Some(features) => state.beside(features),
        None => state.clone(),
    };
    source.iter().map(join).collect()
}
