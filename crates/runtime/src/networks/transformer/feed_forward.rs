//! The position-wise feed-forward network of a Transformer layer (Vaswani et al. 2017, section 3.3).

use crate::layers::{Dense, Parameters, Rows, WeightError, relu};
use crate::settings::TransformerSettings;

/// `max(0, x W1 + b1) W2 + b2`.
#[derive(Debug)]
pub struct FeedForward {
    /// From the model's size to the inner one.
    inner: Dense,
    /// And back.
    outer: Dense,
}

impl FeedForward {
    /// The network, from stored weights.
    ///
    /// # Errors
    /// If they do not fit.
    pub fn new(
        settings: &TransformerSettings,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let (size, inner) = (settings.model_size, settings.feed_forward);
        Ok(Self {
            inner: params.layer("inner", |p| Dense::new(size, inner, p))?,
            outer: params.layer("outer", |p| Dense::new(inner, size, p))?,
        })
    }

    /// `[rows, size]` to `[rows, size]`.
    pub fn forward(&self, rows: &Rows) -> Rows {
        let mut hidden = self.inner.forward(rows);
        relu(&mut hidden);
        self.outer.forward(&hidden)
    }
}
