//! Matrices of weights as they are stored: in single precision or fewer bits, which become single precision
//! as they are read.
//!
//! Every sum is taken in single precision, in the order of the inner dimension. So a product with a matrix of
//! fewer bits is, to the last bit, the product with the numbers of single precision that it stands for. What
//! it saves is memory to be read, which is what a product of few rows waits for.

use crate::check::equal;
use crate::columns::{Columns, Pack, Packed, View};
use crate::precision::Precision;
use crate::simd::{Kernel, Simd, Span, dispatch};
use crate::stream::StreamedProduct;
use crate::tile::Epilogue;

/// A matrix `[inner, columns]`, row by row.
#[derive(Clone, Copy, Debug)]
pub enum StoredMatrix<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// bf16 numbers, see [`from_bf16`](crate::from_bf16).
    Bf16(&'a [u16]),
    /// Whole numbers of 8 bits, each of which stands for itself times the scale of its column.
    Int8 {
        /// The whole numbers.
        values: &'a [i8],
        /// A scale for each column.
        scales: &'a [f32],
    },
}

impl StoredMatrix<'_> {
    /// Panics unless it has so many numbers, in so many columns.
    pub(crate) fn check(&self, name: &str, len: usize, columns: usize) {
        let found = match self {
            Self::F32(values) => values.len(),
            Self::Bf16(values) => values.len(),
            Self::Int8 { values, .. } => values.len(),
        };
        equal(name, found, len);
        if let Self::Int8 { scales, .. } = self {
            equal("the scales", scales.len(), columns);
        }
    }

    /// Where its rows lie.
    pub(crate) fn source(&self, columns: usize) -> Source {
        match *self {
            Self::F32(values) => Source::F32(StoredRows::new(values, columns)),
            Self::Bf16(values) => Source::Bf16(StoredRows::new(values, columns)),
            Self::Int8 { values, scales } => Source::Int8(StoredRows {
                scales: scales.as_ptr(),
                ..StoredRows::new(values, columns)
            }),
        }
    }
}

/// A number as a matrix stores it; `u16` is bf16.
pub(crate) trait Number: Copy + Default + Send + Sync {
    /// Whether a number stands for itself times the scale of its column.
    const SCALED: bool;
    /// Whether a vector at the end of a row may be read into the next row.
    const READS_ON: bool;
    /// Whether rows are so short in memory that the processor does not see them coming, so that they have to be
    /// asked for before they are read.
    const ASKED_FOR: bool;

    /// Reads a vector, without the scale.
    ///
    /// # Safety
    /// `from` is valid for reading `LANES` numbers.
    unsafe fn load<S: Simd>(simd: S, from: *const Self) -> S::Vector;

    /// Reads `len < LANES` numbers, without the scale.
    ///
    /// # Safety
    /// `from` is valid for reading `len` numbers.
    #[inline(always)]
    unsafe fn load_first<S: Simd>(simd: S, from: *const Self, len: usize) -> S::Vector {
        let mut lanes = [Self::default(); 16];
        // SAFETY: what the caller promises; no vector has more than 16 lanes.
        unsafe {
            std::ptr::copy_nonoverlapping(from, lanes.as_mut_ptr(), len);
            Self::load(simd, lanes.as_ptr())
        }
    }
}

impl Number for f32 {
    const SCALED: bool = false;
    const READS_ON: bool = false;
    const ASKED_FOR: bool = false;

    #[inline(always)]
    unsafe fn load<S: Simd>(simd: S, from: *const f32) -> S::Vector {
        // SAFETY: what the caller promises.
        unsafe { simd.load(from) }
    }

    #[inline(always)]
    unsafe fn load_first<S: Simd>(simd: S, from: *const f32, len: usize) -> S::Vector {
        // SAFETY: what the caller promises.
        unsafe { simd.load_first(from, len) }
    }
}

impl Number for u16 {
    const SCALED: bool = false;
    const READS_ON: bool = true;
    const ASKED_FOR: bool = true;

    #[inline(always)]
    unsafe fn load<S: Simd>(simd: S, from: *const u16) -> S::Vector {
        // SAFETY: what the caller promises.
        unsafe { simd.load_bf16(from) }
    }
}

impl Number for i8 {
    const SCALED: bool = true;
    const READS_ON: bool = true;
    const ASKED_FOR: bool = true;

    #[inline(always)]
    unsafe fn load<S: Simd>(simd: S, from: *const i8) -> S::Vector {
        // SAFETY: what the caller promises.
        unsafe { simd.load_int8(from) }
    }
}

