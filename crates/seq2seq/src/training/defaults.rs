//! Settings for pairs that come without a recipe, by their number.
//!
//! `docs/defaults.md` has the table and the trials that it rests on.

use crate::config::{ModelSettings, Recipe, TrainingSettings};
use crate::data::Pair;

/// Most pairs of a small data set.
const SMALL: usize = 2_000;
/// Most pairs of one of middle size.
const MIDDLE: usize = 20_000;

impl Recipe {
    /// Settings that suit training pairs of this number.
    ///
    /// Fewer pairs get smaller batches and more epochs, so that every model sees enough weight
    /// updates; training stops early once free-running results no longer improve.
    pub fn for_pairs(pairs: &[Pair]) -> Self {
        let (batch_size, epochs, patience) = match pairs.len() {
            0..=SMALL => (16, 100, 15),
            n if n <= MIDDLE => (32, 60, 8),
            _ => (64, 30, 5),
        };
        Self {
            model: ModelSettings::default(),
            training: TrainingSettings {
                batch_size,
                epochs,
                patience,
                ..TrainingSettings::default()
            },
            ..Self::default()
        }
    }
}
