//! Refusing slices of the wrong length, once a call.

use crate::problem::{Cell, Input, Layout, Problem, SavedRef};

/// Panics unless `found` is `expected`.
pub(crate) fn equal(name: &str, found: usize, expected: usize) {
    assert!(
        found == expected,
        "{name}: {found} elements, but the sizes ask for {expected}"
    );
}

/// Panics unless so many elements are whole rows of `columns`.
pub(crate) fn whole_rows(name: &str, found: usize, columns: usize) {
    assert!(
        columns > 0 && found.is_multiple_of(columns),
        "{found} {name} are no rows of {columns}"
    );
}

/// Panics unless so many rows can be numbered with 32 bits, as lists of rows are.
pub(crate) fn countable(name: &str, count: usize) {
    assert!(
        u32::try_from(count).is_ok(),
        "{count} {name} are more than {}",
        u32::MAX
    );
}

/// The product of sizes.
pub(crate) fn product(sizes: &[usize]) -> usize {
    let product = sizes
        .iter()
        .try_fold(1usize, |product, &size| product.checked_mul(size));
    match product {
        Some(product) if product <= isize::MAX as usize / 8 => product,
        _ => panic!("sizes {sizes:?} are more than a computer can hold"),
    }
}

impl<T> Problem<'_, T> {
    /// Columns of weights and pre-activations.
    pub(crate) fn width(&self) -> usize {
        self.cell.gates() * self.hidden
    }

    /// Length of the state, `[states, batch, hidden]`.
    pub(crate) fn states_len(&self) -> usize {
        self.cell.states() * self.batch * self.hidden
    }

    /// Refuses a problem whose parts do not fit together.
    pub(crate) fn check(&self) {
        self.check_all_but_weights();
        equal(
            "the recurrent weights",
            self.recurrent.len(),
            self.hidden * self.width(),
        );
    }

    /// The same without a look at the recurrent weights.
    pub(crate) fn check_all_but_weights(&self) {
        assert!(
            self.hidden > 0 && self.batch > 0,
            "hidden and batch must be at least 1"
        );
        let steps = product(&[self.time, self.batch]);
        assert!(
            u32::try_from(steps).is_ok(),
            "{} steps of {} sequences are more than {}",
            self.time,
            self.batch,
            u32::MAX
        );
        countable("sequences", self.batch);
        let rows = steps.max(self.batch).max(self.hidden);
        product(&[rows, 6, self.hidden]);
        equal("the bias", self.bias.len(), self.cell.bias_len(self.hidden));
        if let Some(initial) = self.initial {
            equal("the initial state", initial.len(), self.states_len());
        }
        if let Some(mask) = self.mask {
            equal("the mask", mask.len(), self.batch * self.hidden);
        }
        self.check_lengths();
        self.check_input(steps);
    }

    fn check_lengths(&self) {
        let Some(lengths) = self.lengths else {
            return;
        };
        equal("the lengths", lengths.len(), self.batch);
        let longest = lengths.iter().copied().max().unwrap_or(0);
        assert!(
            longest <= self.time,
            "a length of {longest} exceeds the {} steps",
            self.time
        );
    }

    fn check_input(&self, steps: usize) {
        let width = self.width();
        match self.input {
            Input::Dense(input) => equal("the input", input.len(), steps * width),
            Input::Gather { table, ids } => {
                equal("the ids", ids.len(), steps);
                let rows = table.len() / width;
                equal("the table", table.len(), rows * width);
                let inside = ids
                    .iter()
                    .all(|&id| usize::try_from(id).is_ok_and(|id| id < rows));
                assert!(inside, "an id lies outside the table of {rows} rows");
            }
        }
    }

    /// Refuses what no forward pass of this problem and layout can have returned.
    pub(crate) fn check_saved(
        &self,
        layout: Layout,
        output: &[T],
        saved: SavedRef<T>,
        d_output: &[T],
    ) {
        let state = self.batch * self.hidden;
        let expected = layout.steps(self.cell, self.time) * state;
        equal("the output", output.len(), expected);
        equal("the output's gradient", d_output.len(), expected);
        let sequence = self.time * state;
        let only = |needed: bool, len: usize| if needed { len } else { 0 };
        let gates = only(self.cell != Cell::Rnn, 4 * sequence);
        equal("the saved gates", saved.activations.len(), gates);
        let cells = only(self.cell == Cell::Lstm, sequence);
        equal("the saved cell states", saved.cells.len(), cells);
        if layout == Layout::FinalState {
            equal("the saved hidden states", saved.hidden.len(), sequence);
        }
    }
}
