//! The whole sequence backward.

use std::ops::Range;

use super::Initial;
use super::gru::{GruBackward, ResetGradient};
use super::lstm::LstmBackward;
use super::prefix_gradients::PrefixGradients;
use super::rnn::RnnBackward;
use super::schedule::Schedule;
use super::shared_prefixes::SharedPrefixes;
use super::state_gradient::StateGradient;
use super::step::BackwardStep;
use super::weight_gradient::{Sources, weight_gradients};
use crate::columns::{Columns, Pack, Packed, View};
use crate::memory::{Fresh, Scratch, Shared};
use crate::precision::{LeftRows, RoundedRows};
use crate::problem::{Cell, Gradients, Input, Layout, Problem, SavedRef};
use crate::simd::dispatch;
use crate::threads::for_each_range;
use crate::tile::RowsProduct;

/// See [`crate::backward`].
pub(crate) fn backward(
    problem: &Problem<f32>,
    layout: Layout,
    output: &[f32],
    saved: SavedRef<f32>,
    d_output: &[f32],
) -> Gradients<f32> {
    problem.check();
    problem.check_saved(layout, output, saved, d_output);
    let p = problem;
    let (state, width) = (p.batch * p.hidden, p.width());
    let sequence = if layout == Layout::FinalState {
        0
    } else {
        p.time * state
    };
    let mut d_initial = match layout {
        Layout::Sequence => vec![0.0; p.states_len()],
        _ => d_output[sequence..].to_vec(),
    };
    // A dense input's gradient is that of the pre-activations itself.
    let rows_len = p.time * p.batch * width;
    let is_dense = matches!(p.input, Input::Dense(_));
    let mut d_dense = Fresh::new(if is_dense { rows_len } else { 0 });
    let mut d_gathered = (!is_dense).then(|| Scratch::new(rows_len));
    let is_reset_after = p.cell == Cell::Gru { reset_after: true };
    let mut d_product = is_reset_after.then(|| Scratch::new(rows_len));
    let initial = Initial::new(p);
    let prefixes = SharedPrefixes::new(p);
    let mut summed = Scratch::new(prefixes.levels.len() * p.batch * width);
    let mut rounded = Scratch::new(RoundedRows::room(p.precision, p.batch, width));
    let hidden = if sequence == 0 { saved.hidden } else { output };
    let d_input = match &mut d_gathered {
        Some(scratch) => Shared(scratch.pointer()),
        None => d_dense.pointer(),
    };
    let pass = BackwardPass {
        p,
        saved: SavedRef { hidden, ..saved },
        initial: initial.values(),
        weights: TransposedWeights::new(p),
        prefixes: &prefixes,
        summed: Shared(summed.pointer()),
        rounded: RoundedRows::new(p.precision, width, &mut rounded),
        d_sequence: (sequence > 0).then_some(d_output),
        d_state: Shared(d_initial.as_mut_ptr()),
        d_input,
        d_product: d_product
            .as_mut()
            .map_or(d_input, |scratch| Shared(scratch.pointer())),
    };
    for_each_range(p.batch, |rows| pass.run(rows));
    if !prefixes.levels.is_empty() {
        pass.run_shared();
    }
    if p.initial.is_none() {
        d_initial.fill(0.0);
    }
    let sources = Sources {
        saved: pass.saved,
        initial: pass.initial,
        d_input: pass.d_input,
        d_product: pass.d_product,
        prefixes: &prefixes,
        summed: pass.summed,
    };
    let (recurrent, bias, table) = weight_gradients(p, &sources);
    Gradients {
        // SAFETY: the pass wrote the rows of all sequences at all steps.
        input: table.unwrap_or_else(|| unsafe { d_dense.finish() }),
        recurrent,
        bias,
        initial: d_initial,
    }
}

/// Recurrent weights, transposed and packed.
struct TransposedWeights {
    /// Of all gates, but for the candidate in `candidate`.
    gates: Packed,
    /// Rows of `gates`.
    rows: usize,
    /// Those of the candidate, where the GRU resets before the product.
    candidate: Option<Packed>,
}

impl TransposedWeights {
    fn new(p: &Problem<f32>) -> Self {
        let source = View::rows(p.recurrent, p.width()).transposed();
        let columns = Columns::Flat { count: p.hidden };
        let pack = |source, depth| {
            Pack::<2> {
                source,
                depth,
                columns,
                precision: p.precision,
            }
            .run()
        };
        if p.cell != (Cell::Gru { reset_after: false }) {
            return Self {
                gates: pack(source, p.width()),
                rows: p.width(),
                candidate: None,
            };
        }
        // SAFETY: transposed, the weights have three blocks of `hidden` rows.
        let candidate = unsafe { source.skip(2 * p.hidden, 0) };
        Self {
            gates: pack(source, 2 * p.hidden),
            rows: 2 * p.hidden,
            candidate: Some(pack(candidate, p.hidden)),
        }
    }
}

/// The pass over the steps, from the last to the first.
struct BackwardPass<'a> {
    p: &'a Problem<'a, f32>,
    saved: SavedRef<'a, f32>,
    initial: &'a [f32],
    weights: TransposedWeights,
    prefixes: &'a SharedPrefixes,
    /// Gradients of the shared recurrent products of the second step, the third and so on, `[batch, width]`
    /// each. Only the first row of each group is used.
    summed: Shared,
    /// Left rows of products in the precision of the problem.
    rounded: RoundedRows,
    d_sequence: Option<&'a [f32]>,
    d_state: Shared,
    d_input: Shared,
    d_product: Shared,
}

