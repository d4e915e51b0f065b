//! One layer of a Transformer's encoder, normalised before each part (Xiong et al. 2020).

use burn::module::Module;
use burn::tensor::Tensor;

use super::feed_forward::FeedForward;
use super::mask::Mask;
use super::multi_head::{MultiHead, Queries};
use crate::config::TransformerSettings;
use crate::layers::dropout::Dropout;
use crate::layers::layer_norm::LayerNorm;
use crate::layers::parameters::Parameters;
use seq2seq_runtime::layers::WeightError;

/// Self-attention and feed-forward network, each added to its input.
#[derive(Module, Debug)]
pub struct EncoderLayer {
    /// Before the attention.
    pub attention_norm: LayerNorm,
    /// Among the source's own symbols.
    pub attention: MultiHead,
    /// Before the feed-forward network.
    pub feed_forward_norm: LayerNorm,
    /// At each symbol by itself.
    pub feed_forward: FeedForward,
}

impl EncoderLayer {
    /// A layer.
    ///
    /// # Errors
    /// If stored parameters do not fit.
    pub fn new(
        settings: &TransformerSettings,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let (size, inner) = (settings.model_size, settings.feed_forward);
        Ok(Self {
            attention_norm: params.layer("attention_norm", |p| LayerNorm::new(size, p))?,
            attention: params.layer("attention", |p| MultiHead::new(size, settings.heads, p))?,
            feed_forward_norm: params.layer("feed_forward_norm", |p| LayerNorm::new(size, p))?,
            feed_forward: params.layer("feed_forward", |p| FeedForward::new(size, inner, p))?,
        })
    }

    /// `[time * batch, size]` to the same shape.
    pub fn forward(
        &self,
        rows: Tensor<2>,
        queries: Queries,
        mask: &Mask,
        dropout: &mut Dropout,
    ) -> Tensor<2> {
        let normed = self.attention_norm.forward(rows.clone());
        let memory = self.attention.memory(normed.clone(), queries);
        let (read, _) = self
            .attention
            .forward(normed, queries, &memory, mask, dropout);
        let rows = rows + dropout.apply(read);
        let normed = self.feed_forward_norm.forward(rows.clone());
        let change = self.feed_forward.forward(normed, dropout);
        rows + dropout.apply(change)
    }
}
