//! Gradients that sum over all steps: recurrent weights, bias, and the table of a gathered input.

use std::ops::Range;

use super::row_sums::{RowSums, Rows, Target};
use super::schedule::Schedule;
use super::shared_prefixes::SharedPrefixes;
use crate::memory::{Fresh, Shared};
use crate::outer::{OuterSum, Pair};
use crate::problem::{Cell, Input, Problem, SavedRef};
use crate::simd::dispatch;
use crate::threads::for_each_columns;

/// What the sums are over.
pub(crate) struct Sources<'a> {
    /// With every h, `[time, batch, hidden]`.
    pub saved: SavedRef<'a, f32>,
    /// `[states, batch, hidden]`.
    pub initial: &'a [f32],
    /// Gradient of the pre-activations, `[time, batch, width]`; rows past the end are not read.
    pub d_input: Shared,
    /// Gradient of the recurrent product, likewise.
    pub d_product: Shared,
    /// Which states are shared.
    pub prefixes: &'a SharedPrefixes,
    /// Gradient of the recurrent products with shared states, see [`SharedPrefixes`].
    pub summed: Shared,
}

/// Gradients of the recurrent weights `[hidden, width]`, of the bias and, if the input is gathered,
/// of its table.
pub(crate) fn weight_gradients(
    p: &Problem<f32>,
    sources: &Sources,
) -> (Vec<f32>, Vec<f32>, Option<Vec<f32>>) {
    let width = p.width();
    let schedule = Schedule::new(p, 0..p.batch);
    let mut recurrent = Fresh::new(p.hidden * width);
    let mut bias = vec![0.0; p.bias.len()];
    let mut table = match p.input {
        Input::Gather { table, .. } => Some(vec![0.0; table.len()]),
        Input::Dense(_) => None,
    };
    let sums = GradientSums {
        p,
        sources,
        states: states(p, sources, &schedule),
        reset_states: reset_states(p, sources, &schedule),
        rows: active_rows(p, sources, &schedule),
        recurrent: recurrent.pointer(),
        bias: Shared(bias.as_mut_ptr()),
        table: table.as_mut().map(|table| Shared(table.as_mut_ptr())),
    };
    for_each_columns(width, |columns| sums.run(columns));
    // SAFETY: the ranges of columns are all of them, and every row of each is written.
    (unsafe { recurrent.finish() }, bias, table)
}

/// Each h before a step, with the gradient of the product that read it; in the order of the steps,
/// and without those that are zero at the start.
fn states(p: &Problem<f32>, sources: &Sources, schedule: &Schedule) -> Vec<Pair> {
    let state = p.batch * p.hidden;
    let mut pairs = Vec::with_capacity(p.time * p.batch);
    let mut before = sources.initial.as_ptr();
    for (index, turn) in schedule.turns.iter().enumerate() {
        let (rows, gradient, step) = match sources.prefixes.before(index) {
            Some(groups) => (&groups.first[..], sources.summed, index - 1),
            None => (schedule.running(turn), sources.d_product, turn.step),
        };
        pairs.extend(rows.iter().map(|&row| {
            let row = row as usize;
            Pair {
                left: before.wrapping_add(row * p.hidden),
                right: product_row(p, gradient, step, row),
                factors: p
                    .mask
                    .map_or(std::ptr::null(), |mask| mask[row * p.hidden..].as_ptr()),
            }
        }));
        before = sources.saved.hidden[turn.step * state..].as_ptr();
    }
    pairs
}

/// The same with `r h` in place of h, for the candidate of the GRU that resets before the product.
fn reset_states(p: &Problem<f32>, sources: &Sources, schedule: &Schedule) -> Vec<Pair> {
    if p.cell != (Cell::Gru { reset_after: false }) {
        return Vec::new();
    }
    let mut pairs = Vec::with_capacity(p.time * p.batch);
    for turn in &schedule.turns {
        pairs.extend(schedule.running(turn).iter().map(|&row| {
            let at = ((turn.step * p.batch + row as usize) * 4 + 3) * p.hidden;
            Pair {
                left: sources.saved.activations[at..].as_ptr(),
                right: product_row(p, sources.d_product, turn.step, row as usize),
                factors: std::ptr::null(),
            }
        }));
    }
    pairs
}

