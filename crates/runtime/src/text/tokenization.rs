//! How a text is cut into symbols.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

/// How a text is cut into symbols, and how symbols are put together again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tokenization {
    /// Every Unicode scalar value is a symbol, spaces included. A letter
    /// written with a combining accent is therefore two symbols.
    Characters,
    /// Every grapheme cluster is a symbol (Unicode Standard Annex 29): what its
    /// readers take for one character, accents and joined emoji included.
    Graphemes,
    /// Symbols stand between ASCII spaces. A run of spaces counts as one, and
    /// spaces at either end count for nothing. A tab, which stands between the
    /// columns of a source, is a symbol of its own.
    Spaces,
}

impl Tokenization {
    /// Cuts a text into its symbols. An empty text has none.
    pub fn split(self, text: &str) -> Vec<&str> {
        match self {
            Self::Characters => text.split_inclusive(|_| true).collect(),
            Self::Graphemes => text.graphemes(true).collect(),
            Self::Spaces => text
                .split(' ')
                .flat_map(around_tabs)
                .filter(|symbol| !symbol.is_empty())
                .collect(),
        }
    }

    /// Puts symbols together into a text: the inverse of [`split`](Self::split)
    /// but for spaces that [`Spaces`](Self::Spaces) does not keep.
    pub fn join<S: AsRef<str>>(self, symbols: &[S]) -> String {
        let separator = match self {
            Self::Characters | Self::Graphemes => "",
            Self::Spaces => " ",
        };
        let symbols: Vec<&str> = symbols.iter().map(AsRef::as_ref).collect();
        symbols.join(separator)
    }
}

/// The parts of a text before, between and after tabs, and the tabs.
fn around_tabs(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\t')
        .flat_map(|part| match part.strip_suffix('\t') {
            Some(before) => [before, "\t"],
            None => [part, ""],
        })
}

impl fmt::Display for Tokenization {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `pad` rather than `write_str`, so that widths in tables are kept.
        formatter.pad(match self {
            Self::Characters => "characters",
            Self::Graphemes => "graphemes",
            Self::Spaces => "spaces",
        })
    }
}
