//! One sequence of a batch, and the steps of its chain that both passes take.

use super::{HardAttention, Jumps};
use crate::simd::{Simd, math, spans};

/// Below this a sum of probabilities is no ground for anything: rounding has taken its digits.
pub(super) const TINY: f32 = 1e-30;

/// One sequence's share of a [`HardAttention`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain<'a> {
    /// Steps of this target.
    pub steps: usize,
    /// Places of this source.
    pub length: usize,
    /// Places between two rows.
    pub places: usize,
    pub symbols: usize,
    /// Actions at a place.
    pub actions: usize,
    pub moves: Jumps,
    pub start: &'a [f32],
    content: &'a [f32],
    jumps: Option<&'a [f32]>,
    scores: &'a [f32],
    copied: Option<&'a [i32]>,
    written: &'a [i32],
}

impl HardAttention<'_> {
    /// The share of a sequence.
    pub(super) fn chain(&self, sequence: usize) -> Chain<'_> {
        let share = |values| share(values, sequence, self.batch());
        Chain {
            steps: self.target_lengths[sequence],
            length: self.source_lengths[sequence],
            places: self.places,
            symbols: self.symbols,
            actions: self.action_count(),
            moves: self.moves(),
            start: share(self.start),
            content: share(self.content),
            jumps: self.jumps.map(share),
            scores: share(self.actions),
            copied: self
                .copied
                .map(|c| &c[sequence * self.places..][..self.places]),
            written: &self.written[sequence * self.steps..][..self.steps],
        }
    }
}

/// The part of a vector that a sequence has.
pub(super) fn share(values: &[f32], sequence: usize, batch: usize) -> &[f32] {
    let len = values.len() / batch;
    &values[sequence * len..][..len]
}

impl Chain<'_> {
    /// The row of a vector `[steps, width]` that a step has.
    #[inline(always)]
    fn row(values: &[f32], step: usize, width: usize) -> &[f32] {
        &values[step * width..][..width]
    }

    /// The symbol that a step wrote, if that is known.
    #[inline(always)]
    pub fn written(&self, step: usize) -> Option<usize> {
        usize::try_from(self.written[step]).ok()
    }

    /// The symbol that can be copied from a place.
    #[inline(always)]
    pub fn copied(&self, place: usize) -> Option<usize> {
        usize::try_from(self.copied?[place]).ok()
    }

    /// Where the actions of a place begin, in `[steps, places, actions]`.
    #[inline(always)]
    pub fn actions_at(&self, step: usize, place: usize) -> usize {
        (step * self.places + place) * self.actions
    }

    /// Probabilities of the actions at a place.
    #[inline(always)]
    pub fn choose<S: Simd>(&self, simd: S, step: usize, place: usize, to: &mut [f32]) {
        let scores = &self.scores[self.actions_at(step, place)..][..self.actions];
        let possible = if self.copied.is_some() && self.copied(place).is_none() {
            self.symbols
        } else {
            self.actions
        };
        softmax(simd, &scores[..possible], &mut to[..possible]);
    }

    /// Probability of writing a symbol at a place with these action probabilities.
    #[inline(always)]
    pub fn writes(&self, place: usize, symbol: usize, probabilities: &[f32]) -> f32 {
        let copies = self.copied(place) == Some(symbol);
        probabilities[symbol]
            + if copies {
                probabilities[self.symbols]
            } else {
                0.0
            }
    }

    /// Probabilities of the place that a step wrote from, given what it wrote: from the filter and
    /// the probability of that symbol at each place. Returns their sum before it was brought to 1,
    /// or `None` where the symbol is all but impossible, and so tells nothing.
    #[inline(always)]
    pub fn posterior(&self, filter: &[f32], emitted: &[f32], to: &mut [f32]) -> Option<f32> {
        let products = filter.iter().zip(emitted);
        for (to, (f, e)) in to.iter_mut().zip(products) {
            *to = f * e;
        }
        let sum: f32 = to[..self.length].iter().sum();
        if sum < TINY {
            to[..self.length].copy_from_slice(&filter[..self.length]);
            return None;
        }
        to[..self.length].iter_mut().for_each(|to| *to /= sum);
        Some(sum)
    }

    /// Probability of writing what a step wrote, at each place.
    #[inline(always)]
    pub fn emitted(&self, step: usize, symbol: usize, probabilities: &[f32], to: &mut [f32]) {
        for (place, to) in to[..self.length].iter_mut().enumerate() {
            let at = self.actions_at(step, place);
            *to = self.writes(place, symbol, &probabilities[at..][..self.actions]);
        }
    }

    /// What the moves of a step need to know.
    #[inline(always)]
    pub fn moves<'s, S: Simd>(&'s self, simd: S, step: usize, scratch: &'s mut [f32]) -> Moves<'s> {
        let content = &Self::row(self.content, step, self.places)[..self.length];
        let jumps = self
            .jumps
            .map(|jumps| Self::row(jumps, step, self.moves.count()));
        let (content_factors, jump_factors) = scratch.split_at_mut(self.length);
        exponentials(simd, content, content_factors);
        let jump_factors = &mut jump_factors[..self.moves.count()];
        match jumps {
            Some(jumps) => exponentials(simd, jumps, jump_factors),
            None => jump_factors.fill(1.0),
        }
        Moves {
            moves: self.moves,
            content,
            jumps,
            content_factors,
            jump_factors,
        }
    }
}

