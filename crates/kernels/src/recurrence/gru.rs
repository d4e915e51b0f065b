//! The GRU cell (Cho et al. 2014): `h' = z h + (1 - z) v`, gates in the order z, r, candidate v.
//!
//! The saved gates are z, r, v and a fourth block: what the recurrent product gave the candidate
//! where the reset comes after it, and `r h` where it comes before.

use super::step::{BackwardStep, ForwardStep, sigmoid_slope, tanh_slope};
use crate::columns::Columns;
use crate::precision::LeftRows;
use crate::simd::math::{sigmoid, tanh};
use crate::simd::{Kernel, Simd, Span, spans};
use crate::tile::Epilogue;

/// `z h + (1 - z) v`, written to h after the step.
///
/// # Safety
/// The span lies in the row.
#[inline(always)]
unsafe fn mix<S: Simd>(
    simd: S,
    step: &ForwardStep,
    row: usize,
    units: Span,
    z: S::Vector,
    v: S::Vector,
) {
    let at = row * step.hidden;
    // SAFETY: what the caller promises; each row belongs to one thread.
    unsafe {
        let h = simd.read(step.before[0].add(at), units);
        let h = simd.mul_add(z, simd.sub(h, v), v);
        simd.write(step.after[0].at(at), units, h);
    }
}

/// The whole step forward of the GRU that resets after the product, as Keras does. The bias of the
/// recurrent product follows that of the input.
pub(crate) struct ResetAfter(pub ForwardStep);

impl ResetAfter {
    #[inline(always)]
    fn span<S: Simd>(&self, panel: usize, gate: usize) -> Span {
        let units = self.0.hidden;
        Columns::Blocks { units }.span(panel, gate, 3, S::LANES)
    }
}

// SAFETY (of the blocks): rows, units and columns are those of the step, whose pointers are valid
// for them; each row belongs to one thread.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Epilogue<3> for ResetAfter {
    #[inline(always)]
    unsafe fn left(&self, row: usize) -> *const f32 {
        unsafe { self.0.left.row(row) }
    }

    #[inline(always)]
    unsafe fn start<S: Simd>(&self, simd: S, _: usize, panel: usize) -> [S::Vector; 3] {
        unsafe {
            let bias = self.0.bias.add(3 * self.0.hidden);
            let mut sums = [simd.splat(0.0); 3];
            for (gate, sum) in sums.iter_mut().enumerate() {
                *sum = simd.read(bias, self.span::<S>(panel, gate));
            }
            sums
        }
    }

    #[inline(always)]
    unsafe fn finish<S: Simd>(&self, simd: S, row: usize, panel: usize, sums: [S::Vector; 3]) {
        let step = &self.0;
        let units = self.span::<S>(panel, 0);
        unsafe {
            let input = step.input.row(row, 3 * step.hidden);
            let mut x = [simd.splat(0.0); 3];
            for (gate, x) in x.iter_mut().enumerate() {
                *x = step.preactivation(simd, input, self.span::<S>(panel, gate));
            }
            let z = sigmoid(simd, simd.add(sums[0], x[0]));
            let r = sigmoid(simd, simd.add(sums[1], x[1]));
            let v = tanh(simd, simd.mul_add(r, sums[2], x[2]));
            mix(simd, step, row, units, z, v);
            for (gate, value) in [z, r, v, sums[2]].into_iter().enumerate() {
                step.save(simd, row, gate, units, value);
            }
        }
    }
}

/// First half of the GRU that resets before the product: z, r and `r h`, which are always saved.
pub(crate) struct Gates(pub ForwardStep);

impl Gates {
    #[inline(always)]
    fn span<S: Simd>(&self, panel: usize, gate: usize) -> Span {
        let units = self.0.hidden;
        Columns::Blocks { units }.span(panel, gate, 2, S::LANES)
    }
}

// SAFETY (of the blocks): as above.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Epilogue<2> for Gates {
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
        let units = self.span::<S>(panel, 0);
        unsafe {
            let input = self.0.input.row(row, 3 * self.0.hidden);
            let x = self.0.preactivation(simd, input, units);
            let z = sigmoid(simd, simd.add(sums[0], x));
            let x = self.0.preactivation(simd, input, self.span::<S>(panel, 1));
            let r = sigmoid(simd, simd.add(sums[1], x));
            let h = simd.read(self.0.read.add(row * self.0.hidden), units);
            self.0.save(simd, row, 0, units, z);
            self.0.save(simd, row, 1, units, r);
            self.0.save(simd, row, 3, units, simd.mul(r, h));
        }
    }
}

/// Second half: the candidate from `r h`, which are the left rows, and h.
pub(crate) struct Candidate(pub ForwardStep);

impl Candidate {
    #[inline(always)]
    fn span<S: Simd>(&self, panel: usize, vector: usize) -> Span {
        let count = self.0.hidden;
        Columns::Flat { count }.span(panel, vector, 2, S::LANES)
    }
}