/// Rows of a matrix where they lie, one piece each.
#[derive(Clone, Copy)]
pub(crate) struct StoredRows<T> {
    /// The first number.
    pub values: *const T,
    /// Numbers from one row to the next.
    pub step: usize,
    /// Where the memory of the matrix ends.
    end: *const T,
    /// A scale for each column, if numbers are scaled.
    scales: *const f32,
}

// SAFETY: rows are only read, and only while the slices that they were made from are borrowed.
unsafe impl<T: Send> Send for StoredRows<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for StoredRows<T> {}

impl<T> StoredRows<T> {
    fn new(values: &[T], step: usize) -> Self {
        let std::ops::Range { start, end } = values.as_ptr_range();
        Self {
            values: start,
            step,
            end,
            scales: std::ptr::null(),
        }
    }

    /// Without the first columns.
    ///
    /// # Safety
    /// There are that many.
    unsafe fn skip(self, columns: usize) -> Self {
        Self {
            // SAFETY: what the caller promises.
            values: unsafe { self.values.add(columns) },
            scales: self.scales.wrapping_add(columns),
            ..self
        }
    }
}

impl<T: Number> StoredRows<T> {
    /// The scales of a span of columns; of no meaning if numbers are not scaled.
    ///
    /// # Safety
    /// The matrix has these columns.
    #[inline(always)]
    pub unsafe fn scales<S: Simd>(&self, simd: S, columns: Span) -> S::Vector {
        match T::SCALED {
            // SAFETY: what the caller promises.
            true => unsafe { simd.read(self.scales, columns) },
            false => simd.splat(1.0),
        }
    }

    /// Reads a span of a row. Lanes beyond the span mean nothing.
    ///
    /// # Safety
    /// `row` points into a row of the matrix, and the span lies in that row.
    #[inline(always)]
    pub unsafe fn read<S: Simd>(
        &self,
        simd: S,
        row: *const T,
        span: Span,
        scales: S::Vector,
    ) -> S::Vector {
        // SAFETY: what the caller promises; what is read on lies in the same matrix.
        unsafe {
            let from = row.add(span.start);
            let whole = span.len == S::LANES
                || T::READS_ON && self.end.offset_from_unsigned(from) >= S::LANES;
            let vector = match whole {
                true => T::load(simd, from),
                false => T::load_first(simd, from, span.len),
            };
            match T::SCALED {
                true => simd.mul(vector, scales),
                false => vector,
            }
        }
    }

    /// Copies the first `depth` rows panel by panel, zeros where a panel has no column.
    ///
    /// # Safety
    /// The matrix has these rows and columns.
    unsafe fn panels<const NV: usize>(&self, depth: usize, columns: Columns) -> Vec<T> {
        let lanes = dispatch(Lanes);
        let panels = columns.panels(NV, lanes);
        let mut packed = vec![T::default(); panels * depth * NV * lanes];
        let mut places = packed.chunks_exact_mut(lanes);
        for panel in 0..panels {
            for k in 0..depth {
                for (vector, to) in places.by_ref().take(NV).enumerate() {
                    let Span { start, len } = columns.span(panel, vector, NV, lanes);
                    // SAFETY: what the caller promises: the span lies in the columns.
                    unsafe {
                        let from = self.values.add(k * self.step + start);
                        std::ptr::copy_nonoverlapping(from, to.as_mut_ptr(), len);
                    }
                }
            }
        }
        packed
    }
}

/// Lanes of a vector.
struct Lanes;

impl Kernel for Lanes {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> usize {
        S::LANES
    }
}

/// Rows of a matrix in whatever precision.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    F32(StoredRows<f32>),
    Bf16(StoredRows<u16>),
    Int8(StoredRows<i8>),
}

impl Source {
    /// Rows of single precision that lie in one piece each, up to the end of the memory that holds them.
    ///
    /// # Safety
    /// The view is of rows, and valid for as long as the source is used.
    pub unsafe fn of_rows(view: View) -> Self {
        Self::F32(StoredRows {
            values: view.values,
            step: view.row_step,
            // Nothing of single precision is read on.
            end: view.values,
            scales: std::ptr::null(),
        })
    }

    /// Without the first columns.
    ///
    /// # Safety
    /// There are that many.
    pub unsafe fn skip(self, columns: usize) -> Self {
        // SAFETY: what the caller promises.
        unsafe {
            match self {
                Self::F32(rows) => Self::F32(rows.skip(columns)),
                Self::Bf16(rows) => Self::Bf16(rows.skip(columns)),
                Self::Int8(rows) => Self::Int8(rows.skip(columns)),
            }
        }
    }

