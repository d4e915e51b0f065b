//! The matrix product beneath everything: rows of a left matrix times a packed right one, with
//! whatever has to happen before and after the sums while they are in registers.
//!
//! A tile is `R` rows by `NV` vectors of sums. Every sum takes its products one after the other in
//! the order of the inner dimension, in whichever tile it falls, so that neither the number of rows
//! nor that of threads changes a bit of the result.
//!
//! Loops over arrays stand where closures would be shorter: a closure that the compiler does not
//! inline is compiled without the instructions of the level, and every operation becomes a call.

#![allow(clippy::needless_range_loop)]

use crate::columns::Packed;
use crate::memory::Scratch;
use crate::precision::Precision;
use crate::simd::{Kernel, Simd};

/// What a product starts from and what becomes of it, `NV` vectors of sums at a time.
pub(crate) trait Epilogue<const NV: usize> {
    /// The row of the left matrix that belongs to a row of sums, in words of the product's precision.
    ///
    /// # Safety
    /// The row is one of those that the product is over.
    unsafe fn left(&self, row: usize) -> *const f32;

    /// The values that the sums of a row start from, at a panel of the right matrix.
    ///
    /// # Safety
    /// Row and panel are those of the product.
    unsafe fn start<S: Simd>(&self, simd: S, row: usize, panel: usize) -> [S::Vector; NV];

    /// Takes the finished sums.
    ///
    /// # Safety
    /// Row and panel are those of the product.
    unsafe fn finish<S: Simd>(&self, simd: S, row: usize, panel: usize, sums: [S::Vector; NV]);
}

/// The product of some rows with all panels of a packed matrix.
pub(crate) struct RowsProduct<'a, E, const NV: usize> {
    /// Rows, as [`Epilogue`] knows them.
    pub rows: &'a [u32],
    /// Inner dimension, in words; zero leaves the sums as they start.
    pub depth: usize,
    /// Words from one of a left row to the next.
    pub left_step: usize,
    /// The right matrix, of at least that depth. Left rows are of its precision.
    pub right: &'a Packed,
    pub epilogue: E,
}

impl<E: Epilogue<NV>, const NV: usize> Kernel for RowsProduct<'_, E, NV> {
    type Output = ();

    /// Loops of the precisions are apart: in one, the compiler keeps the sums of single precision in memory, and
    /// training takes half as long again.
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        match self.right.precision {
            Precision::Single => self.add_products::<S, MulAdd>(simd),
            Precision::Bfloat16 if S::MAY_DOT_BF16 && simd.has_dot_bf16() => {
                self.add_products::<S, NativeDot>(simd)
            }
            Precision::Bfloat16 => self.add_products::<S, Dot>(simd),
        }
    }
}

impl<E: Epilogue<NV>, const NV: usize> RowsProduct<'_, E, NV> {
    #[inline(always)]
    fn add_products<S: Simd, A: AddProducts>(&self, simd: S) {
        let blocks = self.depth.div_ceil(block_depth::<S, NV>()).max(1);
        let room = match self.right.is_narrow() {
            true => block_depth::<S, NV>() * NV * S::LANES,
            false => 0,
        };
        let mut room = Scratch::new(room);
        let room = room.pointer();
        if blocks == 1 {
            for panel in 0..self.right.panels {
                self.rows_in_panel::<S, A>(simd, panel, 0..self.depth, room, None, DepthPart::Only);
            }
            return;
        }
        let mut partial = Scratch::new(self.rows.len() * NV * S::LANES);
        let partial = Some(partial.pointer());
        for panel in 0..self.right.panels {
            for block in 0..blocks {
                let bound = |index| self.depth * index / blocks;
                let part = match block {
                    0 => DepthPart::First,
                    _ if block + 1 == blocks => DepthPart::Last,
                    _ => DepthPart::Middle,
                };
                let depth = bound(block)..bound(block + 1);
                self.rows_in_panel::<S, A>(simd, panel, depth, room, partial, part);
            }
        }
    }
}

