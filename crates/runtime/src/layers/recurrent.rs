//! A recurrent layer in one direction: LSTM, GRU or simple recurrence, over any lengths.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rnn_kernels::{
    Cell, Direction, Input, Layout, PackedWeights, Precision, Problem, infer_packed, infer_stored,
};

use super::{Embedding, Matrix, Padded, Parameters, Rows, WeightError, sigmoid};

/// Sequences that are worth packing the recurrent weights for; fewer read them where they lie.
const WORTH_PACKING: usize = 8;

/// Symbols of the largest table that is multiplied whole: one of characters, not of words.
const FEW_SYMBOLS: usize = 512;

/// Weights of one layer, with Keras's names, shapes and order of gates.
#[derive(Debug)]
pub struct Recurrent {
    cell: Cell,
    units: usize,
    /// Input weights `[input, gates * units]`.
    kernel: Matrix,
    /// Recurrent weights `[units, gates * units]`.
    recurrent_kernel: Matrix,
    bias: Vec<f32>,
    packed: OnceLock<PackedWeights>,
    inputs: InputTable,
}

/// What the input weights make of each symbol, `[symbols, gates * units]`, once it pays.
#[derive(Debug, Default)]
struct InputTable {
    table: OnceLock<Rows>,
    /// Symbols that were multiplied one by one so far.
    looked_up: AtomicUsize,
}

/// Gates of one LSTM step (Hochreiter and Schmidhuber 1997, Gers et al. 2000), each `[batch, units]`.
#[derive(Clone, Debug)]
pub struct LstmGates {
    /// Share of the candidate that enters the cell, from 0 to 1.
    pub input: Rows,
    /// Share of the old cell that is kept, from 0 to 1.
    pub forget: Rows,
    /// What may enter the cell, from -1 to 1.
    pub candidate: Rows,
    /// Share of the cell that is shown as h, from 0 to 1.
    pub output: Rows,
}

/// What a layer reads.
#[derive(Clone, Debug)]
pub enum LayerInput<'a> {
    /// Symbols, and the vectors that stand for them; without vectors each symbol is its own input
    /// (one-hot).
    Symbols(Option<&'a Embedding>, &'a [i32]),
    /// Vectors `[time * batch, input]`.
    Vectors(&'a Rows),
    /// What the input weights have made of them already, `[time * batch, gates * units]`.
    Projected(&'a Rows),
}

/// How a layer is run.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Sequences.
    pub batch: usize,
    /// First state `[states * batch, units]`, zero if left out: (h, c) of an LSTM, h of others.
    pub initial: Option<&'a Rows>,
    /// Length of each sequence; past its length a sequence keeps its state.
    pub lengths: Option<&'a [usize]>,
    /// Order in which the steps are read.
    pub direction: Direction,
    /// What is returned.
    pub layout: Layout,
}

impl<'a> Run<'a> {
    /// One step from a state; what is returned is the next one.
    pub fn step(batch: usize, initial: Option<&'a Rows>) -> Self {
        Self {
            batch,
            initial,
            lengths: None,
            direction: Direction::Forward,
            layout: Layout::FinalState,
        }
    }

    /// A whole batch of sequences from zero.
    pub fn sequences(source: &'a Padded, direction: Direction, layout: Layout) -> Self {
        Self {
            batch: source.batch(),
            initial: None,
            lengths: source.ragged(),
            direction,
            layout,
        }
    }
}

impl Recurrent {
    /// The layer, from stored weights.
    ///
    /// # Errors
    /// If they do not fit.
    pub fn new(
        cell: Cell,
        input: usize,
        units: usize,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let gates = cell.gates() * units;
        Ok(Self {
            cell,
            units,
            kernel: params.matrix("kernel", [input, gates])?,
            recurrent_kernel: params.matrix("recurrent_kernel", [units, gates])?,
            bias: params.vector("bias", cell.bias_len(units))?,
            packed: OnceLock::new(),
            inputs: InputTable::default(),
        })
    }

    /// Kind of cell.
    pub fn cell(&self) -> Cell {
        self.cell
    }

    /// Units.
    pub fn units(&self) -> usize {
        self.units
    }

