//! Which modules of a PyTorch model are which layers: a small TOML file.

use serde::Deserialize;

/// Which modules of a PyTorch model are which layers, by their names in the state dict.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// `nn.LSTM`, `nn.GRU` or `nn.RNN` that reads the source.
    pub encoder: String,
    /// The same, or a cell such as `nn.LSTMCell`, that reads the target.
    pub decoder: String,
    /// `nn.Linear` from the decoder's output to a score for each target symbol.
    pub output: String,
    /// `nn.Embedding` of the source; left out where the encoder reads one-hot symbols.
    #[serde(default)]
    pub source_embedding: Option<String>,
    /// `nn.Embedding` of the target; left out where the decoder reads one-hot symbols.
    #[serde(default)]
    pub target_embedding: Option<String>,
    /// `nn.Linear` from the encoder's final state to the decoder's first, for h, and for c of an LSTM;
    /// left out where the state is handed over as it is.
    #[serde(default)]
    pub bridge: Vec<String>,
    /// What follows these layers.
    #[serde(default)]
    pub bridge_activation: BridgeActivation,
    /// Where the state dict is in the file, such as `model`; other parts are not looked at.
    #[serde(default)]
    pub prefix: String,
    /// Weights that the model does not need for its answers.
    #[serde(default)]
    pub ignore: Vec<String>,
}

/// What follows the layers between encoder and decoder.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum BridgeActivation {
    /// Nothing.
    #[default]
    Linear,
    /// The hyperbolic tangent.
    Tanh,
}

/// A mapping to begin with, for people whose file has none.
pub const EXAMPLE: &str = r#"encoder = "encoder.rnn"
decoder = "decoder.rnn"
output = "decoder.fc_out"
source_embedding = "encoder.embedding"
target_embedding = "decoder.embedding"
"#;

impl Mapping {
    /// Reads a mapping.
    ///
    /// # Errors
    /// Says which line is no part of a mapping.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }
}
