//! Hard attention as a hidden Markov chain (Wu and Cotterell 2019, "Exact Hard Monotonic Attention
//! for Character-Level Inflection"): every symbol of a target is written from one place of its
//! source, and its probability is summed over all places.
//!
//! With `f_t(j)` the probability that step `t` writes from place `j` given the symbols before (the
//! filter), `A_t(i, j)` that of moving there from place `i`, and `e_t(j)` that of writing there what
//! was written:
//!
//! - `p_t(v) = sum_j f_t(j) P_tj(v)`, the distribution of the next symbol;
//! - `f_{t+1}(j) = sum_i f_t(i) e_t(i) / p_t A_{t+1}(i, j)`.
//!
//! Probabilities stay probabilities: each step is normalised, so nothing needs a logarithm but the
//! result.

mod backward;
mod chain;
mod forward;

use crate::check::{equal, product};
use crate::memory::Shared;
use crate::simd::dispatch;
use crate::threads::for_each;
use backward::ChainBackward;
use forward::ChainForward;

/// Sources, targets, and what a network says about them. Sequences differ in length: what lies
/// past their ends is never read.
#[derive(Clone, Copy, Debug)]
pub struct HardAttention<'a> {
    /// Steps of the longest target.
    pub steps: usize,
    /// Places of the longest source.
    pub places: usize,
    /// Symbols that a target can have.
    pub symbols: usize,
    /// Steps of each target.
    pub target_lengths: &'a [usize],
    /// Places of each source, at least one.
    pub source_lengths: &'a [usize],
    /// Probabilities of the place before the first step, `[batch, places]`.
    pub start: &'a [f32],
    /// Score of each place at each step, `[batch, steps, places]`.
    pub content: &'a [f32],
    /// Scores of moving on by so many places, `[batch, steps, jumps]`; see [`Jumps`].
    pub jumps: Option<&'a [f32]>,
    /// Which places follow which.
    pub moves: Jumps,
    /// Score of each action at each place, `[batch, steps, places, actions]`: to write each of the
    /// symbols and, with `copied`, to copy what stands at the place.
    pub actions: &'a [f32],
    /// The target symbol that stands at each place, `[batch, places]`; negative where none does.
    pub copied: Option<&'a [i32]>,
    /// The symbol that each step wrote, `[batch, steps]`; the last one of a target does not matter.
    pub written: &'a [i32],
}

/// Which places follow which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jumps {
    /// Longest jump with a score of its own; longer ones share its score.
    pub window: usize,
    /// Whether places only move on. There are `window + 1` scores then, and `2 window + 1`, from
    /// the furthest back, otherwise.
    pub monotonic: bool,
}

impl Jumps {
    /// Number of scores.
    pub const fn count(self) -> usize {
        let directions = if self.monotonic { 1 } else { 2 };
        self.window.saturating_mul(directions).saturating_add(1)
    }
}

/// What a forward pass gives. All of it is zero past the ends of targets and sources.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HardAttentionOutput<T = Vec<f32>> {
    /// Logarithm of each symbol's probability, `[batch, steps, symbols]`.
    pub log_probs: T,
    /// Probability of each place, `[batch, steps, places]`.
    pub filters: T,
    /// Probability of each action at each place, `[batch, steps, places, actions]`.
    pub probabilities: T,
}

impl HardAttentionOutput {
    /// The same, borrowed.
    pub fn as_ref(&self) -> HardAttentionOutput<&[f32]> {
        HardAttentionOutput {
            log_probs: &self.log_probs,
            filters: &self.filters,
            probabilities: &self.probabilities,
        }
    }
}

/// Gradients of the scores, in their shapes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HardAttentionGradients {
    /// Of `content`.
    pub content: Vec<f32>,
    /// Of `jumps`; empty if there are none.
    pub jumps: Vec<f32>,
    /// Of `actions`.
    pub actions: Vec<f32>,
}

