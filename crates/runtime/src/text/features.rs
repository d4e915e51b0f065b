//! Features of a source, such as the tags `V;PST;3;SG` of an inflected form.

use serde::{Deserialize, Serialize};

use super::{Encoded, Vocabulary};

/// How features are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Features {
    /// What stands between two of them.
    pub separator: String,
    /// Which of them there are.
    pub vocabulary: Vocabulary,
    /// Whether they are symbols of the source, rather than read by an encoder of their own.
    pub among_symbols: bool,
    /// Whether there were training pairs without features.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

impl Features {
    /// The single features of a text. Spaces around them count for nothing, nor do empty ones.
    pub fn split<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a str> {
        Self::parts(text, &self.separator)
    }

    /// The single features of a text that stand between separators.
    pub fn parts<'a>(text: &'a str, separator: &'a str) -> impl Iterator<Item = &'a str> {
        let parts = text.split(separator).map(str::trim);
        parts.filter(|feature| !feature.is_empty())
    }

    /// Their ids, and the unknown ones among them.
    pub(super) fn encode(&self, text: &str) -> Encoded {
        self.vocabulary
            .encode(&self.split(text).collect::<Vec<_>>())
    }

    /// Whether a text is nothing but known features.
    pub(super) fn knows_all(&self, text: &str) -> bool {
        let mut parts = self.split(text).peekable();
        parts.peek().is_some() && parts.all(|feature| self.vocabulary.id(feature).is_some())
    }
}
