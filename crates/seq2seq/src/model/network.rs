//! The networks behind one interface: training, decoding and evaluation know no other.

use burn::module::Module;
use burn::tensor::Tensor;

use super::dropout::Noise;
use super::ensemble::{EnsembleNetwork, EnsembleState};
use super::monotonic::{MonotonicNetwork, MonotonicState};
use super::parameters::{ParameterError, Parameters};
use super::prepared::Prepared;
use super::recurrent_network::{RecurrentNetwork, RecurrentState};
use super::source::SourceBatch;
use super::transformer::{TransformerNetwork, TransformerState};
use crate::config::{Architecture, ModelSettings};
use crate::data::Padded;

/// Symbols of each vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VocabularySizes {
    /// Symbols that a source can have.
    pub source: usize,
    /// Features, where they have an encoder of their own; 0 otherwise.
    pub features: usize,
    /// Symbols that a target can have.
    pub target: usize,
}

/// All weights of a model.
#[derive(Module, Debug)]
// There is one network a model, so the size of the smaller ones does not matter.
#[allow(clippy::large_enum_variant)]
pub enum Network {
    /// A recurrent encoder and decoder.
    Recurrent(RecurrentNetwork),
    /// Self-attention on both sides.
    Transformer(TransformerNetwork),
    /// Hard monotonic attention.
    Monotonic(MonotonicNetwork),
    /// Several networks of any kind.
    Ensemble(EnsembleNetwork),
}

/// Where a network stands in writing a batch of targets.
#[derive(Clone, Debug)]
// There is one state a batch, so the size of its smallest kind does not matter.
#[allow(clippy::large_enum_variant)]
pub enum DecoderState {
    /// Of a recurrent network.
    Recurrent(RecurrentState),
    /// Of a Transformer.
    Transformer(TransformerState),
    /// Of hard monotonic attention.
    Monotonic(Box<MonotonicState>),
    /// Of an ensemble.
    Ensemble(EnsembleState),
}

/// What a network says about the next symbol of each sequence.
#[derive(Clone, Debug)]
pub struct StepScores {
    /// `[batch, target symbols]`; its log-softmax is the distribution.
    pub scores: Tensor<2>,
    /// Where the network looked: a distribution over the source symbols `[batch, source time]`.
    pub attention: Option<Tensor<2>>,
}

impl Network {
    /// The network that the settings ask for, with its weights from `params`.
    ///
    /// # Errors
    /// If stored weights do not fit the settings.
    pub fn new(
        settings: &ModelSettings,
        sizes: VocabularySizes,
        params: &mut Parameters,
    ) -> Result<Self, ParameterError> {
        match settings.architecture {
            Architecture::Recurrent => {
                RecurrentNetwork::new(settings, sizes, params).map(Self::Recurrent)
            }
            Architecture::Transformer => {
                TransformerNetwork::new(settings, sizes, params).map(Self::Transformer)
            }
            Architecture::Monotonic => {
                MonotonicNetwork::new(settings, sizes, params).map(Self::Monotonic)
            }
            Architecture::Ensemble => {
                EnsembleNetwork::new(&settings.ensemble, sizes, params).map(Self::Ensemble)
            }
        }
    }

    /// A network without weights, which holds the place of one that is being updated.
    pub(crate) fn none() -> Self {
        Self::Ensemble(EnsembleNetwork::default())
    }

    /// Reads the sources and returns the state before the first target symbol. Searches that are given the
    /// same prepared weights share them.
    pub fn encode(&self, source: &SourceBatch, prepared: Option<&Prepared>) -> DecoderState {
        match self {
            Self::Recurrent(network) => {
                DecoderState::Recurrent(network.encode(source, prepared, None))
            }
            Self::Transformer(network) => {
                DecoderState::Transformer(network.encode(source, prepared))
            }
            Self::Monotonic(network) => {
                DecoderState::Monotonic(Box::new(network.encode(source, prepared)))
            }
            Self::Ensemble(network) => DecoderState::Ensemble(network.encode(source, prepared)),
        }
    }

    /// Scores `[time * batch, target symbols]`, time-major, whose log-softmax is the distribution of
    /// the next symbol given the true ones before it.
    ///
    /// `decoder_input` holds the targets shifted by one. With `noise` there is dropout.
    pub fn forward(
        &self,
        source: &SourceBatch,
        decoder_input: &Padded,
        noise: Option<&mut Noise>,
    ) -> Tensor<2> {
        match self {
            Self::Recurrent(network) => network.forward(source, decoder_input, noise),
            Self::Transformer(network) => network.forward(source, decoder_input, noise),
            Self::Monotonic(network) => network.forward(source, decoder_input, noise),
            Self::Ensemble(network) => network.forward(source, decoder_input, noise),
        }
    }

    /// Reads the last symbol of each sequence and scores the next.
    ///
    /// # Panics
    /// If the state is another kind of network's.
    pub fn step(&self, state: &mut DecoderState, last: &[u32]) -> StepScores {
        match (self, state) {
            (Self::Recurrent(network), DecoderState::Recurrent(state)) => network.step(state, last),
            (Self::Transformer(network), DecoderState::Transformer(state)) => {
                network.step(state, last)
            }
            (Self::Monotonic(network), DecoderState::Monotonic(state)) => network.step(state, last),
            (Self::Ensemble(network), DecoderState::Ensemble(state)) => network.step(state, last),
            _ => panic!("the state of another kind of network"),
        }
    }
}

impl DecoderState {
    /// The state of the given rows, in that order; a row may come several times or not at all.
    pub fn select(&self, rows: &[usize]) -> Self {
        match self {
            Self::Recurrent(state) => Self::Recurrent(state.select(rows)),
            Self::Transformer(state) => Self::Transformer(state.select(rows)),
            Self::Monotonic(state) => Self::Monotonic(Box::new(state.select(rows))),
            Self::Ensemble(state) => Self::Ensemble(state.select(rows)),
        }
    }
}
