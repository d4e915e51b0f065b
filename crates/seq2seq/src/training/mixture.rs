//! Weights of an ensemble's members, fitted on validation pairs.
//!
//! Members are asked once for the distribution of every target symbol after the true ones before it. Weights
//! have the least loss: of the arithmetic mean by expectation maximisation, of the log-linear one by Newton
//! steps along one weight after the other (both losses are convex). A member without which the loss is not
//! significantly higher is dropped, one after the other. Of both kinds of mixing, free-running exact match
//! decides.

use seq2seq_runtime::model::{MemberEvidence, MixtureEvidence};

use super::run::history::Validation;
use super::selection::SelectionScore;
use crate::config::{Mixing, Monitor};
use crate::data::{Pair, Question, questions};
use crate::encoding::{Example, PairCodec};
use crate::evaluation::{calibrate, forced_distributions};
use crate::metrics::ScoreError;
use crate::parallel;
use crate::{EnsembleError, Model, Provenance};

/// Pairs that weights are fitted on, at most.
const MOST_PAIRS: usize = 2_000;
/// Numbers of all distributions of a member, at most: they are kept in memory.
const MOST_NUMBERS: usize = 1 << 25;
/// Rounds over all weights.
const ROUNDS: usize = 40;
/// A member stays if the loss without it is higher by so many standard errors of the difference.
const SIGNIFICANT: f64 = 2.0;
/// The largest weight of a log-linear mixture.
const MOST_WEIGHT: f64 = 10.0;
/// A share below which a member of an arithmetic mixture counts for nothing.
const LEAST_WEIGHT: f64 = 1e-3;

