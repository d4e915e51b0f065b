//! One layer of a Transformer's decoder, normalised before each part (Xiong et al. 2020).

use burn::module::Module;
use burn::tensor::Tensor;

use super::feed_forward::FeedForward;
use super::mask::Mask;
use super::multi_head::{Memory, MultiHead, Queries};
use crate::config::TransformerSettings;
use crate::layers::dropout::Dropout;
use crate::layers::layer_norm::LayerNorm;
use crate::layers::parameters::Parameters;
use seq2seq_runtime::layers::WeightError;

/// Self-attention, attention to the source, and feed-forward network, each added to its input.
#[derive(Module, Debug)]
pub struct DecoderLayer {
    /// Before the self-attention.
    pub own_norm: LayerNorm,
    /// Among the target's symbols so far.
    pub own_attention: MultiHead,
    /// Before the attention to the source.
    pub source_norm: LayerNorm,
    /// To the encoder's output.
    pub source_attention: MultiHead,
    /// Before the feed-forward network.
    pub feed_forward_norm: LayerNorm,
    /// At each symbol by itself.
    pub feed_forward: FeedForward,
}

/// Where the queries of a decoder layer may look.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// At the target's symbols.
    pub own: &'a Mask,
    /// At the source's symbols.
    pub source: &'a Mask,
}

impl DecoderLayer {
    /// A layer.
    ///
    /// # Errors
    /// If stored parameters do not fit.
    pub fn new(
        settings: &TransformerSettings,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let (size, inner) = (settings.model_size, settings.feed_forward);
        let norm = |params: &mut Parameters, name| params.layer(name, |p| LayerNorm::new(size, p));
        let heads = |params: &mut Parameters, name| {
            params.layer(name, |p| MultiHead::new(size, settings.heads, p))
        };
        Ok(Self {
            own_norm: norm(params, "own_norm")?,
            own_attention: heads(params, "own_attention")?,
            source_norm: norm(params, "source_norm")?,
            source_attention: heads(params, "source_attention")?,
            feed_forward_norm: norm(params, "feed_forward_norm")?,
            feed_forward: params.layer("feed_forward", |p| FeedForward::new(size, inner, p))?,
        })
    }

    /// Reads target symbols `[time * batch, size]`, each of which sees itself and those before it, and
    /// keys and values of the encoder's output. Returns rows of the same shape, and the weights
    /// `[batch, heads, time, source time]` of the attention to the source.
    pub fn forward(
        &self,
        rows: Tensor<2>,
        queries: Queries,
        source: &Memory,
        sight: Sight,
        dropout: &mut Dropout,
    ) -> (Tensor<2>, Tensor<4>) {
        let normed = self.own_norm.forward(rows.clone());
        let own = self.own_attention.memory(normed.clone(), queries);
        let (read, _) = self
            .own_attention
            .forward(normed, queries, &own, sight.own, dropout);
        let rows = rows + dropout.apply(read);

        let normed = self.source_norm.forward(rows.clone());
        let (read, weights) =
            self.source_attention
                .forward(normed, queries, source, sight.source, dropout);
        let rows = rows + dropout.apply(read);

        let normed = self.feed_forward_norm.forward(rows.clone());
        let change = self.feed_forward.forward(normed, dropout);
        (rows + dropout.apply(change), weights)
    }
}
