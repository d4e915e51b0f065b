//! Vectors of `f32`, chosen at run time.
//!
//! A kernel is written once, generically over [`Simd`], and [`dispatch`] compiles it for every
//! [`Level`] that the target may offer and runs it for the one that the processor has.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod level;
pub(crate) mod math;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

pub(crate) use level::level;
pub use level::{Level, UnknownLevel};

use crate::precision::word;

/// Consecutive elements that one vector holds: all its lanes, or fewer at the end of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// First element.
    pub start: usize,
    /// Elements, at most the lanes of a vector; may be zero.
    pub len: usize,
}

/// A vector type and its arithmetic. A value of the type proves that the processor has it.
///
/// Everything is `#[inline(always)]`, since only code that is inlined into one of the `run`
/// functions beneath [`dispatch`] is compiled for the instructions of its level.
pub(crate) trait Simd: Copy {
    /// `LANES` numbers.
    type Vector: Copy;
    /// Numbers in a vector.
    const LANES: usize;
    /// Vectors of sums that a product may keep in registers beside its operands.
    const SUMS: usize;

    /// The same number in every lane.
    fn splat(self, value: f32) -> Self::Vector;
    /// Reads `LANES` numbers.
    ///
    /// # Safety
    /// `from` is valid for reading `LANES` numbers.
    unsafe fn load(self, from: *const f32) -> Self::Vector;
    /// Reads `len < LANES` numbers; the other lanes are zero.
    ///
    /// # Safety
    /// `from` is valid for reading `len` numbers.
    unsafe fn load_first(self, from: *const f32, len: usize) -> Self::Vector;
    /// Reads `LANES` bf16 numbers.
    ///
    /// # Safety
    /// `from` is valid for reading `LANES` numbers.
    unsafe fn load_bf16(self, from: *const u16) -> Self::Vector;
    /// Reads `LANES` whole numbers.
    ///
    /// # Safety
    /// `from` is valid for reading `LANES` numbers.
    unsafe fn load_int8(self, from: *const i8) -> Self::Vector;
    /// Writes `LANES` numbers.
    ///
    /// # Safety
    /// `to` is valid for writing `LANES` numbers.
    unsafe fn store(self, to: *mut f32, vector: Self::Vector);
    /// Writes the first `len < LANES` numbers.
    ///
    /// # Safety
    /// `to` is valid for writing `len` numbers.
    unsafe fn store_first(self, to: *mut f32, len: usize, vector: Self::Vector);

    /// `a + b`.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a - b`.
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a b`.
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a / b`.
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a b + c`, rounded once where the processor can.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// The smaller of two; `b` where either is no number.
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The larger of two; `b` where either is no number.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The square root.
    fn sqrt(self, a: Self::Vector) -> Self::Vector;
    /// 2 to the power of the integer in the lowest nine bits of each lane.
    fn power_of_two(self, bits: Self::Vector) -> Self::Vector;
    /// The bf16 numbers in the lower half of each lane.
    fn lower_bf16(self, words: Self::Vector) -> Self::Vector;
    /// The bf16 numbers in the upper half of each lane.
    fn upper_bf16(self, words: Self::Vector) -> Self::Vector;

    /// Whether processors of this type may have [`native_dot_bf16`](Self::native_dot_bf16).
    const MAY_DOT_BF16: bool = false;

    /// Whether this processor has [`native_dot_bf16`](Self::native_dot_bf16).
    #[inline(always)]
    fn has_dot_bf16(self) -> bool {
        false
    }

    /// `c` plus, lane by lane, the products of the two bf16 numbers of `a` with those of `b`.
    #[inline(always)]
    fn dot_bf16(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        let lower = self.mul_add(self.lower_bf16(a), self.lower_bf16(b), c);
        self.mul_add(self.upper_bf16(a), self.upper_bf16(b), lower)
    }

    /// The same by one instruction, which sums in another order.
    ///
    /// # Safety
    /// The processor [has it](Self::has_dot_bf16).
    #[inline(always)]
    unsafe fn native_dot_bf16(
        self,
        a: Self::Vector,
        b: Self::Vector,
        c: Self::Vector,
    ) -> Self::Vector {
        self.dot_bf16(a, b, c)
    }

    /// Two vectors, rounded to bf16, in the lower and the upper half of each lane.
    #[inline(always)]
    fn to_bf16(self, lower: Self::Vector, upper: Self::Vector) -> Self::Vector {
        let (mut words, mut others) = ([0.0; 16], [0.0; 16]);
        // SAFETY: no vector has more than 16 lanes.
        unsafe {
            self.store(words.as_mut_ptr(), lower);
            self.store(others.as_mut_ptr(), upper);
            for (lower, upper) in words[..Self::LANES].iter_mut().zip(others) {
                *lower = word(*lower, upper);
            }
            self.load(words.as_ptr())
        }
    }

    /// Asks for the cache line at an address, which need not be valid, where the processor can be asked.
    #[inline(always)]
    fn prefetch<T>(self, _address: *const T) {}

    /// Reads the span of a row.
    ///
    /// # Safety
    /// The span lies in memory that is valid for reading.
    #[inline(always)]
    unsafe fn read(self, row: *const f32, span: Span) -> Self::Vector {
        // SAFETY: what the caller promises.
        unsafe {
            if span.len == Self::LANES {
                self.load(row.add(span.start))
            } else {
                self.load_first(row.add(span.start), span.len)
            }
        }
    }

    /// Writes the span of a row.
    ///
    /// # Safety
    /// The span lies in memory that is valid for writing.
    #[inline(always)]
    unsafe fn write(self, row: *mut f32, span: Span, vector: Self::Vector) {
        // SAFETY: what the caller promises.
        unsafe {
            if span.len == Self::LANES {
                self.store(row.add(span.start), vector);
            } else {
                self.store_first(row.add(span.start), span.len, vector);
            }
        }
    }
}

/// Something to compute that is written for any vector type.
pub(crate) trait Kernel {
    /// What it gives.
    type Output;
    /// Computes it; must be `#[inline(always)]`.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Runs a kernel with the vectors of [`level`].
#[inline]
pub(crate) fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: `level` gives a level only if the processor has its instructions.
    unsafe { run_at(level(), kernel) }
}

/// Runs a kernel with the vectors of a level.
///
/// # Safety
/// The processor has the level.
#[inline]
pub(crate) unsafe fn run_at<K: Kernel>(level: Level, kernel: K) -> K::Output {
    match level {
        // SAFETY: what the caller promises.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512Bf16 => unsafe { avx512::run(kernel, true) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512::run(kernel, false) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2::run(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Level::Neon => unsafe { neon::run(kernel) },
        _ => kernel.run(portable::Portable),
    }
}

/// The spans of a row, in order.
#[inline(always)]
pub(crate) fn spans<S: Simd>(_: S, len: usize) -> impl Iterator<Item = Span> {
    let whole = len / S::LANES;
    (0..len.div_ceil(S::LANES)).map(move |index| Span {
        start: index * S::LANES,
        len: if index < whole {
            S::LANES
        } else {
            len - index * S::LANES
        },
    })
}
