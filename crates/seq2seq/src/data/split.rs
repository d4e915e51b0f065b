//! Pairs held out from training.

use std::collections::HashSet;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Pair;

/// Which pairs are held out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitMethod {
    /// The last ones in file order, as Keras's `validation_split` takes them.
    Last,
    /// Ones drawn at random; each side stays in file order.
    Random,
    /// None: both sides have all pairs.
    Training,
}

/// How pairs are split into a training side and a held-out side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// The share to hold out, above 0 and below 1.
    pub fraction: f64,
    /// Which pairs are held out.
    pub method: SplitMethod,
    /// The start of the random draw; not used by [`SplitMethod::Last`].
    #[serde(default)]
    pub seed: u64,
    /// Whether all pairs with the same source go to the same side. If not, a
    /// word with two pronunciations can be on both sides, and its held-out one
    /// is no longer an unseen question.
    #[serde(default)]
    pub keep_sources_apart: bool,
}

/// Why pairs cannot be split.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum SplitError {
    /// The share to hold out makes no sense.
    #[error("the fraction to hold out is {fraction}, but it must be above 0 and below 1")]
    Fraction {
        /// The fraction given.
        fraction: f64,
    },
    /// Nothing would be left to train on.
    #[error(
        "holding out {fraction} of {pairs} pairs ({sources} distinct sources) leaves none to train on; hold out less, or give more pairs"
    )]
    NoTraining {
        /// The fraction given.
        fraction: f64,
        /// How many pairs there are.
        pairs: usize,
        /// How many distinct sources they have.
        sources: usize,
    },
    /// Nothing would be held out.
    #[error("holding out {fraction} of {pairs} pairs ({sources} distinct sources) holds out none{}; hold out more, or give more pairs", seen_already(.sources_seen))]
    NoHeldOut {
        /// The fraction given.
        fraction: f64,
        /// How many pairs there are.
        pairs: usize,
        /// How many distinct sources they have.
        sources: usize,
        /// Whether there were pairs to hold out, but the training side has all
        /// their sources.
        sources_seen: bool,
    },
}

fn seen_already(sources_seen: &bool) -> &'static str {
    if *sources_seen {
        ", because the training side has all their sources (the random method avoids this)"
    } else {
        ""
    }
}

/// Splits pairs into a training side and a held-out side; [`Training`](SplitMethod::Training) gives all
/// pairs to both.
///
/// Of `n` pairs, the training side gets `floor(n * (1 - fraction))`: the
/// rounding of Keras's `validation_split`. Keeping sources apart changes these
/// sizes: [`Last`](SplitMethod::Last) moves pairs whose source has been seen to
/// the training side, and [`Random`](SplitMethod::Random) draws sources
/// instead of pairs.
///
/// # Errors
///
/// The fraction is not between 0 and 1, or a side would be empty.
pub fn split(pairs: Vec<Pair>, options: &Split) -> Result<(Vec<Pair>, Vec<Pair>), SplitError> {
    let fraction = options.fraction;
    // Written so that NaN, which compares with nothing, is turned away as well.
    if !(fraction > 0.0 && fraction < 1.0) {
        return Err(SplitError::Fraction { fraction });
    }
    let held_out = match (options.method, options.keep_sources_apart) {
        (SplitMethod::Training, _) => return Ok((pairs.clone(), pairs)),
        (SplitMethod::Last, false) => last(pairs.len(), fraction),
        (SplitMethod::Last, true) => last_unseen(&pairs, fraction),
        (SplitMethod::Random, false) => random(pairs.len(), options),
        (SplitMethod::Random, true) => random_sources(&pairs, options),
    };
    check(&pairs, &held_out, options)?;
    Ok(partition(pairs, &held_out))
}

/// How many of `count` are for training.
fn training_size(count: usize, fraction: f64) -> usize {
    (count as f64 * (1.0 - fraction)).floor() as usize
}

fn last(count: usize, fraction: f64) -> Vec<bool> {
    let size = training_size(count, fraction);
    (0..count).map(|place| place >= size).collect()
}

fn last_unseen(pairs: &[Pair], fraction: f64) -> Vec<bool> {
    let size = training_size(pairs.len(), fraction);
    let seen: HashSet<&str> = pairs
        .iter()
        .take(size)
        .map(|pair| pair.source.as_str())
        .collect();
    pairs
        .iter()
        .map(|pair| !seen.contains(pair.source.as_str()))
        .collect()
}

fn random(count: usize, options: &Split) -> Vec<bool> {
    let mut held_out = last(count, options.fraction);
    held_out.shuffle(&mut ChaCha8Rng::seed_from_u64(options.seed));
    held_out
}

fn random_sources(pairs: &[Pair], options: &Split) -> Vec<bool> {
    let sources = distinct_sources(pairs);
    let drawn = random(sources.len(), options);
    let drawn: HashSet<&str> = sources
        .into_iter()
        .zip(drawn)
        .filter_map(|(source, drawn)| drawn.then_some(source))
        .collect();
    pairs
        .iter()
        .map(|pair| drawn.contains(pair.source.as_str()))
        .collect()
}

/// Sources in order of first appearance, so that a draw depends on the pairs
/// and the seed alone.
fn distinct_sources(pairs: &[Pair]) -> Vec<&str> {
    let mut seen = HashSet::new();
    pairs
        .iter()
        .map(|pair| pair.source.as_str())
        .filter(|&source| seen.insert(source))
        .collect()
}

fn check(pairs: &[Pair], held_out: &[bool], options: &Split) -> Result<(), SplitError> {
    let fraction = options.fraction;
    if held_out.iter().all(|&held_out| held_out) {
        let sources = distinct_sources(pairs).len();
        return Err(SplitError::NoTraining {
            fraction,
            pairs: pairs.len(),
            sources,
        });
    }
    if held_out.iter().all(|&held_out| !held_out) {
        let sources = distinct_sources(pairs).len();
        let sources_seen = training_size(pairs.len(), fraction) < pairs.len()
            && options.method == SplitMethod::Last;
        return Err(SplitError::NoHeldOut {
            fraction,
            pairs: pairs.len(),
            sources,
            sources_seen,
        });
    }
    Ok(())
}

fn partition(pairs: Vec<Pair>, held_out: &[bool]) -> (Vec<Pair>, Vec<Pair>) {
    let (training, kept): (Vec<_>, Vec<_>) = pairs
        .into_iter()
        .zip(held_out)
        .partition(|&(_, &held_out)| !held_out);
    let pairs = |side: Vec<(Pair, &bool)>| side.into_iter().map(|(pair, _)| pair).collect();
    (pairs(training), pairs(kept))
}
