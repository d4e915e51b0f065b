//! From the gradients of sequences back to those of a state that they share.

use std::ops::Range;

use super::beginnings::Kinds;
use super::row_sums::{RowSums, Rows, Target};
use super::step::BackStep;
use crate::memory::Shared;
use crate::problem::Problem;
use crate::simd::dispatch;

/// Some kinds of sequences, each of which shares a state.
pub(crate) struct Merge<'a> {
    /// The first row of each kind, where sums are put.
    pub first: &'a [u32],
    /// For each row of the batch the first one of its kind.
    leaders: Vec<i32>,
    /// Rows of these kinds.
    rows: Vec<u32>,
    /// Those of them that stand for themselves or others after the turn.
    own: Vec<u32>,
    hidden: usize,
    width: usize,
}

impl<'a> Merge<'a> {
    /// A range of kinds; `later` are those after the turn, if states are shared then, too.
    pub fn new(
        p: &Problem<f32>,
        kinds: &'a Kinds,
        later: Option<&Kinds>,
        range: Range<usize>,
    ) -> Self {
        let is_here = |row: &u32| range.contains(&(kinds.kind[*row as usize] as usize));
        let rows: Vec<u32> = (0..p.batch as u32).filter(is_here).collect();
        let leads = |row: &&u32| later.is_none_or(|later| later.leader(**row) == **row);
        Self {
            first: &kinds.first[range.clone()],
            leaders: (0..p.batch as u32)
                .map(|row| kinds.leader(row) as i32)
                .collect(),
            own: rows.iter().filter(leads).copied().collect(),
            rows,
            hidden: p.hidden,
            width: p.width(),
        }
    }

    /// Adds up the gradients of the recurrent product, and those that reach the state in other ways.
    pub fn gradients(&self, turn: &BackStep, merged: &BackStep) {
        for &row in self.first {
            // SAFETY: the gradients have such a row, which belongs to this thread.
            unsafe {
                let sum = merged.d_product.at(row as usize * self.width);
                sum.write_bytes(0, self.width);
            }
        }
        self.add(&self.own, turn.d_product, merged.d_product, self.width);
        let state = turn.d_state[1];
        self.add(&self.others(&self.own), state, state, self.hidden);
    }

    /// Adds the gradients of the outputs that the same state is.
    pub fn outputs(&self, last: &BackStep) {
        if !last.d_output.is_null() {
            let outputs = Shared(last.d_output.cast_mut());
            self.add(
                &self.others(&self.rows),
                outputs,
                last.d_state[0],
                self.hidden,
            );
        }
    }

    /// Rows that are not the first of their kind.
    fn others(&self, rows: &[u32]) -> Vec<u32> {
        let follows = |row: &&u32| self.leaders[**row as usize] != **row as i32;
        rows.iter().filter(follows).copied().collect()
    }

    /// Adds rows to the first one of their kind.
    fn add(&self, rows: &[u32], from: Shared, to: Shared, width: usize) {
        dispatch(RowSums {
            from,
            rows: Rows::Listed(rows),
            to: Target::Rows(to, &self.leaders),
            width,
            columns: 0..width,
        });
    }
}
