//! The network: an encoder compresses the source into its final state, a decoder started from that
//! state predicts the target symbol by symbol (Sutskever et al. 2014, Cho et al. 2014).

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};

use super::bridge::Bridge;
use super::dense::Dense;
use super::parameters::{ParameterError, Parameters};
use super::recurrent::{Direction, LayerInput, Layout, Recurrent};
use crate::config::{DecoderInput, Embedding, ModelSettings};
use crate::data::Padded;

/// Largest initial value of an embedding, as in Keras.
const EMBEDDING_LIMIT: f32 = 0.05;

/// All weights of an encoder-decoder model.
#[derive(Module, Debug)]
pub struct Seq2Seq {
    /// Vectors `[source symbols, size]`; none for one-hot input.
    pub source_embedding: Option<Param<Tensor<2>>>,
    /// Reads the source.
    pub encoder: Recurrent,
    /// Turns the encoder's state into the decoder's.
    pub bridge: Option<Bridge>,
    /// Vectors `[target symbols, size]`; none for one-hot input.
    pub target_embedding: Option<Param<Tensor<2>>>,
    /// Writes the target.
    pub decoder: Recurrent,
    /// From the decoder's h to a logit for each target symbol.
    pub output: Dense,
    #[module(skip)]
    decoder_input: DecoderInput,
}

/// Where the decoder stands, for a batch of sequences.
#[derive(Clone, Debug)]
pub struct DecoderState {
    /// `[states, batch, units]`; none before the first step of a decoder that starts from zero.
    recurrent: Option<Tensor<3>>,
    /// What takes the place of the last symbol: the encoder's output, or the last softmax.
    feedback: Option<Tensor<2>>,
}

impl Seq2Seq {
    /// A network for vocabularies of the given sizes.
    ///
    /// # Errors
    /// If stored parameters do not fit the settings.
    pub fn new(
        settings: &ModelSettings,
        source_symbols: usize,
        target_symbols: usize,
        params: &mut Parameters,
    ) -> Result<Self, ParameterError> {
        let cell = settings.cell.kernel();
        let (encoder_units, decoder_units) = (settings.encoder_units, settings.decoder_units());
        let reads_symbols = settings.decoder_input != DecoderInput::EncoderOutput;
        let source_width = settings.embedding.width(source_symbols);
        let decoder_width = if reads_symbols {
            settings.embedding.width(target_symbols)
        } else {
            encoder_units
        };
        Ok(Self {
            source_embedding: embedding(settings, "source_embedding", source_symbols, params)?,
            encoder: params.layer("encoder", |p| {
                Recurrent::new(cell, source_width, encoder_units, p)
            })?,
            bridge: match reads_symbols {
                true => params.layer("bridge", |p| Bridge::new(settings, p))?,
                false => None,
            },
            target_embedding: match reads_symbols {
                true => embedding(settings, "target_embedding", target_symbols, params)?,
                false => None,
            },
            decoder: params.layer("decoder", |p| {
                Recurrent::new(cell, decoder_width, decoder_units, p)
            })?,
            output: params.layer("output", |p| Dense::new(decoder_units, target_symbols, p))?,
            decoder_input: settings.decoder_input,
        })
    }

    /// Reads the sources and returns the decoder's first state.
    pub fn encode(&self, source: &Padded) -> DecoderState {
        let input = LayerInput::Symbols {
            vectors: self.source_embedding.as_ref().map(Param::val),
            symbols: source,
        };
        let state = self.encoder.forward(
            input,
            None,
            source.ragged(),
            Direction::Forward,
            Layout::FinalState,
        );
        if self.decoder_input == DecoderInput::EncoderOutput {
            let [_, batch, units] = state.dims();
            let output = state.narrow(0, 0, 1).reshape([batch, units]);
            return DecoderState {
                recurrent: None,
                feedback: Some(output),
            };
        }
        let state = match &self.bridge {
            Some(bridge) => bridge.forward(state),
            None => state,
        };
        DecoderState {
            recurrent: Some(state),
            feedback: None,
        }
    }

