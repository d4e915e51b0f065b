//! The hyperbolic tangent of many numbers at once.

use crate::check::equal;
use crate::simd::{Kernel, Simd, dispatch, math, spans};

/// Replaces every number by its hyperbolic tangent.
pub fn tanh(values: &mut [f32]) {
    dispatch(Tanh(values));
}

/// Multiplies `gradient`, that of `tanh(x)`, by the derivative `1 - tanh(x)^2`.
///
/// # Panics
/// If the slices differ in length.
pub fn tanh_backward(tanh: &[f32], gradient: &mut [f32]) {
    equal("the gradient", gradient.len(), tanh.len());
    for (gradient, &y) in gradient.iter_mut().zip(tanh) {
        *gradient *= 1.0 - y * y;
    }
}

struct Tanh<'a>(&'a mut [f32]);

impl Kernel for Tanh<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let at = self.0.as_mut_ptr();
        for span in spans(simd, self.0.len()) {
            // SAFETY: the span lies in the slice.
            unsafe { simd.write(at, span, math::tanh(simd, simd.read(at, span))) };
        }
    }
}
