//! The simple recurrent cell (Elman 1990): `h' = tanh(x + h W + b)`.

use super::step::{BackwardStep, ForwardStep, tanh_slope};
use crate::columns::Columns;
use crate::simd::math::tanh;
use crate::simd::{Kernel, Simd, Span, spans};
use crate::tile::Epilogue;

/// The step forward, as what happens around the product of h and the recurrent weights.
pub(crate) struct Rnn(pub ForwardStep);

impl Rnn {
    #[inline(always)]
    fn span<S: Simd>(&self, panel: usize, vector: usize) -> Span {
        let count = self.0.hidden;
        Columns::Flat { count }.span(panel, vector, 2, S::LANES)
    }
}

// SAFETY (of the blocks): rows, units and columns are those of the step, whose pointers are valid
// for them; each row belongs to one thread.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Epilogue<2> for Rnn {
    #[inline(always)]
    unsafe fn left(&self, row: usize) -> *const f32 {
        unsafe { self.0.left.row(row) }
    }

    #[inline(always)]
    unsafe fn start<S: Simd>(&self, simd: S, _: usize, _: usize) -> [S::Vector; 2] {
        [simd.splat(0.0); 2]
    }

    #[inline(always)]
    unsafe fn finish<S: Simd>(&self, simd: S, row: usize, panel: usize, sums: [S::Vector; 2]) {
        let at = row * self.0.hidden;
        for (vector, sum) in sums.into_iter().enumerate() {
            let span = self.span::<S>(panel, vector);
            unsafe {
                let input = self.0.input.row(row, self.0.hidden);
                let sum = simd.add(sum, self.0.preactivation(simd, input, span));
                simd.write(self.0.after[0].at(at), span, tanh(simd, sum));
            }
        }
    }
}

/// The step backward up to the gradient of the pre-activations.
pub(crate) struct RnnBackward<'a>(pub BackwardStep, pub &'a [u32]);

impl Kernel for RnnBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let step = &self.0;
        for &row in self.1 {
            let (row, at) = (row as usize, row as usize * step.hidden);
            for span in spans(simd, step.hidden) {
                // SAFETY: the rows are those of the step, and the span lies in its units; each row
                // belongs to one thread.
                unsafe {
                    let h = simd.read(step.after[0].add(at), span);
                    let d = simd.mul(step.d_hidden(simd, row, span), tanh_slope(simd, h));
                    simd.write(step.d_input.at(at), span, d);
                }
            }
        }
    }
}
