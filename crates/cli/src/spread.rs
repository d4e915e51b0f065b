//! How far repetitions lie apart.

use serde::Serialize;

/// Minimum, median and maximum of repetitions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The smallest.
    pub min: f64,
    /// The middle one, or the mean of the two in the middle.
    pub median: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of some values; all zero if there are none.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(0.0);
        let (lower, upper) = (values.len().saturating_sub(1) / 2, values.len() / 2);
        Self {
            min: at(0),
            median: (at(lower) + at(upper)) / 2.0,
            max: at(values.len().saturating_sub(1)),
        }
    }
}
