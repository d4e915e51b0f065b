//! A matrix of weights that rows are multiplied with.

use std::sync::{Arc, OnceLock};

use rnn_kernels::{Order, PackedMatrix, ProductShape, product};

use super::Rows;

/// Rows that are worth packing a matrix for; fewer read it where it lies.
const WORTH_PACKING: usize = 8;

/// Weights `[inner, columns]`.
///
/// The first product of many rows packs them for the kernels, and later ones use that. The result is
/// the same to the last bit either way, and a row's does not depend on the other rows.
#[derive(Debug)]
pub struct Matrix {
    inner: usize,
    columns: usize,
    values: Arc<[f32]>,
    packed: OnceLock<PackedMatrix>,
}

impl Matrix {
    /// A matrix from its numbers, row by row.
    pub fn new([inner, columns]: [usize; 2], values: Arc<[f32]>) -> Self {
        Self {
            inner,
            columns,
            values,
            packed: OnceLock::new(),
        }
    }

    /// The matrix with rows and columns exchanged.
    pub fn transposed(&self) -> Self {
        let (inner, columns) = (self.inner, self.columns);
        let column = |column: usize| (0..inner).map(move |row| row * columns + column);
        let places = (0..columns).flat_map(column);
        let values = places.map(|place| self.values[place]).collect();
        Self::new([columns, inner], values)
    }

    /// Columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The numbers, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Rows `[rows, inner]` times the matrix: `[rows, columns]`.
    pub fn product(&self, rows: &Rows) -> Rows {
        let count = rows.count();
        if count < WORTH_PACKING {
            let shape = ProductShape {
                rows: count,
                inner: self.inner,
                columns: self.columns,
            };
            let (left, right) = (
                (&rows.values[..], Order::Rows),
                (&self.values[..], Order::Rows),
            );
            return Rows::new(self.columns, product(shape, left, right));
        }
        let pack = || PackedMatrix::new(self.inner, self.columns, &self.values);
        let packed = self.packed.get_or_init(pack);
        Rows::new(self.columns, packed.product(&rows.values, count))
    }
}
