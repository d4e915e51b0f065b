//! One layer of a Transformer's encoder, normalised before each part (Xiong et al. 2020).

use super::feed_forward::FeedForward;
use super::multi_head::{MultiHead, Sequences};
use crate::layers::{LayerNorm, Parameters, Rows, WeightError};
use crate::settings::TransformerSettings;

/// Self-attention and feed-forward network, each added to its input.
#[derive(Debug)]
pub struct EncoderLayer {
    attention_norm: LayerNorm,
    /// Among the source's own symbols.
    attention: MultiHead,
    feed_forward_norm: LayerNorm,
    /// At each symbol by itself.
    feed_forward: FeedForward,
}

impl EncoderLayer {
    /// The layer, from stored weights.
    ///
    /// # Errors
    /// If they do not fit.
    pub fn new(
        settings: &TransformerSettings,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let (size, heads) = (settings.model_size, settings.heads);
        Ok(Self {
            attention_norm: params.layer("attention_norm", |p| LayerNorm::new(size, p))?,
            attention: params.layer("attention", |p| MultiHead::new(size, heads, p))?,
            feed_forward_norm: params.layer("feed_forward_norm", |p| LayerNorm::new(size, p))?,
            feed_forward: params.layer("feed_forward", |p| FeedForward::new(settings, p))?,
        })
    }

    /// `[time * batch, size]` to the same shape.
    #[must_use]
    pub fn forward(&self, mut rows: Rows, sequences: &Sequences) -> Rows {
        let normed = self.attention_norm.forward(&rows);
        rows.add(&self.attention.among(&normed, sequences));
        let normed = self.feed_forward_norm.forward(&rows);
        rows.add(&self.feed_forward.forward(&normed));
        rows
    }
}
