//! One layer of a Transformer's decoder, normalised before each part (Xiong et al. 2020).

use super::Rotation;
use super::feed_forward::FeedForward;
use super::multi_head::{Memory, MultiHead};
use crate::layers::{LayerNorm, Parameters, Rows, WeightError};
use crate::settings::TransformerSettings;

/// Self-attention, attention to the source, and feed-forward network, each added to its input.
#[derive(Debug)]
pub struct DecoderLayer {
    own_norm: LayerNorm,
    /// Among the target's symbols so far.
    own_attention: MultiHead,
    source_norm: LayerNorm,
    /// To the encoder's output.
    pub source_attention: MultiHead,
    feed_forward_norm: LayerNorm,
    /// At each symbol by itself.
    feed_forward: FeedForward,
}

impl DecoderLayer {
    /// The layer, from stored weights.
    ///
    /// # Errors
    /// If they do not fit.
    pub fn new(
        settings: &TransformerSettings,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let size = settings.model_size;
        let norm = |name, params: &mut Parameters| params.layer(name, |p| LayerNorm::new(size, p));
        let heads = |name, params: &mut Parameters| {
            params.layer(name, |p| MultiHead::new(size, settings.heads, p))
        };
        Ok(Self {
            own_norm: norm("own_norm", params)?,
            own_attention: heads("own_attention", params)?,
            source_norm: norm("source_norm", params)?,
            source_attention: heads("source_attention", params)?,
            feed_forward_norm: norm("feed_forward_norm", params)?,
            feed_forward: params.layer("feed_forward", |p| FeedForward::new(settings, p))?,
        })
    }

    /// Adds to rows `[batch, size]` what they read from the target so far, which they join.
    #[must_use]
    pub fn own_part(&self, mut rows: Rows, own: &mut Memory, rotation: Option<&Rotation>) -> Rows {
        let batch = rows.count();
        let normed = self.own_norm.forward(&rows);
        own.push(self.own_attention.memory(&normed, rotation));
        let lengths = vec![own.steps(batch); batch];
        let themselves: Vec<u32> = (0..batch as u32).collect();
        let (read, _) = (self.own_attention).forward(&normed, rotation, own, &lengths, &themselves);
        rows.add(&read);
        rows
    }

    /// Adds to rows `[batch, size]` what they read from their sources, and what the feed-forward
    /// network makes of them. Also returns where they looked, `[batch, time]`, averaged over the heads.
    #[must_use]
    pub fn source_part(
        &self,
        mut rows: Rows,
        rotation: Option<&Rotation>,
        memory: &Memory,
        lengths: &[usize],
        sources: &[u32],
    ) -> (Rows, Rows) {
        let normed = self.source_norm.forward(&rows);
        let (read, weights) =
            (self.source_attention).forward(&normed, rotation, memory, lengths, sources);
        rows.add(&read);
        let normed = self.feed_forward_norm.forward(&rows);
        rows.add(&self.feed_forward.forward(&normed));
        (rows, weights)
    }
}
