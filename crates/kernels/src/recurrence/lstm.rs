//! The LSTM cell (Hochreiter and Schmidhuber 1997; with forget gate, Gers et al. 2000).
//!
//! `c' = f c + i g`, `h' = o tanh c'`, gates in the order i, f, g, o.

use super::step::{BackwardStep, ForwardStep, sigmoid_slope, tanh_slope};
use crate::columns::Columns;
use crate::simd::math::{sigmoid, tanh};
use crate::simd::{Kernel, Simd, Span, spans};
use crate::tile::Epilogue;

/// The step forward, as what happens around the product of h and the recurrent weights.
pub(crate) struct Lstm(pub ForwardStep);

impl Lstm {
    #[inline(always)]
    fn span<S: Simd>(&self, panel: usize, gate: usize) -> Span {
        let units = self.0.hidden;
        Columns::Blocks { units }.span(panel, gate, 4, S::LANES)
    }
}

// SAFETY (of the blocks): rows, units and columns are those of the step, whose pointers are valid
// for them; each row belongs to one thread.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Epilogue<4> for Lstm {
    #[inline(always)]
    unsafe fn left(&self, row: usize) -> *const f32 {
        unsafe { self.0.left.row(row) }
    }

    #[inline(always)]
    unsafe fn start<S: Simd>(&self, simd: S, _: usize, _: usize) -> [S::Vector; 4] {
        [simd.splat(0.0); 4]
    }

    #[inline(always)]
    unsafe fn finish<S: Simd>(&self, simd: S, row: usize, panel: usize, sums: [S::Vector; 4]) {
        let step = &self.0;
        let units = self.span::<S>(panel, 0);
        let at = row * step.hidden;
        let mut sums = sums;
        unsafe {
            let input = step.input.row(row, 4 * step.hidden);
            for (gate, sum) in sums.iter_mut().enumerate() {
                let span = self.span::<S>(panel, gate);
                *sum = simd.add(*sum, step.preactivation(simd, input, span));
            }
            let i = sigmoid(simd, sums[0]);
            let f = sigmoid(simd, sums[1]);
            let g = tanh(simd, sums[2]);
            let o = sigmoid(simd, sums[3]);
            let c = simd.read(step.before[1].add(at), units);
            let c = simd.mul_add(f, c, simd.mul(i, g));
            let h = simd.mul(o, tanh(simd, c));
            simd.write(step.after[0].at(at), units, h);
            simd.write(step.after[1].at(at), units, c);
            for (gate, value) in [i, f, g, o].into_iter().enumerate() {
                step.save(simd, row, gate, units, value);
            }
        }
    }
}

/// The step backward up to the gradients of the pre-activations and of c before the step.
pub(crate) struct LstmBackward<'a>(pub BackwardStep, pub &'a [u32]);

impl Kernel for LstmBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for &row in self.1 {
            for span in spans(simd, self.0.hidden) {
                // SAFETY: the rows are those of the step, and the span lies in its units.
                unsafe { self.unit(simd, row as usize, span) };
            }
        }
    }
}

impl LstmBackward<'_> {
    #[inline(always)]
    unsafe fn unit<S: Simd>(&self, simd: S, row: usize, span: Span) {
        let step = &self.0;
        let at = row * step.hidden;
        // SAFETY: what the caller promises; each row belongs to one thread.
        unsafe {
            let [i, f, g, o] = step.gates(simd, row, span);
            let before = simd.read(step.before[1].add(at), span);
            let t = tanh(simd, simd.read(step.after[1].add(at), span));
            let dh = step.d_hidden(simd, row, span);
            let dc = simd.read(step.d_state[1].at(at), span);
            let through_h = simd.mul(simd.mul(dh, o), tanh_slope(simd, t));
            let dc = simd.add(dc, through_h);
            let gradients = [
                simd.mul(simd.mul(dc, g), sigmoid_slope(simd, i)),
                simd.mul(simd.mul(dc, before), sigmoid_slope(simd, f)),
                simd.mul(simd.mul(dc, i), tanh_slope(simd, g)),
                simd.mul(simd.mul(dh, t), sigmoid_slope(simd, o)),
            ];
            for (gate, value) in gradients.into_iter().enumerate() {
                let to = step.d_input.at((row * 4 + gate) * step.hidden);
                simd.write(to, span, value);
            }
            simd.write(step.d_state[1].at(at), span, simd.mul(dc, f));
        }
    }
}
