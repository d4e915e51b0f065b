//! What one step of the recurrence reads and writes, by pointers to the first row of the batch.

use crate::memory::Shared;
use crate::precision::LeftRows;
use crate::problem::{Input, Problem};
use crate::simd::{Simd, Span};

/// Where the pre-activations that come from the input lie, `[batch, gates * hidden]`.
#[derive(Clone, Copy)]
pub(crate) enum InputRows {
    /// One row after the other.
    Dense(*const f32),
    /// Rows of a table.
    Gather(*const f32, *const i32),
}

impl InputRows {
    /// Those of one step.
    pub fn new(problem: &Problem<f32>, step: usize) -> Self {
        let first = step * problem.batch;
        match problem.input {
            Input::Dense(input) => Self::Dense(input[first * problem.width()..].as_ptr()),
            Input::Gather { table, ids } => Self::Gather(table.as_ptr(), ids[first..].as_ptr()),
        }
    }

    /// The row of a sequence, `width` numbers.
    ///
    /// # Safety
    /// The batch has such a row.
    #[inline(always)]
    pub unsafe fn row(self, row: usize, width: usize) -> *const f32 {
        // SAFETY: what the caller promises; `Problem::check` saw that the ids lie in the table.
        unsafe {
            match self {
                Self::Dense(input) => input.add(row * width),
                Self::Gather(table, ids) => table.add(*ids.add(row) as usize * width),
            }
        }
    }
}

/// A step forward.
#[derive(Clone, Copy)]
pub(crate) struct ForwardStep {
    pub hidden: usize,
    pub input: InputRows,
    pub bias: *const f32,
    /// h as it enters the cell (with the mask), `[batch, hidden]`.
    pub read: *const f32,
    /// What the product reads: that in its precision.
    pub left: LeftRows,
    /// h and c before, `[batch, hidden]` each; c of an LSTM only.
    pub before: [*const f32; 2],
    /// h and c after.
    pub after: [Shared; 2],
    /// Gates to be saved, `[batch, 4 * hidden]`, or null.
    pub gates: Shared,
}

// SAFETY: what is read is read only, and whoever writes does so in an `unsafe` block whose argument
// includes the other threads.
unsafe impl Sync for ForwardStep {}

impl ForwardStep {
    /// `sum of x + bias` over the span of a row of pre-activations.
    ///
    /// # Safety
    /// `input` is a row of pre-activations, and the span lies in it and in the bias.
    #[inline(always)]
    pub unsafe fn preactivation<S: Simd>(
        &self,
        simd: S,
        input: *const f32,
        span: Span,
    ) -> S::Vector {
        // SAFETY: what the caller promises.
        unsafe { simd.add(simd.read(input, span), simd.read(self.bias, span)) }
    }

    /// Saves a vector of a gate, if gates are saved.
    ///
    /// # Safety
    /// The span lies in the row of the gate.
    #[inline(always)]
    pub unsafe fn save<S: Simd>(
        &self,
        simd: S,
        row: usize,
        gate: usize,
        span: Span,
        value: S::Vector,
    ) {
        if !self.gates.0.is_null() {
            // SAFETY: what the caller promises; each row belongs to one thread.
            unsafe {
                let gates = self.gates.at((row * 4 + gate) * self.hidden);
                simd.write(gates, span, value);
            }
        }
    }
}

/// A step backward.
#[derive(Clone, Copy)]
pub(crate) struct BackwardStep {
    pub hidden: usize,
    /// Gates, `[batch, 4 * hidden]`.
    pub gates: *const f32,
    /// h and c before the step.
    pub before: [*const f32; 2],
    /// h and c after the step.
    pub after: [*const f32; 2],
    /// Gradient of this step's output, or null.
    pub d_output: *const f32,
    /// Gradients of h and c: of those after the step, and when it is done of those before.
    pub d_state: [Shared; 2],
    /// Gradient of the pre-activations, `[batch, gates * hidden]`.
    pub d_input: Shared,
    /// Gradient of the recurrent product, likewise; the same memory where it is the same.
    pub d_product: Shared,
    /// Mask of h, or null.
    pub mask: *const f32,
}

// SAFETY: as for `ForwardStep`.
unsafe impl Sync for BackwardStep {}

impl BackwardStep {
    /// Gradient of h after the step: what later steps and the output give.
    ///
    /// # Safety
    /// The span lies in the row of the sequence.
    #[inline(always)]
    pub unsafe fn d_hidden<S: Simd>(&self, simd: S, row: usize, span: Span) -> S::Vector {
        let at = row * self.hidden;
        // SAFETY: what the caller promises; each row belongs to one thread.
        unsafe {
            let later = simd.read(self.d_state[0].at(at), span);
            if self.d_output.is_null() {
                return later;
            }
            simd.add(later, simd.read(self.d_output.add(at), span))
        }
    }

    /// A vector of a saved gate.
    ///
    /// # Safety
    /// The span lies in the row of the gate.
    #[inline(always)]
    pub unsafe fn gate<S: Simd>(&self, simd: S, row: usize, gate: usize, span: Span) -> S::Vector {
        // SAFETY: what the caller promises.
        unsafe { simd.read(self.gates.add((row * 4 + gate) * self.hidden), span) }
    }

    /// A vector of each saved gate.
    ///
    /// # Safety
    /// The span lies in the units.
    #[inline(always)]
    pub unsafe fn gates<S: Simd>(&self, simd: S, row: usize, span: Span) -> [S::Vector; 4] {
        // SAFETY: what the caller promises.
        unsafe {
            [
                self.gate(simd, row, 0, span),
                self.gate(simd, row, 1, span),
                self.gate(simd, row, 2, span),
                self.gate(simd, row, 3, span),
            ]
        }
    }
}

/// `x (1 - x)`, the slope of the logistic function where its value is `x`.
#[inline(always)]
pub(crate) fn sigmoid_slope<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    simd.mul(x, simd.sub(simd.splat(1.0), x))
}

/// `1 - x^2`, the slope of the hyperbolic tangent where its value is `x`.
#[inline(always)]
pub(crate) fn tanh_slope<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    simd.sub(simd.splat(1.0), simd.mul(x, x))
}
