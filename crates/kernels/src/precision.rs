//! The precision in which products read their operands.

use crate::bf16::to_bf16;
use crate::memory::{Scratch, Shared};
use crate::simd::{Kernel, Level, Simd, dispatch, level};

/// How products read their operands. They sum in single precision either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// As they are, in single precision.
    #[default]
    Single,
    /// Rounded to bf16: the exponent of single precision, and eight bits of precision.
    Bfloat16,
}

impl Precision {
    /// Whether the processor has an instruction for products of this precision. Without one, bf16 is no
    /// faster than single precision, and often slower.
    ///
    /// # Panics
    /// As [`Level::detected`].
    pub fn is_native(self) -> bool {
        self == Self::Single || level() == Level::Avx512Bf16
    }

    /// Words of 32 bits that hold so many numbers: one of single precision, or two of bf16.
    pub(crate) const fn words(self, numbers: usize) -> usize {
        match self {
            Self::Single => numbers,
            Self::Bfloat16 => numbers.div_ceil(2),
        }
    }
}

/// Two numbers, rounded to bf16, as one word; the first has the lower bits. Words are kept as `f32` so that
/// memory, panels and vectors are those of single precision. Nothing calculates with them as such.
#[inline(always)]
pub(crate) fn word(first: f32, second: f32) -> f32 {
    f32::from_bits(u32::from(to_bf16(first)) | u32::from(to_bf16(second)) << 16)
}

/// Rows of a left matrix, as a product reads them.
#[derive(Clone, Copy)]
pub(crate) struct LeftRows {
    pub first: *const f32,
    /// Numbers or words from one row to the next.
    pub step: usize,
}

// SAFETY: rows are only read, and only while what they were made from is borrowed.
unsafe impl Sync for LeftRows {}

impl LeftRows {
    /// A row.
    ///
    /// # Safety
    /// The matrix has it.
    #[inline(always)]
    pub unsafe fn row(self, row: usize) -> *const f32 {
        // SAFETY: what the caller promises.
        unsafe { self.first.add(row * self.step) }
    }

    /// Some rows of `len` numbers, as products of a precision read them. In bf16 they are written to `room`,
    /// each row to its own place of `step` words.
    ///
    /// # Safety
    /// The matrix has these rows, `room` has their places, which hold so many numbers, and nobody else uses
    /// them.
    pub unsafe fn in_precision(
        self,
        precision: Precision,
        rows: &[u32],
        len: usize,
        room: RoundedRows,
    ) -> Self {
        if precision == Precision::Single {
            return self;
        }
        dispatch(RoundRows {
            from: self,
            rows,
            len,
            to: room,
        });
        Self {
            first: room.first.0,
            step: room.step,
        }
    }
}

/// Where rounded rows are written.
#[derive(Clone, Copy)]
pub(crate) struct RoundedRows {
    pub first: Shared,
    /// Words from one row to the next.
    pub step: usize,
}

impl RoundedRows {
    /// Room for rows of `len` numbers in some scratch memory, which has as many as [`room`](Self::room) says.
    pub fn new(precision: Precision, len: usize, scratch: &mut Scratch) -> Self {
        Self {
            first: Shared(scratch.pointer()),
            step: precision.words(len),
        }
    }

    /// Words that so many rows of `len` numbers take: none in single precision, which rounds nothing.
    pub fn room(precision: Precision, rows: usize, len: usize) -> usize {
        match precision {
            Precision::Single => 0,
            Precision::Bfloat16 => rows * precision.words(len),
        }
    }
}

/// Rounds rows to bf16.
struct RoundRows<'a> {
    from: LeftRows,
    rows: &'a [u32],
    len: usize,
    to: RoundedRows,
}

impl Kernel for RoundRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let words = Precision::Bfloat16.words(self.len);
        for &row in self.rows {
            let row = row as usize;
            // SAFETY: `LeftRows::in_precision` was promised these rows and their places.
            let (from, to) = unsafe {
                (
                    std::slice::from_raw_parts(self.from.row(row), self.len),
                    std::slice::from_raw_parts_mut(self.to.first.at(row * self.to.step), words),
                )
            };
            let pairs = from.chunks_exact(2);
            if let ([last], Some(to)) = (pairs.remainder(), to.last_mut()) {
                *to = word(*last, 0.0);
            }
            for (to, pair) in to.iter_mut().zip(pairs) {
                *to = word(pair[0], pair[1]);
            }
        }
    }
}
