//! What is to be computed: cell, sizes, weights, input, lengths.

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
}

impl Cell {
    /// Blocks of units in weights and pre-activations.
    pub const fn gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru { .. } => 3,
        }
    }

    /// States that are handed on: (h, c) or h.
    pub const fn states(self) -> usize {
        match self {
            Self::Lstm => 2,
            Self::Gru { .. } => 1,
        }
    }

    /// Length of the bias; the GRU that resets after the product has one for the input and one
    /// for the recurrent product, one after the other.
    pub const fn bias_len(self, hidden: usize) -> usize {
        match self {
            Self::Lstm => 4 * hidden,
            Self::Gru { reset_after: false } => 3 * hidden,
            Self::Gru { reset_after: true } => 6 * hidden,
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
}

/// What the backward pass needs of the forward pass.
#[derive(Clone, Debug)]
pub struct Saved<T> {
    /// Gates.
    pub activations: Vec<T>,
    /// Cell states of an LSTM.
    pub cells: Vec<T>,
    /// Hidden states, unless the output has them.
    pub hidden: Vec<T>,
}

/// [`Saved`] by reference.
#[derive(Clone, Copy, Debug)]
pub struct SavedRef<'a, T> {
    /// Gates.
    pub activations: &'a [T],
    /// Cell states of an LSTM.
    pub cells: &'a [T],
    /// Hidden states, unless the output has them.
    pub hidden: &'a [T],
}

/// Gradients of everything that a recurrence reads.
#[derive(Clone, Debug)]
pub struct Gradients<T> {
    /// Of the input: `[time, batch, gates * hidden]`, or of the table `[rows, gates * hidden]`.
    pub input: Vec<T>,
    /// Of the recurrent weights.
    pub recurrent: Vec<T>,
    /// Of the bias.
    pub bias: Vec<T>,
    /// Of the initial state `[states, batch, hidden]`.
    pub initial: Vec<T>,
}

impl<T> Problem<'_, T> {
    /// Columns of weights and pre-activations.
    pub(crate) fn width(&self) -> usize {
        self.cell.gates() * self.hidden
    }

    /// Whether a sequence still runs at a step.
    pub(crate) fn runs(&self, row: usize, step: usize) -> bool {
        self.lengths.is_none_or(|lengths| step < lengths[row])
    }

    /// The steps in the order in which they are read.
    pub(crate) fn order(&self) -> Vec<usize> {
        match self.direction {
            Direction::Forward => (0..self.time).collect(),
            Direction::Reverse => (0..self.time).rev().collect(),
        }
    }

    /// Refuses slices of the wrong length, once a call.
    pub(crate) fn check(&self) {
        let (state, steps) = (self.batch * self.hidden, self.time * self.batch);
        let equal = |name: &str, found: usize, expected: usize| {
            assert!(
                found == expected,
                "{name} has {found} elements, but the sizes ask for {expected}"
            );
        };
        assert!(
            self.hidden > 0 && self.batch > 0,
            "hidden and batch must be at least 1"
        );
        equal(
            "the recurrent weights",
            self.recurrent.len(),
            self.hidden * self.width(),
        );
        equal("the bias", self.bias.len(), self.cell.bias_len(self.hidden));
        if let Some(initial) = self.initial {
            equal(
                "the initial state",
                initial.len(),
                self.cell.states() * state,
            );
        }
        if let Some(mask) = self.mask {
            equal("the mask", mask.len(), state);
        }
        if let Some(lengths) = self.lengths {
            equal("the lengths", lengths.len(), self.batch);
            let longest = lengths.iter().copied().max().unwrap_or(0);
            assert!(
                longest <= self.time,
                "a length of {longest} exceeds the {} steps",
                self.time
            );
        }
        match self.input {
            Input::Dense(input) => equal("the input", input.len(), steps * self.width()),
            Input::Gather { table, ids } => {
                equal("the ids", ids.len(), steps);
                let rows = table.len() / self.width();
                equal("the table", table.len(), rows * self.width());
                let inside = ids
                    .iter()
                    .all(|&id| usize::try_from(id).is_ok_and(|id| id < rows));
                assert!(inside, "an id lies outside the table of {rows} rows");
            }
        }
    }
}
