//! One layer of a Transformer's decoder, normalised before each part (Xiong et al. 2020).

use burn::module::Module;
use burn::tensor::Tensor;

use super::feed_forward::FeedForward;
use super::mask::Mask;
use super::multi_head::{Memory, MultiHead, Queries};
use crate::config::TransformerSettings;
use crate::model::dropout::Dropout;
use crate::model::layer_norm::LayerNorm;
use crate::model::parameters::{ParameterError, Parameters};

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

/// What a decoder layer keeps from step to step.
#[derive(Clone, Debug)]
pub struct LayerState {
    /// Keys and values of the target's symbols so far; none before the first.
    pub own: Option<Memory>,
    /// Keys and values of the encoder's output.
    pub source: Memory,
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
    ) -> Result<Self, ParameterError> {
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

    /// Reads the next symbols `[time * batch, size]` and adds them to the state. Returns rows of
    /// the same shape, and the weights `[batch, heads, time, source time]` of the attention to the
    /// source.
    pub fn forward(
        &self,
        rows: Tensor<2>,
        queries: Queries,
        state: &mut LayerState,
        sight: Sight,
        dropout: &mut Dropout,
    ) -> (Tensor<2>, Tensor<4>) {
        let normed = self.own_norm.forward(rows.clone());
        let new = self.own_attention.memory(normed.clone(), queries);
        let own = match state.own.take() {
            Some(past) => past.followed_by(new),
            None => new,
        };
        let (read, _) = self
            .own_attention
            .forward(normed, queries, &own, sight.own, dropout);
        state.own = Some(own);
        let rows = rows + dropout.apply(read);

        let normed = self.source_norm.forward(rows.clone());
        let (read, weights) =
            self.source_attention
                .forward(normed, queries, &state.source, sight.source, dropout);
        let rows = rows + dropout.apply(read);

        let normed = self.feed_forward_norm.forward(rows.clone());
        let change = (self.feed_forward).forward(normed, queries.prepared, dropout);
        (rows + dropout.apply(change), weights)
    }
}

impl LayerState {
    /// The state of the given sequences, in that order; a row may come several times or not at all.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            own: self.own.as_ref().map(|own| own.select(rows)),
            source: self.source.select(rows),
        }
    }
}