/// Rows of a full tile of `width` vectors: 3, 6 or 8; more than that would only be more code. Four
/// by three leaves no register of 16 free, and the compiler then spills.
pub(crate) const fn tile_rows<S: Simd>(width: usize) -> usize {
    match S::SUMS / width {
        4 => 3,
        rows if rows > 8 => 8,
        rows => rows,
    }
}

/// Which part of the inner dimension a pass over the rows takes. Between passes the sums wait in
/// memory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DepthPart {
    Only,
    First,
    Middle,
    Last,
}

/// Depth of a panel that stays in the first-level cache while all rows pass.
#[inline(always)]
const fn block_depth<S: Simd, const NV: usize>() -> usize {
    let bytes = 24 * 1024;
    bytes / (NV * S::LANES * size_of::<f32>())
}

impl<E: Epilogue<NV>, const NV: usize> RowsProduct<'_, E, NV> {
    #[inline(always)]
    fn rows_in_panel<S: Simd, A: AddProducts>(
        &self,
        simd: S,
        panel: usize,
        depth: std::ops::Range<usize>,
        room: *mut f32,
        partial: Option<*mut f32>,
        part: DepthPart,
    ) {
        // SAFETY: the panel is one of the product's, `right` has `depth` rows, and `room` is as large as a
        // block if the matrix is narrow.
        let right = unsafe { self.right.rows::<S, NV>(simd, panel, depth.clone(), room) };
        let mut at = 0;
        while at < self.rows.len() {
            let tile = Tile {
                at,
                panel,
                right,
                depth: depth.clone(),
                partial,
                part,
            };
            // Few heights, since each is compiled for every epilogue and every level.
            at += match self.rows.len() - at {
                left if left >= const { tile_rows::<S>(NV) } => self.full_tile::<S, A>(simd, tile),
                1 => self.tile::<S, A, 1>(simd, tile),
                _ => self.tile::<S, A, 2>(simd, tile),
            };
        }
    }

    /// A tile as high as the registers allow. Only one of the branches is compiled.
    #[inline(always)]
    fn full_tile<S: Simd, A: AddProducts>(&self, simd: S, tile: Tile) -> usize {
        if const { tile_rows::<S>(NV) == 3 } {
            self.tile::<S, A, 3>(simd, tile)
        } else if const { tile_rows::<S>(NV) == 6 } {
            self.tile::<S, A, 6>(simd, tile)
        } else {
            self.tile::<S, A, 8>(simd, tile)
        }
    }

    #[inline(always)]
    fn tile<S: Simd, A: AddProducts, const R: usize>(&self, simd: S, tile: Tile) -> usize {
        let Tile { at, panel, .. } = tile;
        let mut rows = [0; R];
        for r in 0..R {
            rows[r] = self.rows[at + r] as usize;
        }
        let waiting = at * NV * S::LANES;
        // SAFETY: the rows and the panel are those of the product; `partial` is there in every pass
        // but the only one, with room for `NV` vectors a row; `right` has `depth` rows.
        unsafe {
            let mut sums = [[simd.splat(0.0); NV]; R];
            for r in 0..R {
                match (tile.part, tile.partial) {
                    (DepthPart::Middle | DepthPart::Last, Some(partial)) => {
                        for v in 0..NV {
                            sums[r][v] = simd.load(partial.add(waiting + (r * NV + v) * S::LANES));
                        }
                    }
                    _ => sums[r] = self.epilogue.start(simd, rows[r], panel),
                }
            }
            if !tile.depth.is_empty() {
                let mut left = [std::ptr::null(); R];
                for r in 0..R {
                    left[r] = self
                        .epilogue
                        .left(rows[r])
                        .add(tile.depth.start * self.left_step);
                }
                let operands = Operands {
                    depth: tile.depth.len(),
                    left,
                    left_step: self.left_step,
                    right: tile.right,
                };
                sums = accumulate::<S, A, R, NV>(simd, operands, sums);
            }
            match (tile.part, tile.partial) {
                (DepthPart::First | DepthPart::Middle, Some(partial)) => {
                    for r in 0..R {
                        for v in 0..NV {
                            simd.store(partial.add(waiting + (r * NV + v) * S::LANES), sums[r][v]);
                        }
                    }
                }
                _ => {
                    for r in 0..R {
                        self.epilogue.finish(simd, rows[r], panel, sums[r]);
                    }
                }
            }
        }
        R
    }
}

