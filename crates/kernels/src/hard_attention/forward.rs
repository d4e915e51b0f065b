//! The forward pass of one sequence.

use super::chain::{Chain, TINY};
use crate::memory::Scratch;
use crate::simd::{Kernel, Simd};

/// Computes the distribution of every step's symbol.
pub(super) struct ChainForward<'a> {
    pub chain: Chain<'a>,
    /// `[steps, symbols]`.
    pub log_probs: &'a mut [f32],
    /// `[steps, places]`.
    pub filters: &'a mut [f32],
    /// `[steps, places, actions]`.
    pub probabilities: &'a mut [f32],
}

impl Kernel for ChainForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let chain = self.chain;
        let length = chain.length;
        let mut scratch = Scratch::zeros(4 * length + chain.moves.count());
        let (before, scratch) = scratch.values().split_at_mut(length);
        let (row, scratch) = scratch.split_at_mut(length);
        let (emitted, factors) = scratch.split_at_mut(length);
        before.copy_from_slice(&chain.start[..length]);
        for step in 0..chain.steps {
            let filter = &mut self.filters[step * chain.places..][..length];
            let moves = chain.moves(simd, step, factors);
            for (from, &weight) in before.iter().enumerate() {
                // Not `> 0.0`, which would leave a NaN out.
                if weight != 0.0 {
                    moves.from(from, row);
                    let first = moves.first(from);
                    add(&mut filter[first..], weight, &row[first..]);
                }
            }
            let mixed = &mut self.log_probs[step * chain.symbols..][..chain.symbols];
            for (place, &weight) in filter.iter().enumerate() {
                let at = chain.actions_at(step, place);
                let probabilities = &mut self.probabilities[at..][..chain.actions];
                chain.choose(simd, step, place, probabilities);
                add(mixed, weight, probabilities);
                if let Some(symbol) = chain.copied(place) {
                    mixed[symbol] += weight * probabilities[chain.symbols];
                }
            }
            mixed.iter_mut().for_each(|p| *p = at_least_tiny(*p).ln());
            match chain.written(step) {
                Some(symbol) => {
                    chain.emitted(step, symbol, self.probabilities, emitted);
                    chain.posterior(filter, emitted, before);
                }
                None => before.copy_from_slice(filter),
            }
        }
    }
}

/// `p`, or [`TINY`] if it is less; unlike `f32::max`, this keeps a NaN.
#[inline(always)]
fn at_least_tiny(p: f32) -> f32 {
    if p < TINY { TINY } else { p }
}

/// `to += weight values`, as far as both go.
#[inline(always)]
fn add(to: &mut [f32], weight: f32, values: &[f32]) {
    for (to, value) in to.iter_mut().zip(values) {
        *to += weight * value;
    }
}
