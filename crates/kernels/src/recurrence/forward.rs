//! The whole sequence forward.

use std::ops::Range;

use super::Initial;
use super::gru::{Candidate, Gates, ResetAfter};
use super::lstm::Lstm;
use super::rnn::Rnn;
use super::schedule::{Schedule, Turn};
use super::shared_prefixes::SharedPrefixes;
use super::shared_states::SharedStates;
use super::step::{ForwardStep, InputRows};
use crate::check::product;
use crate::columns::{Columns, Packed};
use crate::memory::{Fresh, Scratch, Shared};
use crate::precision::{LeftRows, Precision, RoundedRows};
use crate::problem::{Cell, Layout, Problem, Saved};
use crate::simd::dispatch;
use crate::stored::{Source, StoredMatrix};
use crate::threads::for_each_range;
use crate::tile::{Epilogue, RowsProduct};

/// See [`crate::infer`].
pub(crate) fn infer(problem: &Problem<f32>, layout: Layout) -> Vec<f32> {
    problem.check();
    run(problem, layout, false, &RecurrentWeights::new(problem)).0
}

/// [`infer`](crate::infer) with recurrent weights of any precision, for few sequences; those of the problem are
/// not looked at.
///
/// # Panics
/// As [`infer`](crate::infer).
pub fn infer_stored(problem: &Problem<f32>, layout: Layout, weights: StoredMatrix) -> Vec<f32> {
    problem.check_all_but_weights();
    let width = problem.width();
    weights.check("the recurrent weights", problem.hidden * width, width);
    // SAFETY: the weights have been checked.
    let weights = unsafe { RecurrentWeights::stored(problem, weights.source(width)) };
    run(problem, layout, false, &weights).0
}

/// [`infer`](crate::infer) with weights that were packed before, for many calls with the same ones; those of
/// the problem are not looked at.
///
/// # Panics
/// As [`infer`](crate::infer), and if the weights were packed for another cell or size.
pub fn infer_packed(problem: &Problem<f32>, layout: Layout, weights: &PackedWeights) -> Vec<f32> {
    problem.check_all_but_weights();
    assert!(
        (weights.cell, weights.hidden) == (problem.cell, problem.hidden),
        "the weights were packed for another cell or size"
    );
    run(problem, layout, false, &weights.weights).0
}

/// See [`crate::forward`].
pub(crate) fn forward(problem: &Problem<f32>, layout: Layout) -> (Vec<f32>, Saved<f32>) {
    problem.check();
    run(problem, layout, true, &RecurrentWeights::new(problem))
}

fn run(
    problem: &Problem<f32>,
    layout: Layout,
    keep: bool,
    weights: &RecurrentWeights,
) -> (Vec<f32>, Saved<f32>) {
    let mut results = Results::new(problem, layout, keep);
    let mut masked = problem.mask.map(|mask| Scratch::new(mask.len()));
    let (precision, hidden) = (weights.precision, problem.hidden);
    let mut rounded = Scratch::new(RoundedRows::room(precision, problem.batch, hidden));
    let initial = Initial::new(problem);
    let pass = ForwardPass {
        problem,
        initial: initial.values(),
        weights,
        prefixes: SharedPrefixes::new(problem),
        masked: Shared(
            masked
                .as_mut()
                .map_or(std::ptr::null_mut(), Scratch::pointer),
        ),
        rounded: RoundedRows::new(precision, hidden, &mut rounded),
        places: results.places(problem, layout),
    };
    for_each_range(problem.batch, |rows| pass.run(rows));
    // SAFETY: the pass wrote every row of every step, in whichever of its three lists a row was,
    // and the final state.
    unsafe { results.finish() }
}

/// Recurrent weights, packed once for many calls of [`infer_packed`].
pub struct PackedWeights {
    cell: Cell,
    hidden: usize,
    weights: RecurrentWeights,
}

