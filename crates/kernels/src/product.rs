//! The matrix product for general use.

use std::ops::Range;

use crate::check::{countable, equal, product as elements};
use crate::columns::{Columns, Pack, Packed, View};
use crate::memory::{Fresh, Scratch, Shared};
use crate::outer::{OuterSum, Pair};
use crate::precision::{LeftRows, Precision, RoundedRows};
use crate::simd::{Simd, dispatch};
use crate::stored::{Source, StoredMatrix};
use crate::threads::{for_each_columns, for_each_piece};
use crate::tile::{Epilogue, RowsProduct};

/// Whether a matrix is read as it lies, rows one after the other, or with rows and columns
/// exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As it lies.
    Rows,
    /// Transposed.
    Transposed,
}

/// Sizes of a matrix product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProductShape {
    /// Rows of the left matrix and of the result.
    pub rows: usize,
    /// Columns of the left matrix and rows of the right one.
    pub inner: usize,
    /// Columns of the right matrix and of the result.
    pub columns: usize,
}

/// `left right`, single precision, all matrices stored row by row: `[rows, columns]`.
///
/// - `left`: `[rows, inner]`, or `[inner, rows]` if transposed;
/// - `right`: `[inner, columns]`, or `[columns, inner]` if transposed.
///
/// The work is shared between threads; each element is summed in the
/// order of the inner dimension, so the result does not depend on their number.
///
/// # Panics
/// If a slice is not as long as the shape asks for, or the result has more than [`u32::MAX`] rows.
pub fn product(shape: ProductShape, left: (&[f32], Order), right: (&[f32], Order)) -> Vec<f32> {
    product_in(Precision::Single, shape, left, right)
}

/// The [`product`] of matrices that are read in a precision. Products of fewer than eight rows with a matrix
/// that is not transposed are of single precision in any case: they are bound by reading it.
///
/// # Panics
/// As [`product`].
pub fn product_in(
    precision: Precision,
    shape: ProductShape,
    left: (&[f32], Order),
    right: (&[f32], Order),
) -> Vec<f32> {
    countable("rows", shape.rows);
    let mut out = Fresh::new(elements(&[shape.rows, shape.columns]));
    multiply(precision, shape, left, right, out.pointer(), false);
    // SAFETY: every element is written, if only with the zero that an empty sum starts from.
    unsafe { out.finish() }
}

/// `out += left right`; see [`product`].
///
/// # Panics
/// As [`product`].
pub fn add_product(
    shape: ProductShape,
    left: (&[f32], Order),
    right: (&[f32], Order),
    out: &mut [f32],
) {
    countable("rows", shape.rows);
    let len = elements(&[shape.rows, shape.columns]);
    equal("the result", out.len(), len);
    let out = Shared(out.as_mut_ptr());
    multiply(Precision::Single, shape, left, right, out, true);
}

/// A right matrix, packed once for many products.
pub struct PackedMatrix {
    inner: usize,
    columns: usize,
    packed: Packed,
}

impl PackedMatrix {
    /// Packs a matrix `[inner, columns]`, which then need not be kept.
    ///
    /// # Panics
    /// If the slice is not as long as the sizes ask for.
    pub fn new(inner: usize, columns: usize, matrix: &[f32]) -> Self {
        Self::stored(inner, columns, StoredMatrix::F32(matrix))
    }

