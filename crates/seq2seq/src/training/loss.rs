//! Cross-entropy that never counts padding, and the accuracy that goes with it.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor, TensorData};
use rnn_kernels::{CrossEntropy, softmax_cross_entropy};

use crate::ops::flex::is_flex_f32;
use crate::ops::precomputed_gradient::with_precomputed_gradient;

/// What every step of a batch is expected to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Ids `[time * batch]`; a negative one stands for padding.
    pub ids: Vec<i32>,
    /// Steps that are no padding.
    pub symbols: usize,
}

/// Marks padding in [`Expected::ids`].
pub const PADDING: i32 = -1;

impl Expected {
    /// Time-major ids, [`PADDING`] past the end of a sequence.
    pub fn new(ids: Vec<i32>) -> Self {
        let symbols = ids.iter().filter(|&&id| id != PADDING).count();
        Self { ids, symbols }
    }
}

/// How well scores foretell the expected symbols.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SymbolMetrics {
    /// Mean cross-entropy of a symbol that is no padding, as Keras computes it.
    pub cross_entropy: f64,
    /// Steps whose most probable symbol is the expected one.
    pub correct: usize,
}

impl SymbolMetrics {
    /// From scores `[time * batch, classes]`.
    pub fn new(scores: Tensor<2>, expected: &Expected) -> Self {
        let classes = scores.dims()[1];
        let scores = numbers(scores);
        Self::of_sums(
            softmax_cross_entropy(&scores, classes, &expected.ids, 0.0, None),
            expected,
        )
    }

    fn of_sums(sums: CrossEntropy, expected: &Expected) -> Self {
        Self {
            cross_entropy: sums.nll_sum / expected.symbols.max(1) as f64,
            correct: sums.correct,
        }
    }
}

fn numbers(scores: Tensor<2>) -> Vec<f32> {
    // Reading numbers of a float tensor as f32 cannot fail.
    scores.try_into_vec_as().unwrap_or_default()
}

/// What training makes small, and the figures that are reported.
#[derive(Clone, Debug)]
pub struct Losses {
    /// Mean cross-entropy of a symbol with smoothed labels, one element.
    pub objective: Tensor<1>,
    /// Without smoothing.
    pub figures: SymbolMetrics,
}

impl Losses {
    /// From scores `[time * batch, classes]`. A label keeps the share `1 - smoothing` of the
    /// probability; the rest is spread over all classes (Szegedy et al. 2016).
    pub fn new(scores: Tensor<2>, expected: &Expected, smoothing: f64) -> Self {
        if is_flex_f32(&scores) {
            return Self::fused(scores, expected, smoothing);
        }
        Self {
            objective: objective(scores.clone(), expected, smoothing),
            figures: SymbolMetrics::new(scores, expected),
        }
    }

    /// Loss and gradient in one pass, so that autodiff has no logarithm or softmax to go back through.
    fn fused(scores: Tensor<2>, expected: &Expected, smoothing: f64) -> Self {
        let [rows, classes] = scores.dims();
        let mut gradient = vec![0.0; rows * classes];
        let sums = softmax_cross_entropy(
            &numbers(scores.clone()),
            classes,
            &expected.ids,
            smoothing as f32,
            Some(&mut gradient),
        );
        let share = 1.0 / expected.symbols.max(1) as f64;
        let value = (sums.loss_sum * share) as f32;
        Self {
            objective: with_precomputed_gradient(scores, gradient, share as f32, value),
            figures: SymbolMetrics::of_sums(sums, expected),
        }
    }
}

/// Mean cross-entropy with smoothed labels, composed of Burn's operations; one element.
fn objective(scores: Tensor<2>, expected: &Expected, smoothing: f64) -> Tensor<1> {
    let log_probs = log_softmax(scores, 1);
    let weights = expected.weights(&log_probs);
    let cross_entropy = (expected.picked(log_probs.clone()) * weights.clone()).sum();
    if smoothing == 0.0 {
        return cross_entropy;
    }
    let spread = (log_probs.mean_dim(1) * weights).sum();
    cross_entropy * (1.0 - smoothing) + spread * smoothing
}

impl Expected {
    /// The expected symbols' entries of `[rows, classes]`: `[rows, 1]`.
    fn picked(&self, log_probs: Tensor<2>) -> Tensor<2> {
        let rows = self.ids.len();
        let ids: Vec<i32> = self.ids.iter().map(|&id| id.max(0)).collect();
        let ids = TensorData::new(ids, [rows, 1]);
        let ids = Tensor::<2, Int>::from_data(ids, &log_probs.device());
        log_probs.gather(1, ids)
    }

    /// What each row's log-probability counts in the mean loss, `[rows, 1]`; 0 for padding.
    pub(super) fn weights(&self, log_probs: &Tensor<2>) -> Tensor<2> {
        let weight = -1.0 / self.symbols.max(1) as f32;
        let weights: Vec<f32> = self
            .ids
            .iter()
            .map(|&id| if id == PADDING { 0.0 } else { weight })
            .collect();
        let weights = TensorData::new(weights, [self.ids.len(), 1]);
        Tensor::from_data(weights, (&log_probs.device(), log_probs.dtype()))
    }
}
