//! Which sequences take part in which step.

use std::ops::Range;

use crate::problem::{Direction, Problem};

/// The steps of some sequences in the order in which they are read.
pub(crate) struct Schedule {
    pub turns: Vec<Turn>,
    rows: Vec<u32>,
}

/// One step, and where the lists of its sequences stand: fresh, running, ended.
pub(crate) struct Turn {
    /// Step in the order of the data.
    pub step: usize,
    lists: Range<usize>,
    running: Range<usize>,
}

impl Schedule {
    /// The schedule of the sequences `rows` of a batch.
    pub fn new<T>(problem: &Problem<T>, rows: Range<usize>) -> Self {
        let mut schedule = Self {
            turns: Vec::with_capacity(problem.time),
            rows: Vec::new(),
        };
        for turn in 0..problem.time {
            let step = problem.direction.step(turn, problem.time);
            match problem.lengths {
                Some(lengths) => schedule.push(problem, step, lengths, rows.clone()),
                None => schedule.push_full(problem.initial.is_none(), step, rows.clone()),
            }
        }
        schedule
    }

    /// A step in which every sequence takes part; all such steps share one list.
    fn push_full(&mut self, from_zero: bool, step: usize, rows: Range<usize>) {
        let count = rows.len();
        if self.rows.is_empty() {
            self.rows.extend(rows.map(|row| row as u32));
        }
        let first = self.turns.is_empty() && from_zero;
        self.turns.push(Turn {
            step,
            lists: 0..count,
            running: if first { count..count } else { 0..count },
        });
    }

    fn push<T>(&mut self, p: &Problem<T>, step: usize, lengths: &[usize], rows: Range<usize>) {
        let start = self.rows.len();
        let is_first = |row: usize| match p.direction {
            Direction::Forward => step == 0,
            Direction::Reverse => step + 1 == lengths[row],
        };
        let is_fresh = |row: usize| p.initial.is_none() && is_first(row);
        let active = |row: &usize| step < lengths[*row];
        let mut list = |chosen: &dyn Fn(&usize) -> bool| {
            self.rows
                .extend(rows.clone().filter(chosen).map(|row| row as u32));
            self.rows.len()
        };
        let fresh_end = list(&|row| active(row) && is_fresh(*row));
        let running_end = list(&|row| active(row) && !is_fresh(*row));
        let end = list(&|row| !active(row));
        self.turns.push(Turn {
            step,
            lists: start..end,
            running: fresh_end..running_end,
        });
    }

    /// Sequences that start at this turn from a state of zeros, so that nothing is to be multiplied.
    pub fn fresh(&self, turn: &Turn) -> &[u32] {
        &self.rows[turn.lists.start..turn.running.start]
    }

    /// The other sequences that take part.
    pub fn running(&self, turn: &Turn) -> &[u32] {
        &self.rows[turn.running.clone()]
    }

    /// Sequences that take part.
    pub fn active(&self, turn: &Turn) -> &[u32] {
        &self.rows[turn.lists.start..turn.running.end]
    }

    /// Sequences whose end lies before the step: they keep their state.
    pub fn ended(&self, turn: &Turn) -> &[u32] {
        &self.rows[turn.running.end..turn.lists.end]
    }
}
