//! Drawing a symbol from the softmax.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Streams of one input, one for each of its outputs.
const STREAMS: u64 = 1 << 40;
/// What the streams of first symbols have that others lack.
const FIRST: u64 = 1 << 63;

/// The random sequence of one output of one input, whatever else is in the batch.
pub(super) fn stream(seed: u64, input: u64, output: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number_of(input, output));
    rng
}

/// The number of an input whose first output has the random sequence that the given output of this
/// input has.
pub(crate) fn number_of(input: u64, output: usize) -> u64 {
    input.wrapping_add(STREAMS.wrapping_mul(output as u64))
}

/// Draws the first symbol of an output, each with the same probability, from a random sequence that
/// no other draw of the search has. None if there are none.
pub(crate) fn draw_first(choices: &[u32], seed: u64, number: u64) -> Option<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number ^ FIRST);
    let place = (uniform(&mut rng) * choices.len() as f64) as usize;
    choices.get(place).copied()
}

/// Draws a symbol, with a probability proportional to `exp(log_prob /
/// temperature)` among the `top_k` most probable and then the nucleus `top_p` of those. None if no
/// symbol has any probability.
pub(super) fn draw(
    log_probs: &[f32],
    temperature: f32,
    top_k: Option<usize>,
    top_p: f32,
    rng: &mut ChaCha8Rng,
) -> Option<u32> {
    let mut weights: Vec<(u32, f64)> = (0..)
        .zip(log_probs.iter().copied())
        .filter(|(_, log_prob)| *log_prob > f32::NEG_INFINITY)
        .map(|(symbol, log_prob)| (symbol, f64::from(log_prob) / f64::from(temperature)))
        .collect();
    let highest = weights
        .iter()
        .map(|w| w.1)
        .fold(f64::NEG_INFINITY, f64::max);
    for weight in &mut weights {
        weight.1 = (weight.1 - highest).exp();
    }
    if top_k.is_some() || top_p < 1.0 {
        weights.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        weights.truncate(top_k.unwrap_or(usize::MAX).max(1));
        weights.truncate(nucleus(&weights, f64::from(top_p)));
    }
    let total: f64 = weights.iter().map(|w| w.1).sum();
    let mut left = uniform(rng) * total;
    for &(symbol, weight) in &weights {
        left -= weight;
        if left < 0.0 {
            return Some(symbol);
        }
    }
    // Rounding can leave a crumb beyond the last symbol.
    weights.last().map(|&(symbol, _)| symbol)
}

/// How many of the weights, largest first, it takes to reach a share of their sum; at least one.
fn nucleus(weights: &[(u32, f64)], share: f64) -> usize {
    let total: f64 = weights.iter().map(|w| w.1).sum();
    let mut sum = 0.0;
    let short = weights.iter().take_while(|weight| {
        sum += weight.1;
        sum < share * total
    });
    short.count().saturating_add(1)
}

/// A number from 0 up to 1, of 53 bits.
fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}
