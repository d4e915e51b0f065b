//! Cross-entropy that never counts padding, and the accuracy that goes with it.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor, TensorData};

use crate::text::argmax;

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

    /// Steps whose most probable symbol is the expected one; logits `[time * batch, classes]`.
    pub fn correct(&self, logits: &[f32], classes: usize) -> usize {
        let rows = logits.chunks_exact(classes).zip(&self.ids);
        rows.filter(|(row, id)| argmax(row).is_some_and(|best| best as i32 == **id))
            .count()
    }
}

/// The loss as it is reported, and what training makes small.
#[derive(Clone, Debug)]
pub struct Losses {
    /// Mean cross-entropy of a symbol, one element.
    pub cross_entropy: Tensor<1>,
    /// The same with smoothed labels, one element.
    pub objective: Tensor<1>,
}

impl Losses {
    /// Both losses from scores `[time * batch, classes]`. A label keeps the share `1 - smoothing`
    /// of the probability; the rest is spread over all classes (Szegedy et al. 2016).
    pub fn new(scores: Tensor<2>, expected: &Expected, smoothing: f64) -> Self {
        let log_probs = log_softmax(scores, 1);
        let weights = expected.weights(&log_probs);
        let cross_entropy = (expected.picked(log_probs.clone()) * weights.clone()).sum();
        let objective = if smoothing > 0.0 {
            let spread = (log_probs.mean_dim(1) * weights).sum();
            cross_entropy.clone() * (1.0 - smoothing) + spread * smoothing
        } else {
            cross_entropy.clone()
        };
        Self {
            cross_entropy,
            objective,
        }
    }
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
    fn weights(&self, log_probs: &Tensor<2>) -> Tensor<2> {
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

/// Mean cross-entropy over all steps that are no padding, as Keras computes it from scores
/// `[time * batch, classes]`. Returns a tensor of one element.
pub fn cross_entropy(scores: Tensor<2>, expected: &Expected) -> Tensor<1> {
    Losses::new(scores, expected, 0.0).cross_entropy
}
