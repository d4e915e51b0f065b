//! How the columns of a right matrix are cut into panels, and the packing of one.

use std::ops::Range;

use crate::memory::{Scratch, Shared};
use crate::precision::{Precision, word};
use crate::simd::{Kernel, Simd, Span, dispatch};
use crate::stored::Narrow;
use crate::threads::for_each;

/// Columns in the order in which panels take them. A panel is `NV` vectors wide.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Columns {
    /// One after the other.
    Flat {
        /// Columns.
        count: usize,
    },
    /// `NV` blocks, each with a column for every unit; a panel has the same units of every block.
    Blocks {
        /// Columns of a block.
        units: usize,
    },
}

impl Columns {
    /// Panels of `width` vectors of `lanes` numbers that hold all columns.
    #[inline(always)]
    pub const fn panels(self, width: usize, lanes: usize) -> usize {
        match self {
            Self::Flat { count } => count.div_ceil(width * lanes),
            Self::Blocks { units } => units.div_ceil(lanes),
        }
    }

    /// All columns, of as many blocks as panels have vectors.
    pub const fn count(self, width: usize) -> usize {
        match self {
            Self::Flat { count } => count,
            Self::Blocks { units } => width * units,
        }
    }

    /// The columns of one vector of a panel of `width` vectors.
    #[inline(always)]
    pub fn span(self, panel: usize, vector: usize, width: usize, lanes: usize) -> Span {
        let (block, start, end) = match self {
            Self::Flat { count } => (0, (panel * width + vector) * lanes, count),
            Self::Blocks { units } => (vector * units, panel * lanes, units),
        };
        Span {
            start: block + start.min(end),
            len: end.saturating_sub(start).min(lanes),
        }
    }
}

/// A matrix in memory: element `(row, column)` is at `row * row_step + column * column_step`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub values: *const f32,
    pub row_step: usize,
    pub column_step: usize,
}

// SAFETY: a view is only read, and only while the slice that it was made from is borrowed.
unsafe impl Send for View {}
// SAFETY: as above.
unsafe impl Sync for View {}

impl View {
    /// Rows one after the other.
    pub fn rows(values: &[f32], columns: usize) -> Self {
        Self {
            values: values.as_ptr(),
            row_step: columns,
            column_step: 1,
        }
    }

    /// Rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Self {
            row_step: self.column_step,
            column_step: self.row_step,
            ..self
        }
    }

    /// Without the first rows and columns.
    ///
    /// # Safety
    /// The matrix has that many.
    pub unsafe fn skip(self, rows: usize, columns: usize) -> Self {
        let offset = rows * self.row_step + columns * self.column_step;
        Self {
            // SAFETY: what the caller promises.
            values: unsafe { self.values.add(offset) },
            ..self
        }
    }
}

/// A right matrix, panel after panel; each holds its rows one after the other, with zeros in lanes
/// that no column falls to. In bf16 two rows lie in one word, and zeros follow an odd last one.
///
/// One of fewer bits for products of single precision is widened block by block as it is multiplied.
pub(crate) struct Packed {
    values: Scratch,
    start: *mut f32,
    /// In place of the values, a matrix of fewer bits.
    narrow: Option<Narrow>,
    pub panels: usize,
    panel_len: usize,
    /// Rows, or words of two rows in bf16.
    pub depth: usize,
    pub precision: Precision,
}

// SAFETY: once packed it is only read; `start` points into `values`, which moves with it.
unsafe impl Sync for Packed {}
// SAFETY: as above.
unsafe impl Send for Packed {}

impl Packed {
    /// Room for a matrix of `rows` rows and panels of `width` numbers.
    pub fn new(precision: Precision, rows: usize, panels: usize, width: usize) -> Self {
        let depth = precision.words(rows);
        let panel_len = depth * width;
        let mut values = Scratch::new(panels * panel_len);
        Self {
            start: values.pointer(),
            values,
            narrow: None,
            panels,
            panel_len,
            depth,
            precision,
        }
    }

