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

/// Mean cross-entropy over all steps that are no padding, as Keras computes it from logits
/// `[time * batch, classes]`. Returns a tensor of one element.
pub fn cross_entropy(logits: Tensor<2>, expected: &Expected) -> Tensor<1> {
    let device = logits.device();
    let rows = expected.ids.len();
    let ids: Vec<i32> = expected.ids.iter().map(|&id| id.max(0)).collect();
    let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [rows, 1]), &device);
    let picked = log_softmax(logits, 1).gather(1, ids);
    let weight = -1.0 / expected.symbols.max(1) as f32;
    let weights = expected
        .ids
        .iter()
        .map(|&id| if id == PADDING { 0.0 } else { weight })
        .collect();
    let weights = Tensor::<2>::from_data(TensorData::new::<f32, _>(weights, [rows, 1]), &device);
    (picked * weights).sum()
}