/// Where a tile lies.
struct Tile {
    /// Index of its first row among those of the product.
    at: usize,
    panel: usize,
    /// Rows `depth` of the panel.
    right: *const f32,
    depth: std::ops::Range<usize>,
    partial: Option<*mut f32>,
    part: DepthPart,
}

/// What the sums of a tile are over.
struct Operands<const R: usize> {
    depth: usize,
    left: [*const f32; R],
    left_step: usize,
    right: *const f32,
}

/// Adds the products of the words of two vectors to a third.
trait AddProducts {
    /// # Safety
    /// The processor has what the implementation needs.
    unsafe fn add<S: Simd>(simd: S, a: S::Vector, b: S::Vector, c: S::Vector) -> S::Vector;
}

/// Words are numbers of single precision.
struct MulAdd;

impl AddProducts for MulAdd {
    #[inline(always)]
    unsafe fn add<S: Simd>(simd: S, a: S::Vector, b: S::Vector, c: S::Vector) -> S::Vector {
        simd.mul_add(a, b, c)
    }
}

/// Words are two numbers of bf16.
struct Dot;

impl AddProducts for Dot {
    #[inline(always)]
    unsafe fn add<S: Simd>(simd: S, a: S::Vector, b: S::Vector, c: S::Vector) -> S::Vector {
        simd.dot_bf16(a, b, c)
    }
}

/// The same, where the processor has an instruction for it.
struct NativeDot;

impl AddProducts for NativeDot {
    #[inline(always)]
    unsafe fn add<S: Simd>(simd: S, a: S::Vector, b: S::Vector, c: S::Vector) -> S::Vector {
        // SAFETY: what the caller promises.
        unsafe { simd.native_dot_bf16(a, b, c) }
    }
}

/// `sums[r][v] += sum over k of left[r][k] right[k][v]`.
///
/// # Safety
/// `left` are rows of `depth` words `left_step` apart; `right` is `depth` rows of `NV` vectors. The
/// processor has what `A` needs.
#[inline(always)]
unsafe fn accumulate<S: Simd, A: AddProducts, const R: usize, const NV: usize>(
    simd: S,
    operands: Operands<R>,
    mut sums: [[S::Vector; NV]; R],
) -> [[S::Vector; NV]; R] {
    let Operands {
        depth,
        left,
        left_step,
        right,
    } = operands;
    for k in 0..depth {
        // SAFETY: what the caller promises.
        unsafe {
            let row = right.add(k * NV * S::LANES);
            // The shorter side waits in registers, the other passes: beside the sums there is room
            // for no more.
            if R < NV {
                let mut factors = [simd.splat(0.0); R];
                for r in 0..R {
                    factors[r] = simd.splat(*left[r].add(k * left_step));
                }
                for v in 0..NV {
                    let column = simd.load(row.add(v * S::LANES));
                    for r in 0..R {
                        sums[r][v] = A::add(simd, factors[r], column, sums[r][v]);
                    }
                }
            } else {
                let mut columns = [simd.splat(0.0); NV];
                for v in 0..NV {
                    columns[v] = simd.load(row.add(v * S::LANES));
                }
                for r in 0..R {
                    let factor = simd.splat(*left[r].add(k * left_step));
                    for v in 0..NV {
                        sums[r][v] = A::add(simd, factor, columns[v], sums[r][v]);
                    }
                }
            }
        }
    }
    sums
}
