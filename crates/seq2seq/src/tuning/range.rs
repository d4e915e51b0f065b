//! What a setting may be.

use std::str::FromStr;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::text::quoted;

/// Values of which one is drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum Range {
    /// One of these: `64, 128, 256`.
    Choice(Vec<String>),
    /// A number between two: `0.1..0.5`. If both are above zero, a number ten times as large is as
    /// far away as one ten times as small.
    Real(f64, f64),
    /// The same for whole numbers: `32..512`.
    Whole(u64, u64),
}

/// Why a text is no range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} is no range: give values such as \"64, 128\", or two ends such as \"0.0003..0.003\"",
    quoted(.0)
)]
pub struct RangeError(String);

impl FromStr for Range {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        let error = || RangeError(text.to_owned());
        let Some((low, high)) = text.split_once("..") else {
            let values: Vec<String> = text.split(',').map(|v| v.trim().to_owned()).collect();
            let complete = values.iter().all(|value| !value.is_empty());
            return complete.then_some(Self::Choice(values)).ok_or_else(error);
        };
        let (low, high) = (low.trim(), high.trim());
        if let (Ok(low), Ok(high)) = (low.parse(), high.parse()) {
            return (low <= high)
                .then_some(Self::Whole(low, high))
                .ok_or_else(error);
        }
        match (low.parse::<f64>(), high.parse::<f64>()) {
            (Ok(low), Ok(high)) if low <= high && low.is_finite() && high.is_finite() => {
                Ok(Self::Real(low, high))
            }
            _ => Err(error()),
        }
    }
}

impl Range {
    /// A value, as a setting is written.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> String {
        let share = rng.random::<f64>();
        let between = |low: f64, high: f64| match low > 0.0 {
            true => low * (high / low).powf(share),
            false => low + (high - low) * share,
        };
        match self {
            Self::Choice(values) => {
                let place = (share * values.len() as f64) as usize;
                values.get(place).cloned().unwrap_or_default()
            }
            // Three digits: finer differences are no differences.
            &Self::Real(low, high) => format!("{:.2e}", between(low, high)),
            &Self::Whole(low, high) => {
                let drawn = between(low as f64, high as f64 + 1.0) as u64;
                drawn.clamp(low, high).to_string()
            }
        }
    }
}
