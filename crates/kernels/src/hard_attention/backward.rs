//! The backward pass of one sequence: from the last step to the first, with the gradient of the
//! place before handed on.

use super::chain::Chain;
use crate::memory::Scratch;
use crate::simd::{Kernel, Simd, math, spans};

/// Computes the gradients of all scores.
pub(super) struct ChainBackward<'a> {
    pub chain: Chain<'a>,
    /// `[steps, symbols]`.
    pub log_probs: &'a [f32],
    /// `[steps, places]`.
    pub filters: &'a [f32],
    /// `[steps, places, actions]`.
    pub probabilities: &'a [f32],
    /// Of the log-probabilities.
    pub gradient: &'a [f32],
    /// Result, `[steps, places]`.
    pub content: &'a mut [f32],
    /// Result, `[steps, jumps]`; empty if jumps have no scores.
    pub jumps: &'a mut [f32],
    /// Result, `[steps, places, actions]`.
    pub actions: &'a mut [f32],
}

/// What is known at a step, one number a place.
struct ChainStep<'s> {
    /// Gradient of the filter.
    d_filter: &'s mut [f32],
    /// Probability of what was written.
    emitted: &'s mut [f32],
    /// Gradient of that.
    d_emitted: &'s mut [f32],
    /// Gradient of the place that the step wrote from, given what it wrote.
    carry: &'s mut [f32],
    /// That place's probabilities, and then those of the step before.
    posterior: &'s mut [f32],
}

impl Kernel for ChainBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let (length, symbols) = (self.chain.length, self.chain.symbols);
        let factors = length + self.chain.moves.count();
        let mut scratch = Scratch::zeros(symbols + factors + 6 * length);
        let (by_symbol, scratch) = scratch.values().split_at_mut(symbols);
        let (factors, scratch) = scratch.split_at_mut(factors);
        let (row, scratch) = scratch.split_at_mut(length);
        let (d_filter, scratch) = scratch.split_at_mut(length);
        let (emitted, scratch) = scratch.split_at_mut(length);
        let (d_emitted, scratch) = scratch.split_at_mut(length);
        let (carry, posterior) = scratch.split_at_mut(length);
        let mut at = ChainStep {
            d_filter,
            emitted,
            d_emitted,
            carry,
            posterior,
        };
        for step in (0..self.chain.steps).rev() {
            self.by_symbol(simd, step, by_symbol);
            self.next_step(step, &mut at);
            self.emission(step, by_symbol, &mut at);
            self.before(step, &mut at);
            self.moves(simd, step, &mut at, row, factors);
        }
    }
}

