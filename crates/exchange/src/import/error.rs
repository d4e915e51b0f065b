//! Why a model cannot be imported.

use seq2seq_runtime::layers::WeightError;
use seq2seq_runtime::settings::SettingsError;
use seq2seq_runtime::text::VocabularyError;

/// Why a model cannot be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The system refused to read the file.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// The content is nothing that can be imported.
    #[error("it is no model that can be imported: {0}")]
    SomethingElse(String),
    /// A part of the file is cut short or contradicts itself.
    #[error("{part} cannot be read: {reason}")]
    Damaged {
        /// Which part.
        part: String,
        /// What is wrong.
        reason: String,
    },
    /// A packed file that is suspiciously large when unpacked.
    #[error(
        "{part} unpacks to over {most} bytes, which no model of this file's size has: save it anew"
    )]
    TooLarge {
        /// Which part.
        part: String,
        /// Bytes that are allowed.
        most: u64,
    },
    /// A layer, or a setting of one, that no network here has.
    #[error("the layer {layer:?} ({kind}) {reason}")]
    Layer {
        /// Its name.
        layer: String,
        /// Its class.
        kind: String,
        /// What is in the way.
        reason: String,
    },
    /// Layers that are not connected as those of an encoder-decoder model.
    #[error("{0}")]
    Structure(String),
    /// Weights that are not there.
    #[error("the weights {0:?} are missing")]
    MissingWeights(String),
    /// Another number of symbols than the weights have.
    #[error(
        "the list of {side} symbols has {listed}, but {weights} has {found} inputs or outputs: list all \
         symbols in the order of their ids, marks and padding included"
    )]
    SymbolCount {
        /// Source or target.
        side: &'static str,
        /// Symbols of the list.
        listed: usize,
        /// The weights that count them.
        weights: &'static str,
        /// Symbols that these have.
        found: usize,
    },
    /// A mark that is needed and not named, or not listed.
    #[error("{0}")]
    Mark(String),
    /// Symbols that make no vocabulary.
    #[error("the {side} symbols: {source}")]
    Vocabulary {
        /// Source or target.
        side: &'static str,
        /// What is wrong.
        source: VocabularyError,
    },
    /// Settings that cannot work together.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Weights that do not make a network.
    #[error(transparent)]
    Weights(#[from] WeightError),
}

impl ImportError {
    /// The error of a part that cannot be read.
    pub(super) fn damaged(part: &str, reason: impl std::fmt::Display) -> Self {
        Self::Damaged {
            part: part.to_owned(),
            reason: reason.to_string(),
        }
    }
}