impl PackedWeights {
    /// Packs weights `[hidden, gates * hidden]`, which then need not be kept.
    ///
    /// # Panics
    /// If the slice is not as long as the sizes ask for.
    pub fn new(cell: Cell, hidden: usize, weights: &[f32]) -> Self {
        Self::stored(cell, hidden, StoredMatrix::F32(weights))
    }

    /// The same for weights of any precision, which they keep.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub fn stored(cell: Cell, hidden: usize, weights: StoredMatrix) -> Self {
        let len = product(&[hidden, cell.gates(), hidden]);
        let width = cell.gates() * hidden;
        weights.check("the recurrent weights", len, width);
        Self {
            cell,
            hidden,
            weights: {
                let source = weights.source(width);
                // SAFETY: the weights have been checked.
                unsafe { RecurrentWeights::packed(cell, hidden, source, Precision::Single) }
            },
        }
    }
}

impl std::fmt::Debug for PackedWeights {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cell, hidden, .. } = self;
        write!(formatter, "PackedWeights({cell:?}, {hidden})")
    }
}

/// The recurrent weights as the products of the cell read them.
struct RecurrentWeights {
    first: Right,
    /// Those of the candidate, where the GRU resets before the product.
    second: Option<Right>,
    /// How they are read.
    precision: Precision,
}

impl RecurrentWeights {
    /// Those of a problem that has been checked.
    fn new(p: &Problem<f32>) -> Self {
        let source = StoredMatrix::F32(p.recurrent).source(p.width());
        // SAFETY: the problem has been checked.
        unsafe { Self::stored(p, source) }
    }

    /// Packed, unless they are read a few times only.
    ///
    /// # Safety
    /// The source has as many rows and columns as the problem's weights.
    unsafe fn stored(p: &Problem<f32>, source: Source) -> Self {
        let rows = p.time * p.batch;
        // SAFETY: what the caller promises.
        unsafe {
            match rows < WORTH_PACKING || (p.batch == 1 && rows < WORTH_PACKING_FOR_ONE) {
                true => Self::with(p.cell, p.hidden, source, |source, columns, _| {
                    Right::Streamed(source, columns)
                }),
                false => Self::packed(p.cell, p.hidden, source, p.precision),
            }
        }
    }

    /// # Safety
    /// The source has as many rows and columns as weights of this cell and size.
    unsafe fn packed(cell: Cell, hidden: usize, source: Source, precision: Precision) -> Self {
        let precision = source.precision(precision);
        // SAFETY: what the caller promises.
        let weights = unsafe {
            Self::with(cell, hidden, source, |source, columns, vectors| {
                Right::Packed(match vectors {
                    4 => source.pack::<4>(precision, hidden, columns),
                    3 => source.pack::<3>(precision, hidden, columns),
                    _ => source.pack::<2>(precision, hidden, columns),
                })
            })
        };
        Self {
            precision,
            ..weights
        }
    }

    fn is_packed(&self) -> bool {
        matches!(self.first, Right::Packed(_))
    }

    /// `right` makes a right matrix of columns that panels of so many vectors take.
    ///
    /// # Safety
    /// The source has as many rows and columns as weights of this cell and size.
    unsafe fn with(
        cell: Cell,
        units: usize,
        source: Source,
        right: impl Fn(Source, Columns, usize) -> Right,
    ) -> Self {
        let (blocks, flat) = (Columns::Blocks { units }, Columns::Flat { count: units });
        let first = match cell {
            Cell::Lstm => right(source, blocks, 4),
            Cell::Gru { reset_after: true } => right(source, blocks, 3),
            Cell::Gru { reset_after: false } => right(source, blocks, 2),
            Cell::Rnn => right(source, flat, 2),
        };
        let second = (cell == Cell::Gru { reset_after: false }).then(|| {
            // SAFETY: the weights have three blocks of `units` columns.
            let candidate = unsafe { source.skip(2 * units) };
            right(candidate, flat, 2)
        });
        Self {
            first,
            second,
            precision: Precision::Single,
        }
    }
}

/// A right matrix, packed or, if it is read only a few times, where it lies.
enum Right {
    Packed(Packed),
    Streamed(Source, Columns),
}