impl ChainBackward<'_> {
    /// The gradient of each symbol's probability: that of its logarithm, divided by it.
    #[inline(always)]
    fn by_symbol<S: Simd>(&self, simd: S, step: usize, to: &mut [f32]) {
        let symbols = self.chain.symbols;
        let log_probs = &self.log_probs[step * symbols..][..symbols];
        let gradient = &self.gradient[step * symbols..][..symbols];
        assert_eq!(to.len(), symbols);
        for span in spans(simd, symbols) {
            // SAFETY: the span lies in all three, which have `symbols` numbers.
            unsafe {
                let probability = math::exp(simd, simd.read(log_probs.as_ptr(), span));
                let gradient = simd.read(gradient.as_ptr(), span);
                simd.write(to.as_mut_ptr(), span, simd.div(gradient, probability));
            }
        }
    }

    /// What the next step says about the filter and about what was written.
    #[inline(always)]
    fn next_step(&self, step: usize, at: &mut ChainStep) {
        let chain = &self.chain;
        at.d_filter.fill(0.0);
        at.d_emitted.fill(0.0);
        if step + 1 == chain.steps {
            return;
        }
        let Some(symbol) = chain.written(step) else {
            at.d_filter.copy_from_slice(at.carry);
            return;
        };
        let filter = &self.filters[step * chain.places..][..chain.length];
        chain.emitted(step, symbol, self.probabilities, at.emitted);
        let Some(sum) = chain.posterior(filter, at.emitted, at.posterior) else {
            at.d_filter.copy_from_slice(at.carry);
            return;
        };
        let mean: f32 = at
            .carry
            .iter()
            .zip(&*at.posterior)
            .map(|(d, p)| d * p)
            .sum();
        for (place, weight) in filter.iter().enumerate() {
            let change = (at.carry[place] - mean) / sum;
            at.d_filter[place] = at.emitted[place] * change;
            at.d_emitted[place] = weight * change;
        }
    }

    /// Gradients of the actions' scores, and what the step's own symbol says about the filter.
    #[inline(always)]
    fn emission(&mut self, step: usize, by_symbol: &[f32], at: &mut ChainStep) {
        let chain = &self.chain;
        let written = chain.written(step);
        for place in 0..chain.length {
            let here = chain.actions_at(step, place);
            let probabilities = &self.probabilities[here..][..chain.actions];
            let (write, copy) = probabilities.split_at(chain.symbols);
            let copied = chain.copied(place);
            let mut expected = dot(by_symbol, write);
            if let Some(symbol) = copied {
                expected += by_symbol[symbol] * copy[0];
            }
            at.d_filter[place] += expected;
            let weight = self.filters[step * chain.places + place];
            let d_emitted = at.d_emitted[place];
            let mean = weight * expected + at.emitted[place] * d_emitted;
            let to = &mut self.actions[here..][..chain.actions];
            for ((to, p), d) in to.iter_mut().zip(write).zip(by_symbol) {
                *to = p * (weight * d - mean);
            }
            if let Some(symbol) = written {
                to[symbol] += write[symbol] * d_emitted;
            }
            if let Some(symbol) = copied {
                let d = if written == Some(symbol) {
                    d_emitted
                } else {
                    0.0
                };
                to[chain.symbols] = copy[0] * (weight * by_symbol[symbol] + d - mean);
            }
        }
    }

    /// The probabilities of the place before this step.
    #[inline(always)]
    fn before(&self, step: usize, at: &mut ChainStep) {
        let chain = &self.chain;
        let Some(last) = step.checked_sub(1) else {
            at.posterior.copy_from_slice(&chain.start[..chain.length]);
            return;
        };
        let filter = &self.filters[last * chain.places..][..chain.length];
        match chain.written(last) {
            Some(symbol) => {
                chain.emitted(last, symbol, self.probabilities, at.emitted);
                chain.posterior(filter, at.emitted, at.posterior);
            }
            None => at.posterior.copy_from_slice(filter),
        }
    }

    /// Gradients of the moves' scores, and that of the place before.
    #[inline(always)]
    fn moves<S: Simd>(
        &mut self,
        simd: S,
        step: usize,
        at: &mut ChainStep,
        row: &mut [f32],
        factors: &mut [f32],
    ) {
        let chain = self.chain;
        let moves = chain.moves(simd, step, factors);
        let content = &mut self.content[step * chain.places..][..chain.length];
        let jumps = chain.moves.count();
        let jumps = self.jumps.get_mut(step * jumps..(step + 1) * jumps);
        let jumps = jumps.unwrap_or_default();
        for from in 0..chain.length {
            moves.from(from, row);
            let first = moves.first(from);
            let (row, d_filter) = (&mut row[first..], &at.d_filter[first..]);
            let mean = dot(row, d_filter);
            at.carry[from] = mean;
            let weight = at.posterior[from];
            if weight == 0.0 {
                continue;
            }
            for ((p, d), to) in row.iter_mut().zip(d_filter).zip(&mut content[first..]) {
                *p *= weight * (d - mean);
                *to += *p;
            }
            if !jumps.is_empty() {
                moves.add_by_jump(from, row, jumps);
            }
        }
    }
}

/// The sum of products, eight of them side by side.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest = a_chunks.remainder().iter().zip(b_chunks.remainder());
    let rest: f32 = rest.map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + rest
}
