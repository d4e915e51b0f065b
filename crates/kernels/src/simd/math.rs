//! Exponential, logistic function and hyperbolic tangent of vectors.

use super::Simd;

/// `a + b x`, where the polynomial is written from its highest coefficient inwards.
#[inline(always)]
fn horner<S: Simd>(simd: S, x: S::Vector, coefficients: &[f32]) -> S::Vector {
    let mut sum = simd.splat(coefficients[0]);
    for &coefficient in &coefficients[1..] {
        sum = simd.mul_add(sum, x, simd.splat(coefficient));
    }
    sum
}

/// e^x, off by less than 2e-7 of the result; x is clamped to where the result is a normal number.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    // In this order a NaN stays one: both give their second operand for it.
    let x = simd.max(simd.splat(-87.0), simd.min(simd.splat(88.0), x));
    // Adding 1.5 * 2^23 rounds to an integer, which then stands in the lowest bits.
    let magic = simd.splat(12_582_912.0);
    let shifted = simd.mul_add(x, simd.splat(std::f32::consts::LOG2_E), magic);
    let n = simd.sub(shifted, magic);
    // ln 2 in two parts, the first of which times n is exact.
    let f = simd.mul_add(n, simd.splat(-0.693_359_4), x);
    let f = simd.mul_add(n, simd.splat(2.121_944_4e-4), f);
    let coefficients = [
        1.987_569_1e-4,
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
        1.0,
        1.0,
    ];
    let p = horner(simd, f, &coefficients);
    simd.mul(p, simd.power_of_two(shifted))
}

/// 1 / (1 + e^-x), off by less than 2e-7.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let one = simd.splat(1.0);
    let e = exp(simd, simd.sub(simd.splat(0.0), x));
    simd.div(one, simd.add(one, e))
}

/// The hyperbolic tangent, off by less than 5e-7 of the result: the rational approximation that
/// Eigen uses.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    const ODD: [f32; 7] = [
        -2.760_768_4e-16,
        2.000_188e-13,
        -8.604_672e-11,
        5.122_297_1e-8,
        1.485_722_4e-5,
        6.372_619_4e-4,
        4.893_524_6e-3,
    ];
    const EVEN: [f32; 4] = [1.198_258_4e-6, 1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3];
    let bound = 7.905_311;
    let x = simd.max(simd.splat(-bound), simd.min(simd.splat(bound), x));
    let square = simd.mul(x, x);
    let odd = simd.mul(x, horner(simd, square, &ODD));
    simd.div(odd, horner(simd, square, &EVEN))
}

#[cfg(test)]
mod tests {
    use super::super::{Kernel, Level, Simd, run_at, spans};

    #[derive(Clone, Copy)]
    enum Function {
        Exp,
        Sigmoid,
        Tanh,
    }

    struct Apply<'a>(Function, &'a mut [f32]);

    impl Kernel for Apply<'_> {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            for span in spans(simd, self.1.len()) {
                // SAFETY: the spans are those of the slice.
                unsafe {
                    let x = simd.read(self.1.as_ptr(), span);
                    let y = match self.0 {
                        Function::Exp => super::exp(simd, x),
                        Function::Sigmoid => super::sigmoid(simd, x),
                        Function::Tanh => super::tanh(simd, x),
                    };
                    simd.write(self.1.as_mut_ptr(), span, y);
                }
            }
        }
    }

    fn apply(level: Level, function: Function, values: &mut [f32]) {
        // SAFETY: the tests ask for levels that the processor has.
        unsafe { run_at(level, Apply(function, values)) };
    }

    /// Largest error on any level, relative to `scale` of the true value.
    fn error(function: Function, exact: fn(f64) -> f64, scale: fn(f64) -> f64) -> f64 {
        let errors = Level::available().into_iter();
        let errors = errors.map(|level| error_at(level, function, exact, scale));
        errors.fold(0.0, f64::max)
    }

    fn error_at(
        level: Level,
        function: Function,
        exact: fn(f64) -> f64,
        scale: fn(f64) -> f64,
    ) -> f64 {
        let steps = if cfg!(miri) { 101 } else { 400_001 };
        let x: Vec<f32> = (0..steps)
            .map(|i| (i as f32 / (steps / 2) as f32 - 1.0) * 30.0)
            .collect();
        let mut y = x.clone();
        apply(level, function, &mut y);
        let errors = x.iter().zip(&y).map(|(&x, &y)| {
            let exact = exact(f64::from(x));
            (f64::from(y) - exact).abs() / scale(exact)
        });
        errors.fold(0.0, f64::max)
    }

    #[test]
    fn functions_are_accurate() {
        assert!(error(Function::Exp, f64::exp, |y| y) < 3e-7);
        assert!(error(Function::Sigmoid, |x| 1.0 / (1.0 + (-x).exp()), |y| y) < 5e-7);
        assert!(error(Function::Tanh, f64::tanh, |y| y.abs().max(1e-30)) < 6e-7);
    }

    #[test]
    fn extremes_saturate_and_nan_stays() {
        for level in Level::available() {
            let mut values = [f32::INFINITY, -f32::INFINITY, 1e30, -1e30, f32::NAN];
            apply(level, Function::Sigmoid, &mut values);
            assert_eq!(
                values[..4].iter().map(|v| v.round()).collect::<Vec<_>>(),
                [1.0, 0.0, 1.0, 0.0]
            );
            assert!(values[4].is_nan());
            let mut values = [f32::INFINITY, -f32::INFINITY, f32::NAN];
            apply(level, Function::Tanh, &mut values);
            assert!((values[0] - 1.0).abs() < 1e-6 && (values[1] + 1.0).abs() < 1e-6);
            assert!(values[2].is_nan());
        }
    }
}