    /// The same for products of a precision.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub fn new_in(precision: Precision, inner: usize, columns: usize, matrix: &[f32]) -> Self {
        Self::packed(precision, inner, columns, StoredMatrix::F32(matrix))
    }

    /// The same for a matrix of any precision, which it keeps.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub fn stored(inner: usize, columns: usize, matrix: StoredMatrix) -> Self {
        Self::packed(Precision::Single, inner, columns, matrix)
    }

    fn packed(precision: Precision, inner: usize, columns: usize, matrix: StoredMatrix) -> Self {
        matrix.check("the matrix", elements(&[inner, columns]), columns);
        let flat = Columns::Flat { count: columns };
        Self {
            inner,
            columns,
            // SAFETY: the matrix has been checked.
            packed: unsafe { matrix.source(columns).pack::<2>(precision, inner, flat) },
        }
    }

    /// `left` `[rows, inner]` times the matrix: what [`product`] gives in single precision, to the last bit.
    ///
    /// # Panics
    /// If the slice is not as long as the sizes ask for, or there are more than [`u32::MAX`] rows.
    pub fn product(&self, left: &[f32], rows: usize) -> Vec<f32> {
        let (inner, columns) = (self.inner, self.columns);
        countable("rows", rows);
        equal("the left matrix", left.len(), elements(&[rows, inner]));
        let mut out = Fresh::new(elements(&[rows, columns]));
        let store = Store {
            left: LeftRows {
                first: left.as_ptr(),
                step: inner,
            },
            out: out.pointer(),
            columns,
            add: false,
        };
        multiply_packed(rows, inner, &self.packed, store);
        // SAFETY: every element is written.
        unsafe { out.finish() }
    }
}

impl std::fmt::Debug for PackedMatrix {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "PackedMatrix({} x {})", self.inner, self.columns)
    }
}

/// The product of rows `[rows, inner]` with a matrix `[inner, columns]` of any precision: for many rows, which
/// are worth packing it for, use [`PackedMatrix`], whose results are the same bits.
///
/// # Panics
/// As [`product`].
pub fn stored_product(shape: ProductShape, left: &[f32], matrix: StoredMatrix) -> Vec<f32> {
    let ProductShape {
        rows,
        inner,
        columns,
    } = shape;
    countable("rows", rows);
    equal("the left matrix", left.len(), elements(&[rows, inner]));
    let len = elements(&[inner, columns]);
    matrix.check("the right matrix", len, columns);
    let mut out = Fresh::new(elements(&[rows, columns]));
    let store = Store {
        left: LeftRows {
            first: left.as_ptr(),
            step: inner,
        },
        out: out.pointer(),
        columns,
        add: false,
    };
    // SAFETY: the matrices have been checked, and every element is written.
    unsafe {
        stream(rows, inner, matrix.source(columns), store);
        out.finish()
    }
}

/// `out`, of `[rows, columns]`, is only read with `add`.
fn multiply(
    precision: Precision,
    shape: ProductShape,
    (left, left_order): (&[f32], Order),
    (right, right_order): (&[f32], Order),
    out: Shared,
    add: bool,
) {
    let ProductShape {
        rows,
        inner,
        columns,
    } = shape;
    equal("the left matrix", left.len(), elements(&[rows, inner]));
    equal("the right matrix", right.len(), elements(&[inner, columns]));
    if rows == 0 || columns == 0 {
        return;
    }
    let right = match right_order {
        Order::Rows => View::rows(right, columns),
        Order::Transposed => View::rows(right, inner).transposed(),
    };
    match (left_order, right.column_step) {
        (Order::Rows, _) => by_rows(precision, shape, left, right, out, add),
        (Order::Transposed, 1) => by_pairs(precision, shape, left, right, out, add),
        (Order::Transposed, _) => {
            let mut straight = Scratch::new(left.len());
            transpose(left, rows, straight.values());
            by_rows(precision, shape, straight.values_ref(), right, out, add);
        }
    }
}

/// `to[row][k] = from[k][row]`.
fn transpose(from: &[f32], rows: usize, to: &mut [f32]) {
    let inner = from.len() / rows;
    for (k, line) in from.chunks_exact(rows).enumerate() {
        for (row, &value) in line.iter().enumerate() {
            to[row * inner + k] = value;
        }
    }
}

/// Rows of the result that are worth packing the right matrix for.
const WORTH_PACKING: usize = 8;

/// Left rows against the right matrix.
fn by_rows(
    precision: Precision,
    shape: ProductShape,
    left: &[f32],
    right: View,
    out: Shared,
    add: bool,
) {
    let columns = Columns::Flat {
        count: shape.columns,
    };
    let store = Store {
        left: LeftRows {
            first: left.as_ptr(),
            step: shape.inner,
        },
        out,
        columns: shape.columns,
        add,
    };
    if shape.rows < WORTH_PACKING && right.column_step == 1 {
        // SAFETY: `product` checked that the right matrix has these rows and columns.
        return unsafe { stream(shape.rows, shape.inner, Source::of_rows(right), store) };
    }
    let right = Pack::<2> {
        source: right,
        depth: shape.inner,
        columns,
        precision,
    }
    .run();
    multiply_packed(shape.rows, shape.inner, &right, store);
}

