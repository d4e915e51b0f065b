//! Averages of the weights that training goes through: they answer better than the last ones, and
//! change less from epoch to epoch (Polyak and Juditsky 1992; Vaswani et al. 2017, section 6.1).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::config::TrainingSettings;
use crate::storage::{Array, Values, Weights};

/// Weights that are averaged, and how.
#[derive(Clone, Debug)]
pub enum WeightAverage {
    /// The weights as they are.
    Off,
    /// A mean in which every step counts less by `decay` than the one after it.
    Exponential {
        /// Memory of the mean.
        decay: f64,
        /// The mean so far; none before the first step.
        mean: Option<Weights>,
    },
    /// The mean of the weights at the end of the last epochs.
    LastEpochs {
        /// Epochs, at most.
        count: usize,
        /// Their weights, the oldest first.
        kept: VecDeque<Weights>,
    },
}

impl WeightAverage {
    /// What the settings ask for, before the first step.
    pub fn new(settings: &TrainingSettings) -> Self {
        if settings.weight_average > 0.0 {
            let decay = settings.weight_average;
            return Self::Exponential { decay, mean: None };
        }
        match settings.average_epochs {
            0 | 1 => Self::Off,
            count => Self::LastEpochs {
                count,
                kept: VecDeque::with_capacity(count),
            },
        }
    }

    /// Takes in the weights after update number `step`, counted from 1.
    ///
    /// Early on the memory is shorter, so that the first weights, which are random, do not linger:
    /// it is `(1 + step) / (10 + step)` at most.
    pub fn after_step(&mut self, step: usize, weights: impl FnOnce() -> Weights) {
        let Self::Exponential { decay, mean } = self else {
            return;
        };
        let weights = weights();
        let early = (1.0 + step as f64) / (10.0 + step as f64);
        let share = 1.0 - decay.min(early);
        *mean = Some(match mean.take() {
            Some(mean) => combined(mean, &weights, |mean, new| {
                mean + (new - mean) * share as f32
            }),
            None => weights,
        });
    }

    /// Takes in the weights at the end of an epoch.
    pub fn after_epoch(&mut self, weights: impl FnOnce() -> Weights) {
        let Self::LastEpochs { count, kept } = self else {
            return;
        };
        if kept.len() == *count {
            kept.pop_front();
        }
        kept.push_back(weights());
    }

    /// The average; none if there is nothing to average yet, or it is off.
    pub fn weights(&self) -> Option<Weights> {
        match self {
            Self::Off => None,
            Self::Exponential { mean, .. } => mean.clone(),
            Self::LastEpochs { kept, .. } => {
                let share = 1.0 / kept.len().max(1) as f32;
                let (first, rest) = (kept.front()?.clone(), kept.iter().skip(1));
                let sum = rest.fold(first, |sum, next| combined(sum, next, |a, b| a + b));
                let scaled = |(name, data)| (name, changed(data, |_, x| x * share));
                Some(sum.into_iter().map(scaled).collect())
            }
        }
    }

    /// What a checkpoint must keep, to go on as if nothing had happened: names start with a number
    /// and a dot.
    pub fn state(&self) -> Weights {
        let numbered = |(number, weights): (usize, &Weights)| {
            let numbered = weights.iter();
            numbered
                .map(|(name, data)| (format!("{number}.{name}"), data.clone()))
                .collect::<Vec<_>>()
        };
        match self {
            Self::Off => Weights::new(),
            Self::Exponential { mean, .. } => {
                mean.iter().map(|w| (0, w)).flat_map(numbered).collect()
            }
            Self::LastEpochs { kept, .. } => kept.iter().enumerate().flat_map(numbered).collect(),
        }
    }

    /// Takes back what [`state`](Self::state) gave for a network with weights such as `like`.
    ///
    /// # Errors
    /// If it is not that of such a network; the reason.
    pub fn restore(&mut self, state: Weights, like: &Weights) -> Result<(), String> {
        let mut sets: BTreeMap<usize, Weights> = BTreeMap::new();
        for (name, data) in state {
            let (number, weights) = name.split_once('.').unwrap_or_default();
            let number = number.parse();
            let fits = like
                .get(weights)
                .is_some_and(|like| data.shape == like.shape);
            match number {
                Ok(number) if fits && data.as_f32().is_some() => {
                    let set = sets.entry(number).or_default();
                    set.insert(weights.to_owned(), data);
                }
                _ => {
                    return Err(format!(
                        "it averages {name:?}, which the network does not have"
                    ));
                }
            }
        }
        if sets.values().any(|set| set.len() != like.len()) {
            return Err("it averages a part of the network only".to_owned());
        }
        let sets: Vec<Weights> = sets.into_values().collect();
        match self {
            Self::Off => {}
            Self::Exponential { mean, .. } => *mean = sets.into_iter().next(),
            Self::LastEpochs { count, kept } => {
                let skipped = sets.len().saturating_sub(*count);
                *kept = sets.into_iter().skip(skipped).collect();
            }
        }
        Ok(())
    }
}

/// Two sets of the same weights, joined number by number.
fn combined(first: Weights, second: &Weights, join: impl Fn(f32, f32) -> f32) -> Weights {
    let joined = first.into_iter().map(|(name, data)| {
        let other = second.get(&name).and_then(Array::as_f32);
        let data = match other {
            Some(other) => changed(data, |place, x| join(x, other[place])),
            None => data,
        };
        (name, data)
    });
    joined.collect()
}

/// Weights are f32 everywhere; other data is left alone.
fn changed(mut array: Array, change: impl Fn(usize, f32) -> f32) -> Array {
    if let Values::F32(values) = &mut array.values {
        for (place, value) in Arc::make_mut(values).iter_mut().enumerate() {
            *value = change(place, *value);
        }
    }
    array
}
