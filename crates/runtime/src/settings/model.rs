//! What a network looks like; what only some of them have is in
//! [`architecture`](super::architecture).

use serde::{Deserialize, Serialize};

use super::architecture::{
    Architecture, EnsembleSettings, MonotonicSettings, NgramSettings, TransformerSettings,
};

/// Kind of recurrent cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CellKind {
    /// Long short-term memory (Hochreiter and Schmidhuber 1997), with Keras's gates.
    #[default]
    Lstm,
    /// Gated recurrent unit (Cho et al. 2014), reset after the product as in Keras.
    Gru,
    /// The same with the reset before the product, as first published.
    GruOriginal,
    /// Simple recurrent network (Elman 1990): the hyperbolic tangent of input and last state.
    Rnn,
}

impl CellKind {
    /// The kernel's name for it.
    pub fn kernel(self) -> rnn_kernels::Cell {
        match self {
            Self::Lstm => rnn_kernels::Cell::Lstm,
            Self::Gru => rnn_kernels::Cell::Gru { reset_after: true },
            Self::GruOriginal => rnn_kernels::Cell::Gru { reset_after: false },
            Self::Rnn => rnn_kernels::Cell::Rnn,
        }
    }
}

/// How a symbol is given to a recurrent layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Embedding {
    /// A learned vector of this many numbers.
    Size(usize),
    /// One input for each symbol (`"one-hot"`): no embedding, as in the notebook.
    Named(OneHotName),
}

/// The only name that [`Embedding`] takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OneHotName {
    /// `"one-hot"`.
    #[serde(rename = "one-hot")]
    OneHot,
}

impl Embedding {
    /// One-hot input.
    pub const ONE_HOT: Self = Self::Named(OneHotName::OneHot);

    /// Length of the vector that a symbol of a vocabulary of `symbols` becomes.
    pub fn width(self, symbols: usize) -> usize {
        match self {
            Self::Size(size) => size,
            Self::Named(_) => symbols,
        }
    }
}

/// How well a state of the decoder matches one of the encoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttentionKind {
    /// No attention: the decoder only has the encoder's final state.
    #[default]
    None,
    /// Their product (Luong et al. 2015).
    Dot,
    /// Their product through a matrix of weights (Luong et al. 2015).
    General,
    /// A small network over both (Luong et al. 2015).
    Concat,
    /// The same with a bias (Bahdanau et al. 2015).
    Additive,
    /// Scaled products in several subspaces (Vaswani et al. 2017).
    MultiHead,
}

/// What features are to the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureUse {
    /// `symbols` if there is a column of features (`data.features_column`), `none` otherwise.
    #[default]
    Auto,
    /// They are not used.
    None,
    /// More symbols in front of the source.
    Symbols,
    /// The input of an encoder of their own, which the decoder starts from and looks at as it does
    /// with the source's.
    Encoder,
}

/// What stands between the encoder's final state and the decoder's first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BridgeKind {
    /// Nothing if the sizes agree, a learned `linear` layer otherwise.
    #[default]
    Auto,
    /// The state as it is; the sizes must agree.
    Copy,
    /// A learned linear layer for each state.
    Linear,
    /// The same followed by the hyperbolic tangent.
    Tanh,
}

/// Where the decoder's first input comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// A begin-of-sequence symbol; every target symbol is predicted.
    #[default]
    BeginOfSequence,
    /// The notebook's: the first target symbol is given, and `y[:-1]` predicts `y[1:]`.
    FirstSymbol,
}

/// What the decoder reads at each step while it is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecoderInput {
    /// The target shifted by one (teacher forcing).
    #[default]
    Target,
    /// The encoder's final output at every step, no target (the Keras addition example).
    EncoderOutput,
    /// Its own softmax of the step before (the Keras tutorial's variant without teacher forcing).
    OwnSoftmax,
}