/// Multiplies rows of `inner` numbers with a matrix that is read where it lies.
///
/// # Safety
/// The matrix has so many rows, and the columns of `store`.
unsafe fn stream(rows: usize, inner: usize, right: Source, store: Store) {
    let columns = Columns::Flat {
        count: store.columns,
    };
    let rows: Vec<u32> = (0..rows as u32).collect();
    // SAFETY: what the caller promises.
    unsafe { right.stream(&rows, inner, columns, store) };
}

/// Left rows of `inner` numbers against a packed matrix of as many rows.
fn multiply_packed(rows: usize, inner: usize, right: &Packed, store: Store) {
    let rows: Vec<u32> = (0..rows as u32).collect();
    let precision = right.precision;
    let mut room = Scratch::new(RoundedRows::room(precision, rows.len(), inner));
    let room = RoundedRows::new(precision, inner, &mut room);
    for_each_piece(rows.len(), |range| {
        let rows = &rows[range];
        // SAFETY: the left matrix has these rows, the room their words, and each belongs to one thread.
        let left = unsafe { store.left.in_precision(precision, rows, inner, room) };
        dispatch(RowsProduct {
            rows,
            depth: right.depth,
            left_step: 1,
            right,
            epilogue: Store { left, ..store },
        });
    });
}

/// Sums that are stored, or added to what is there.
#[derive(Clone, Copy)]
struct Store {
    left: LeftRows,
    out: Shared,
    columns: usize,
    add: bool,
}

// SAFETY (of the blocks): `product` checked that the matrices have these rows and columns; each row
// of the result belongs to one thread.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Epilogue<2> for Store {
    #[inline(always)]
    unsafe fn left(&self, row: usize) -> *const f32 {
        unsafe { self.left.row(row) }
    }

    #[inline(always)]
    unsafe fn start<S: Simd>(&self, simd: S, row: usize, panel: usize) -> [S::Vector; 2] {
        if !self.add {
            return [simd.splat(0.0); 2];
        }
        let columns = Columns::Flat {
            count: self.columns,
        };
        unsafe {
            let out = self.out.at(row * self.columns);
            [
                simd.read(out, columns.span(panel, 0, 2, S::LANES)),
                simd.read(out, columns.span(panel, 1, 2, S::LANES)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn finish<S: Simd>(&self, simd: S, row: usize, panel: usize, sums: [S::Vector; 2]) {
        let columns = Columns::Flat {
            count: self.columns,
        };
        for (vector, sum) in sums.into_iter().enumerate() {
            unsafe {
                let out = self.out.at(row * self.columns);
                simd.write(out, columns.span(panel, vector, 2, S::LANES), sum);
            }
        }
    }
}

/// Both matrices by their rows, which are added up as outer products.
fn by_pairs(
    precision: Precision,
    shape: ProductShape,
    left: &[f32],
    right: View,
    out: Shared,
    add: bool,
) {
    let pairs = left
        .chunks_exact(shape.rows)
        .enumerate()
        .map(|(k, left)| Pair {
            left: left.as_ptr(),
            right: right.values.wrapping_add(k * shape.columns),
            factors: std::ptr::null(),
        });
    let work = ByPairs {
        shape,
        pairs: pairs.collect(),
        out,
        add,
        precision,
    };
    for_each_columns(shape.columns, |range| work.run(range));
}

struct ByPairs {
    shape: ProductShape,
    pairs: Vec<Pair>,
    out: Shared,
    add: bool,
    precision: Precision,
}

// SAFETY: the pairs point into the operands, which `product` borrows, and are only read.
unsafe impl Sync for ByPairs {}

impl ByPairs {
    fn run(&self, columns: Range<usize>) {
        dispatch(OuterSum {
            pairs: &self.pairs,
            rows: self.shape.rows,
            columns,
            out: self.out,
            out_step: self.shape.columns,
            add: self.add,
            precision: self.precision,
        });
    }
}
