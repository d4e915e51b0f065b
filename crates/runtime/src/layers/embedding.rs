//! Vectors that stand for symbols.

use std::sync::Arc;

use super::{Matrix, Rows};

/// A table of vectors `[symbols, size]`.
#[derive(Debug)]
pub struct Embedding {
    symbols: usize,
    size: usize,
    values: Arc<[f32]>,
}

impl Embedding {
    /// A table from its numbers, row by row.
    pub fn new([symbols, size]: [usize; 2], values: Arc<[f32]>) -> Self {
        Self {
            symbols,
            size,
            values,
        }
    }

    /// Symbols.
    pub fn symbols(&self) -> usize {
        self.symbols
    }

    /// The vectors `[ids, size]` of symbols.
    pub fn look_up(&self, ids: &[i32]) -> Rows {
        let mut values = Vec::with_capacity(ids.len() * self.size);
        for &id in ids {
            let first = id as usize * self.size;
            values.extend_from_slice(&self.values[first..first + self.size]);
        }
        Rows::new(self.size, values)
    }

    /// All vectors.
    pub fn rows(&self) -> Rows {
        Rows::new(self.size, self.values.to_vec())
    }

    /// The matrix `[size, symbols]` by which vectors are compared with those of all symbols.
    pub fn transposed(&self) -> Matrix {
        Matrix::new([self.symbols, self.size], Arc::clone(&self.values)).transposed()
    }

    /// The matrix `[symbols, size]`, which turns a distribution over symbols into its mean vector.
    pub fn matrix(&self) -> Matrix {
        Matrix::new([self.symbols, self.size], Arc::clone(&self.values))
    }
}
