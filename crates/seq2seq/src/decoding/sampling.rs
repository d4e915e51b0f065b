//! Drawing a symbol from the softmax.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Why nothing can be drawn.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SamplingError {
    /// Only temperatures above zero give a distribution.
    #[error(
        "a temperature of {0} gives no distribution: it must be a number above 0 (1 for the model's own)"
    )]
    Temperature(f32),
}

/// Draws a symbol with probability proportional to `exp(log_prob / temperature)`.
pub fn sample(log_probs: &[f32], temperature: f32, rng: &mut ChaCha8Rng) -> u32 {
    let highest = log_probs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f64> = log_probs
        .iter()
        .map(|&p| f64::from((p - highest) / temperature).exp())
        .collect();
    let mut left = rng.random::<f64>() * weights.iter().sum::<f64>();
    for (symbol, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return symbol as u32;
        }
    }
    // Rounding can leave a crumb beyond the last symbol.
    log_probs.len().saturating_sub(1) as u32
}