/// Rows, over all steps, that are worth packing the weights for.
const WORTH_PACKING: usize = 8;

/// The same for a single sequence: a row alone is hardly faster with packed weights.
const WORTH_PACKING_FOR_ONE: usize = 32;

impl Right {
    fn multiply<const NV: usize>(
        &self,
        rows: &[u32],
        depth: usize,
        shared_states: Option<&SharedStates>,
        epilogue: impl Epilogue<NV> + Sync,
    ) {
        match (self, shared_states) {
            _ if rows.is_empty() => {}
            (Self::Packed(right), Some(shared_states)) => {
                shared_states.multiply(rows, depth, right, &epilogue);
            }
            (Self::Packed(right), None) => dispatch(RowsProduct {
                rows,
                depth,
                left_step: 1,
                right,
                epilogue,
            }),
            // SAFETY: `RecurrentWeights::with` was promised these rows and columns.
            (&Self::Streamed(right, columns), _) => unsafe {
                right.stream(rows, depth, columns, epilogue);
            },
        }
    }
}

/// Memory for what the pass writes: results, and scratch in place of those that nobody asked for.
struct Results {
    output: Fresh,
    hidden: Fresh,
    cells: Fresh,
    activations: Fresh,
    scratch: [Option<Scratch>; 3],
}

impl Results {
    fn new(p: &Problem<f32>, layout: Layout, keep: bool) -> Self {
        let (state, sequence) = (p.batch * p.hidden, p.time * p.batch * p.hidden);
        let is_lstm = p.cell == Cell::Lstm;
        let in_output = layout != Layout::FinalState;
        let has_gates = p.cell != Cell::Rnn;
        let only = |needed: bool, len: usize| if needed { len } else { 0 };
        let scratch = |needed: bool, len: usize| needed.then(|| Scratch::new(len));
        Self {
            output: Fresh::new(layout.steps(p.cell, p.time) * state),
            hidden: Fresh::new(only(keep && !in_output, sequence)),
            cells: Fresh::new(only(keep && is_lstm, sequence)),
            activations: Fresh::new(only(keep && has_gates, 4 * sequence)),
            scratch: [
                scratch(!keep && !in_output, 2 * state),
                scratch(!keep && is_lstm, 2 * state),
                scratch(
                    !keep && p.cell == Cell::Gru { reset_after: false },
                    4 * state,
                ),
            ],
        }
    }

    fn places(&mut self, p: &Problem<f32>, layout: Layout) -> Places {
        let state = p.batch * p.hidden;
        let [hidden, cells, gates] = &mut self.scratch;
        let in_output = layout != Layout::FinalState;
        let kept = if in_output {
            &mut self.output
        } else {
            &mut self.hidden
        };
        let hidden = Slots::new(hidden, kept, state);
        let cells = Slots::new(cells, &mut self.cells, state);
        let steps = if in_output { p.time } else { 0 };
        // SAFETY: the final state, if any, stands after the sequence, if any, in the output.
        let last = unsafe { Shared(self.output.pointer().at(steps * state)) };
        Places {
            hidden,
            cells,
            gates: match gates {
                Some(scratch) => Gate::Reused(Shared(scratch.pointer())),
                None if self.activations.is_empty() => Gate::Dropped,
                None => Gate::Kept(self.activations.pointer()),
            },
            last: (layout != Layout::Sequence).then_some(last),
        }
    }

    /// # Safety
    /// Everything has been written.
    unsafe fn finish(self) -> (Vec<f32>, Saved<f32>) {
        // SAFETY: what the caller promises.
        unsafe {
            let saved = Saved {
                activations: self.activations.finish(),
                cells: self.cells.finish(),
                hidden: self.hidden.finish(),
            };
            (self.output.finish(), saved)
        }
    }
}

/// Where the pass writes.
struct Places {
    hidden: Slots,
    cells: Slots,
    gates: Gate,
    /// The final state, if it is asked for.
    last: Option<Shared>,
}

