//! The batched matrix product, one product per sequence of a batch, of time-major matrices.
//!
//! Attention multiplies the states of a decoder with those of an encoder, sequence by sequence. Both are
//! stored time-major, `[time, batch, width]`, and are read and written in that layout, without a copy.

#![allow(clippy::needless_range_loop)]

use crate::check::{equal, product as elements};
use crate::columns::Columns;
use crate::memory::{Fresh, Shared};
use crate::product::{Order, ProductShape};
use crate::simd::{Kernel, Simd, Span, dispatch, spans};
use crate::threads::for_each_piece;

/// The product `left right` of each of `batch` sequences, `[rows, batch, columns]`.
///
/// - `left`: `[rows, batch, inner]`, or `[inner, batch, rows]` if transposed;
/// - `right`: `[inner, batch, columns]`, or `[columns, batch, inner]` if transposed.
///
/// A result does not depend on the other sequences, nor on the number of threads.
///
/// # Panics
/// If a slice is not as long as the sizes ask for, or both matrices are transposed.
pub fn batched_product(
    batch: usize,
    shape: ProductShape,
    left: (&[f32], Order),
    right: (&[f32], Order),
) -> Vec<f32> {
    multiply([batch, batch], shape, left, right, |sequence| sequence)
}

/// The [`batched_product`] where sequences share right matrices, as the hypotheses of one source do:
/// `matrices` says which of the `count` right matrices each sequence is multiplied with.
///
/// # Panics
/// As [`batched_product`], and if there is no matrix of such a number.
pub fn batched_product_shared(
    (matrices, count): (&[u32], usize),
    shape: ProductShape,
    left: &[f32],
    right: (&[f32], Order),
) -> Vec<f32> {
    let exist = matrices.iter().all(|&matrix| (matrix as usize) < count);
    assert!(exist, "a sequence has a right matrix that is not there");
    let left = (left, Order::Rows);
    multiply([matrices.len(), count], shape, left, right, |sequence| {
        matrices[sequence] as usize
    })
}

/// The product, where `matrix` gives the number of each sequence's right matrix.
fn multiply(
    [batch, matrices]: [usize; 2],
    shape: ProductShape,
    (left, left_order): (&[f32], Order),
    (right, right_order): (&[f32], Order),
    matrix: impl Fn(usize) -> usize + Sync,
) -> Vec<f32> {
    let ProductShape {
        rows,
        inner,
        columns,
    } = shape;
    let sizes = [[rows, batch, inner], [inner, matrices, columns]];
    let [of_left, of_right] = sizes.map(|sizes| elements(&sizes));
    equal("the left matrices", left.len(), of_left);
    equal("the right matrices", right.len(), of_right);
    assert!(
        left_order == Order::Rows || right_order == Order::Rows,
        "only one side can be transposed"
    );
    let len = elements(&[rows, batch, columns]);
    if len == 0 {
        return Vec::new();
    }
    let mut out = Fresh::new(len);
    // A row is as long as the matrix is wide, or as it is high if it lies transposed.
    let place = |batch: usize, order: Order, [rows, columns]: [usize; 2]| Place {
        batch,
        width: match order {
            Order::Rows => columns,
            Order::Transposed => rows,
        },
    };
    let work = BatchedProduct {
        rows,
        inner,
        columns,
        left: left.as_ptr(),
        left_place: place(batch, left_order, [rows, inner]),
        left_transposed: left_order == Order::Transposed,
        right: right.as_ptr(),
        right_place: place(matrices, right_order, [inner, columns]),
        out: out.pointer(),
        out_place: place(batch, Order::Rows, [rows, columns]),
    };
    let whole: &BatchedProduct = &work;
    for_each_piece(batch, |sequences| {
        for sequence in sequences {
            let numbers = [sequence, matrix(sequence)];
            match right_order {
                Order::Transposed => dispatch(DotProducts(whole, numbers)),
                Order::Rows => dispatch(WeightedRows(whole, numbers)),
            }
        }
    });
    // SAFETY: each sequence's part has been written, and together they are all.
    unsafe { out.finish() }
}

/// Where the rows of a sequence's matrix lie.
#[derive(Clone, Copy)]
struct Place {
    batch: usize,
    width: usize,
}

impl Place {
    #[inline(always)]
    fn row(self, sequence: usize, row: usize) -> usize {
        (row * self.batch + sequence) * self.width
    }
}

struct BatchedProduct {
    rows: usize,
    inner: usize,
    columns: usize,
    left: *const f32,
    left_place: Place,
    left_transposed: bool,
    right: *const f32,
    right_place: Place,
    out: Shared,
    out_place: Place,
}

// SAFETY: the operands are only read, and each sequence's part of the result belongs to one thread.
unsafe impl Sync for BatchedProduct {}

