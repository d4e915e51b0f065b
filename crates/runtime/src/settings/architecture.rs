//! Which network, and the settings that only some of them have.

use serde::{Deserialize, Serialize};

/// Kind of network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// Recurrent encoder and decoder (Sutskever et al. 2014; Bahdanau et al. 2015).
    #[default]
    Recurrent,
    /// Self-attention on both sides (Vaswani et al. 2017).
    Transformer,
    /// Hard monotonic attention, summed over all alignments (Wu and Cotterell 2019).
    Monotonic,
    /// Counts of joint units of source and target symbols, and no network (Bisani and Ney 2008).
    Ngram,
    /// Several trained networks whose distributions are averaged; made by `seq2seq ensemble`, not
    /// by training.
    Ensemble,
}

/// How the distributions of an ensemble's members become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mixing {
    /// The mean of the probabilities.
    #[default]
    Arithmetic,
    /// The mean of their logarithms, brought back to a sum of 1: a symbol must please all members.
    LogLinear,
}

/// `[model.ensemble]`: the members of `model.architecture = "ensemble"`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnsembleSettings {
    /// `arithmetic` or `log-linear`.
    pub mixing: Mixing,
    /// How much each member counts: shares of an arithmetic mean, or what the logarithms of a log-linear
    /// one are multiplied by. All count alike if left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<f64>,
    /// The `[model]` settings of each member.
    pub members: Vec<super::ModelSettings>,
}

/// The largest weight of a member.
pub const MOST_WEIGHT: f64 = 100.0;

impl EnsembleSettings {
    /// How much each member counts. Those of an arithmetic mean sum to 1.
    pub fn member_weights(&self) -> Vec<f32> {
        let count = self.members.len().max(1) as f64;
        if self.weights.is_empty() {
            return vec![(1.0 / count) as f32; self.members.len()];
        }
        let sum: f64 = match self.mixing {
            Mixing::Arithmetic => self.weights.iter().sum(),
            Mixing::LogLinear => 1.0,
        };
        self.weights
            .iter()
            .map(|weight| (weight / sum) as f32)
            .collect()
    }

    /// Whether there are no members: then the section is not written.
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

/// How a Transformer knows the order of its input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PositionKind {
    /// A learned vector for each position, added to the embedding.
    Learned,
    /// Sines and cosines, added to the embedding (Vaswani et al. 2017).
    Sinusoidal,
    /// Queries and keys turned by their position (Su et al. 2021), so that what counts is how far
    /// they are apart; in the attention to the source, too.
    #[default]
    Rotary,
}

/// `[model.transformer]`: settings of `model.architecture = "transformer"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransformerSettings {
    /// Layers of the encoder, and of the decoder.
    pub layers: usize,
    /// Layers of the encoder, if it shall have another number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder_layers: Option<usize>,
    /// Layers of the decoder, if it shall have another number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder_layers: Option<usize>,
    /// Length of the vector that stands for a symbol throughout.
    pub model_size: usize,
    /// Attention heads; they share `model_size` between them.
    pub heads: usize,
    /// Hidden units of the feed-forward networks.
    pub feed_forward: usize,
    /// `rotary`, `sinusoidal` or `learned`.
    pub positions: PositionKind,
    /// Rows of the table of `learned` positions; later positions share the last one.
    pub learned_positions: usize,
    /// Use the target's embedding as output weights, too (Press and Wolf 2017).
    pub tied_output: bool,
    /// Share of numbers set to zero in training: of embeddings, attention weights, hidden units,
    /// and what each part adds.
    pub dropout: f64,
}

impl Default for TransformerSettings {
    fn default() -> Self {
        Self {
            layers: 3,
            encoder_layers: None,
            decoder_layers: None,
            model_size: 128,
            heads: 4,
            feed_forward: 512,
            positions: PositionKind::Rotary,
            learned_positions: 256,
            tied_output: true,
            dropout: 0.2,
        }
    }
}

impl TransformerSettings {
    /// Layers of the encoder, given or as many as the decoder's.
    pub fn encoder_layers(&self) -> usize {
        self.encoder_layers.unwrap_or(self.layers)
    }

    /// Layers of the decoder, given or as many as the encoder's.
    pub fn decoder_layers(&self) -> usize {
        self.decoder_layers.unwrap_or(self.layers)
    }
}

/// `[model.monotonic]`: settings of `model.architecture = "monotonic"`, whose encoder and decoder
/// take cell, units and embedding from `[model]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonotonicSettings {
    /// What a position depends on: 0 for the decoder's state alone, 1 for the position before, too.
    pub order: usize,
    /// Give positions left of the one before no probability.
    pub monotonic: bool,
    /// Longest jump with a score of its own (order 1); longer ones share the score of the longest.
    pub window: usize,
    /// Layers of the encoder.
    pub encoder_layers: usize,
    /// Layers of the decoder.
    pub decoder_layers: usize,
    /// Start the decoder from what the encoder knows of the whole source, and not from zeros, as the
    /// paper does.
    pub summary: bool,
    /// Hidden units between a pair of states and the symbol written there; as many as the decoder
    /// has if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emission_units: Option<usize>,
    /// Share of numbers set to zero in training: of embeddings, states and hidden units.
    pub dropout: f64,
}

impl MonotonicSettings {
    /// Which positions follow which.
    pub fn jumps(&self) -> rnn_kernels::Jumps {
        rnn_kernels::Jumps {
            window: self.window,
            monotonic: self.monotonic,
        }
    }
}

/// Units of the longest n-gram, at most.
pub const MOST_ORDER: usize = 16;

/// `[model.ngram]`: settings of `model.architecture = "ngram"`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NgramSettings {
    /// Units of the longest n-gram; 0 for the number, up to 8, that is best on the validation pairs.
    /// Those of 7 or more units that occur once are left out.
    pub order: usize,
    /// Source symbols that a joint unit reads, at most: 1 or 2; 0 for the number that is best on the
    /// validation pairs.
    pub source_span: usize,
}

impl Default for MonotonicSettings {
    fn default() -> Self {
        Self {
            order: 1,
            monotonic: true,
            window: 5,
            encoder_layers: 1,
            decoder_layers: 1,
            summary: true,
            emission_units: None,
            dropout: 0.3,
        }
    }
}
