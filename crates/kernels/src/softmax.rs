//! Softmax of rows, forward and backward.

use crate::check::{equal, whole_rows};
use crate::simd::{Kernel, Simd, dispatch, math, spans};

/// Logit, below the largest of its row, whose probability counts as nothing.
const LEAST: f32 = -87.0;

/// Replaces each row of logits `[rows, classes]` by its softmax. Whatever lies 87 or more below the
/// largest logit of its row gets exactly zero.
///
/// # Panics
/// If `rows` is not a whole number of rows.
pub fn softmax(rows: &mut [f32], classes: usize) {
    whole_rows("numbers", rows.len(), classes);
    dispatch(Softmax { rows, classes });
}

/// Replaces `gradient`, that of the softmax `weights` `[rows, classes]`, by that of the logits:
/// `w (g - sum of g w)`.
///
/// # Panics
/// If the slices differ in length or are no whole number of rows.
pub fn softmax_backward(weights: &[f32], gradient: &mut [f32], classes: usize) {
    whole_rows("numbers", weights.len(), classes);
    equal("the gradient", gradient.len(), weights.len());
    dispatch(SoftmaxBackward {
        weights,
        gradient,
        classes,
    });
}

struct Softmax<'a> {
    rows: &'a mut [f32],
    classes: usize,
}

impl Kernel for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        // The exponential is held to normal numbers; what it gives for the least becomes zero.
        let nothing = math::exp(simd, simd.splat(LEAST));
        for row in self.rows.chunks_exact_mut(self.classes) {
            let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let largest = simd.splat(largest);
            let at = row.as_mut_ptr();
            for span in spans(simd, row.len()) {
                // SAFETY: the span lies in the row.
                unsafe {
                    let value = math::exp(simd, simd.sub(simd.read(at, span), largest));
                    simd.write(at, span, simd.sub(value, nothing));
                }
            }
            let scale = 1.0 / row.iter().sum::<f32>();
            row.iter_mut().for_each(|value| *value *= scale);
        }
    }
}

struct SoftmaxBackward<'a> {
    weights: &'a [f32],
    gradient: &'a mut [f32],
    classes: usize,
}

impl Kernel for SoftmaxBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let rows = self.gradient.chunks_exact_mut(self.classes);
        for (gradient, weights) in rows.zip(self.weights.chunks_exact(self.classes)) {
            let pairs = gradient.iter().zip(weights);
            let mean: f32 = pairs.map(|(gradient, weight)| gradient * weight).sum();
            for (gradient, weight) in gradient.iter_mut().zip(weights) {
                *gradient = weight * (*gradient - mean);
            }
        }
    }
}
