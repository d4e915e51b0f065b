//! Sums of rows.

use std::ops::Range;

use crate::memory::Shared;
use crate::simd::{Kernel, Simd, spans};

/// Rows of a matrix.
#[derive(Clone, Copy)]
pub(crate) enum Rows<'a> {
    First(usize),
    Listed(&'a [u32]),
}

/// What rows are added to.
#[derive(Clone, Copy)]
pub(crate) enum Target<'a> {
    /// One row for all.
    Same(Shared),
    /// The row that the id of the row names.
    Rows(Shared, &'a [i32]),
}

/// Adds rows of a matrix to other rows, in a range of columns.
pub(crate) struct RowSums<'a> {
    pub from: Shared,
    pub rows: Rows<'a>,
    pub to: Target<'a>,
    /// Columns of both.
    pub width: usize,
    pub columns: Range<usize>,
}

impl Kernel for RowSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        match self.rows {
            Rows::First(count) => {
                for row in 0..count {
                    self.add(simd, row);
                }
            }
            Rows::Listed(rows) => {
                for &row in rows {
                    self.add(simd, row as usize);
                }
            }
        }
    }
}

impl RowSums<'_> {
    #[inline(always)]
    fn add<S: Simd>(&self, simd: S, row: usize) {
        let start = self.columns.start;
        // SAFETY: rows and columns are those of the matrices, ids were checked against the table,
        // and each column belongs to one thread.
        unsafe {
            let from = self.from.at(row * self.width + start);
            let to = match self.to {
                Target::Same(to) => to.at(start),
                Target::Rows(to, ids) => to.at(ids[row] as usize * self.width + start),
            };
            for span in spans(simd, self.columns.len()) {
                let sum = simd.add(simd.read(to, span), simd.read(from, span));
                simd.write(to, span, sum);
            }
        }
    }
}
