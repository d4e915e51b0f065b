//! Four lanes in plain Rust, which the compiler turns into whatever the target has.

use super::Simd;
use crate::bf16::from_bf16;

/// Needs no instruction of its own.
#[derive(Clone, Copy)]
pub(super) struct Portable;

#[inline(always)]
fn zip(a: [f32; 4], b: [f32; 4], f: impl Fn(f32, f32) -> f32) -> [f32; 4] {
    std::array::from_fn(|lane| f(a[lane], b[lane]))
}

impl Simd for Portable {
    type Vector = [f32; 4];
    const LANES: usize = 4;
    const SUMS: usize = 12;

    #[inline(always)]
    fn splat(self, value: f32) -> [f32; 4] {
        [value; 4]
    }
    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> [f32; 4] {
        // SAFETY: the caller promises four readable numbers; the read asks for no alignment.
        unsafe { from.cast::<[f32; 4]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn load_first(self, from: *const f32, len: usize) -> [f32; 4] {
        let mut lanes = [0.0; 4];
        // SAFETY: the caller promises `len < 4` readable numbers.
        unsafe { std::ptr::copy_nonoverlapping(from, lanes.as_mut_ptr(), len) };
        lanes
    }
    #[inline(always)]
    unsafe fn load_bf16(self, from: *const u16) -> [f32; 4] {
        // SAFETY: the caller promises four readable numbers; the read asks for no alignment.
        unsafe { from.cast::<[u16; 4]>().read_unaligned() }.map(from_bf16)
    }
    #[inline(always)]
    unsafe fn load_int8(self, from: *const i8) -> [f32; 4] {
        // SAFETY: the caller promises four readable numbers; bytes have no alignment.
        unsafe { from.cast::<[i8; 4]>().read() }.map(f32::from)
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32, vector: [f32; 4]) {
        // SAFETY: the caller promises four writable numbers; the write asks for no alignment.
        unsafe { to.cast::<[f32; 4]>().write_unaligned(vector) }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, len: usize, vector: [f32; 4]) {
        // SAFETY: the caller promises `len < 4` writable numbers.
        unsafe { std::ptr::copy_nonoverlapping(vector.as_ptr(), to, len) }
    }
    #[inline(always)]
    fn add(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        zip(a, b, |a, b| a / b)
    }
    // Two roundings: `f32::mul_add` would call a function where the target has no such instruction.
    #[inline(always)]
    fn mul_add(self, a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        self.add(self.mul(a, b), c)
    }
    #[inline(always)]
    fn min(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        zip(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn max(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn sqrt(self, a: [f32; 4]) -> [f32; 4] {
        a.map(f32::sqrt)
    }
    #[inline(always)]
    fn lower_bf16(self, words: [f32; 4]) -> [f32; 4] {
        words.map(|word| f32::from_bits(word.to_bits() << 16))
    }
    #[inline(always)]
    fn upper_bf16(self, words: [f32; 4]) -> [f32; 4] {
        words.map(|word| f32::from_bits(word.to_bits() & 0xffff_0000))
    }
    #[inline(always)]
    fn power_of_two(self, bits: [f32; 4]) -> [f32; 4] {
        bits.map(|bits| f32::from_bits((bits.to_bits() << 23).wrapping_add(0x3f80_0000)))
    }
}
