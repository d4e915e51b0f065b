//! A matrix of weights that rows are multiplied with.

use std::sync::{Arc, OnceLock};

use rnn_kernels::{PackedMatrix, ProductShape, StoredMatrix, from_bf16, stored_product};

use super::Rows;
use crate::storage::ScaleAxis;

/// Rows that are worth packing a matrix for; fewer read it where it lies.
const WORTH_PACKING: usize = 8;

/// Weights `[inner, columns]`, in the precision in which they are stored.
///
/// The first product of many rows packs them for the kernels, and later ones use that. The result is
/// the same to the last bit either way, and a row's does not depend on the other rows.
#[derive(Debug)]
pub struct Matrix {
    inner: usize,
    columns: usize,
    numbers: Numbers,
    packed: OnceLock<PackedMatrix>,
}

/// The numbers of a matrix, row by row. Clones share them.
#[derive(Clone, Debug)]
pub enum Numbers {
    /// Single precision.
    F32(Arc<[f32]>),
    /// bf16.
    Bf16(Arc<[u16]>),
    /// Whole numbers, each times the scale of its column or row.
    Int8 {
        /// The whole numbers.
        values: Arc<[i8]>,
        /// One for each column or row.
        scales: Arc<[f32]>,
    },
}

impl Matrix {
    /// A matrix from its numbers; scales are those of columns.
    pub fn new([inner, columns]: [usize; 2], numbers: Numbers) -> Self {
        Self {
            inner,
            columns,
            numbers,
            packed: OnceLock::new(),
        }
    }

    /// Rows.
    pub fn inner(&self) -> usize {
        self.inner
    }

    /// The numbers row by row, if they are of single precision.
    pub fn values(&self) -> Option<&[f32]> {
        match &self.numbers {
            Numbers::F32(values) => Some(values),
            Numbers::Bf16(_) | Numbers::Int8 { .. } => None,
        }
    }

    /// The matrix as kernels read it.
    pub fn stored(&self) -> StoredMatrix<'_> {
        match &self.numbers {
            Numbers::F32(values) => StoredMatrix::F32(values),
            Numbers::Bf16(values) => StoredMatrix::Bf16(values),
            Numbers::Int8 { values, scales } => StoredMatrix::Int8 { values, scales },
        }
    }

    /// The rows of the given numbers, `[ids, columns]`.
    pub fn look_up(&self, ids: &[i32]) -> Rows {
        self.numbers.look_up(ids, self.columns, ScaleAxis::Columns)
    }

    /// All rows.
    pub fn rows(&self) -> Rows {
        self.look_up(&(0..self.inner as i32).collect::<Vec<_>>())
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
            let product = stored_product(shape, &rows.values, self.stored());
            return Rows::new(self.columns, product);
        }
        let pack = || PackedMatrix::stored(self.inner, self.columns, self.stored());
        let packed = self.packed.get_or_init(pack);
        Rows::new(self.columns, packed.product(&rows.values, count))
    }
}

impl Numbers {
    /// Rows of the given numbers of a matrix with so many columns, in single precision.
    pub fn look_up(&self, ids: &[i32], columns: usize, axis: ScaleAxis) -> Rows {
        let mut found = Vec::with_capacity(ids.len() * columns);
        for &id in ids {
            let row = id as usize;
            let places = row * columns..(row + 1) * columns;
            match self {
                Self::F32(values) => found.extend_from_slice(&values[places]),
                Self::Bf16(values) => found.extend(values[places].iter().map(|&v| from_bf16(v))),
                Self::Int8 { values, scales } => {
                    let values = values[places].iter().map(|&value| f32::from(value));
                    match axis {
                        ScaleAxis::Rows => found.extend(values.map(|value| value * scales[row])),
                        ScaleAxis::Columns => {
                            found.extend(values.zip(scales.iter()).map(|(v, scale)| v * scale));
                        }
                    }
                }
            }
        }
        Rows::new(columns, found)
    }

    /// The numbers of a matrix with rows and columns exchanged; so are its scales.
    pub fn transposed(&self, shape: [usize; 2]) -> Self {
        match self {
            Self::F32(values) => Self::F32(transposed(values, shape)),
            Self::Bf16(values) => Self::Bf16(transposed(values, shape)),
            Self::Int8 { values, scales } => Self::Int8 {
                values: transposed(values, shape),
                scales: Arc::clone(scales),
            },
        }
    }
}

fn transposed<T: Copy>(values: &[T], [rows, columns]: [usize; 2]) -> Arc<[T]> {
    let column = |column: usize| (0..rows).map(move |row| row * columns + column);
    let places = (0..columns).flat_map(column);
    places.map(|place| values[place]).collect()
}
