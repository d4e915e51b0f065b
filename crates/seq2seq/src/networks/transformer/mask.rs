//! Which keys a query may look at.

use burn::tensor::Tensor;

use crate::layers::tensors::{LOG_ZERO, constant};

/// Added to attention scores: 0 where a key may be looked at, `LOG_ZERO` where not. Nothing to
/// add if all may.
///
/// Every query has at least one key that it may look at, since an empty source is read as one
/// symbol; and even without one, equal finite scores would give no NaN.
#[derive(Clone, Debug, Default)]
pub struct Mask(Option<Tensor<4>>);

impl Mask {
    /// Hides keys past the end of their sequence: `visible` is `[batch, keys]`.
    pub fn padding(visible: &[bool], batch: usize, like: &Tensor<2>) -> Self {
        if visible.iter().all(|&visible| visible) {
            return Self(None);
        }
        let values = visible.iter().map(|&visible| score(visible)).collect();
        let keys = visible.len() / batch.max(1);
        Self(Some(constant(values, [batch, 1, 1, keys], like)))
    }

    /// Hides keys that come later than the query, of `time` steps.
    pub fn causal(time: usize, like: &Tensor<2>) -> Self {
        if time <= 1 {
            return Self(None);
        }
        let values = (0..time).flat_map(|query| (0..time).map(move |key| score(key <= query)));
        Self(Some(constant(values.collect(), [1, 1, time, time], like)))
    }

    /// Scores `[batch, heads, queries, keys]` with hidden keys brought down.
    pub fn apply(&self, scores: Tensor<4>) -> Tensor<4> {
        match &self.0 {
            Some(mask) => scores + mask.clone(),
            None => scores,
        }
    }
}

fn score(visible: bool) -> f32 {
    if visible { 0.0 } else { LOG_ZERO }
}