impl HardAttention<'_> {
    /// Sequences side by side.
    fn batch(&self) -> usize {
        self.source_lengths.len()
    }

    /// Which places follow which. Without scores, a window beyond all places is as good as one that
    /// just holds them, and takes no memory.
    fn moves(&self) -> Jumps {
        let window = match self.jumps {
            Some(_) => self.moves.window,
            None => self.moves.window.min(self.places),
        };
        Jumps {
            window,
            ..self.moves
        }
    }

    /// Actions at a place.
    fn action_count(&self) -> usize {
        self.symbols + usize::from(self.copied.is_some())
    }

    /// The distribution of every step's symbol.
    ///
    /// # Panics
    /// If a slice is not as long as the sizes ask for, a length is out of range, or a symbol is.
    pub fn forward(&self) -> HardAttentionOutput {
        self.check();
        let rows = self.batch() * self.steps;
        let mut output = HardAttentionOutput {
            log_probs: vec![0.0; rows * self.symbols],
            filters: vec![0.0; rows * self.places],
            probabilities: vec![0.0; rows * self.places * self.action_count()],
        };
        let log_probs = Parts::new(&mut output.log_probs, self.batch());
        let filters = Parts::new(&mut output.filters, self.batch());
        let probabilities = Parts::new(&mut output.probabilities, self.batch());
        for_each(self.batch(), |sequence| {
            // SAFETY: every sequence is handed out once, and has a part of each vector of its own.
            let (log_probs, filters, probabilities) = unsafe {
                (
                    log_probs.part(sequence),
                    filters.part(sequence),
                    probabilities.part(sequence),
                )
            };
            dispatch(ChainForward {
                chain: self.chain(sequence),
                log_probs,
                filters,
                probabilities,
            });
        });
        output
    }

    /// Gradients of the scores, given what [`forward`](Self::forward) returned and the gradient of
    /// its `log_probs`.
    ///
    /// # Panics
    /// As for `forward`, or if what it is given is of another problem.
    pub fn backward(
        &self,
        output: HardAttentionOutput<&[f32]>,
        gradient: &[f32],
    ) -> HardAttentionGradients {
        self.check();
        let rows = self.batch() * self.steps;
        equal("the gradient", gradient.len(), rows * self.symbols);
        equal(
            "the log-probabilities",
            output.log_probs.len(),
            rows * self.symbols,
        );
        equal("the filters", output.filters.len(), rows * self.places);
        equal(
            "the probabilities",
            output.probabilities.len(),
            self.actions.len(),
        );
        let mut gradients = HardAttentionGradients {
            content: vec![0.0; self.content.len()],
            jumps: vec![0.0; self.jumps.map_or(0, <[f32]>::len)],
            actions: vec![0.0; self.actions.len()],
        };
        let content = Parts::new(&mut gradients.content, self.batch());
        let jumps = Parts::new(&mut gradients.jumps, self.batch());
        let actions = Parts::new(&mut gradients.actions, self.batch());
        for_each(self.batch(), |sequence| {
            let share = |values| chain::share(values, sequence, self.batch());
            // SAFETY: as in `forward`.
            let (content, jumps, actions) = unsafe {
                (
                    content.part(sequence),
                    jumps.part(sequence),
                    actions.part(sequence),
                )
            };
            dispatch(ChainBackward {
                chain: self.chain(sequence),
                log_probs: share(output.log_probs),
                filters: share(output.filters),
                probabilities: share(output.probabilities),
                gradient: share(gradient),
                content,
                jumps,
                actions,
            });
        });
        gradients
    }

    fn check(&self) {
        let rows = product(&[self.batch(), self.steps]);
        equal(
            "the target lengths",
            self.target_lengths.len(),
            self.batch(),
        );
        equal(
            "the start",
            self.start.len(),
            product(&[self.batch(), self.places]),
        );
        equal(
            "the content",
            self.content.len(),
            product(&[rows, self.places]),
        );
        if let Some(jumps) = self.jumps {
            equal(
                "the jumps",
                jumps.len(),
                product(&[rows, self.moves.count()]),
            );
        }
        let actions = product(&[rows, self.places, self.action_count()]);
        equal("the actions", self.actions.len(), actions);
        equal("the written symbols", self.written.len(), rows);
        assert!(self.symbols > 0, "there are no symbols to write");
        let inside = |length: &usize| (1..=self.places).contains(length);
        assert!(
            self.source_lengths.iter().all(inside),
            "a source has no places, or more than {}",
            self.places
        );
        assert!(
            self.target_lengths
                .iter()
                .all(|&length| length <= self.steps),
            "a target has more than {} steps",
            self.steps
        );
        if let Some(copied) = self.copied {
            equal("the copied symbols", copied.len(), self.start.len());
        }
        let known = |&symbol: &i32| symbol < self.symbols as i32;
        assert!(
            self.written
                .iter()
                .chain(self.copied.unwrap_or(&[]))
                .all(known),
            "a symbol is not below {}",
            self.symbols
        );
    }
}

/// A vector cut into parts of one length, one for each sequence.
#[derive(Clone, Copy)]
struct Parts {
    values: Shared,
    len: usize,
}

impl Parts {
    fn new(values: &mut [f32], parts: usize) -> Self {
        Self {
            len: values.len() / parts.max(1),
            values: Shared(values.as_mut_ptr()),
        }
    }

    /// One of the parts.
    ///
    /// # Safety
    /// The vector has this part, outlives it, and nobody else holds it.
    unsafe fn part<'a>(self, index: usize) -> &'a mut [f32] {
        // SAFETY: what the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.values.at(index * self.len), self.len) }
    }
}
