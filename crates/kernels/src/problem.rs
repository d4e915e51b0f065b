//! What is to be computed: cell, sizes, weights, input, lengths.

use crate::precision::Precision;

/// Kind of recurrent cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Long short-term memory (Hochreiter and Schmidhuber 1997); gates i, f, g, o as in Keras.
    Lstm,
    /// Gated recurrent unit (Cho et al. 2014); gates z, r, h as in Keras.
    Gru {
        /// Reset the product with the last state, as Keras does, rather than the state itself.
        reset_after: bool,
    },
    /// Simple recurrence (Elman 1990): the hyperbolic tangent of the pre-activation.
    Rnn,
}

impl Cell {
    /// Blocks of units in weights and pre-activations.
    pub const fn gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru { .. } => 3,
            Self::Rnn => 1,
        }
    }

    /// States that are handed on: (h, c) or h.
    pub const fn states(self) -> usize {
        match self {
            Self::Lstm => 2,
            Self::Gru { .. } | Self::Rnn => 1,
        }
    }

    /// Length of the bias; the GRU that resets after the product has one for the input and one
    /// for the recurrent product, one after the other.
    pub const fn bias_len(self, hidden: usize) -> usize {
        match self {
            Self::Lstm => 4 * hidden,
            Self::Gru { reset_after: false } => 3 * hidden,
            Self::Gru { reset_after: true } => 6 * hidden,
            Self::Rnn => hidden,
        }
    }
}

/// Order in which the steps are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the first step.
    Forward,
    /// From the last step of each sequence.
    Reverse,
}

impl Direction {
    /// The step that is read at a turn, of `time` steps.
    pub(crate) const fn step(self, turn: usize, time: usize) -> usize {
        match self {
            Self::Forward => turn,
            Self::Reverse => time - 1 - turn,
        }
    }
}

/// What is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Every h, `[time, batch, hidden]`.
    Sequence,
    /// The final state, `[states, batch, hidden]`: h, then c.
    FinalState,
    /// Both, `[time + states, batch, hidden]`.
    Both,
}

impl Layout {
    /// Blocks of `[batch, hidden]` that are returned.
    pub const fn steps(self, cell: Cell, time: usize) -> usize {
        match self {
            Self::Sequence => time,
            Self::FinalState => cell.states(),
            Self::Both => time + cell.states(),
        }
    }
}

/// Input of the recurrence, multiplied by the input weights already, without bias.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a, T> {
    /// `[time, batch, gates * hidden]`.
    Dense(&'a [T]),
    /// A table of which each step of each sequence takes a row.
    Gather {
        /// `[rows, gates * hidden]`.
        table: &'a [T],
        /// Rows, `[time, batch]`.
        ids: &'a [i32],
    },
}

/// A recurrence over a batch of sequences.
#[derive(Clone, Copy, Debug)]
pub struct Problem<'a, T> {
    /// Kind of cell.
    pub cell: Cell,
    /// Order of the steps.
    pub direction: Direction,
    /// Steps.
    pub time: usize,
    /// Sequences.
    pub batch: usize,
    /// Units.
    pub hidden: usize,
    /// Length of each sequence, at most `time`; past it a sequence keeps its state.
    pub lengths: Option<&'a [usize]>,
    /// Input.
    pub input: Input<'a, T>,
    /// Recurrent weights `[hidden, gates * hidden]`.
    pub recurrent: &'a [T],
    /// Bias, see [`Cell::bias_len`].
    pub bias: &'a [T],
    /// Initial state `[states, batch, hidden]`; zero without it.
    pub initial: Option<&'a [T]>,
    /// Variational dropout `[batch, hidden]` of h where it enters the recurrent product (Gal and
    /// Ghahramani 2016).
    pub mask: Option<&'a [T]>,
    /// How products read their operands. Double precision is exact in any case, as are, in single precision,
    /// the products of fewer than eight rows over all steps.
    pub precision: Precision,
}

/// What the backward pass needs of the forward pass.
#[derive(Clone, Debug)]
pub struct Saved<T> {
    /// Gates `[time, batch, 4 * hidden]`; of a GRU the fourth block is what the candidate's product
    /// gave or read. Empty for a simple RNN.
    pub activations: Vec<T>,
    /// Cell states of an LSTM, `[time, batch, hidden]`.
    pub cells: Vec<T>,
    /// Hidden states `[time, batch, hidden]`, unless the output has them.
    pub hidden: Vec<T>,
}

impl<T> Saved<T> {
    /// The same by reference.
    pub fn as_ref(&self) -> SavedRef<'_, T> {
        SavedRef {
            activations: &self.activations,
            cells: &self.cells,
            hidden: &self.hidden,
        }
    }
}

/// [`Saved`] by reference.
#[derive(Clone, Copy, Debug)]
pub struct SavedRef<'a, T> {
    /// See [`Saved::activations`].
    pub activations: &'a [T],
    /// See [`Saved::cells`].
    pub cells: &'a [T],
    /// See [`Saved::hidden`].
    pub hidden: &'a [T],
}

/// Gradients of everything that a recurrence reads.
#[derive(Clone, Debug)]
pub struct Gradients<T> {
    /// Of the input: `[time, batch, gates * hidden]`, or of the table `[rows, gates * hidden]`.
    pub input: Vec<T>,
    /// Of the recurrent weights `[hidden, gates * hidden]`.
    pub recurrent: Vec<T>,
    /// Of the bias.
    pub bias: Vec<T>,
    /// Of the initial state `[states, batch, hidden]`; zeros if the problem has none.
    pub initial: Vec<T>,
}
