//! Sixteen lanes: AVX-512 F, and products of bf16 numbers where the processor has AVX512-BF16.

use std::arch::asm;
use std::arch::x86_64::*;

use super::{Kernel, Simd};

/// Proof of AVX-512 F: only [`run`] makes one.
#[derive(Clone, Copy)]
pub(super) struct Avx512 {
    /// Proof of AVX512-BF16.
    bf16: bool,
}

/// Runs a kernel compiled for AVX-512 F. The few instructions of AVX512-BF16 are written as such, so that
/// kernels are not compiled for both.
///
/// # Safety
/// The processor must have it, and with `bf16` AVX512-BF16.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn run<K: Kernel>(kernel: K, bf16: bool) -> K::Output {
    kernel.run(Avx512 { bf16 })
}

/// `c` plus the products of the two bf16 numbers of each lane (`VDPBF16PS`).
///
/// # Safety
/// The processor must have AVX512-BF16.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn dot_bf16(a: __m512, b: __m512, mut c: __m512) -> __m512 {
    // SAFETY: the instruction reads and writes these registers alone, and the caller promises that the
    // processor has it.
    unsafe {
        asm!(
            "vdpbf16ps {c}, {a}, {b}",
            a = in(zmm_reg) a,
            b = in(zmm_reg) b,
            c = inout(zmm_reg) c,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    c
}

/// A mask whose first `len < 16` lanes are set.
#[inline(always)]
fn first(len: usize) -> __mmask16 {
    (1 << len) - 1
}

/// What Miri, which checks this path, takes for an instruction that it does not know.
#[inline(always)]
fn by_lane(a: __m512, b: __m512, f: impl Fn(f32, f32) -> f32) -> __m512 {
    // SAFETY: a vector and an array of its lanes are the same bits.
    let [a, b]: [[f32; 16]; 2] = unsafe { std::mem::transmute([a, b]) };
    let lanes: [f32; 16] = std::array::from_fn(|lane| f(a[lane], b[lane]));
    // SAFETY: as above.
    unsafe { std::mem::transmute(lanes) }
}

// SAFETY (of every block below): an `Avx512` exists only where the processor has the instructions;
// the pointers are valid by the contract of the trait's methods.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Simd for Avx512 {
    type Vector = __m512;
    const LANES: usize = 16;
    const SUMS: usize = 24;
    const MAY_DOT_BF16: bool = true;

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        unsafe { _mm512_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> __m512 {
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn load_first(self, from: *const f32, len: usize) -> __m512 {
        unsafe { _mm512_maskz_loadu_ps(first(len), from) }
    }
    #[inline(always)]
    unsafe fn load_bf16(self, from: *const u16) -> __m512 {
        unsafe {
            let words = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast()));
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(words))
        }
    }
    #[inline(always)]
    unsafe fn load_int8(self, from: *const i8) -> __m512 {
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(from.cast()))) }
    }
    #[inline(always)]
    fn prefetch<T>(self, address: *const T) {
        if !cfg!(miri) {
            unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
        }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32, vector: __m512) {
        unsafe { _mm512_storeu_ps(to, vector) }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, len: usize, vector: __m512) {
        unsafe { _mm512_mask_storeu_ps(to, first(len), vector) }
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_div_ps(a, b) }
    }
    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        if cfg!(miri) {
            return by_lane(a, b, |a, b| if a < b { a } else { b });
        }
        unsafe { _mm512_min_ps(a, b) }
    }
    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        if cfg!(miri) {
            return by_lane(a, b, |a, b| if a > b { a } else { b });
        }
        unsafe { _mm512_max_ps(a, b) }
    }
    #[inline(always)]
    fn sqrt(self, a: __m512) -> __m512 {
        unsafe { _mm512_sqrt_ps(a) }
    }
    #[inline(always)]
    fn lower_bf16(self, words: __m512) -> __m512 {
        unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_castps_si512(words))) }
    }
    #[inline(always)]
    fn upper_bf16(self, words: __m512) -> __m512 {
        unsafe {
            let mask = _mm512_set1_epi32(0xffff_0000_u32 as i32);
            _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(words), mask))
        }
    }
    #[inline(always)]
    fn has_dot_bf16(self) -> bool {
        self.bf16
    }
    #[inline(always)]
    unsafe fn native_dot_bf16(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { dot_bf16(a, b, c) }
    }
    #[inline(always)]
    fn power_of_two(self, bits: __m512) -> __m512 {
        unsafe {
            let exponent = _mm512_slli_epi32::<23>(_mm512_castps_si512(bits));
            let one = _mm512_set1_epi32(0x3f80_0000);
            _mm512_castsi512_ps(_mm512_add_epi32(exponent, one))
        }
    }
}