/// `[model]`: what the network looks like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelSettings {
    /// `recurrent`, `transformer`, `monotonic` or `ngram`.
    pub architecture: Architecture,
    /// `lstm`, `gru`, `gru-original` or `rnn`.
    pub cell: CellKind,
    /// Units of each layer and direction of the encoder.
    pub encoder_units: usize,
    /// Layers of the encoder.
    pub encoder_layers: usize,
    /// Read the source in both directions.
    pub bidirectional: bool,
    /// Units of each layer of the decoder; as many as the encoder gives (all directions together)
    /// if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder_units: Option<usize>,
    /// Layers of the decoder.
    pub decoder_layers: usize,
    /// Add each layer's input to its output where the widths agree.
    pub residual: bool,
    /// Normalise each layer's outputs.
    pub layer_norm: bool,
    /// How the decoder looks at the source: `none`, `dot`, `general`, `concat`, `additive` or
    /// `multi-head`.
    pub attention: AttentionKind,
    /// Units in which `concat`, `additive` and `multi-head` compare; as many as the decoder's if
    /// left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attention_units: Option<usize>,
    /// Heads of `multi-head`.
    pub attention_heads: usize,
    /// Let each step read the attentional vector of the one before, as well (Luong et al. 2015).
    pub input_feeding: bool,
    /// What features are to the network: `auto`, `none`, `symbols` or `encoder`.
    pub features: FeatureUse,
    /// Let the decoder copy source symbols (pointer-generator).
    pub copy: bool,
    /// `"one-hot"`, or the size of a learned embedding.
    pub embedding: Embedding,
    /// Use the target embeddings as the weights of the output layer, too.
    pub tied_embeddings: bool,
    /// Use the target embeddings for the source, too; needs `text.shared_vocabulary`.
    pub shared_embeddings: bool,
    /// `auto`, `copy`, `linear` or `tanh`.
    pub bridge: BridgeKind,
    /// `begin-of-sequence` or `first-symbol`.
    pub protocol: Protocol,
    /// `target`, `encoder-output` or `own-softmax`.
    pub decoder_input: DecoderInput,
    /// Share of the outputs of layers that is dropped while training: between layers, at the end of
    /// the encoder and before the output layer.
    pub dropout: f64,
    /// Share of the embeddings that is dropped while training.
    pub embedding_dropout: f64,
    /// Share of the state that recurrent products do not see while training, the same at every
    /// step of a sequence (variational dropout).
    pub recurrent_dropout: f64,
    /// What only a Transformer has.
    pub transformer: TransformerSettings,
    /// What only hard monotonic attention has.
    pub monotonic: MonotonicSettings,
    /// What only a joint n-gram model has.
    pub ngram: NgramSettings,
    /// The members of an ensemble.
    #[serde(skip_serializing_if = "EnsembleSettings::is_empty")]
    pub ensemble: EnsembleSettings,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            architecture: Architecture::Recurrent,
            cell: CellKind::Lstm,
            encoder_units: 256,
            encoder_layers: 1,
            bidirectional: false,
            decoder_units: None,
            decoder_layers: 1,
            residual: false,
            layer_norm: false,
            attention: AttentionKind::None,
            attention_units: None,
            attention_heads: 4,
            input_feeding: false,
            features: FeatureUse::Auto,
            copy: false,
            embedding: Embedding::Size(64),
            tied_embeddings: false,
            shared_embeddings: false,
            bridge: BridgeKind::Auto,
            protocol: Protocol::BeginOfSequence,
            decoder_input: DecoderInput::Target,
            dropout: 0.0,
            embedding_dropout: 0.0,
            recurrent_dropout: 0.0,
            transformer: TransformerSettings::default(),
            monotonic: MonotonicSettings::default(),
            ngram: NgramSettings::default(),
            ensemble: EnsembleSettings::default(),
        }
    }
}

impl ModelSettings {
    /// What the encoder gives for each symbol: the units of all its directions.
    pub fn encoder_width(&self) -> usize {
        let directions = if self.bidirectional { 2 } else { 1 };
        self.encoder_units.saturating_mul(directions)
    }

    /// Units of the decoder, given or following the encoder's.
    pub fn decoder_units(&self) -> usize {
        self.decoder_units.unwrap_or(self.encoder_width())
    }

    /// Whether the bridge has layers of its own, for encoder states of width `from`.
    pub fn has_learned_bridge(&self, from: usize) -> bool {
        match self.bridge {
            BridgeKind::Copy => false,
            BridgeKind::Auto => from != self.decoder_units(),
            BridgeKind::Linear | BridgeKind::Tanh => true,
        }
    }

    /// Whether each step of the network attends to single source symbols; an ensemble does if any
    /// of its members does.
    pub fn has_attention(&self) -> bool {
        match self.architecture {
            Architecture::Recurrent => self.attention != AttentionKind::None,
            Architecture::Transformer => self.transformer.decoder_layers() > 0,
            Architecture::Monotonic | Architecture::Ngram => true,
            Architecture::Ensemble => self.ensemble.members.iter().any(Self::has_attention),
        }
    }

    /// Whether it is an n-gram model, or has one among its members: then it has no gradients.
    pub fn counts(&self) -> bool {
        match self.architecture {
            Architecture::Ngram => true,
            Architecture::Ensemble => self.ensemble.members.iter().any(Self::counts),
            _ => false,
        }
    }

    /// Units of attention, given or following the decoder's.
    pub fn attention_units(&self) -> usize {
        self.attention_units.unwrap_or(self.decoder_units())
    }
}