/// What becomes of the gates.
#[derive(Clone, Copy)]
enum Gate {
    Dropped,
    /// `[batch, 4 * hidden]`, the same for every step.
    Reused(Shared),
    /// `[time, batch, 4 * hidden]`.
    Kept(Shared),
}

/// States `[batch, hidden]`: one a step, or two in turn.
#[derive(Clone, Copy)]
struct Slots {
    first: Shared,
    in_turn: bool,
    state: usize,
}

impl Slots {
    fn new(in_turn: &mut Option<Scratch>, kept: &mut Fresh, state: usize) -> Self {
        Self {
            first: in_turn
                .as_mut()
                .map_or_else(|| kept.pointer(), |s| Shared(s.pointer())),
            in_turn: in_turn.is_some(),
            state,
        }
    }

    /// The state after a turn, which is the step `step`.
    fn at(self, turn: usize, step: usize) -> Shared {
        let slot = if self.in_turn { turn % 2 } else { step };
        // SAFETY: there is a slot a step, or two; without any, the pointer is never used.
        Shared(self.first.0.wrapping_add(slot * self.state))
    }
}

/// The pass over the steps.
struct ForwardPass<'a> {
    problem: &'a Problem<'a, f32>,
    initial: &'a [f32],
    weights: &'a RecurrentWeights,
    prefixes: SharedPrefixes,
    masked: Shared,
    /// Left rows in the precision of the weights.
    rounded: RoundedRows,
    places: Places,
}

