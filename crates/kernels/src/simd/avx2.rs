//! Eight lanes: AVX2 and FMA.

use std::arch::x86_64::*;

use super::{Kernel, Simd};

/// Proof of AVX2 and FMA: only [`run`] makes one.
#[derive(Clone, Copy)]
pub(super) struct Avx2(());

/// Runs a kernel compiled for AVX2 and FMA.
///
/// # Safety
/// The processor must have both.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx2(()))
}

/// A mask whose first `len` lanes are set.
#[inline(always)]
fn first(len: usize) -> __m256i {
    // SAFETY: the caller holds an `Avx2`.
    unsafe {
        let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        _mm256_cmpgt_epi32(_mm256_set1_epi32(len as i32), lanes)
    }
}

// SAFETY (of every block below): an `Avx2` exists only where the processor has the instructions;
// the pointers are valid by the contract of the trait's methods.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Simd for Avx2 {
    type Vector = __m256;
    const LANES: usize = 8;
    const SUMS: usize = 12;

    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        unsafe { _mm256_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> __m256 {
        unsafe { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn load_first(self, from: *const f32, len: usize) -> __m256 {
        unsafe { _mm256_maskload_ps(from, first(len)) }
    }
    #[inline(always)]
    unsafe fn load_bf16(self, from: *const u16) -> __m256 {
        unsafe {
            let words = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast()));
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(words))
        }
    }
    #[inline(always)]
    unsafe fn load_int8(self, from: *const i8) -> __m256 {
        unsafe {
            let bytes = _mm_loadl_epi64(from.cast());
            _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes))
        }
    }
    #[inline(always)]
    fn prefetch<T>(self, address: *const T) {
        if !cfg!(miri) {
            unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
        }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32, vector: __m256) {
        unsafe { _mm256_storeu_ps(to, vector) }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, len: usize, vector: __m256) {
        unsafe { _mm256_maskstore_ps(to, first(len), vector) }
    }
    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_div_ps(a, b) }
    }
    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn min(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_min_ps(a, b) }
    }
    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_max_ps(a, b) }
    }
    #[inline(always)]
    fn sqrt(self, a: __m256) -> __m256 {
        unsafe { _mm256_sqrt_ps(a) }
    }
    #[inline(always)]
    fn lower_bf16(self, words: __m256) -> __m256 {
        unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_castps_si256(words))) }
    }
    #[inline(always)]
    fn upper_bf16(self, words: __m256) -> __m256 {
        unsafe {
            let mask = _mm256_set1_epi32(0xffff_0000_u32 as i32);
            _mm256_and_ps(words, _mm256_castsi256_ps(mask))
        }
    }
    #[inline(always)]
    fn power_of_two(self, bits: __m256) -> __m256 {
        unsafe {
            let exponent = _mm256_slli_epi32::<23>(_mm256_castps_si256(bits));
            let one = _mm256_set1_epi32(0x3f80_0000);
            _mm256_castsi256_ps(_mm256_add_epi32(exponent, one))
        }
    }
}
