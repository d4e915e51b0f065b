//! Networks as they run: read a batch of sources, then write their targets one symbol at a time.
//!
//! [`Network`] is the interface of all of them; decoding knows no other. Several rows may write
//! targets of the same source, as the hypotheses of a beam do.

mod ensemble;
mod monotonic;
pub mod ngram;
mod recurrent;
mod transformer;

use crate::layers::{LstmGates, Parameters, Rows, SourceBatch, WeightError};
use crate::settings::{Architecture, ModelSettings};
use crate::storage::Weights;
use crate::text::{SourceIds, VocabularySizes};

use ensemble::{EnsembleNetwork, EnsembleState};
use monotonic::{MonotonicNetwork, MonotonicState};
use ngram::{NgramNetwork, NgramState};
use recurrent::{RecurrentNetwork, RecurrentState};
use transformer::{TransformerNetwork, TransformerState};

/// All weights of a trained model, ready to run.
#[derive(Debug)]
pub enum Network {
    /// A recurrent encoder and decoder.
    Recurrent(Box<RecurrentNetwork>),
    /// Self-attention on both sides.
    Transformer(Box<TransformerNetwork>),
    /// Hard monotonic attention.
    Monotonic(Box<MonotonicNetwork>),
    /// A joint n-gram model.
    Ngram(Box<NgramNetwork>),
    /// Several networks of any kind.
    Ensemble(EnsembleNetwork),
}

/// Where a network stands in writing a batch of targets.
#[derive(Debug)]
pub enum NetworkState {
    /// Of a recurrent network.
    Recurrent(Box<RecurrentState>),
    /// Of a Transformer.
    Transformer(Box<TransformerState>),
    /// Of hard monotonic attention.
    Monotonic(Box<MonotonicState>),
    /// Of an n-gram model.
    Ngram(Box<NgramState>),
    /// Of an ensemble.
    Ensemble(EnsembleState),
}

/// What a network says about the next symbol of each sequence.
#[derive(Clone, Debug)]
pub struct StepScores {
    /// `[batch, target symbols]`; its log-softmax is the distribution.
    pub scores: Rows,
    /// Where the network looked: a distribution over the source symbols `[batch, source time]`.
    pub attention: Option<Rows>,
}

impl Network {
    /// The network that the settings ask for, with stored weights.
    ///
    /// # Errors
    /// If a weight is missing, left over, of another shape, or not a finite number.
    pub fn new(
        settings: &ModelSettings,
        sizes: VocabularySizes,
        weights: Weights,
    ) -> Result<Self, WeightError> {
        let mut params = Parameters::new(weights);
        let network = Self::build(settings, sizes, &mut params)?;
        params.finish()?;
        Ok(network)
    }

    /// The network, with weights that are taken from those given.
    ///
    /// # Errors
    /// If a weight is missing, of another shape, or not a finite number.
    pub fn build(
        settings: &ModelSettings,
        sizes: VocabularySizes,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        Ok(match settings.architecture {
            Architecture::Recurrent => {
                Self::Recurrent(Box::new(RecurrentNetwork::new(settings, sizes, params)?))
            }
            Architecture::Transformer => {
                Self::Transformer(Box::new(TransformerNetwork::new(settings, sizes, params)?))
            }
            Architecture::Monotonic => {
                Self::Monotonic(Box::new(MonotonicNetwork::new(settings, sizes, params)?))
            }
            Architecture::Ngram => Self::Ngram(Box::new(NgramNetwork::new(sizes, params)?)),
            Architecture::Ensemble => {
                Self::Ensemble(EnsembleNetwork::new(&settings.ensemble, sizes, params)?)
            }
        })
    }

    /// Reads the sources and returns the state before the first target symbol, with a row for each.
    pub fn encode(&self, sources: &[&SourceIds]) -> NetworkState {
        self.encode_batch(&SourceBatch::new(sources))
    }

    /// The same for sources that stand side by side already.
    pub fn encode_batch(&self, source: &SourceBatch) -> NetworkState {
        match self {
            Self::Recurrent(network) => NetworkState::Recurrent(Box::new(network.encode(source))),
            Self::Transformer(network) => {
                NetworkState::Transformer(Box::new(network.encode(source)))
            }
            Self::Monotonic(network) => NetworkState::Monotonic(Box::new(network.encode(source))),
            Self::Ngram(network) => NetworkState::Ngram(Box::new(network.encode(source))),
            Self::Ensemble(network) => NetworkState::Ensemble(network.encode(source)),
        }
    }

    /// Reads the last symbol of each row and scores the next.
    ///
    /// # Panics
    /// If the state is another kind of network's.
    pub fn step(&self, state: &mut NetworkState, last: &[u32]) -> StepScores {
        match (self, state) {
            (Self::Recurrent(network), NetworkState::Recurrent(state)) => network.step(state, last),
            (Self::Transformer(network), NetworkState::Transformer(state)) => {
                network.step(state, last)
            }
            (Self::Monotonic(network), NetworkState::Monotonic(state)) => network.step(state, last),
            (Self::Ngram(network), NetworkState::Ngram(state)) => network.step(state, last),
            (Self::Ensemble(network), NetworkState::Ensemble(state)) => network.step(state, last),
            _ => panic!("the state of another kind of network"),
        }
    }
}

impl Network {
    /// What a recurrent encoder knows after each source symbol, `[time * batch, width]`; none for other
    /// networks.
    pub fn source_states(&self, sources: &[&SourceIds]) -> Option<Rows> {
        match self {
            Self::Recurrent(network) => network.source_states(&SourceBatch::new(sources)),
            _ => None,
        }
    }

    /// Gates of the lowest decoder layer of a recurrent network when it reads these symbols next; none for
    /// other networks and cells.
    pub fn gates(&self, state: &NetworkState, last: &[u32]) -> Option<LstmGates> {
        match (self, state) {
            (Self::Recurrent(network), NetworkState::Recurrent(state)) => {
                network.gates(state, last)
            }
            _ => None,
        }
    }
}

impl NetworkState {
    /// State of the highest decoder layer of a recurrent network, `[states * batch, units]`: h, then c of
    /// an LSTM.
    pub fn highest(&self) -> Option<&Rows> {
        match self {
            Self::Recurrent(state) => state.highest(),
            _ => None,
        }
    }

    /// Keeps the given rows, in that order; a row may come several times or not at all.
    pub fn select(&mut self, rows: &[usize]) {
        match self {
            Self::Recurrent(state) => state.select(rows),
            Self::Transformer(state) => state.select(rows),
            Self::Monotonic(state) => state.select(rows),
            Self::Ngram(state) => state.select(rows),
            Self::Ensemble(state) => state.select(rows),
        }
    }
}

/// For each row that is kept, the source that it belongs to.
fn selected(sources: &[u32], rows: &[usize]) -> Vec<u32> {
    rows.iter().map(|&row| sources[row]).collect()
}

/// Steps of one source in a time-major batch of ids.
fn of_source(ids: &crate::layers::Padded) -> Vec<Vec<i32>> {
    let batch = ids.batch();
    let steps = |source: usize| (0..ids.time).map(move |step| ids.ids[step * batch + source]);
    (0..batch).map(|source| steps(source).collect()).collect()
}
