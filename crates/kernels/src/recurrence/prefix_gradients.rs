//! The gradient of a shared state: the sum of those of the sequences that share it.

use std::ops::Range;

use super::row_sums::{RowSums, Rows, Target};
use super::shared_prefixes::Groups;
use super::step::BackwardStep;
use crate::memory::Shared;
use crate::problem::Problem;
use crate::simd::dispatch;

/// Some groups of sequences; those of a group share a state.
pub(crate) struct PrefixGradients<'a> {
    /// The first row of each group, where sums are put.
    pub first: &'a [u32],
    /// For each row of the batch the first one of its group.
    first_rows: Vec<i32>,
    /// Rows of these groups.
    rows: Vec<u32>,
    /// Those of them that stand for themselves or others after the turn.
    own: Vec<u32>,
    hidden: usize,
    width: usize,
}

impl<'a> PrefixGradients<'a> {
    /// A range of groups; `later` are those after the turn, if states are shared then, too.
    pub fn new(
        p: &Problem<f32>,
        groups: &'a Groups,
        later: Option<&Groups>,
        range: Range<usize>,
    ) -> Self {
        let is_here = |row: &u32| range.contains(&(groups.group[*row as usize] as usize));
        let rows: Vec<u32> = (0..p.batch as u32).filter(is_here).collect();
        let leads = |row: &&u32| later.is_none_or(|later| later.first_row(**row) == **row);
        Self {
            first: &groups.first[range.clone()],
            first_rows: (0..p.batch as u32)
                .map(|row| groups.first_row(row) as i32)
                .collect(),
            own: rows.iter().filter(leads).copied().collect(),
            rows,
            hidden: p.hidden,
            width: p.width(),
        }
    }

    /// Adds up the gradients of the recurrent product, and those that reach the state in other ways.
    pub fn gradients(&self, turn: &BackwardStep, summed: &BackwardStep) {
        for &row in self.first {
            // SAFETY: the gradients have such a row, which belongs to this thread.
            unsafe {
                let sum = summed.d_product.at(row as usize * self.width);
                sum.write_bytes(0, self.width);
            }
        }
        self.add(&self.own, turn.d_product, summed.d_product, self.width);
        let state = turn.d_state[1];
        self.add(&self.others(&self.own), state, state, self.hidden);
    }

    /// Adds the gradients of the outputs that the same state is.
    pub fn outputs(&self, last: &BackwardStep) {
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

    /// Rows that are not the first of their group.
    fn others(&self, rows: &[u32]) -> Vec<u32> {
        let follows = |row: &&u32| self.first_rows[**row as usize] != **row as i32;
        rows.iter().filter(follows).copied().collect()
    }

    /// Adds rows to the first one of their group.
    fn add(&self, rows: &[u32], from: Shared, to: Shared, width: usize) {
        dispatch(RowSums {
            from,
            rows: Rows::Listed(rows),
            to: Target::Rows(to, &self.first_rows),
            width,
            columns: 0..width,
        });
    }
}
