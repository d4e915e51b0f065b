//! The networks while they learn, behind one interface: training knows no other.
//!
//! Those of the runtime have the same names, weights and parts.

pub mod ensemble;
pub mod monotonic;
pub mod recurrent;
pub mod transformer;

use burn::module::Module;
use burn::tensor::Tensor;

use crate::config::{Architecture, ModelSettings};
use crate::encoding::{Padded, SourceBatch};
use crate::layers::dropout::Noise;
use crate::layers::parameters::Parameters;
use crate::text::VocabularySizes;
use ensemble::EnsembleNetwork;
use monotonic::MonotonicNetwork;
use recurrent::RecurrentNetwork;
use seq2seq_runtime::layers::WeightError;
use transformer::TransformerNetwork;

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

impl Network {
    /// The network that the settings ask for, with its weights from `params`.
    ///
    /// # Errors
    /// If stored weights do not fit the settings.
    pub fn new(
        settings: &ModelSettings,
        sizes: VocabularySizes,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
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
            Architecture::Ngram => Err(WeightError::NoGradients),
            Architecture::Ensemble => {
                EnsembleNetwork::new(&settings.ensemble, sizes, params).map(Self::Ensemble)
            }
        }
    }

    /// A network without weights, which holds the place of one that is being updated.
    pub(crate) fn none() -> Self {
        Self::Ensemble(EnsembleNetwork::default())
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
}