/// Rows times rows: both sides lie along the inner dimension. With the numbers of the sequence and its
/// right matrix.
struct DotProducts<'a>(&'a BatchedProduct, [usize; 2]);

/// Rows and columns of a tile of [`DotProducts`].
const DOTS: [usize; 2] = [2, 4];

impl Kernel for DotProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let work = self.0;
        let mut row = 0;
        while row < work.rows {
            let full = work.rows - row >= DOTS[0];
            let mut column = 0;
            while column < work.columns {
                let wide = work.columns - column >= DOTS[1];
                match (full, wide) {
                    (true, true) => self.tile::<S, 2, 4>(simd, row, column),
                    (true, false) => self.tile::<S, 2, 1>(simd, row, column),
                    (false, true) => self.tile::<S, 1, 4>(simd, row, column),
                    (false, false) => self.tile::<S, 1, 1>(simd, row, column),
                }
                column += if wide { DOTS[1] } else { 1 };
            }
            row += if full { DOTS[0] } else { 1 };
        }
    }
}

impl DotProducts<'_> {
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const C: usize>(&self, simd: S, row: usize, column: usize) {
        let &Self(work, [sequence, matrix]) = self;
        let mut sums = [[simd.splat(0.0); C]; R];
        // SAFETY: the caller's rows and columns are those of the matrices, whose lengths and numbers
        // were checked; the result's belong to this thread.
        unsafe {
            let mut left = [work.left; R];
            for r in 0..R {
                left[r] = work.left.add(work.left_place.row(sequence, row + r));
            }
            let mut right = [work.right; C];
            for c in 0..C {
                right[c] = work.right.add(work.right_place.row(matrix, column + c));
            }
            for span in spans(simd, work.inner) {
                let mut factors = [simd.splat(0.0); R];
                for r in 0..R {
                    factors[r] = simd.read(left[r], span);
                }
                for c in 0..C {
                    let vector = simd.read(right[c], span);
                    for r in 0..R {
                        sums[r][c] = simd.mul_add(factors[r], vector, sums[r][c]);
                    }
                }
            }
            for r in 0..R {
                let to = work.out_place.row(sequence, row + r) + column;
                for c in 0..C {
                    *work.out.at(to + c) = sum_of_lanes(simd, sums[r][c]);
                }
            }
        }
    }
}

/// The sum of a vector's numbers, from the first to the last.
#[inline(always)]
fn sum_of_lanes<S: Simd>(simd: S, vector: S::Vector) -> f32 {
    let mut lanes = [0.0; 16];
    // SAFETY: no vector has more than 16 lanes.
    unsafe { simd.store(lanes.as_mut_ptr(), vector) };
    lanes[..S::LANES].iter().sum()
}

/// Sums of rows of the right matrix, weighted by the numbers of the left one.
struct WeightedRows<'a>(&'a BatchedProduct, [usize; 2]);

/// Rows of a tile of [`WeightedRows`].
const ROWS: usize = 4;

impl Kernel for WeightedRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let work = self.0;
        let columns = Columns::Flat {
            count: work.columns,
        };
        let mut row = 0;
        while row < work.rows {
            let full = work.rows - row >= ROWS;
            for panel in 0..columns.panels(2, S::LANES) {
                let columns = [
                    columns.span(panel, 0, 2, S::LANES),
                    columns.span(panel, 1, 2, S::LANES),
                ];
                if full {
                    self.tile::<S, ROWS>(simd, row, columns);
                } else {
                    self.tile::<S, 1>(simd, row, columns);
                }
            }
            row += if full { ROWS } else { 1 };
        }
    }
}

impl WeightedRows<'_> {
    #[inline(always)]
    fn tile<S: Simd, const R: usize>(&self, simd: S, row: usize, columns: [Span; 2]) {
        let &Self(work, [sequence, matrix]) = self;
        let mut sums = [[simd.splat(0.0); 2]; R];
        // SAFETY: as for `DotProducts`.
        unsafe {
            for k in 0..work.inner {
                let right = work.right.add(work.right_place.row(matrix, k));
                let vectors = [simd.read(right, columns[0]), simd.read(right, columns[1])];
                for r in 0..R {
                    let at = match work.left_transposed {
                        true => work.left_place.row(sequence, k) + row + r,
                        false => work.left_place.row(sequence, row + r) + k,
                    };
                    let factor = simd.splat(*work.left.add(at));
                    for v in 0..2 {
                        sums[r][v] = simd.mul_add(factor, vectors[v], sums[r][v]);
                    }
                }
            }
            for r in 0..R {
                let to = work.out.at(work.out_place.row(sequence, row + r));
                for v in 0..2 {
                    simd.write(to, columns[v], sums[r][v]);
                }
            }
        }
    }
}
