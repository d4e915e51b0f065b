//! The matrix product for general use.

use std::ops::Range;

use crate::check::{countable, equal, product as elements};
use crate::columns::{Columns, Pack, Packed, View};
use crate::memory::{Fresh, Scratch, Shared};
use crate::outer::{OuterSum, Pair};
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
    countable("rows", shape.rows);
    let mut out = Fresh::new(elements(&[shape.rows, shape.columns]));
    multiply(shape, left, right, out.pointer(), false);
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
    multiply(shape, left, right, Shared(out.as_mut_ptr()), true);
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

    /// The same for a matrix of any precision, which it keeps.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub fn stored(inner: usize, columns: usize, matrix: StoredMatrix) -> Self {
        matrix.check("the matrix", elements(&[inner, columns]), columns);
        let flat = Columns::Flat { count: columns };
        Self {
            inner,
            columns,
            // SAFETY: the matrix has been checked.
            packed: unsafe { matrix.source(columns).pack::<2>(inner, flat) },
        }
    }

    /// `left` `[rows, inner]` times the matrix: what [`product`] gives, to the last bit.
    ///
    /// # Panics
    /// If the slice is not as long as the sizes ask for, or there are more than [`u32::MAX`] rows.
    pub fn product(&self, left: &[f32], rows: usize) -> Vec<f32> {
        let (inner, columns) = (self.inner, self.columns);
        countable("rows", rows);
        equal("the left matrix", left.len(), elements(&[rows, inner]));
        let mut out = Fresh::new(elements(&[rows, columns]));
        let store = Store {
            left: left.as_ptr(),
            inner,
            out: out.pointer(),
            columns,
            add: false,
        };
        multiply_packed(rows, &self.packed, store);
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
        left: left.as_ptr(),
        inner,
        out: out.pointer(),
        columns,
        add: false,
    };
    // SAFETY: the matrices have been checked, and every element is written.
    unsafe {
        stream(rows, matrix.source(columns), store);
        out.finish()
    }
}

/// `out`, of `[rows, columns]`, is only read with `add`.
fn multiply(
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
        (Order::Rows, _) => by_rows(shape, left, right, out, add),
        (Order::Transposed, 1) => by_pairs(shape, left, right, out, add),
        (Order::Transposed, _) => {
            let mut straight = Scratch::new(left.len());
            transpose(left, rows, straight.values());
            by_rows(shape, straight.values_ref(), right, out, add);
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
fn by_rows(shape: ProductShape, left: &[f32], right: View, out: Shared, add: bool) {
    let columns = Columns::Flat {
        count: shape.columns,
    };
    let store = Store {
        left: left.as_ptr(),
        inner: shape.inner,
        out,
        columns: shape.columns,
        add,
    };
    if shape.rows < WORTH_PACKING && right.column_step == 1 {
        // SAFETY: `product` checked that the right matrix has these rows and columns.
        return unsafe { stream(shape.rows, Source::of_rows(right), store) };
    }
    let right = Pack::<2> {
        source: right,
        depth: shape.inner,
        columns,
    }
    .run();
    multiply_packed(shape.rows, &right, store);
}

/// Multiplies rows with a matrix that is read where it lies.
///
/// # Safety
/// The matrix has the rows and columns of `store`.
unsafe fn stream(rows: usize, right: Source, store: Store) {
    let columns = Columns::Flat {
        count: store.columns,
    };
    let rows: Vec<u32> = (0..rows as u32).collect();
    // SAFETY: what the caller promises.
    unsafe { right.stream(&rows, store.inner, columns, store) };
}

fn multiply_packed(rows: usize, right: &Packed, store: Store) {
    let rows: Vec<u32> = (0..rows as u32).collect();
    for_each_piece(rows.len(), |range| {
        dispatch(RowsProduct {
            rows: &rows[range],
            depth: store.inner,
            left_step: 1,
            right,
            epilogue: store,
        });
    });
}

/// Sums that are stored, or added to what is there.
#[derive(Clone, Copy)]
struct Store {
    left: *const f32,
    inner: usize,
    out: Shared,
    columns: usize,
    add: bool,
}

// SAFETY: the left matrix is only read, and each row of the result belongs to one thread.
unsafe impl Sync for Store {}

// SAFETY (of the blocks): `product` checked that the matrices have these rows and columns; each row
// of the result belongs to one thread.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Epilogue<2> for Store {
    #[inline(always)]
    unsafe fn left(&self, row: usize) -> *const f32 {
        unsafe { self.left.add(row * self.inner) }
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
fn by_pairs(shape: ProductShape, left: &[f32], right: View, out: Shared, add: bool) {
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
    };
    for_each_columns(shape.columns, |range| work.run(range));
}

struct ByPairs {
    shape: ProductShape,
    pairs: Vec<Pair>,
    out: Shared,
    add: bool,
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
        });
    }
}
