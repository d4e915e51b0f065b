//! bf16, the upper half of a single-precision number: its sign, its exponent and seven bits of its
//! fraction (Kalamkar et al. 2019, "A Study of BFLOAT16 for Deep Learning Training").

/// The bf16 number nearest to a single-precision one; of two that are as near, the even one. What is
/// beyond the range of bf16 becomes infinite, and NaN stays NaN.
pub const fn to_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    if value.is_nan() {
        // The lower half may hold all that tells NaN from infinity.
        return (bits >> 16) as u16 | 0x40;
    }
    let last_place = (bits >> 16) & 1;
    ((bits + 0x7fff + last_place) >> 16) as u16
}

/// The single-precision number that equals a bf16 one.
pub const fn from_bf16(bits: u16) -> f32 {
    f32::from_bits((bits as u32) << 16)
}

/// Rounds each number with [`to_bf16`].
///
/// # Panics
/// If the slices differ in length.
pub fn round_to_bf16(from: &[f32], to: &mut [u16]) {
    crate::check::equal("the bf16 numbers", to.len(), from.len());
    for (to, &from) in to.iter_mut().zip(from) {
        *to = to_bf16(from);
    }
}

/// Widens each number with [`from_bf16`].
///
/// # Panics
/// If the slices differ in length.
pub fn widen_bf16(from: &[u16], to: &mut [f32]) {
    crate::check::equal("the widened numbers", to.len(), from.len());
    for (to, &from) in to.iter_mut().zip(from) {
        *to = from_bf16(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bf16_number_comes_back() {
        for bits in 0..=u16::MAX {
            let back = to_bf16(from_bf16(bits));
            if from_bf16(bits).is_nan() {
                assert!(from_bf16(back).is_nan(), "{bits:#x}");
            } else {
                assert_eq!(back, bits);
            }
        }
    }

    #[test]
    fn numbers_between_two_go_to_the_nearer_and_ties_to_the_even_one() {
        for bits in (0..0x7f80_u16).chain(0x8000..0xff80) {
            let between = |low: u32| f32::from_bits((u32::from(bits) << 16) | low);
            let even = bits + (bits & 1);
            for (low, expected) in [
                (1, bits),
                (0x7fff, bits),
                (0x8000, even),
                (0x8001, bits + 1),
                (0xffff, bits + 1),
            ] {
                assert_eq!(to_bf16(between(low)), expected, "{bits:#x} and {low:#x}");
            }
        }
    }

    #[test]
    fn what_is_no_finite_number_stays_so() {
        assert_eq!(from_bf16(to_bf16(f32::INFINITY)), f32::INFINITY);
        assert_eq!(from_bf16(to_bf16(f32::NEG_INFINITY)), f32::NEG_INFINITY);
        assert_eq!(from_bf16(to_bf16(f32::MAX)), f32::INFINITY);
        for bits in [0x7f80_0001, 0xff80_0001, 0x7fc0_0000, 0x7fff_ffff, u32::MAX] {
            let nan = from_bf16(to_bf16(f32::from_bits(bits)));
            assert!(nan.is_nan(), "{bits:#x}");
            assert_eq!(nan.is_sign_negative(), bits >> 31 == 1, "{bits:#x}");
        }
    }

    #[test]
    fn slices_are_converted_number_by_number() {
        let numbers = [0.0, -0.0, 1.0, 1.0 / 3.0, -2.5e-40, 7.0e37];
        let mut rounded = [0; 6];
        round_to_bf16(&numbers, &mut rounded);
        assert_eq!(rounded, numbers.map(to_bf16));
        let mut widened = [0.0; 6];
        widen_bf16(&rounded, &mut widened);
        assert_eq!(widened, rounded.map(from_bf16));
    }

    #[test]
    #[should_panic(expected = "the bf16 numbers: 1 elements, but the sizes ask for 2")]
    fn slices_of_different_lengths_are_refused() {
        round_to_bf16(&[0.0; 2], &mut [0; 1]);
    }
}