impl BackwardPass<'_> {
    /// All steps of some sequences, but for what they share with others.
    fn run(&self, rows: Range<usize>) {
        let schedule = Schedule::new(self.p, rows);
        let shared = self.prefixes.levels.len();
        for (index, turn) in schedule.turns.iter().enumerate().skip(shared).rev() {
            let step = self.step(&schedule, index);
            self.ended(&step, schedule.ended(turn));
            self.elementwise(step, schedule.active(turn));
            if index > shared || shared == 0 {
                // The gradient of a state of zeros is of no use to anybody.
                self.products(step, schedule.running(turn));
            }
        }
    }

    /// The steps that start from shared states, together with the step before each, which computed those
    /// states. The first row of a group stands for the whole group.
    fn run_shared(&self) {
        let schedule = Schedule::new(self.p, 0..self.p.batch);
        for (index, groups) in self.prefixes.levels.iter().enumerate().rev() {
            let (last, turn) = (self.step(&schedule, index), self.step(&schedule, index + 1));
            let later = self.prefixes.after(index + 1);
            let at = index * self.p.batch * self.p.width();
            let d_product = Shared(self.summed.0.wrapping_add(at));
            let summed = BackwardStep { d_product, ..turn };
            for_each_range(groups.first.len(), |range| {
                let prefix = PrefixGradients::new(self.p, groups, later, range);
                prefix.gradients(&turn, &summed);
                self.products(summed, prefix.first);
                prefix.outputs(&last);
                self.elementwise(last, prefix.first);
            });
        }
    }

    /// The step of a turn.
    fn step(&self, schedule: &Schedule, index: usize) -> BackwardStep {
        let p = self.p;
        let turn = &schedule.turns[index];
        let last = index.checked_sub(1).map(|index| schedule.turns[index].step);
        let state = p.batch * p.hidden;
        let at = turn.step * p.batch;
        let slot = |values: &[f32], step: usize| match values.is_empty() {
            true => std::ptr::null(),
            false => values[step * state..].as_ptr(),
        };
        let initial_cells = if p.cell == Cell::Lstm {
            &self.initial[state..]
        } else {
            &[]
        };
        let d_input = at * p.width();
        // SAFETY: the buffers have a row for each sequence at each step, and the gradients of the
        // state those of h, then of c.
        unsafe {
            BackwardStep {
                hidden: p.hidden,
                gates: slot(self.saved.activations, 4 * turn.step),
                before: match last {
                    Some(step) => [slot(self.saved.hidden, step), slot(self.saved.cells, step)],
                    None => [self.initial.as_ptr(), initial_cells.as_ptr()],
                },
                after: [
                    slot(self.saved.hidden, turn.step),
                    slot(self.saved.cells, turn.step),
                ],
                d_output: self
                    .d_sequence
                    .map_or(std::ptr::null(), |d| slot(d, turn.step)),
                d_state: [
                    self.d_state,
                    Shared(self.d_state.at((p.cell.states() - 1) * state)),
                ],
                d_input: Shared(self.d_input.at(d_input)),
                d_product: Shared(self.d_product.at(d_input)),
                mask: p.mask.map_or(std::ptr::null(), <[f32]>::as_ptr),
            }
        }
    }

    /// Sequences that have ended hand the gradient of their state on.
    fn ended(&self, step: &BackwardStep, rows: &[u32]) {
        let (n, width) = (self.p.hidden, self.p.width());
        for &row in rows {
            let row = row as usize;
            // SAFETY: the buffers have such a row, which belongs to this thread.
            unsafe {
                if let Input::Dense(_) = self.p.input {
                    step.d_input.at(row * width).write_bytes(0, width);
                }
                if !step.d_output.is_null() {
                    for at in row * n..(row + 1) * n {
                        *step.d_state[0].at(at) += *step.d_output.add(at);
                    }
                }
            }
        }
    }

    fn elementwise(&self, step: BackwardStep, rows: &[u32]) {
        match self.p.cell {
            Cell::Lstm => dispatch(LstmBackward(step, rows)),
            Cell::Rnn => dispatch(RnnBackward(step, rows)),
            Cell::Gru { reset_after } => dispatch(GruBackward {
                step,
                rows,
                reset_after,
            }),
        }
    }

    fn products(&self, step: BackwardStep, rows: &[u32]) {
        if rows.is_empty() {
            return;
        }
        let hidden = self.p.hidden;
        if let Some(right) = &self.weights.candidate {
            let candidate = step.d_input.0.wrapping_add(2 * hidden);
            let candidate = self.rounded(candidate, hidden, rows);
            dispatch(RowsProduct {
                rows,
                depth: right.depth,
                left_step: 1,
                right,
                epilogue: ResetGradient(step, candidate),
            });
        }
        let right = &self.weights.gates;
        dispatch(RowsProduct {
            rows,
            depth: right.depth,
            left_step: 1,
            right,
            epilogue: StateGradient {
                hidden,
                d_product: self.rounded(step.d_product.0, self.weights.rows, rows),
                d_hidden: step.d_state[0],
                add: matches!(self.p.cell, Cell::Gru { .. }),
                mask: step.mask,
            },
        });
    }

    /// The first `len` numbers of rows of gradients of the pre-activations, as the products read them.
    fn rounded(&self, first: *const f32, len: usize, rows: &[u32]) -> LeftRows {
        let left = LeftRows {
            first,
            step: self.p.width(),
        };
        // SAFETY: the gradients have these rows; there is room for the words of each, which belongs to one
        // thread.
        unsafe { left.in_precision(self.p.precision, rows, len, self.rounded) }
    }
}
