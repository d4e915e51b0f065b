//! The recurrent network: an encoder reads the source, a decoder started from its final state
//! predicts the target symbol by symbol (Sutskever et al. 2014, Cho et al. 2014), and may look back
//! at the source by attention.

pub mod bridge;
pub mod decoder;
pub mod encoder;

use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation};

use crate::config::{DecoderInput, Embedding, ModelSettings};
use crate::encoding::Padded;
use crate::encoding::SourceBatch;
use crate::layers::dropout::Noise;
use crate::layers::embedding::{embedding, layer_input};
use crate::layers::output_layer::OutputLayer;
use crate::layers::parameters::Parameters;
use crate::layers::pointer_generator::{PointerGenerator, PointerInput, copy_table};
use crate::layers::recurrent::LayerInput;
use crate::text::VocabularySizes;
use bridge::Bridge;
use decoder::{Decoder, DecoderOutput, DecoderPass, SourceMemory};
use encoder::{Encoder, EncoderOutput, Reading};
use seq2seq_runtime::layers::{DecoderSizes, WeightError};

pub use decoder::RecurrentState;

/// All weights of a recurrent encoder-decoder model.
#[derive(Module, Debug)]
pub struct RecurrentNetwork {
    /// Vectors `[source symbols, size]`; none for one-hot input or if the target's are shared.
    pub source_embedding: Option<Param<Tensor<2>>>,
    /// Reads the source.
    pub encoder: Encoder,
    /// Reads the features.
    pub features: Option<FeaturesEncoder>,
    /// Turns the encoder's state into the decoder's; none if the decoder starts from zero.
    pub bridge: Option<Bridge>,
    /// Vectors `[target symbols, size]`; none for one-hot input.
    pub target_embedding: Option<Param<Tensor<2>>>,
    /// Writes the target.
    pub decoder: Decoder,
    /// From the decoder's vector to a score for each target symbol.
    pub output: OutputLayer,
    /// Copies from the source.
    pub pointer: Option<PointerGenerator>,
    #[module(skip)]
    decoder_input: DecoderInput,
    #[module(skip)]
    embedding_dropout: f64,
}

/// Features with vectors and an encoder of their own.
#[derive(Module, Debug)]
pub struct FeaturesEncoder {
    /// Vectors `[features, size]`; none for one-hot input.
    pub embedding: Option<Param<Tensor<2>>>,
    /// One layer of the same kind as the source's.
    pub encoder: Encoder,
}

impl RecurrentNetwork {
    /// A network for vocabularies of the given sizes.
    ///
    /// # Errors
    /// If stored parameters do not fit the settings.
    pub fn new(
        settings: &ModelSettings,
        sizes: VocabularySizes,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let reads_symbols = settings.decoder_input != DecoderInput::EncoderOutput;
        let decoder_sizes = DecoderSizes::new(settings, sizes);
        let source_embedding = match settings.shared_embeddings {
            true => None,
            false => embedding(settings.embedding, "source_embedding", sizes.source, params)?,
        };
        let tied = match settings.embedding {
            Embedding::Size(size) if settings.tied_embeddings => Some(size),
            _ => None,
        };
        let units = settings.decoder_units();
        Ok(Self {
            source_embedding,
            encoder: params.layer("encoder", |params| {
                let input = settings.embedding.width(sizes.source);
                Encoder::new(settings, settings.encoder_layers, input, params)
            })?,
            features: match sizes.features {
                0 => None,
                count => Some(params.layer("features", |params| {
                    FeaturesEncoder::new(settings, count, params)
                })?),
            },
            bridge: match reads_symbols {
                true => Some(params.layer("bridge", |params| {
                    let finals = decoder_sizes.source + decoder_sizes.features;
                    Bridge::new(settings, finals, params)
                })?),
                false => None,
            },
            target_embedding: match reads_symbols {
                true => embedding(settings.embedding, "target_embedding", sizes.target, params)?,
                false => None,
            },
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
            decoder_input: settings.decoder_input,
            embedding_dropout: settings.embedding_dropout,
        })
    }