    /// A packed matrix of fewer bits, of `depth` rows and panels of `width` numbers.
    pub fn narrow(narrow: Narrow, depth: usize, panels: usize, width: usize) -> Self {
        Self {
            narrow: Some(narrow),
            panels,
            panel_len: depth * width,
            depth,
            ..Self::new(Precision::Single, 0, 0, 0)
        }
    }

    /// Whether a block has to be widened before it is multiplied.
    pub fn is_narrow(&self) -> bool {
        self.narrow.is_some()
    }

    /// Sums that a row of the product takes, those of lanes without a column included.
    pub fn row_sums(&self) -> usize {
        self.panels * self.panel_len / self.depth.max(1)
    }

    /// Makes the same room one for a matrix that is no larger.
    pub fn resize(&mut self, rows: usize, panels: usize, width: usize) {
        let depth = self.precision.words(rows);
        assert!(
            panels * depth * width <= self.values.values_ref().len(),
            "the matrix outgrows its room"
        );
        self.panels = panels;
        self.panel_len = depth * width;
        self.depth = depth;
    }

    /// Where a panel starts, to be written.
    ///
    /// # Safety
    /// There is such a panel.
    #[inline(always)]
    pub unsafe fn panel_mut(&mut self, panel: usize) -> *mut f32 {
        // SAFETY: what the caller promises.
        unsafe { self.start.add(panel * self.panel_len) }
    }

    /// Some rows of a panel of `NV` vectors: where they lie, or in `room`.
    ///
    /// # Safety
    /// There is such a panel with these rows. If it [is narrow](Self::is_narrow), `room` is valid for writing
    /// them.
    #[inline(always)]
    pub unsafe fn rows<S: Simd, const NV: usize>(
        &self,
        simd: S,
        panel: usize,
        rows: Range<usize>,
        room: *mut f32,
    ) -> *const f32 {
        // SAFETY: what the caller promises.
        unsafe {
            match &self.narrow {
                None => (self.start).add(panel * self.panel_len + rows.start * NV * S::LANES),
                Some(narrow) => {
                    narrow.widen::<S, NV>(simd, (panel, self.panel_len), rows, room);
                    room
                }
            }
        }
    }
}

/// Packs the first `depth` rows of a matrix for tiles of `NV` vectors.
#[derive(Clone, Copy)]
pub(crate) struct Pack<const NV: usize> {
    pub source: View,
    pub depth: usize,
    pub columns: Columns,
    pub precision: Precision,
}

impl<const NV: usize> Pack<NV> {
    /// Packs it, on all threads if it is large.
    pub fn run(self) -> Packed {
        let (panels, width) = dispatch(Panels(self));
        let packed = Packed::new(self.precision, self.depth, panels, width);
        let to = Shared(packed.start);
        // Small matrices make one piece, for which nobody is woken.
        let pieces = (self.depth * panels * width / PIECE).clamp(1, panels.max(1));
        for_each(pieces, |piece| {
            let panels = panels * piece / pieces..panels * (piece + 1) / pieces;
            dispatch(PackPanels {
                pack: self,
                panels,
                to,
            });
        });
        packed
    }
}

/// Numbers that a thread packs at a time. Twice as many are what waking another thread is worth.
const PIECE: usize = 64 * 1024;

/// How many panels there are, and how wide.
struct Panels<const NV: usize>(Pack<NV>);

impl<const NV: usize> Kernel for Panels<NV> {
    type Output = (usize, usize);

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> (usize, usize) {
        (self.0.columns.panels(NV, S::LANES), NV * S::LANES)
    }
}

/// Rows in pieces of 32: what a piece of each column is written to stays in the first-level cache while it is
/// transposed.
#[inline(always)]
fn blocks(rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows)
        .step_by(32)
        .map(move |start| start..rows.min(start + 32))
}

/// Packs some of the panels.
struct PackPanels<const NV: usize> {
    pack: Pack<NV>,
    panels: Range<usize>,
    to: Shared,
}