// SAFETY (of the blocks): as above.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Epilogue<2> for Candidate {
    #[inline(always)]
    unsafe fn left(&self, row: usize) -> *const f32 {
        unsafe { self.0.left.row(row) }
    }

    #[inline(always)]
    unsafe fn start<S: Simd>(&self, simd: S, row: usize, panel: usize) -> [S::Vector; 2] {
        let n = self.0.hidden;
        unsafe {
            let input = self.0.input.row(row, 3 * n).add(2 * n);
            let bias = self.0.bias.add(2 * n);
            let mut sums = [simd.splat(0.0); 2];
            for (vector, sum) in sums.iter_mut().enumerate() {
                let span = self.span::<S>(panel, vector);
                *sum = simd.add(simd.read(input, span), simd.read(bias, span));
            }
            sums
        }
    }

    #[inline(always)]
    unsafe fn finish<S: Simd>(&self, simd: S, row: usize, panel: usize, sums: [S::Vector; 2]) {
        for (vector, sum) in sums.into_iter().enumerate() {
            let units = self.span::<S>(panel, vector);
            unsafe {
                let z = simd.read(self.0.gates.at(row * 4 * self.0.hidden), units);
                let v = tanh(simd, sum);
                self.0.save(simd, row, 2, units, v);
                mix(simd, &self.0, row, units, z, v);
            }
        }
    }
}

/// The step backward up to the gradients of the pre-activations; h before the step gets the part
/// of its gradient that passes by the products. Where the reset comes before the product, the
/// gradient of r is left for [`ResetGradient`].
pub(crate) struct GruBackward<'a> {
    pub step: BackwardStep,
    pub rows: &'a [u32],
    pub reset_after: bool,
}

impl Kernel for GruBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for &row in self.rows {
            for span in spans(simd, self.step.hidden) {
                // SAFETY: the rows are those of the step, and the span lies in its units.
                unsafe { self.unit(simd, row as usize, span) };
            }
        }
    }
}

impl GruBackward<'_> {
    #[inline(always)]
    unsafe fn unit<S: Simd>(&self, simd: S, row: usize, span: Span) {
        let (step, n) = (&self.step, self.step.hidden);
        // SAFETY: what the caller promises; each row belongs to one thread.
        unsafe {
            let [z, r, v, u] = step.gates(simd, row, span);
            let h = simd.read(step.before[0].add(row * n), span);
            let dh = step.d_hidden(simd, row, span);
            let through_v = simd.mul(dh, simd.sub(simd.splat(1.0), z));
            let dz = simd.mul(simd.mul(dh, simd.sub(h, v)), sigmoid_slope(simd, z));
            let dv = simd.mul(through_v, tanh_slope(simd, v));
            let dr = if self.reset_after {
                simd.mul(simd.mul(dv, u), sigmoid_slope(simd, r))
            } else {
                simd.splat(0.0)
            };
            for (gate, value) in [dz, dr, dv].into_iter().enumerate() {
                simd.write(step.d_input.at((row * 3 + gate) * n), span, value);
            }
            if self.reset_after {
                for (gate, value) in [dz, dr, simd.mul(dv, r)].into_iter().enumerate() {
                    simd.write(step.d_product.at((row * 3 + gate) * n), span, value);
                }
            }
            simd.write(step.d_state[0].at(row * n), span, simd.mul(dh, z));
        }
    }
}

/// From the gradient of `r h`, which is the product of the candidate's with its weights, to those
/// of r and of h. With the rows of the candidate's gradient.
pub(crate) struct ResetGradient(pub BackwardStep, pub LeftRows);

// SAFETY (of the blocks): as above.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Epilogue<2> for ResetGradient {
    #[inline(always)]
    unsafe fn left(&self, row: usize) -> *const f32 {
        unsafe { self.1.row(row) }
    }

    #[inline(always)]
    unsafe fn start<S: Simd>(&self, simd: S, _: usize, _: usize) -> [S::Vector; 2] {
        [simd.splat(0.0); 2]
    }

    #[inline(always)]
    unsafe fn finish<S: Simd>(&self, simd: S, row: usize, panel: usize, sums: [S::Vector; 2]) {
        let (step, n) = (&self.0, self.0.hidden);
        for (vector, d) in sums.into_iter().enumerate() {
            let span = Columns::Flat { count: n }.span(panel, vector, 2, S::LANES);
            unsafe {
                let r = step.gate(simd, row, 1, span);
                let mask = match step.mask.is_null() {
                    true => simd.splat(1.0),
                    false => simd.read(step.mask.add(row * n), span),
                };
                let h = simd.mul(mask, simd.read(step.before[0].add(row * n), span));
                let dr = simd.mul(simd.mul(d, h), sigmoid_slope(simd, r));
                simd.write(step.d_input.at((row * 3 + 1) * n), span, dr);
                let dh = step.d_state[0].at(row * n);
                let through_r = simd.mul(mask, simd.mul(d, r));
                simd.write(dh, span, simd.add(simd.read(dh, span), through_r));
            }
        }
    }
}
