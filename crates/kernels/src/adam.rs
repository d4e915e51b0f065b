//! One step of Adam (Kingma and Ba 2015), with weight decay apart from the gradient (Loshchilov and
//! Hutter 2019).

use std::slice::from_raw_parts_mut;

use crate::check::equal;
use crate::memory::Shared;
use crate::simd::{Kernel, Simd, Span, dispatch, spans};
use crate::threads::for_each;

/// What a step of [`adam`] needs to know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// Learning rate.
    pub rate: f32,
    /// Decay of the mean of gradients.
    pub beta_1: f32,
    /// Decay of the mean of squared gradients.
    pub beta_2: f32,
    /// Added to the root of the mean square.
    pub epsilon: f32,
    /// Share of each weight that is taken off, times the rate.
    pub weight_decay: f32,
    /// Number of the step, from 1.
    pub step: u64,
    /// Factor of the gradient, below 1 where its norm is clipped.
    pub scale: f32,
}

/// Updates weights and both means in one pass:
///
/// - `m = beta_1 m + (1 - beta_1) g`, `v = beta_2 v + (1 - beta_2) g^2`;
/// - `w -= rate (m' / (sqrt(v') + epsilon) + weight_decay w)`, where `m'` and `v'` are divided by
///   `1 - beta^step`.
///
/// # Panics
/// If the slices differ in length, or `step` is zero.
pub fn adam(
    step: &AdamStep,
    weights: &mut [f32],
    gradient: &[f32],
    first: &mut [f32],
    second: &mut [f32],
) {
    equal("the gradient", gradient.len(), weights.len());
    equal("the mean of gradients", first.len(), weights.len());
    equal("the mean of squared gradients", second.len(), weights.len());
    assert!(step.step > 0, "the steps of Adam count from 1");
    let correction = |beta: f32| (1.0 / (1.0 - f64::from(beta).powf(step.step as f64))) as f32;
    let corrections = [correction(step.beta_1), correction(step.beta_2)];
    let len = weights.len();
    let [weights, first, second] = [weights, first, second].map(|own| Shared(own.as_mut_ptr()));
    for_each(len.div_ceil(PIECE), |piece| {
        let range = piece * PIECE..len.min((piece + 1) * PIECE);
        // SAFETY: the slices are that long, and each piece belongs to one thread.
        let own = |all: Shared| unsafe { from_raw_parts_mut(all.at(range.start), range.len()) };
        dispatch(Update {
            step,
            corrections,
            weights: own(weights),
            gradient: &gradient[range.clone()],
            first: own(first),
            second: own(second),
        });
    });
}

/// Weights that a thread updates at a time.
const PIECE: usize = 32 * 1024;

struct Update<'a> {
    step: &'a AdamStep,
    corrections: [f32; 2],
    weights: &'a mut [f32],
    gradient: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
}

impl Kernel for Update<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        for span in spans(simd, self.weights.len()) {
            // SAFETY: the span lies in the weights, and `adam` saw that the others are as long.
            unsafe { self.update(simd, span) };
        }
    }
}

impl Update<'_> {
    /// # Safety
    /// The span lies in all four slices.
    #[inline(always)]
    unsafe fn update<S: Simd>(&mut self, simd: S, span: Span) {
        let step = self.step;
        // SAFETY: what the caller promises.
        unsafe {
            let w = simd.read(self.weights.as_ptr(), span);
            let g = simd.read(self.gradient.as_ptr(), span);
            let g = simd.mul(g, simd.splat(step.scale));
            let m = simd.mul(
                simd.read(self.first.as_ptr(), span),
                simd.splat(step.beta_1),
            );
            let m = simd.mul_add(g, simd.splat(1.0 - step.beta_1), m);
            let v = simd.mul(
                simd.read(self.second.as_ptr(), span),
                simd.splat(step.beta_2),
            );
            let v = simd.mul_add(simd.mul(g, g), simd.splat(1.0 - step.beta_2), v);
            let m_corrected = simd.mul(m, simd.splat(self.corrections[0]));
            let v_corrected = simd.mul(v, simd.splat(self.corrections[1]));
            let root = simd.add(simd.sqrt(v_corrected), simd.splat(step.epsilon));
            let change = simd.div(m_corrected, root);
            let change = simd.mul_add(w, simd.splat(step.weight_decay), change);
            let w = simd.sub(w, simd.mul(change, simd.splat(step.rate)));
            simd.write(self.weights.as_mut_ptr(), span, w);
            simd.write(self.first.as_mut_ptr(), span, m);
            simd.write(self.second.as_mut_ptr(), span, v);
        }
    }
}

/// The sum of squares of all values, in double precision and always in the same order.
pub fn sum_of_squares(values: &[f32]) -> f64 {
    let mut sums = [0.0; 16];
    for chunk in values.chunks(16) {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum += f64::from(value) * f64::from(value);
        }
    }
    sums.iter().sum()
}