    /// Logits `[time * batch, target symbols]` for every step of the targets, given the symbols
    /// that the decoder reads (the targets shifted by one).
    pub fn forward(&self, source: &Padded, decoder_input: &Padded) -> Tensor<2> {
        let state = self.encode(source);
        if self.decoder_input == DecoderInput::OwnSoftmax {
            return self.forward_on_own_softmax(state, decoder_input);
        }
        let input = match state.feedback {
            Some(output) => LayerInput::Repeated(output, decoder_input.time),
            None => self.symbols(decoder_input),
        };
        let hidden = self.decoder.forward(
            input,
            state.recurrent,
            None,
            Direction::Forward,
            Layout::Sequence,
        );
        let [time, batch, units] = hidden.dims();
        self.output.forward(hidden.reshape([time * batch, units]))
    }

    /// The Keras tutorial's variant without teacher forcing: only the first symbol is given, then
    /// each step reads the softmax of the one before. The gradient flows through it.
    fn forward_on_own_softmax(&self, mut state: DecoderState, decoder_input: &Padded) -> Tensor<2> {
        let batch = decoder_input.batch();
        let first: Vec<u32> = decoder_input.ids[..batch]
            .iter()
            .map(|&id| id as u32)
            .collect();
        let logits = (0..decoder_input.time).map(|_| self.step(&mut state, &first));
        Tensor::cat(logits.collect(), 0)
    }

    /// One step of the decoder: the last symbol of each sequence to logits `[batch, symbols]`.
    pub fn step(&self, state: &mut DecoderState, last: &[u32]) -> Tensor<2> {
        let symbols = Padded::step(last);
        let input = match state.feedback.clone() {
            None => self.symbols(&symbols),
            Some(output) if self.decoder_input == DecoderInput::EncoderOutput => {
                LayerInput::Repeated(output, 1)
            }
            Some(softmax) => LayerInput::Vectors(self.expected_vector(softmax).unsqueeze()),
        };
        let next = self.decoder.forward(
            input,
            state.recurrent.take(),
            None,
            Direction::Forward,
            Layout::FinalState,
        );
        let [_, batch, units] = next.dims();
        let logits = self
            .output
            .forward(next.clone().narrow(0, 0, 1).reshape([batch, units]));
        state.recurrent = Some(next);
        if self.decoder_input == DecoderInput::OwnSoftmax {
            state.feedback = Some(activation::softmax(logits.clone(), 1));
        }
        logits
    }

    fn symbols<'a>(&self, symbols: &'a Padded) -> LayerInput<'a> {
        LayerInput::Symbols {
            vectors: self.target_embedding.as_ref().map(Param::val),
            symbols,
        }
    }

    /// The input vector `[batch, width]` that a distribution over symbols stands for.
    fn expected_vector(&self, softmax: Tensor<2>) -> Tensor<2> {
        match &self.target_embedding {
            Some(vectors) => softmax.matmul(vectors.val()),
            None => softmax,
        }
    }
}

/// A table of vectors `[symbols, size]`, unless the input is one-hot.
fn embedding(
    settings: &ModelSettings,
    name: &str,
    symbols: usize,
    params: &mut Parameters,
) -> Result<Option<Param<Tensor<2>>>, ParameterError> {
    match settings.embedding {
        Embedding::Size(size) => params
            .uniform(name, [symbols, size], EMBEDDING_LIMIT)
            .map(Some),
        Embedding::Named(_) => Ok(None),
    }
}

impl DecoderState {
    /// The state of the given rows, in that order; a row may come several times or not at all.
    pub fn select(&self, rows: &[usize]) -> Self {
        let pick = |device: &Device| {
            let rows: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
            let count = rows.len();
            Tensor::<1, Int>::from_data(TensorData::new(rows, [count]), device)
        };
        Self {
            recurrent: self
                .recurrent
                .as_ref()
                .map(|t| t.clone().select(1, pick(&t.device()))),
            feedback: self
                .feedback
                .as_ref()
                .map(|t| t.clone().select(0, pick(&t.device()))),
        }
    }
}
