//! Several networks that answer as one: the weighted mean of their distributions over the next symbol.

use super::{Network, NetworkState, StepScores};
use crate::layers::{Parameters, Rows, SourceBatch, WeightError};
use crate::settings::{EnsembleSettings, Mixing};
use crate::text::VocabularySizes;

/// Networks over the same vocabularies, of any architectures.
#[derive(Debug)]
pub struct EnsembleNetwork {
    members: Vec<Network>,
    mixing: Mixing,
    /// How much each member counts.
    weights: Vec<f32>,
}

/// Where each member stands, for a batch of sequences.
#[derive(Debug)]
pub struct EnsembleState(Vec<NetworkState>);

impl EnsembleNetwork {
    /// The members that the settings list, with stored weights.
    ///
    /// # Errors
    /// If they do not fit the settings.
    pub fn new(
        settings: &EnsembleSettings,
        sizes: VocabularySizes,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let members = &settings.members;
        Ok(Self {
            members: params.layers("member", members.len(), |index, params| {
                Network::build(&members[index], sizes, params)
            })?,
            mixing: settings.mixing,
            weights: settings.member_weights(),
        })
    }

    /// Reads the sources and returns the state before the first target symbol.
    pub fn encode(&self, source: &SourceBatch) -> EnsembleState {
        let members = self.members.iter();
        EnsembleState(members.map(|member| member.encode_batch(source)).collect())
    }

    /// Reads the last symbol of each sequence and gives the log-probabilities of the next. The
    /// attention is the mean over the members that have one.
    pub fn step(&self, state: &mut EnsembleState, last: &[u32]) -> StepScores {
        let members = self.members.iter().zip(&mut state.0);
        let steps: Vec<StepScores> = members
            .map(|(member, state)| member.step(state, last))
            .collect();
        let seen: Vec<&Rows> = steps
            .iter()
            .filter_map(|step| step.attention.as_ref())
            .collect();
        StepScores {
            attention: mean(&seen),
            scores: self.mix(steps),
        }
    }

    /// The logarithm of the weighted mean distribution, or the weighted sum of the logarithms, of scores
    /// `[rows, symbols]`.
    fn mix(&self, steps: Vec<StepScores>) -> Rows {
        let mut logs: Vec<Rows> = steps.into_iter().map(|step| step.scores).collect();
        for rows in &mut logs {
            rnn_kernels::log_softmax(&mut rows.values, rows.width);
        }
        match self.mixing {
            Mixing::Arithmetic => log_of_mean(&logs, &self.weights),
            Mixing::LogLinear => sum_of_logs(logs, &self.weights),
        }
    }
}

/// `log(sum(weight exp(x)))` over the members, the largest taken out first so that nothing overflows.
fn log_of_mean(logs: &[Rows], weights: &[f32]) -> Rows {
    let Some(first) = logs.first() else {
        return Rows::default();
    };
    let value = |place: usize| {
        let of_members = || {
            logs.iter()
                .zip(weights)
                .map(move |(rows, &w)| (rows.values[place], w))
        };
        let counting = || of_members().filter(|&(_, weight)| weight > 0.0);
        let largest = counting()
            .map(|(log, _)| log)
            .fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = counting()
            .map(|(log, weight)| weight * (log - largest).exp())
            .sum();
        sum.ln() + largest
    };
    Rows::new(first.width, (0..first.values.len()).map(value).collect())
}

/// The sum of the members' logarithms, each times its weight.
fn sum_of_logs(logs: Vec<Rows>, weights: &[f32]) -> Rows {
    let weighted = logs.into_iter().zip(weights);
    let counting = weighted.filter(|&(_, &weight)| weight > 0.0);
    let sum = counting.map(|(mut rows, &weight)| {
        rows.scale(weight);
        rows
    });
    let add = |mut sum: Rows, rows: Rows| {
        sum.add(&rows);
        sum
    };
    sum.reduce(add).unwrap_or_default()
}

fn mean(all: &[&Rows]) -> Option<Rows> {
    let (first, others) = all.split_first()?;
    let mut sum = (*first).clone();
    others.iter().for_each(|rows| sum.add(rows));
    sum.scale(1.0 / all.len() as f32);
    Some(sum)
}

impl EnsembleState {
    /// Keeps the given rows, in that order.
    pub fn select(&mut self, rows: &[usize]) {
        self.0.iter_mut().for_each(|state| state.select(rows));
    }
}
