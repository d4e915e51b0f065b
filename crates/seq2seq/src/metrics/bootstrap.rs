//! How far a score could be off, and whether two models differ, by drawing the questions anew.

use std::ops::RangeInclusive;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// What a question adds to a rate: a rate is the sum of the first over the sum of the second.
pub type Part = (f64, f64);

/// Times that the questions are drawn anew, unless said otherwise.
pub const RESAMPLES: usize = 1000;

/// A 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Share of resamples that lie below and above a 95 % interval.
const TAILS: RangeInclusive<f64> = 0.025..=0.975;

/// Percentile bootstrap (Efron 1979) of a rate over questions: as many questions are drawn anew,
/// with replacement, `resamples` times. The same seed gives the same interval. None without
/// questions.
pub fn bootstrap_interval(parts: &[Part], resamples: usize, seed: u64) -> Option<Interval> {
    let mut rates: Vec<f64> = draws(parts.len(), resamples, seed, |drawn| rate(parts, drawn));
    interval(&mut rates)
}

/// How two models differ on the same questions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PairedDifference {
    /// Rate of the second less that of the first.
    pub difference: f64,
    /// 95 % interval of the difference.
    pub interval: Interval,
    /// Twice the share of resamples in which the better model is not the better one, at most 1: below
    /// 0.05 where the interval leaves zero out (Efron and Tibshirani 1993).
    pub p: f64,
}

/// Paired bootstrap: both models are scored on the same drawn questions. None without questions, or
/// if there are not as many of both.
pub fn paired_bootstrap(
    first: &[Part],
    second: &[Part],
    resamples: usize,
    seed: u64,
) -> Option<PairedDifference> {
    if first.len() != second.len() {
        return None;
    }
    let all: Vec<usize> = (0..first.len()).collect();
    let gap = |drawn: &[usize]| rate(second, drawn) - rate(first, drawn);
    let difference = gap(&all);
    let mut gaps = draws(first.len(), resamples, seed, gap);
    // Rounding must not make a gap of nothing one of something.
    let not_above = gaps.iter().filter(|&&gap| gap < 1e-12).count();
    let not_below = gaps.iter().filter(|&&gap| gap > -1e-12).count();
    let p = 2.0 * (not_above.min(not_below) + 1) as f64 / (gaps.len() + 1) as f64;
    Some(PairedDifference {
        difference,
        interval: interval(&mut gaps)?,
        p: p.min(1.0),
    })
}

fn draws(
    questions: usize,
    resamples: usize,
    seed: u64,
    value: impl Fn(&[usize]) -> f64,
) -> Vec<f64> {
    if questions == 0 {
        return Vec::new();
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut drawn = vec![0; questions];
    let once = |_| {
        drawn
            .iter_mut()
            .for_each(|question| *question = rng.random_range(0..questions));
        value(&drawn)
    };
    (0..resamples).map(once).collect()
}

fn rate(parts: &[Part], drawn: &[usize]) -> f64 {
    let (mut over, mut under) = (0.0, 0.0);
    for &question in drawn {
        over += parts[question].0;
        under += parts[question].1;
    }
    if under == 0.0 { 0.0 } else { over / under }
}

fn interval(values: &mut [f64]) -> Option<Interval> {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * values.len() as f64) as usize;
        values.get(place.min(values.len().checked_sub(1)?)).copied()
    };
    Some(Interval {
        low: at(*TAILS.start())?,
        high: at(*TAILS.end())?,
    })
}

/// McNemar's test (1947) in its exact form: how often, if both models are equally good, the
/// questions that only one of them answers right would be divided between them at least as unevenly.
///
/// - `only_first`, `only_second`: questions that only the one model answers right.
pub fn mcnemar(only_first: usize, only_second: usize) -> f64 {
    let (few, all) = (only_first.min(only_second), only_first + only_second);
    // Binomial coefficients as logarithms: their powers of two would overflow.
    let mut log_term = -(all as f64) * std::f64::consts::LN_2;
    let mut tail = 0.0;
    for k in 0..=few {
        tail += log_term.exp();
        log_term += ((all - k) as f64).ln() - ((k + 1) as f64).ln();
    }
    (2.0 * tail).min(1.0)
}