    /// The precision in which products can read it if one is asked for: matrices of fewer bits are widened, for
    /// products of single precision.
    pub fn precision(self, asked: Precision) -> Precision {
        match self {
            Self::F32(_) => asked,
            Self::Bf16(_) | Self::Int8(_) => Precision::Single,
        }
    }

    /// Packs the first `depth` rows for tiles of `NV` vectors: rows of single precision for products of a
    /// precision, others as they are.
    ///
    /// # Safety
    /// The matrix has these rows and columns.
    pub unsafe fn pack<const NV: usize>(
        self,
        precision: Precision,
        depth: usize,
        columns: Columns,
    ) -> Packed {
        // SAFETY: what the caller promises.
        unsafe {
            let narrow = match self {
                Self::F32(rows) => {
                    let source = View {
                        values: rows.values,
                        row_step: rows.step,
                        column_step: 1,
                    };
                    return Pack::<NV> {
                        source,
                        depth,
                        columns,
                        precision,
                    }
                    .run();
                }
                Self::Bf16(rows) => Narrow::Bf16(rows.panels::<NV>(depth, columns)),
                Self::Int8(rows) => {
                    let scales = StoredRows {
                        values: rows.scales,
                        step: 0,
                        end: rows.scales,
                        scales: std::ptr::null(),
                    };
                    Narrow::Int8 {
                        values: rows.panels::<NV>(depth, columns),
                        scales: scales.panels::<NV>(1, columns),
                    }
                }
            };
            let lanes = dispatch(Lanes);
            Packed::narrow(narrow, depth, columns.panels(NV, lanes), NV * lanes)
        }
    }

    /// The product of a few rows with the matrix where it lies.
    ///
    /// # Safety
    /// The matrix has `depth` rows and these columns.
    pub unsafe fn stream<E: Epilogue<NV> + Sync, const NV: usize>(
        self,
        rows: &[u32],
        depth: usize,
        columns: Columns,
        epilogue: E,
    ) {
        match self {
            Self::F32(right) => StreamedProduct {
                rows,
                depth,
                right,
                columns,
                epilogue,
            }
            .run(),
            Self::Bf16(right) => StreamedProduct {
                rows,
                depth,
                right,
                columns,
                epilogue,
            }
            .run(),
            Self::Int8(right) => StreamedProduct {
                rows,
                depth,
                right,
                columns,
                epilogue,
            }
            .run(),
        }
    }
}

/// A packed matrix of fewer bits, panel after panel.
pub(crate) enum Narrow {
    Bf16(Vec<u16>),
    Int8 {
        values: Vec<i8>,
        /// As many a panel as a row of it has numbers.
        scales: Vec<f32>,
    },
}

impl Narrow {
    /// Widens `depth` rows of `NV` vectors, the first of which is row `first` of a panel of `panel_len`
    /// numbers.
    ///
    /// # Safety
    /// There are such a panel and such rows, and `to` is valid for writing them.
    #[inline(always)]
    pub unsafe fn widen<S: Simd, const NV: usize>(
        &self,
        simd: S,
        (panel, panel_len): (usize, usize),
        rows: std::ops::Range<usize>,
        to: *mut f32,
    ) {
        let width = NV * S::LANES;
        let first = panel * panel_len + rows.start * width;
        // SAFETY: what the caller promises.
        unsafe {
            match self {
                Self::Bf16(values) => {
                    let from = values.as_ptr().add(first);
                    for at in (0..rows.len() * width).step_by(S::LANES) {
                        simd.store(to.add(at), simd.load_bf16(from.add(at)));
                    }
                }
                Self::Int8 { values, scales } => {
                    let from = values.as_ptr().add(first);
                    let scales = scales.as_ptr().add(panel * width);
                    let mut scale = [simd.splat(0.0); NV];
                    for (vector, scale) in scale.iter_mut().enumerate() {
                        *scale = simd.load(scales.add(vector * S::LANES));
                    }
                    for k in 0..rows.len() {
                        for (vector, &scale) in scale.iter().enumerate() {
                            let at = k * width + vector * S::LANES;
                            let value = simd.mul(simd.load_int8(from.add(at)), scale);
                            simd.store(to.add(at), value);
                        }
                    }
                }
            }
        }
    }
}
