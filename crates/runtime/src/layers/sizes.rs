//! Sizes of layers that follow from the settings, the same for a network that learns and one that runs.

use crate::settings::{AttentionKind, DecoderInput, ModelSettings};
use crate::text::VocabularySizes;

/// Sizes of an attention layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionSizes {
    /// Units of the decoder, which asks.
    pub query: usize,
    /// Width of the encoder states, which answer.
    pub memory: usize,
    /// Units in which the two are compared (`concat`, `additive`, `multi-head`).
    pub units: usize,
    /// Heads of `multi-head`.
    pub heads: usize,
}

impl AttentionSizes {
    /// Attention of a recurrent decoder to encoder states of width `memory`.
    pub fn new(settings: &ModelSettings, memory: usize) -> Self {
        Self {
            query: settings.decoder_units(),
            memory,
            units: settings.attention_units(),
            heads: settings.attention_heads,
        }
    }

    /// Width of the contexts.
    pub fn context_width(self, kind: AttentionKind) -> usize {
        match kind {
            AttentionKind::MultiHead => self.units,
            _ => self.memory,
        }
    }
}

/// Widths of what a recurrent decoder reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecoderSizes {
    /// Numbers of a symbol's vector, or of what takes its place.
    pub input: usize,
    /// Numbers of a state of the source encoder.
    pub source: usize,
    /// Numbers of a state of the features encoder; 0 without one.
    pub features: usize,
}

impl DecoderSizes {
    /// The widths that the settings ask for.
    pub fn new(settings: &ModelSettings, sizes: VocabularySizes) -> Self {
        let source = settings.encoder_width();
        let features = if sizes.features > 0 { source } else { 0 };
        Self {
            input: match settings.decoder_input {
                DecoderInput::EncoderOutput => source + features,
                _ => settings.embedding.width(sizes.target),
            },
            source,
            features,
        }
    }

    /// Width of what attention finds in source and features together.
    pub fn context_width(self, settings: &ModelSettings) -> usize {
        let width = |memory| match memory {
            0 => 0,
            _ => AttentionSizes::new(settings, memory).context_width(settings.attention),
        };
        width(self.source) + width(self.features)
    }
}
