//! Sums of outer products: the product of a transposed matrix and another, both given by rows.

use std::ops::Range;

use crate::columns::{Columns, Packed};
use crate::memory::{Scratch, Shared};
use crate::precision::{Precision, word};
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
    /// How the rows are read.
    pub precision: Precision,
}

/// Words of pairs that are packed at a time.
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
        let most = match self.precision {
            Precision::Single => DEPTH,
            Precision::Bfloat16 => 2 * DEPTH,
        };
        let depth = most.min(self.pairs.len());
        let tiles = self.rows.div_ceil(tile_rows);
        let words = self.precision.words(depth);
        let mut left = Scratch::new(tiles * tile_len(tile_rows, words));
        let width = WIDTH.min(self.columns.len());
        let panels = Columns::Flat { count: width }.panels(2, S::LANES);
        let mut right = Packed::new(self.precision, depth, panels, 2 * S::LANES);
        let rows: Vec<u32> = (0..self.rows as u32).collect();
        let mut add = self.add;
        // Without pairs, one round writes the zeros.
        for start in (0..self.pairs.len().max(1)).step_by(most) {
            let pairs = &self.pairs[start..self.pairs.len().min(start + most)];
            // SAFETY: `left` has room for all rows, rounded up to tiles, of as many pairs.
            unsafe {
                match self.precision {
                    Precision::Single => self.pack_left(pairs, tile_rows, left.pointer()),
                    Precision::Bfloat16 => self.round_left(pairs, tile_rows, left.pointer()),
                }
            }
            for first in self.columns.clone().step_by(WIDTH) {
                let columns = first..self.columns.end.min(first + WIDTH);
                // SAFETY: `right` has room for as many columns of as many pairs.
                unsafe {
                    match self.precision {
                        Precision::Single => pack_right(simd, pairs, columns.clone(), &mut right),
                        Precision::Bfloat16 => {
                            round_right(simd, pairs, columns.clone(), &mut right);
                        }
                    }
                }
                let epilogue = Block {
                    left: left.pointer(),
                    depth: right.depth,
                    tile_rows,
                    columns,
                    out: self.out,
                    out_step: self.out_step,
                    add,
                };
                RowsProduct {
                    rows: &rows,
                    depth: right.depth,
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
                        *to.add(row) = left_number(pair, first + row);
                    }
                }
            }
        }
    }

    /// Packs left rows likewise, two pairs a word.
    ///
    /// # Safety
    /// As for `pack_left`.
    #[inline(always)]
    unsafe fn round_left(&self, pairs: &[Pair], tile_rows: usize, to: *mut f32) {
        let words = Precision::Bfloat16.words(pairs.len());
        for (k, two) in pairs.chunks(2).enumerate() {
            for first in (0..self.rows).step_by(tile_rows) {
                let count = tile_rows.min(self.rows - first);
                // SAFETY: what the caller promises; left rows have `rows` elements.
                unsafe {
                    let tile = first / tile_rows * tile_len(tile_rows, words);
                    let to = to.add(tile + k * tile_rows);
                    for row in 0..count {
                        let lower = left_number(&two[0], first + row);
                        let upper = match two.get(1) {
                            Some(pair) => left_number(pair, first + row),
                            None => 0.0,
                        };
                        *to.add(row) = word(lower, upper);
                    }
                }
            }
        }
    }
}

/// A number of a left row, times its factor.
///
/// # Safety
/// The row has it.
#[inline(always)]
unsafe fn left_number(pair: &Pair, row: usize) -> f32 {
    // SAFETY: what the caller promises; factors are as many as the row's numbers.
    unsafe {
        let value = *pair.left.add(row);
        match pair.factors.is_null() {
            true => value,
            false => value * *pair.factors.add(row),
        }
    }
}

/// Packs a range of the right rows, two of them a word.
///
/// # Safety
/// As for `pack_right`.
#[inline(always)]
unsafe fn round_right<S: Simd>(simd: S, pairs: &[Pair], columns: Range<usize>, right: &mut Packed) {
    let flat = Columns::Flat {
        count: columns.len(),
    };
    right.resize(pairs.len(), flat.panels(2, S::LANES), 2 * S::LANES);
    for (k, two) in pairs.chunks(2).enumerate() {
        for panel in 0..right.panels {
            for vector in 0..2 {
                let span = flat.span(panel, vector, 2, S::LANES);
                // SAFETY: what the caller promises.
                unsafe {
                    let to = right.panel_mut(panel).add((2 * k + vector) * S::LANES);
                    let lower = simd.read(two[0].right.add(columns.start), span);
                    let upper = match two.get(1) {
                        Some(pair) => simd.read(pair.right.add(columns.start), span),
                        None => simd.splat(0.0),
                    };
                    simd.store(to, simd.to_bf16(lower, upper));
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
    /// Words of a left row.
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
