//! Several networks that answer as one: the mean of their distributions over the next symbol.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

use super::Network;
use crate::config::{EnsembleSettings, Mixing};
use crate::encoding::Padded;
use crate::encoding::SourceBatch;
use crate::layers::dropout::Noise;
use crate::layers::parameters::Parameters;
use crate::layers::tensors::log_sum_exp;
use crate::text::VocabularySizes;
use seq2seq_runtime::layers::WeightError;

/// Networks over the same vocabularies, of any architectures.
#[derive(Module, Debug, Default)]
pub struct EnsembleNetwork {
    /// The networks.
    pub member: Vec<Network>,
    #[module(skip)]
    mixing: Mixing,
    #[module(skip)]
    weights: Vec<f32>,
}

impl EnsembleNetwork {
    /// The members that the settings list.
    ///
    /// # Errors
    /// If stored parameters do not fit the settings.
    pub fn new(
        settings: &EnsembleSettings,
        sizes: VocabularySizes,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let members = &settings.members;
        let member = params.layers("member", members.len(), |index, params| {
            Network::new(&members[index], sizes, params)
        })?;
        Ok(Self {
            member,
            mixing: settings.mixing,
            weights: settings.member_weights(),
        })
    }

    /// Log-probabilities `[time * batch, target symbols]` of every step, given the symbols that the
    /// decoders read.
    pub fn forward(
        &self,
        source: &SourceBatch,
        decoder_input: &Padded,
        mut noise: Option<&mut Noise>,
    ) -> Tensor<2> {
        let scores = self
            .member
            .iter()
            .map(|member| member.forward(source, decoder_input, noise.as_deref_mut()));
        self.mix(scores.collect())
    }

    /// The logarithm of the weighted mean distribution, or the weighted sum of the logarithms, of scores
    /// `[rows, symbols]`.
    fn mix(&self, scores: Vec<Tensor<2>>) -> Tensor<2> {
        let [rows, symbols] = scores.first().map_or([0, 0], Tensor::dims);
        let logs = scores.into_iter().map(|scores| log_softmax(scores, 1));
        let counting = logs.zip(&self.weights).filter(|&(_, &weight)| weight > 0.0);
        let weighted = counting.map(|(logs, &weight)| match self.mixing {
            Mixing::Arithmetic => logs.add_scalar(weight.ln()),
            Mixing::LogLinear => logs.mul_scalar(weight),
        });
        let logs: Tensor<3> = Tensor::stack(weighted.collect(), 0);
        match self.mixing {
            Mixing::Arithmetic => log_sum_exp(logs, 0).reshape([rows, symbols]),
            Mixing::LogLinear => log_softmax(logs.sum_dim(0).reshape([rows, symbols]), 1),
        }
    }
}
