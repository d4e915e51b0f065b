//! Sums of outer products: the product of a transposed matrix and another, both given by rows.

use std::ops::Range;

use crate::columns::{Columns, Packed};
use crate::memory::{Scratch, Shared};
use crate::simd::{Kernel, Simd};
use crate::tile::{Epilogue, RowsProduct, tile_rows};

/// Two rows whose outer product is added.
#[derive(Clone, Copy)]
pub(crate) struct Pair {
    pub left: *const f32,
    pub right: *const f32,
    /// Factors of the left row, or null.
    pub factors: *const f32,
}

/// `out[i][j] (+)= sum over pairs of factors[i] left[i] right[j]`, in the order of the pairs.
pub(crate) struct OuterSum<'a> {
    pub pairs: &'a [Pair],
    /// Length of the left rows.
    pub rows: usize,
    /// Elements of the right rows.
    pub columns: Range<usize>,
    /// The matrix to write, from its column 0.
    pub out: Shared,
    /// Length of its rows.
    pub out_step: usize,
    /// Add to what it holds.
    pub add: bool,
}

/// Pairs that are packed at a time.
const DEPTH: usize = 256;

/// Columns of the right rows that are packed at a time, so that they stay in the second-level cache.
const WIDTH: usize = 256;

/// Numbers from one tile of packed left rows to the next. A pair is written to all tiles in turn; a cache
/// line between them keeps them from meeting in a few sets of the first-level cache.
#[inline(always)]
const fn tile_len(tile_rows: usize, depth: usize) -> usize {
    tile_rows * depth + 16
}

impl Kernel for OuterSum<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        if self.columns.is_empty() {
            return;
        }
        let tile_rows = tile_rows::<S>(2);
        let depth = DEPTH.min(self.pairs.len());
        let tiles = self.rows.div_ceil(tile_rows);
        let mut left = Scratch::new(tiles * tile_len(tile_rows, depth));
        let width = WIDTH.min(self.columns.len());
        let panels = Columns::Flat { count: width }.panels(2, S::LANES);
        let mut right = Packed::new(depth, panels, 2 * S::LANES);
        let rows: Vec<u32> = (0..self.rows as u32).collect();
        let mut add = self.add;
        // Without pairs, one round writes the zeros.
        for start in (0..self.pairs.len().max(1)).step_by(DEPTH) {
            let pairs = &self.pairs[start..self.pairs.len().min(start + DEPTH)];
            // SAFETY: `left` has room for all rows, rounded up to tiles, of as many pairs.
            unsafe { self.pack_left(pairs, tile_rows, left.pointer()) };
            for first in self.columns.clone().step_by(WIDTH) {
                let columns = first..self.columns.end.min(first + WIDTH);
                // SAFETY: `right` has room for as many columns of as many pairs.
                unsafe { pack_right(simd, pairs, columns.clone(), &mut right) };
                let epilogue = Block {
                    left: left.pointer(),
                    depth: pairs.len(),
                    tile_rows,
                    columns,
                    out: self.out,
                    out_step: self.out_step,
                    add,
                };
                RowsProduct {
                    rows: &rows,
                    depth: pairs.len(),
                    left_step: tile_rows,
                    right: &right,
                    epilogue,
                }
                .run(simd);
            }
            add = true;
        }
    }
}

impl OuterSum<'_> {
    /// Packs left rows: tile after tile, and in it pair after pair.
    ///
    /// # Safety
    /// `to` has room for them, rounded up to whole tiles.
    #[inline(always)]
    unsafe fn pack_left(&self, pairs: &[Pair], tile_rows: usize, to: *mut f32) {
        for (k, pair) in pairs.iter().enumerate() {
            for first in (0..self.rows).step_by(tile_rows) {
                let count = tile_rows.min(self.rows - first);
                // SAFETY: what the caller promises; left rows have `rows` elements.
                unsafe {
                    let tile = first / tile_rows * tile_len(tile_rows, pairs.len());
                    let to = to.add(tile + k * tile_rows);
                    for row in 0..count {
                        let mut value = *pair.left.add(first + row);
                        if !pair.factors.is_null() {
                            value *= *pair.factors.add(first + row);
                        }
                        *to.add(row) = value;
                    }
                }
            }
        }
    }
}

/// Packs a range of the right rows.
///
/// # Safety
/// `right` has room for them, and the rows have such columns.
#[inline(always)]
unsafe fn pack_right<S: Simd>(simd: S, pairs: &[Pair], columns: Range<usize>, right: &mut Packed) {
    let flat = Columns::Flat {
        count: columns.len(),
    };
    right.resize(pairs.len(), flat.panels(2, S::LANES), 2 * S::LANES);
    for (k, pair) in pairs.iter().enumerate() {
        for panel in 0..right.panels {
            for vector in 0..2 {
                let span = flat.span(panel, vector, 2, S::LANES);
                // SAFETY: what the caller promises.
                unsafe {
                    let to = right.panel_mut(panel).add((2 * k + vector) * S::LANES);
                    simd.store(to, simd.read(pair.right.add(columns.start), span));
                }
            }
        }
    }
}

/// The sums of one block of pairs and columns.
struct Block {
    left: *const f32,
    depth: usize,
    tile_rows: usize,
    columns: Range<usize>,
    out: Shared,
    out_step: usize,
    add: bool,
}

// SAFETY (of the blocks): rows and columns are those of the matrices; each element of the result
// belongs to one thread.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Epilogue<2> for Block {
    #[inline(always)]
    unsafe fn left(&self, row: usize) -> *const f32 {
        let (tile, row) = (row / self.tile_rows, row % self.tile_rows);
        unsafe {
            self.left
                .add(tile * tile_len(self.tile_rows, self.depth) + row)
        }
    }

    #[inline(always)]
    unsafe fn start<S: Simd>(&self, simd: S, row: usize, panel: usize) -> [S::Vector; 2] {
        if !self.add {
            return [simd.splat(0.0); 2];
        }
        let columns = Columns::Flat {
            count: self.columns.len(),
        };
        unsafe {
            let out = self.out.at(row * self.out_step + self.columns.start);
            [
                simd.read(out, columns.span(panel, 0, 2, S::LANES)),
                simd.read(out, columns.span(panel, 1, 2, S::LANES)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn finish<S: Simd>(&self, simd: S, row: usize, panel: usize, sums: [S::Vector; 2]) {
        let columns = Columns::Flat {
            count: self.columns.len(),
        };
        for (vector, sum) in sums.into_iter().enumerate() {
            unsafe {
                let out = self.out.at(row * self.out_step + self.columns.start);
                simd.write(out, columns.span(panel, vector, 2, S::LANES), sum);
            }
        }
    }
}
