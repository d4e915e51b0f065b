//! Softmax with cross-entropy: loss, its gradient and the share of right answers in one pass.

use crate::check::{equal, product, whole_rows};
use crate::simd::math::exp;
use crate::simd::{Kernel, Simd, dispatch, spans};

/// Sums over the rows that count.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CrossEntropy {
    /// Sum of the loss, with label smoothing.
    pub loss_sum: f64,
    /// Sum of the negative logarithms of the expected classes' probabilities.
    pub nll_sum: f64,
    /// Rows whose largest logit (the first of several) is that of the expected class.
    pub correct: usize,
    /// Rows that are no padding.
    pub counted: usize,
}

/// Cross-entropy of the softmax of `logits` `[rows, classes]` with the expected classes `[rows]`, of
/// which negative ones stand for padding and do not count.
///
/// With `smoothing` the target gives this share of its weight to all classes alike (Szegedy et al.
/// 2016). The gradient `[rows, classes]` is that of `loss_sum`: softmax minus target, zero for
/// padding.
///
/// # Panics
/// If a slice is not as long as `expected` and `classes` ask for, or an expected class is not below
/// `classes`.
pub fn softmax_cross_entropy(
    logits: &[f32],
    classes: usize,
    expected: &[i32],
    smoothing: f32,
    mut gradient: Option<&mut [f32]>,
) -> CrossEntropy {
    let len = product(&[expected.len(), classes]);
    equal("the logits", logits.len(), len);
    if let Some(gradient) = &gradient {
        equal("the gradient", gradient.len(), len);
    }
    let largest = expected.iter().max().map_or(-1, |&class| i64::from(class));
    assert!(
        largest < classes as i64,
        "class {largest} is expected, but there are {classes}"
    );
    let mut sums = CrossEntropy::default();
    for (row, &class) in expected.iter().enumerate() {
        let place = row * classes..(row + 1) * classes;
        let gradient = gradient
            .as_deref_mut()
            .map(|gradient| &mut gradient[place.clone()]);
        match usize::try_from(class) {
            Ok(class) => sums.add_row(&logits[place], class, smoothing, gradient),
            Err(_) => gradient.into_iter().for_each(|gradient| gradient.fill(0.0)),
        }
    }
    sums
}

impl CrossEntropy {
    fn add_row(
        &mut self,
        logits: &[f32],
        class: usize,
        smoothing: f32,
        gradient: Option<&mut [f32]>,
    ) {
        let (best, largest) = argmax(logits);
        let log_sum = f64::from(largest) + dispatch(SumExp { logits, largest }).ln();
        let nll = log_sum - f64::from(logits[class]);
        self.nll_sum += nll;
        self.loss_sum += if smoothing == 0.0 {
            nll
        } else {
            let mean = logits.iter().map(|&x| f64::from(x)).sum::<f64>() / logits.len() as f64;
            let share = f64::from(smoothing);
            (1.0 - share) * nll + share * (log_sum - mean)
        };
        // Without numbers there is no largest logit.
        self.correct += usize::from(best == class && !nll.is_nan());
        self.counted += 1;
        if let Some(gradient) = gradient {
            let log_sum = log_sum as f32;
            let shift = smoothing / logits.len() as f32;
            dispatch(LogitGradient {
                logits,
                log_sum,
                shift,
                to: gradient,
            });
            gradient[class] -= 1.0 - smoothing;
        }
    }
}

/// The first of the largest values and where it is; a NaN is less than any number.
fn argmax(values: &[f32]) -> (usize, f32) {
    let mut best = (0, values[0]);
    for (place, &value) in values.iter().enumerate().skip(1) {
        if value > best.1 || (best.1.is_nan() && !value.is_nan()) {
            best = (place, value);
        }
    }
    best
}

/// The sum of `exp(logit - largest)`.
struct SumExp<'a> {
    logits: &'a [f32],
    largest: f32,
}

impl Kernel for SumExp<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f64 {
        let largest = simd.splat(self.largest);
        let mut sums = simd.splat(0.0);
        let mut lanes = [0.0; 16];
        for span in spans(simd, self.logits.len()) {
            // SAFETY: the span lies in the logits; 16 lanes are as many as any vector has.
            unsafe {
                let value = exp(
                    simd,
                    simd.sub(simd.read(self.logits.as_ptr(), span), largest),
                );
                if span.len == S::LANES {
                    sums = simd.add(sums, value);
                } else {
                    simd.store(lanes.as_mut_ptr(), value);
                    lanes[span.len..].fill(0.0);
                    sums = simd.add(sums, simd.load(lanes.as_ptr()));
                }
            }
        }
        lanes.fill(0.0);
        // SAFETY: as above.
        unsafe { simd.store(lanes.as_mut_ptr(), sums) };
        lanes.iter().map(|&lane| f64::from(lane)).sum()
    }
}

/// `exp(logit - log_sum) - shift`.
struct LogitGradient<'a> {
    logits: &'a [f32],
    log_sum: f32,
    shift: f32,
    to: &'a mut [f32],
}

impl Kernel for LogitGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (log_sum, shift) = (simd.splat(self.log_sum), simd.splat(self.shift));
        for span in spans(simd, self.logits.len()) {
            // SAFETY: the span lies in the logits, and the result is as long.
            unsafe {
                let logit = simd.read(self.logits.as_ptr(), span);
                let softmax = exp(simd, simd.sub(logit, log_sum));
                simd.write(self.to.as_mut_ptr(), span, simd.sub(softmax, shift));
            }
        }
    }
}

/// Replaces each row of logits `[rows, classes]` by the logarithms of its softmax.
///
/// # Panics
/// If `rows` is not a whole number of rows.
pub fn log_softmax(rows: &mut [f32], classes: usize) {
    whole_rows("logits", rows.len(), classes);
    for row in rows.chunks_exact_mut(classes) {
        let (_, largest) = argmax(row);
        let sum = dispatch(SumExp {
            logits: row,
            largest,
        });
        // The largest first: the small difference to it keeps all its digits.
        let log = sum.ln() as f32;
        row.iter_mut()
            .for_each(|logit| *logit = (*logit - largest) - log);
    }
}