    /// Runs the layer over whole sequences or one step.
    ///
    /// Returns every h `[time * batch, units]`, the final state `[states * batch, units]`, or both
    /// one after the other, as `run.layout` says.
    pub fn forward(&self, input: &LayerInput, run: Run) -> Rows {
        let table = match *input {
            LayerInput::Symbols(vectors, ids) => self.table(vectors, ids.len()).zip(Some(ids)),
            LayerInput::Vectors(_) | LayerInput::Projected(_) => None,
        };
        if let Some((table, ids)) = table {
            return self.recur(Input::Gather { table, ids }, run);
        }
        match *input {
            LayerInput::Projected(projected) => self.recur(Input::Dense(&projected.values), run),
            _ => self.recur(Input::Dense(&self.projected(input).values), run),
        }
    }

    /// What the input weights make of the input, `[time * batch, gates * units]`.
    pub fn projected(&self, input: &LayerInput) -> Rows {
        match *input {
            LayerInput::Symbols(None, ids) => self.kernel.look_up(ids),
            LayerInput::Symbols(Some(vectors), ids) => self.kernel.product(&vectors.look_up(ids)),
            LayerInput::Vectors(vectors) => self.kernel.product(vectors),
            LayerInput::Projected(projected) => projected.clone(),
        }
    }

    /// Gates and candidate of one LSTM step, for input rows and the state `[2 * batch, units]` before it;
    /// none for other cells.
    pub fn lstm_gates(&self, input: &LayerInput, state: &Rows) -> Option<LstmGates> {
        if self.cell != Cell::Lstm {
            return None;
        }
        let batch = state.count() / self.cell.states();
        let mut sums = self.projected(input);
        sums.add(&self.recurrent_kernel.product(&state.range(0..batch)));
        sums.add_to_each(&self.bias);
        let gate = |place: usize, activation: fn(f32) -> f32| {
            let part = |row: &[f32]| row[place * self.units..(place + 1) * self.units].to_vec();
            let sums = sums.iter().flat_map(part);
            Rows::new(self.units, sums.map(activation).collect())
        };
        Some(LstmGates {
            input: gate(0, sigmoid),
            forget: gate(1, sigmoid),
            candidate: gate(2, f32::tanh),
            output: gate(3, sigmoid),
        })
    }

    /// The table of all symbols `[symbols, gates * units]`, if it is there or now worth making: once as many
    /// symbols have been multiplied as it has. Its rows are those that single symbols give, to the last bit.
    fn table(&self, vectors: Option<&Embedding>, read: usize) -> Option<&[f32]> {
        if vectors.is_none() && self.kernel.values().is_some() {
            return self.kernel.values();
        }
        if let Some(table) = self.inputs.table.get() {
            return Some(&table.values);
        }
        let so_far = self.inputs.looked_up.fetch_add(read, Ordering::Relaxed);
        let symbols = vectors.map_or(self.kernel.inner(), Embedding::symbols);
        if symbols > FEW_SYMBOLS || so_far + read < symbols {
            return None;
        }
        let multiply = || match vectors {
            Some(vectors) => self.kernel.product(&vectors.rows()),
            None => self.kernel.rows(),
        };
        Some(&self.inputs.table.get_or_init(multiply).values)
    }

    fn recur(&self, input: Input<f32>, run: Run) -> Rows {
        let width = self.cell.gates() * self.units;
        let steps = match input {
            Input::Dense(values) => values.len() / width,
            Input::Gather { ids, .. } => ids.len(),
        };
        let problem = Problem {
            cell: self.cell,
            direction: run.direction,
            time: steps / run.batch,
            batch: run.batch,
            hidden: self.units,
            lengths: run.lengths,
            input,
            // Given below, in the precision that it has.
            recurrent: &[],
            bias: &self.bias,
            initial: run.initial.map(|state| &state.values[..]),
            mask: None,
            precision: Precision::Single,
        };
        let weights = self.recurrent_kernel.stored();
        let output = if run.batch < WORTH_PACKING {
            infer_stored(&problem, run.layout, weights)
        } else {
            let pack = || PackedWeights::stored(self.cell, self.units, weights);
            infer_packed(&problem, run.layout, self.packed.get_or_init(pack))
        };
        Rows::new(self.units, output)
    }
}