/// A row of gradients `[steps, batch, width]`.
fn product_row(p: &Problem<f32>, gradients: Shared, step: usize, row: usize) -> *const f32 {
    let row = step * p.batch + row;
    gradients.0.wrapping_add(row * p.width())
}

/// Rows of `[time, batch]` that are no padding, in the order of the steps; one of those that share
/// a state.
fn active_rows(p: &Problem<f32>, sources: &Sources, schedule: &Schedule) -> Vec<u32> {
    let turns = schedule.turns.iter().enumerate();
    let rows = turns.flat_map(|(index, turn)| {
        let active = match sources.prefixes.after(index) {
            Some(groups) => &groups.first[..],
            None => schedule.active(turn),
        };
        let first = (turn.step * p.batch) as u32;
        active.iter().map(move |&row| first + row)
    });
    rows.collect()
}

/// The sums, for any range of columns.
struct GradientSums<'a> {
    p: &'a Problem<'a, f32>,
    sources: &'a Sources<'a>,
    states: Vec<Pair>,
    reset_states: Vec<Pair>,
    rows: Vec<u32>,
    recurrent: Shared,
    bias: Shared,
    table: Option<Shared>,
}

// SAFETY: the pairs point into slices that `sources` borrows, and are only read.
unsafe impl Sync for GradientSums<'_> {}

impl GradientSums<'_> {
    fn run(&self, columns: Range<usize>) {
        let candidate = 2 * self.p.hidden;
        if self.p.cell == (Cell::Gru { reset_after: false }) {
            let gates = columns.start.min(candidate)..columns.end.min(candidate);
            self.outer(&self.states, gates);
            let candidates = columns.start.max(candidate)..columns.end.max(candidate);
            self.outer(&self.reset_states, candidates);
        } else {
            self.outer(&self.states, columns.clone());
        }
        self.input_and_bias(columns);
    }

    fn outer(&self, pairs: &[Pair], columns: Range<usize>) {
        dispatch(OuterSum {
            pairs,
            rows: self.p.hidden,
            columns,
            out: self.recurrent,
            out_step: self.p.width(),
            add: false,
            precision: self.p.precision,
        });
    }

    /// The bias of the input sums over the table's gradient if that is shorter than the steps.
    fn input_and_bias(&self, columns: Range<usize>) {
        let (p, width) = (self.p, self.p.width());
        let sum = |from, rows, to, columns: &Range<usize>| {
            let columns = columns.clone();
            dispatch(RowSums {
                from,
                rows,
                to,
                width,
                columns,
            });
        };
        let steps = Target::Same(self.bias);
        match (self.table, p.input) {
            (Some(table), Input::Gather { table: values, ids }) => {
                let to = Target::Rows(table, ids);
                sum(self.sources.d_input, Rows::Listed(&self.rows), to, &columns);
                let table_rows = values.len() / width;
                if table_rows < self.rows.len() {
                    sum(table, Rows::First(table_rows), steps, &columns);
                } else {
                    sum(
                        self.sources.d_input,
                        Rows::Listed(&self.rows),
                        steps,
                        &columns,
                    );
                }
            }
            _ => sum(
                self.sources.d_input,
                Rows::Listed(&self.rows),
                steps,
                &columns,
            ),
        }
        if p.cell == (Cell::Gru { reset_after: true }) {
            // SAFETY: the bias of the recurrent product follows that of the input.
            let to = Target::Same(Shared(unsafe { self.bias.at(width) }));
            sum(
                self.sources.d_product,
                Rows::Listed(&self.rows),
                to,
                &columns,
            );
        }
    }
}