impl ForwardPass<'_> {
    /// All steps of some sequences.
    fn run(&self, rows: Range<usize>) {
        let (p, state) = (self.problem, self.problem.batch * self.problem.hidden);
        let schedule = Schedule::new(p, rows.clone());
        let cells = if p.cell == Cell::Lstm {
            &self.initial[state..]
        } else {
            &[]
        };
        let mut before = [self.initial.as_ptr(), cells.as_ptr()];
        for (index, turn) in schedule.turns.iter().enumerate() {
            let after = [
                self.places.hidden.at(index, turn.step),
                self.places.cells.at(index, turn.step),
            ];
            self.keep(&schedule, turn, before, after);
            let shared_states = self.shared_states(schedule.running(turn), index);
            self.step(&schedule, turn, shared_states.as_ref(), before, after);
            before = after.map(|state| state.0.cast_const());
        }
        if let Some(last) = self.places.last {
            for (index, &from) in before[..p.cell.states()].iter().enumerate() {
                // SAFETY: each thread copies the rows that it wrote.
                unsafe { copy_rows(p, rows.clone(), from, last.at(index * state)) };
            }
        }
    }

    /// Rows that go on from the same state: those that began alike, and in a search, which keeps
    /// nothing for a backward pass, those that are handed the same one.
    fn shared_states(&self, rows: &[u32], turn: usize) -> Option<SharedStates> {
        let p = self.problem;
        if turn > 0 {
            return self.prefixes.among(rows, turn).map(SharedStates);
        }
        let searches = !matches!(self.places.gates, Gate::Kept(_)) && p.mask.is_none();
        let state = p.initial.filter(|_| searches && self.weights.is_packed())?;
        SharedStates::new(rows, &state[..p.batch * p.hidden], p.hidden)
    }

    /// Sequences that have ended keep their state; their gates are never read.
    fn keep(&self, schedule: &Schedule, turn: &Turn, before: [*const f32; 2], after: [Shared; 2]) {
        let p = self.problem;
        for &row in schedule.ended(turn) {
            let row = row as usize;
            for index in 0..p.cell.states() {
                // SAFETY: states have a row a sequence, each of which belongs to one thread.
                unsafe { copy_rows(p, row..row + 1, before[index], after[index].0) };
            }
            if let Gate::Kept(gates) = self.places.gates {
                let at = (turn.step * p.batch + row) * 4 * p.hidden;
                // SAFETY: as above.
                unsafe { gates.at(at).write_bytes(0, 4 * p.hidden) };
            }
        }
    }

    fn step(
        &self,
        schedule: &Schedule,
        turn: &Turn,
        shared_states: Option<&SharedStates>,
        before: [*const f32; 2],
        after: [Shared; 2],
    ) {
        let p = self.problem;
        let running = schedule.running(turn);
        let read = self.masked(running, before[0]);
        let left = LeftRows {
            first: read,
            step: p.hidden,
        };
        let multiplied = shared_states.map_or(running, |shared| &shared.0.first);
        let step = ForwardStep {
            hidden: p.hidden,
            input: InputRows::new(p, turn.step),
            bias: p.bias.as_ptr(),
            read,
            left: self.rounded(left, multiplied),
            before,
            after,
            gates: self.gates(turn),
        };
        self.cell(step, running, true, shared_states);
        // The product of zeros is left out; h need not be masked for it either.
        let read = before[0];
        self.cell(
            ForwardStep { read, ..step },
            schedule.fresh(turn),
            false,
            None,
        );
    }

    /// Rows of `hidden` numbers, as the products read them.
    fn rounded(&self, left: LeftRows, rows: &[u32]) -> LeftRows {
        let (precision, hidden) = (self.weights.precision, self.problem.hidden);
        // SAFETY: the rows are those of states or gates; there is room for the words of each, which belongs
        // to one thread.
        unsafe { left.in_precision(precision, rows, hidden, self.rounded) }
    }

    fn gates(&self, turn: &Turn) -> Shared {
        let p = self.problem;
        match self.places.gates {
            Gate::Dropped => Shared(std::ptr::null_mut()),
            Gate::Reused(gates) => gates,
            // SAFETY: there are gates for every step.
            Gate::Kept(gates) => Shared(unsafe { gates.at(turn.step * p.batch * 4 * p.hidden) }),
        }
    }

    /// h as the product reads it.
    fn masked(&self, rows: &[u32], h: *const f32) -> *const f32 {
        let Some(mask) = self.problem.mask else {
            return h;
        };
        let n = self.problem.hidden;
        for &row in rows {
            let first = row as usize * n;
            for (k, &factor) in mask[first..][..n].iter().enumerate() {
                let at = first + k;
                // SAFETY: h and the scratch for its product with the mask have a row a sequence,
                // each of which belongs to one thread.
                unsafe { *self.masked.at(at) = *h.add(at) * factor };
            }
        }
        self.masked.0
    }

    fn cell(
        &self,
        step: ForwardStep,
        rows: &[u32],
        multiplies: bool,
        shared_states: Option<&SharedStates>,
    ) {
        let (first, n) = (&self.weights.first, self.problem.hidden);
        let depth = if multiplies {
            self.weights.precision.words(n)
        } else {
            0
        };
        match (self.problem.cell, &self.weights.second) {
            (Cell::Lstm, _) => first.multiply(rows, depth, shared_states, Lstm(step)),
            (Cell::Rnn, _) => first.multiply(rows, depth, shared_states, Rnn(step)),
            (Cell::Gru { .. }, None) => {
                first.multiply(rows, depth, shared_states, ResetAfter(step))
            }
            (Cell::Gru { .. }, Some(second)) => {
                first.multiply(rows, depth, shared_states, Gates(step));
                // What the candidate multiplies has the reset gate in it, which no two share.
                let reset = LeftRows {
                    first: step.gates.0.wrapping_add(3 * n),
                    step: 4 * n,
                };
                let left = match multiplies {
                    true => self.rounded(reset, rows),
                    false => reset,
                };
                second.multiply(rows, depth, None, Candidate(ForwardStep { left, ..step }));
            }
        }
    }
}

/// Copies rows of one state `[batch, hidden]` to another.
///
/// # Safety
/// Both have these rows, and nobody else uses those written.
unsafe fn copy_rows(p: &Problem<f32>, rows: Range<usize>, from: *const f32, to: *mut f32) {
    let (at, len) = (rows.start * p.hidden, rows.len() * p.hidden);
    // SAFETY: what the caller promises.
    unsafe { std::ptr::copy_nonoverlapping(from.add(at), to.add(at), len) };
}