impl<const NV: usize> Kernel for PackPanels<NV> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { pack, panels, to } = self;
        for panel in panels {
            for vector in 0..NV {
                let span = pack.columns.span(panel, vector, NV, S::LANES);
                // SAFETY: there is room for `depth` rows of `NV` vectors a panel, each of which
                // belongs to one thread, and the spans lie within the columns of the source.
                unsafe {
                    let depth = pack.precision.words(pack.depth);
                    let to = to.at((panel * depth * NV + vector) * S::LANES);
                    match (pack.precision, pack.source.column_step) {
                        (Precision::Single, 1) => pack.copy(simd, span, to),
                        (Precision::Single, _) => pack.transpose(simd, span, to),
                        (Precision::Bfloat16, 1) => pack.round(simd, span, to),
                        (Precision::Bfloat16, _) => pack.transpose_and_round(simd, span, to),
                    }
                }
            }
        }
    }
}

impl<const NV: usize> Pack<NV> {
    /// Columns that lie side by side.
    ///
    /// # Safety
    /// The span lies in the source; `to` has room for `depth` rows of a panel.
    #[inline(always)]
    unsafe fn copy<S: Simd>(&self, simd: S, span: Span, to: *mut f32) {
        for k in 0..self.depth {
            // SAFETY: what the caller promises.
            unsafe {
                let vector = simd.read(self.source.values.add(k * self.source.row_step), span);
                simd.store(to.add(k * NV * S::LANES), vector);
            }
        }
    }

    /// Columns that lie side by side, two rows a word.
    ///
    /// # Safety
    /// The span lies in the source; `to` has room for the words of a panel.
    #[inline(always)]
    unsafe fn round<S: Simd>(&self, simd: S, span: Span, to: *mut f32) {
        let View {
            values, row_step, ..
        } = self.source;
        for k in (0..self.depth).step_by(2) {
            // SAFETY: what the caller promises; the last row may be alone.
            unsafe {
                let row = values.add(k * row_step);
                let upper = match k + 1 < self.depth {
                    true => simd.read(row.add(row_step), span),
                    false => simd.splat(0.0),
                };
                let words = simd.to_bf16(simd.read(row, span), upper);
                simd.store(to.add(k / 2 * NV * S::LANES), words);
            }
        }
    }

    /// Other columns, two rows a word.
    ///
    /// # Safety
    /// As for `round`.
    #[inline(always)]
    unsafe fn transpose_and_round<S: Simd>(&self, simd: S, span: Span, to: *mut f32) {
        let View {
            values,
            row_step,
            column_step,
        } = self.source;
        let (pairs, words) = (self.depth / 2, self.depth.div_ceil(2));
        // SAFETY: what the caller promises.
        unsafe {
            if span.len < S::LANES {
                for k in 0..words {
                    simd.store(to.add(k * NV * S::LANES), simd.splat(0.0));
                }
            }
            for block in blocks(pairs) {
                for lane in 0..span.len {
                    let from = values.add((span.start + lane) * column_step);
                    for k in block.clone() {
                        let first = from.add(2 * k * row_step);
                        *to.add(k * NV * S::LANES + lane) = word(*first, *first.add(row_step));
                    }
                }
            }
            if pairs < words {
                let from = values.add(span.start * column_step + 2 * pairs * row_step);
                for lane in 0..span.len {
                    let last = *from.add(lane * column_step);
                    *to.add(pairs * NV * S::LANES + lane) = word(last, 0.0);
                }
            }
        }
    }

    /// Columns each of which lies in one piece, or neither rows nor columns.
    ///
    /// # Safety
    /// As for `copy`.
    #[inline(always)]
    unsafe fn transpose<S: Simd>(&self, simd: S, span: Span, to: *mut f32) {
        let View {
            values,
            row_step,
            column_step,
        } = self.source;
        // SAFETY: what the caller promises.
        unsafe {
            if span.len < S::LANES {
                for k in 0..self.depth {
                    simd.store(to.add(k * NV * S::LANES), simd.splat(0.0));
                }
            }
            for block in blocks(self.depth) {
                for lane in 0..span.len {
                    let from = values.add((span.start + lane) * column_step);
                    for k in block.clone() {
                        *to.add(k * NV * S::LANES + lane) = *from.add(k * row_step);
                    }
                }
            }
        }
    }
}