/// The distribution of the next place, from each place.
pub(super) struct Moves<'a> {
    moves: Jumps,
    content: &'a [f32],
    jumps: Option<&'a [f32]>,
    /// `exp(content - largest)`.
    content_factors: &'a [f32],
    /// `exp(jump - largest)`.
    jump_factors: &'a [f32],
}

impl Moves<'_> {
    /// The first place that can follow.
    #[inline(always)]
    pub fn first(&self, from: usize) -> usize {
        if self.moves.monotonic { from } else { 0 }
    }

    /// Which score a jump has.
    #[inline(always)]
    pub fn jump(&self, from: usize, to: usize) -> usize {
        let window = self.moves.window;
        let right = to.saturating_sub(from).min(window);
        if self.moves.monotonic {
            right
        } else {
            window + right - from.saturating_sub(to).min(window)
        }
    }

    /// Probabilities of the places from [`first`](Self::first) on.
    #[inline(always)]
    pub fn from(&self, from: usize, to: &mut [f32]) {
        let first = self.first(from);
        let factors = &self.content_factors[first..];
        let to = &mut to[first..][..factors.len()];
        // Beyond the window all jumps have one factor; the loop over them is a plain product.
        let near = (from + self.moves.window - first).min(factors.len());
        for (index, (to, factor)) in to[..near].iter_mut().zip(factors).enumerate() {
            *to = factor * self.jump_factors[self.jump(from, first + index)];
        }
        let far = self.jump_factors[self.jump_factors.len() - 1];
        for (to, factor) in to[near..].iter_mut().zip(&factors[near..]) {
            *to = factor * far;
        }
        let sum: f32 = to.iter().sum();
        if sum > TINY {
            let share = 1.0 / sum;
            to.iter_mut().for_each(|to| *to *= share);
        } else {
            self.exactly(from, to);
        }
    }

    /// Adds numbers for the places from [`first`](Self::first) on to those of their jumps.
    #[inline(always)]
    pub fn add_by_jump(&self, from: usize, values: &[f32], to: &mut [f32]) {
        let first = self.first(from);
        for (index, value) in values.iter().enumerate() {
            to[self.jump(from, first + index)] += value;
        }
    }

    /// [`from`](Self::from) where the best places and jumps cannot follow, so that their factors
    /// say nothing.
    #[cold]
    fn exactly(&self, from: usize, to: &mut [f32]) {
        let first = self.first(from);
        for (index, to) in to.iter_mut().enumerate() {
            let jump = self
                .jumps
                .map_or(0.0, |jumps| jumps[self.jump(from, first + index)]);
            *to = self.content[first + index] + jump;
        }
        let largest = to.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        to.iter_mut().for_each(|to| *to = (*to - largest).exp());
        let sum: f32 = to.iter().sum();
        to.iter_mut().for_each(|to| *to /= sum);
    }
}

/// `exp(score - largest)` of every score.
#[inline(always)]
fn exponentials<S: Simd>(simd: S, scores: &[f32], to: &mut [f32]) {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let largest = simd.splat(largest);
    assert_eq!(scores.len(), to.len());
    for span in spans(simd, scores.len()) {
        // SAFETY: the span lies in the scores, and the result is as long.
        unsafe {
            let score = simd.sub(simd.read(scores.as_ptr(), span), largest);
            simd.write(to.as_mut_ptr(), span, math::exp(simd, score));
        }
    }
}

/// Softmax of the scores.
#[inline(always)]
fn softmax<S: Simd>(simd: S, scores: &[f32], to: &mut [f32]) {
    exponentials(simd, scores, to);
    // Eight sums side by side, so that adding does not wait for the addition before.
    let mut sums = [0.0; 8];
    let chunks = to.chunks_exact(8);
    let rest: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    let share = 1.0 / (sums.iter().sum::<f32>() + rest);
    to.iter_mut().for_each(|to| *to *= share);
}
