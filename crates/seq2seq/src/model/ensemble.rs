//! Several networks that answer as one: the mean of their distributions over the next symbol.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

use super::dropout::Noise;
use super::network::{DecoderState, Network, StepScores, VocabularySizes};
use super::parameters::{ParameterError, Parameters};
use super::prepared::Prepared;
use super::source::SourceBatch;
use super::tensors::log_sum_exp;
use crate::config::{EnsembleSettings, Mixing};
use crate::data::Padded;

/// Networks over the same vocabularies, of any architectures.
#[derive(Module, Debug, Default)]
pub struct EnsembleNetwork {
    /// The networks.
    pub member: Vec<Network>,
    #[module(skip)]
    mixing: Mixing,
}

/// Where each member stands, for a batch of sequences.
#[derive(Clone, Debug)]
pub struct EnsembleState(Vec<DecoderState>);

impl EnsembleNetwork {
    /// The members that the settings list.
    ///
    /// # Errors
    /// If stored parameters do not fit the settings.
    pub fn new(
        settings: &EnsembleSettings,
        sizes: VocabularySizes,
        params: &mut Parameters,
    ) -> Result<Self, ParameterError> {
        let members = settings.members.iter().enumerate();
        let member = params.layer("member", |params| {
            members
                .map(|(index, model)| {
                    params.layer(&index.to_string(), |p| Network::new(model, sizes, p))
                })
                .collect::<Result<_, _>>()
        })?;
        Ok(Self {
            member,
            mixing: settings.mixing,
        })
    }

    /// Reads the sources and returns the state before the first target symbol.
    pub fn encode(&self, source: &SourceBatch, prepared: Option<&Prepared>) -> EnsembleState {
        let members = self.member.iter();
        EnsembleState(members.map(|m| m.encode(source, prepared)).collect())
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

    /// Reads the last symbol of each sequence and gives the log-probabilities of the next. The
    /// attention is the mean over the members that have one.
    pub fn step(&self, state: &mut EnsembleState, last: &[u32]) -> StepScores {
        let steps = self.member.iter().zip(&mut state.0);
        let (scores, attention): (Vec<_>, Vec<_>) = steps
            .map(|(member, state)| member.step(state, last))
            .map(|step| (step.scores, step.attention))
            .unzip();
        let seen: Vec<Tensor<2>> = attention.into_iter().flatten().collect();
        let count = seen.len() as f64;
        StepScores {
            scores: self.mix(scores),
            attention: seen
                .into_iter()
                .reduce(|sum, next| sum + next)
                .map(|sum| sum.div_scalar(count)),
        }
    }

    /// The logarithm of the mean distribution, or the mean of the logarithms, of scores
    /// `[rows, symbols]`.
    fn mix(&self, scores: Vec<Tensor<2>>) -> Tensor<2> {
        let [rows, symbols] = scores.first().map_or([0, 0], Tensor::dims);
        let count = scores.len() as f64;
        let logs = scores.into_iter().map(|scores| log_softmax(scores, 1));
        let logs: Tensor<3> = Tensor::stack(logs.collect(), 0);
        match self.mixing {
            Mixing::Arithmetic => {
                let sum = log_sum_exp(logs, 0).reshape([rows, symbols]);
                sum.sub_scalar(count.ln())
            }
            Mixing::LogLinear => log_softmax(logs.mean_dim(0).reshape([rows, symbols]), 1),
        }
    }
}

impl EnsembleState {
    /// The state of the given rows, in that order; a row may come several times or not at all.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        Self(self.0.iter().map(|state| state.select(rows)).collect())
    }
}