/// Why weights cannot be fitted.
#[derive(Debug, thiserror::Error)]
pub enum MixtureError {
    /// Models that do not go together.
    #[error(transparent)]
    Ensemble(#[from] EnsembleError),
    /// Nothing to fit on.
    #[error(transparent)]
    Score(#[from] ScoreError),
}

/// A fitted ensemble.
#[derive(Debug)]
pub struct Mixture {
    /// The ensemble of the members that were kept, or the one that is left.
    pub model: Model,
    /// Which of the given models were kept, in their order.
    pub kept: Vec<usize>,
    /// The members that were dropped, in the order in which they were: which, and by how much the loss is
    /// higher without it, with the standard error.
    pub dropped: Vec<(usize, f64, f64)>,
    /// Figures of the mixture and of its members; none if one is left.
    pub evidence: Option<MixtureEvidence>,
    /// The same figures of each of the given models.
    pub alone: Vec<Validation>,
    /// Free-running exact match and symbol error rate, and teacher-forced loss and accuracy.
    pub validation: Validation,
}

/// Joins models with weights that suit these pairs; `mixing` leaves open which kind if it is none.
///
/// # Errors
/// If the models do not go together, or there are no pairs.
pub fn fit_mixture(
    models: &[Model],
    mixing: Option<Mixing>,
    pairs: &[Pair],
) -> Result<Mixture, MixtureError> {
    Model::ensemble(models, Mixing::Arithmetic)?;
    let first = models.first().ok_or(EnsembleError::Empty)?;
    let pairs = first.codec().normalize(pairs);
    if pairs.is_empty() {
        return Err(ScoreError::NoQuestions.into());
    }
    let examples: Vec<Example> = pairs
        .iter()
        .map(|pair| first.codec().encode(pair))
        .collect();
    let sample = sample(&examples, first.codec().sizes().target);
    let tables = Tables::new(models, &sample);
    let kinds = match mixing {
        Some(mixing) => vec![mixing],
        None => vec![Mixing::LogLinear, Mixing::Arithmetic],
    };
    let questions = questions(&pairs);
    let alone = models
        .iter()
        .map(|model| Validation::measured(model, &examples, &questions));
    let alone: Vec<Validation> = alone.collect::<Result<_, ScoreError>>()?;
    let mut best: Option<(SelectionScore, Mixture)> = None;
    for kind in kinds {
        let mixture = of_kind(models, kind, &tables, (&questions, &examples), &alone)?;
        let score = SelectionScore::new(Monitor::ExactMatch, &mixture.validation);
        let Some(score) = score else {
            continue;
        };
        if best.as_ref().is_none_or(|(before, _)| score > *before) {
            best = Some((score, mixture));
        }
    }
    let (_, mixture) = best.ok_or(ScoreError::NoQuestions)?;
    Ok(mixture)
}

/// Some of the examples, evenly spread.
fn sample(examples: &[Example], symbols: usize) -> Vec<&Example> {
    let steps: usize = examples.iter().map(|example| example.target.len()).sum();
    let numbers = steps.saturating_mul(symbols);
    let every = (examples.len().div_ceil(MOST_PAIRS)).max(numbers.div_ceil(MOST_NUMBERS));
    examples.iter().step_by(every.max(1)).collect()
}

/// The best mixture of one kind.
fn of_kind(
    models: &[Model],
    mixing: Mixing,
    tables: &Tables,
    (questions, examples): (&[Question], &[Example]),
    alone: &[Validation],
) -> Result<Mixture, MixtureError> {
    let mut kept: Vec<usize> = (0..models.len()).collect();
    let mut dropped = Vec::new();
    let mut fitted = tables.fit(&kept, mixing);
    let without = loop {
        if kept.len() == 1 {
            break Vec::new();
        }
        let losses = tables.losses(&kept, &fitted, mixing);
        // By how much the loss is higher without each member.
        let without: Vec<(f64, f64)> = (0..kept.len())
            .map(|place| {
                let mut others = kept.clone();
                others.remove(place);
                let weights = tables.fit(&others, mixing);
                difference(&tables.losses(&others, &weights, mixing), &losses)
            })
            .collect();
        let significance = |&(mean, error): &(f64, f64)| mean / error.max(1e-12);
        let (place, least) = (without.iter().map(significance).enumerate())
            .fold((0, f64::INFINITY), |a, b| if b.1 < a.1 { b } else { a });
        let share = fitted[place] / fitted.iter().sum::<f64>();
        if least >= SIGNIFICANT && share >= LEAST_WEIGHT {
            break without;
        }
        let (mean, error) = without[place];
        dropped.push((kept.remove(place), mean, error));
        fitted = tables.fit(&kept, mixing);
    };
    let members: Vec<Model> = kept.iter().map(|&place| models[place].clone()).collect();
    if let [only] = &members[..] {
        return Ok(Mixture {
            validation: alone[kept[0]],
            alone: alone.to_vec(),
            model: only.clone(),
            kept,
            dropped,
            evidence: None,
        });
    }
    let model = Model::weighted_ensemble(&members, mixing, fitted.clone())?;
    let validation = Validation::measured(&model, examples, questions)?;
    let figures = kept.iter().zip(&fitted).zip(&without);
    let figures = figures.map(|((&place, &weight), &(mean, error))| MemberEvidence {
        weight,
        loss: alone[place].loss,
        exact_match: alone[place].exact_match,
        loss_without: mean,
        standard_error: error,
    });
    let evidence = MixtureEvidence {
        questions: validation.questions,
        loss: validation.loss,
        exact_match: validation.exact_match,
        members: figures.collect(),
    };
    let provenance = Provenance {
        calibration: calibrate(&model, questions),
        mixture: Some(evidence.clone()),
        ..model.provenance().clone()
    };
    Ok(Mixture {
        model: model.with_provenance(provenance),
        alone: alone.to_vec(),
        kept,
        dropped,
        evidence: Some(evidence),
        validation,
    })
}

/// Mean of the differences of losses, and its standard error.
fn difference(without: &[f64], with: &[f64]) -> (f64, f64) {
    let count = with.len().max(1) as f64;
    let differences = || without.iter().zip(with).map(|(a, b)| a - b);
    let mean = differences().sum::<f64>() / count;
    let squares: f64 = differences().map(|d| (d - mean) * (d - mean)).sum();
    (mean, (squares / (count * (count - 1.0).max(1.0))).sqrt())
}

/// What each member says about every symbol of the pairs.
struct Tables {
    symbols: usize,
    /// Log-probabilities `[steps, symbols]` of each member.
    logs: Vec<Vec<f32>>,
    /// The true symbol of each step.
    truth: Vec<u32>,
    /// Steps of each pair.
    lengths: Vec<usize>,
}

impl Tables {
    fn new(models: &[Model], examples: &[&Example]) -> Self {
        let logs = models
            .iter()
            .map(|model| forced_distributions(model, examples));
        let given = usize::from(models.first().is_some_and(Model::needs_first_symbol));
        let targets = examples
            .iter()
            .map(|example| example.target.get(given..).unwrap_or(&[]));
        Self {
            symbols: models
                .first()
                .map_or(1, |model| model.codec().sizes().target),
            logs: logs.collect(),
            truth: targets.clone().flatten().copied().collect(),
            lengths: targets.map(<[u32]>::len).collect(),
        }
    }

    /// The weights of members with the least loss.
    fn fit(&self, members: &[usize], mixing: Mixing) -> Vec<f64> {
        let mut weights = vec![1.0 / members.len().max(1) as f64; members.len()];
        for _ in 0..ROUNDS {
            match mixing {
                Mixing::Arithmetic => self.expect(members, &mut weights),
                Mixing::LogLinear => {
                    for place in 0..members.len() {
                        let (slope, curvature) = self.slope(members, &weights, place);
                        let step = slope / curvature.max(1e-9);
                        // No step so long that the loss could rise again.
                        let bounded = step.clamp(-0.25, 0.25);
                        weights[place] = (weights[place] - bounded).clamp(0.0, MOST_WEIGHT);
                    }
                }
            }
        }
        if mixing == Mixing::LogLinear && weights.iter().all(|&weight| weight == 0.0) {
            weights.fill(1.0);
        }
        weights
    }

    /// One round of expectation maximisation: the share of each member in the true symbols.
    fn expect(&self, members: &[usize], weights: &mut [f64]) {
        let mut shares = vec![0.0; members.len()];
        for (step, &symbol) in self.truth.iter().enumerate() {
            let place = step * self.symbols + symbol as usize;
            let own = |(&member, &weight): (&usize, &f64)| {
                weight * f64::from(self.logs[member][place]).exp()
            };
            let each: Vec<f64> = members.iter().zip(weights.iter()).map(own).collect();
            let sum: f64 = each.iter().sum();
            if sum > 0.0 {
                shares
                    .iter_mut()
                    .zip(&each)
                    .for_each(|(share, own)| *share += own / sum);
            }
        }
        let total: f64 = shares.iter().sum();
        if total > 0.0 {
            weights
                .iter_mut()
                .zip(shares)
                .for_each(|(weight, share)| *weight = share / total);
        }
    }

    /// First and second derivative of the mean loss by one weight of a log-linear mixture.
    fn slope(&self, members: &[usize], weights: &[f64], place: usize) -> (f64, f64) {
        let own = &self.logs[members[place]];
        let sums = self.in_parts(|step, scratch| {
            self.mix(members, weights, step, scratch);
            let of_step = &own[step * self.symbols..][..self.symbols];
            let (mut mean, mut square) = (0.0, 0.0);
            for (probability, &log) in scratch.iter().zip(of_step) {
                let log = bounded(log);
                mean += probability * log;
                square += probability * log * log;
            }
            let truth = bounded(of_step[self.truth[step] as usize]);
            (mean - truth, square - mean * mean)
        });
        let count = self.truth.len().max(1) as f64;
        let (slope, curvature) = sums
            .into_iter()
            .fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
        (slope / count, curvature / count)
    }

    /// Loss of each pair: the sum over its symbols.
    fn losses(&self, members: &[usize], weights: &[f64], mixing: Mixing) -> Vec<f64> {
        let log = |step: usize, scratch: &mut Vec<f64>| {
            let symbol = self.truth[step] as usize;
            let probability = match mixing {
                Mixing::LogLinear => {
                    self.mix(members, weights, step, scratch);
                    scratch[symbol]
                }
                Mixing::Arithmetic => {
                    let place = step * self.symbols + symbol;
                    let own = |(&member, &weight): (&usize, &f64)| {
                        weight * f64::from(self.logs[member][place]).exp()
                    };
                    members.iter().zip(weights).map(own).sum::<f64>()
                }
            };
            -probability.max(f64::MIN_POSITIVE).ln()
        };
        let mut scratch = Vec::new();
        let mut step = 0;
        let of_pair = |&length: &usize| {
            let steps = step..step + length;
            step += length;
            steps.map(|step| log(step, &mut scratch)).sum::<f64>()
        };
        self.lengths.iter().map(of_pair).collect()
    }

    /// The distribution of a log-linear mixture.
    fn mix(&self, members: &[usize], weights: &[f64], step: usize, scratch: &mut Vec<f64>) {
        scratch.clear();
        scratch.resize(self.symbols, 0.0);
        for (&member, &weight) in members.iter().zip(weights) {
            let of_step = &self.logs[member][step * self.symbols..][..self.symbols];
            for (sum, &log) in scratch.iter_mut().zip(of_step) {
                *sum += weight * bounded(log);
            }
        }
        let largest = scratch.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        scratch
            .iter_mut()
            .for_each(|log| *log = (*log - largest).exp());
        let total: f64 = scratch.iter().sum();
        scratch.iter_mut().for_each(|share| *share /= total);
    }

    /// Sums over the steps, which threads share; the sum does not depend on how many there are.
    fn in_parts(
        &self,
        work: impl Fn(usize, &mut Vec<f64>) -> (f64, f64) + Sync,
    ) -> Vec<(f64, f64)> {
        const STEPS: usize = 1024;
        let parts: Vec<usize> = (0..self.truth.len()).step_by(STEPS).collect();
        parallel::map(parts, |first| {
            let mut scratch = Vec::new();
            let steps = first..(first + STEPS).min(self.truth.len());
            steps
                .map(|step| work(step, &mut scratch))
                .fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1))
        })
    }
}

/// A logarithm that can be multiplied by 0.
fn bounded(log: f32) -> f64 {
    f64::from(log).max(-100.0)
}
