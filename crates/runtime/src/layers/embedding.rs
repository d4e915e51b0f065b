//! Vectors that stand for symbols.

use super::{Matrix, Numbers, Rows};
use crate::storage::ScaleAxis;

/// A table of vectors `[symbols, size]`, in the precision in which it is stored.
#[derive(Debug)]
pub struct Embedding {
    symbols: usize,
    size: usize,
    /// Scales are those of rows: of symbols.
    numbers: Numbers,
}

impl Embedding {
    /// A table from its numbers; scales are those of rows.
    pub fn new([symbols, size]: [usize; 2], numbers: Numbers) -> Self {
        Self {
            symbols,
            size,
            numbers,
        }
    }

    /// Symbols.
    pub fn symbols(&self) -> usize {
        self.symbols
    }

    /// The vectors `[ids, size]` of symbols.
    pub fn look_up(&self, ids: &[i32]) -> Rows {
        self.numbers.look_up(ids, self.size, ScaleAxis::Rows)
    }

    /// All vectors.
    pub fn rows(&self) -> Rows {
        self.look_up(&(0..self.symbols as i32).collect::<Vec<_>>())
    }

    /// The matrix `[size, symbols]` by which vectors are compared with those of all symbols.
    pub fn transposed(&self) -> Matrix {
        let shape = [self.symbols, self.size];
        Matrix::new([self.size, self.symbols], self.numbers.transposed(shape))
    }

    /// The matrix `[symbols, size]`, which turns a distribution over symbols into its mean vector.
    pub fn matrix(&self) -> Matrix {
        let numbers = match &self.numbers {
            // A matrix has scales of columns.
            Numbers::Int8 { .. } => Numbers::F32(self.rows().values.into()),
            numbers => numbers.clone(),
        };
        Matrix::new([self.symbols, self.size], numbers)
    }
}
