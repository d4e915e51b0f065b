//! The product of a few rows with a matrix that is read where it lies, once: packing it would cost
//! more than multiplying. The sums are those of [`RowsProduct`](crate::tile::RowsProduct), to the
//! last bit.

use std::ops::Range;

use crate::columns::Columns;
use crate::memory::{Scratch, Shared};
use crate::simd::{Kernel, Simd, Span, dispatch};
use crate::stored::{Number, StoredRows};
use crate::threads::for_each_columns;
use crate::tile::Epilogue;

/// Elements of the matrix from which on several threads read it.
const WORTH_SHARING: usize = 128 * 1024;

/// Rows of the matrix that are taken at a time, with a register for each of their factors.
const BLOCK: usize = 8;

/// Bytes that memory is read in.
const CACHE_LINE: usize = 64;

/// The product of some rows with a matrix whose rows lie in one piece.
pub(crate) struct StreamedProduct<'a, T, E, const NV: usize> {
    /// Rows, as [`Epilogue`] knows them.
    pub rows: &'a [u32],
    /// Inner dimension; zero leaves the sums as they start.
    pub depth: usize,
    pub right: StoredRows<T>,
    pub columns: Columns,
    pub epilogue: E,
}

impl<T: Number, E: Epilogue<NV> + Sync, const NV: usize> StreamedProduct<'_, T, E, NV> {
    /// Runs it.
    pub fn run(self) {
        let width = self.columns.count(NV);
        let mut sums = Scratch::new(self.rows.len() * width);
        let sums = StreamedSums {
            width,
            values: Shared(sums.pointer()),
            product: &self,
        };
        dispatch(Start(&sums));
        let add = |columns: Range<usize>| {
            for first in (0..self.depth).step_by(BLOCK) {
                dispatch(RowBlock {
                    sums: &sums,
                    columns: columns.clone(),
                    first,
                    count: (self.depth - first).min(BLOCK),
                });
            }
        };
        if self.depth * width < WORTH_SHARING {
            add(0..width);
        } else {
            for_each_columns(width, add);
        }
        dispatch(Finish(&sums));
    }
}

/// A row of sums for each row of the product.
struct StreamedSums<'a, T, E, const NV: usize> {
    width: usize,
    values: Shared,
    product: &'a StreamedProduct<'a, T, E, NV>,
}

impl<T, E, const NV: usize> StreamedSums<'_, T, E, NV> {
    /// Each row of the product with its row of sums.
    #[inline(always)]
    fn rows(&self) -> impl Iterator<Item = (usize, *mut f32)> {
        let rows = self.product.rows.iter().enumerate();
        rows.map(|(index, &row)| (row as usize, self.values.0.wrapping_add(index * self.width)))
    }
}

struct Start<'a, T, E, const NV: usize>(&'a StreamedSums<'a, T, E, NV>);

impl<T, E: Epilogue<NV>, const NV: usize> Kernel for Start<'_, T, E, NV> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let product = self.0.product;
        for (row, sums) in self.0.rows() {
            for panel in 0..product.columns.panels(NV, S::LANES) {
                // SAFETY: rows and panels are those of the product, and the spans lie in the sums.
                unsafe {
                    let start = product.epilogue.start(simd, row, panel);
                    for (vector, &start) in start.iter().enumerate() {
                        let span = product.columns.span(panel, vector, NV, S::LANES);
                        simd.write(sums, span, start);
                    }
                }
            }
        }
    }
}

/// Adds the products of some rows of the matrix, in some columns.
struct RowBlock<'a, T, E, const NV: usize> {
    sums: &'a StreamedSums<'a, T, E, NV>,
    columns: Range<usize>,
    first: usize,
    count: usize,
}

impl<T: Number, E: Epilogue<NV>, const NV: usize> Kernel for RowBlock<'_, T, E, NV> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self {
            sums,
            columns,
            first,
            count,
        } = self;
        let product = sums.product;
        for (row, to) in sums.rows() {
            // SAFETY: the matrix has these rows, as wide as the sums, and the left rows as many
            // elements; each column belongs to one thread.
            unsafe {
                let left = product.epilogue.left(row).add(first);
                if count == BLOCK {
                    add_rows::<S, T, BLOCK>(simd, left, &product.right, first, to, &columns);
                } else {
                    for k in 0..count {
                        let (left, row) = (left.add(k), first + k);
                        add_rows::<S, T, 1>(simd, left, &product.right, row, to, &columns);
                    }
                }
            }
        }
    }
}

/// `to += sum of left[k] right[first + k]` in some columns, in this order.
///
/// # Safety
/// `left` has `G` elements, `right` as many rows from `first` on, and these and `to` have these columns.
#[inline(always)]
unsafe fn add_rows<S: Simd, T: Number, const G: usize>(
    simd: S,
    left: *const f32,
    right: &StoredRows<T>,
    first: usize,
    to: *mut f32,
    columns: &Range<usize>,
) {
    // SAFETY: what the caller promises.
    unsafe {
        let rows = right.values.add(first * right.step);
        let mut factors = [simd.splat(0.0); G];
        for (k, factor) in factors.iter_mut().enumerate() {
            *factor = simd.splat(*left.add(k));
        }
        let mut start = columns.start;
        while start < columns.end {
            // Of most spans the compiler knows the length.
            let len = match columns.end - start >= S::LANES {
                true => S::LANES,
                false => columns.end - start,
            };
            let span = Span { start, len };
            if T::ASKED_FOR && G == BLOCK && start % (CACHE_LINE / size_of::<T>()) < S::LANES {
                for k in 0..G {
                    simd.prefetch(rows.wrapping_add((G + k) * right.step + start));
                }
            }
            let scales = right.scales(simd, span);
            let mut sum = simd.read(to, span);
            for (k, &factor) in factors.iter().enumerate() {
                let row = rows.add(k * right.step);
                sum = simd.mul_add(factor, right.read(simd, row, span, scales), sum);
            }
            simd.write(to, span, sum);
            start += len;
        }
    }
}

struct Finish<'a, T, E, const NV: usize>(&'a StreamedSums<'a, T, E, NV>);

impl<T, E: Epilogue<NV>, const NV: usize> Kernel for Finish<'_, T, E, NV> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let product = self.0.product;
        for (row, sums) in self.0.rows() {
            for panel in 0..product.columns.panels(NV, S::LANES) {
                // SAFETY: as in `Start`.
                unsafe {
                    let mut finished = [simd.splat(0.0); NV];
                    for (vector, sum) in finished.iter_mut().enumerate() {
                        let span = product.columns.span(panel, vector, NV, S::LANES);
                        *sum = simd.read(sums, span);
                    }
                    product.epilogue.finish(simd, row, panel, finished);
                }
            }
        }
    }
}