    /// Reads the sources and returns the decoder's first state.
    fn encode(&self, source: &SourceBatch, mut noise: Option<&mut Noise>) -> RecurrentState {
        let input = self.source_input(&source.symbols, noise.as_deref_mut());
        let reading = Reading {
            lengths: source.symbols.ragged(),
            with_sequence: self.decoder.attention.is_some(),
        };
        let read = self.encoder.forward(input, reading, noise.as_deref_mut());
        let features = self.read_features(source, reading, noise);
        let finals = join_finals(&read, features.as_ref().map(|(_, output)| output));
        let source = self.remember(source, &read, features);
        let reads_encoder = self.decoder_input == DecoderInput::EncoderOutput;
        RecurrentState {
            layers: self.bridge.as_ref().map(|bridge| bridge.forward(&finals)),
            feedback: finals.last().filter(|_| reads_encoder).map(highest_output),
            source,
            ..RecurrentState::default()
        }
    }

    /// What the first layer of the encoder reads.
    fn source_input<'a>(&self, symbols: &'a Padded, noise: Option<&mut Noise>) -> LayerInput<'a> {
        // One-hot input has no table on either side; shared vectors are the target's.
        let own = self.source_embedding.as_ref();
        let table = own.or(self.target_embedding.as_ref()).map(Param::val);
        layer_input(table, symbols, self.embedding_dropout, noise)
    }

    fn read_features(
        &self,
        source: &SourceBatch,
        reading: Reading,
        mut noise: Option<&mut Noise>,
    ) -> Option<(Padded, EncoderOutput)> {
        let layer = self.features.as_ref()?;
        let features = source.features_or_none();
        let input = layer_input(
            layer.embedding.as_ref().map(Param::val),
            &features,
            self.embedding_dropout,
            noise.as_deref_mut(),
        );
        let reading = Reading {
            lengths: features.ragged(),
            ..reading
        };
        let output = layer.encoder.forward(input, reading, noise);
        Some((features, output))
    }

    /// Keeps what the decoder looks at in every step.
    fn remember(
        &self,
        source: &SourceBatch,
        read: &EncoderOutput,
        features: Option<(Padded, EncoderOutput)>,
    ) -> SourceMemory {
        let symbols = self.decoder.attention.as_ref().zip(read.sequence.clone());
        let features = self.decoder.features_attention.as_ref().zip(features);
        let copied = source.copy_ids.as_ref().zip(self.pointer.as_ref());
        SourceMemory {
            copied: copied
                .zip(read.sequence.as_ref())
                .map(|((ids, _), states)| {
                    let symbols = self.output.bias.val().dims()[0];
                    let device = states.device().inner();
                    copy_table(ids, symbols, (&device, states.dtype()))
                }),
            symbols: symbols.map(|(attention, states)| attention.memory(states, &source.symbols)),
            features: features.and_then(|(attention, (symbols, output))| {
                Some(attention.memory(output.sequence?, &symbols))
            }),
        }
    }

    /// Scores `[time * batch, target symbols]` for every step of the targets, given the symbols
    /// that the decoder reads (the targets shifted by one). With noise there is dropout.
    pub fn forward(
        &self,
        source: &SourceBatch,
        decoder_input: &Padded,
        mut noise: Option<&mut Noise>,
    ) -> Tensor<2> {
        let mut state = self.encode(source, noise.as_deref_mut());
        if self.decoder_input == DecoderInput::OwnSoftmax {
            return self.forward_on_own_softmax(state, decoder_input, noise);
        }
        let input = match state.feedback.take() {
            Some(output) => LayerInput::Repeated(output, decoder_input.time),
            None => self.symbols(decoder_input, noise.as_deref_mut()),
        };
        let mut pass = self.decoder.pass(decoder_input.batch(), false, noise);
        let output = self.decoder.run(input.clone(), &mut state, &mut pass);
        self.scores(output, input, &state)
    }

    /// The Keras tutorial's variant without teacher forcing: only the first symbol is given, then
    /// each step reads the softmax of the one before. The gradient flows through it.
    fn forward_on_own_softmax(
        &self,
        mut state: RecurrentState,
        decoder_input: &Padded,
        noise: Option<&mut Noise>,
    ) -> Tensor<2> {
        let batch = decoder_input.batch();
        let first: Vec<u32> = decoder_input.ids[..batch]
            .iter()
            .map(|&id| id as u32)
            .collect();
        let mut pass = self.decoder.pass(batch, true, noise);
        let scores = (0..decoder_input.time).map(|_| self.advance(&mut state, &first, &mut pass));
        Tensor::cat(scores.collect(), 0)
    }

    /// One step of the decoder: the last symbol of each sequence to scores `[batch, symbols]`.
    fn advance(
        &self,
        state: &mut RecurrentState,
        last: &[u32],
        pass: &mut DecoderPass,
    ) -> Tensor<2> {
        let symbols = Padded::step(last);
        let input = match state.feedback.clone() {
            None => self.symbols(&symbols, None),
            Some(softmax) => LayerInput::Vectors(self.expected_vector(softmax).unsqueeze()),
        };
        let output = self.decoder.run(input.clone(), state, pass);
        let scores = self.scores(output, input, state);
        if self.decoder_input == DecoderInput::OwnSoftmax {
            state.feedback = Some(activation::softmax(scores.clone(), 1));
        }
        scores
    }

    /// Scores `[time * batch, symbols]` from what the decoder made of its input.
    fn scores(
        &self,
        output: DecoderOutput,
        input: LayerInput,
        state: &RecurrentState,
    ) -> Tensor<2> {
        let [time, batch, units] = output.vectors.dims();
        let vectors = output.vectors.reshape([time * batch, units]);
        let embeddings = self.target_embedding.as_ref().map(Param::val);
        let scores = self.output.forward(vectors, embeddings);
        let looked = output.context.zip(output.weights);
        match (&self.pointer, state.source.copied.clone(), looked) {
            (Some(pointer), Some(copied), Some((context, weights))) => {
                let state = PointerInput {
                    hidden: output.hidden,
                    context,
                    input,
                    weights,
                };
                pointer.forward(scores, copied, state)
            }
            _ => scores,
        }
    }

    fn symbols<'a>(&self, symbols: &'a Padded, noise: Option<&mut Noise>) -> LayerInput<'a> {
        let vectors = self.target_embedding.as_ref().map(Param::val);
        layer_input(vectors, symbols, self.embedding_dropout, noise)
    }

    /// The input vector `[batch, width]` that a distribution over symbols stands for.
    fn expected_vector(&self, softmax: Tensor<2>) -> Tensor<2> {
        match &self.target_embedding {
            Some(vectors) => softmax.matmul(vectors.val()),
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
            embedding: embedding(settings.embedding, "embedding", count, params)?,
            encoder: params.layer("encoder", |p| Encoder::new(settings, 1, input, p))?,
        })
    }
}

/// Each layer's final state, with that of the features beside it.
fn join_finals(source: &EncoderOutput, features: Option<&EncoderOutput>) -> Vec<Tensor<3>> {
    let features = features.and_then(|features| features.finals.last());
    let join = |state: &Tensor<3>| match features {
        Some(features) => Tensor::cat(vec![state.clone(), features.clone()], 2),
        None => state.clone(),
    };
    source.finals.iter().map(join).collect()
}

/// h of a state `[states, batch, width]`.
fn highest_output(state: &Tensor<3>) -> Tensor<2> {
    let [_, batch, width] = state.dims();
    state.clone().narrow(0, 0, 1).reshape([batch, width])
}
