//! Layouts of files of pairs: tables, pronunciation lexicons, JSON lines.

mod json_lines;
mod lexicon;
mod recognition;
mod table;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::errors::LineProblem;
use super::pairs::{Pair, ReadOptions};

pub(super) use recognition::{SAMPLE_BYTES, recognized};
pub(super) use table::{Fed, Records};

/// How a file of pairs is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Format {
    /// Told from the first lines of each file.
    #[default]
    Auto,
    /// A table, whose separator is told from the first lines of each file.
    Table,
    /// Columns separated by tabs; quotes are text.
    Tsv,
    /// Columns separated by this character. A field may stand in quotes (RFC 4180).
    Separated(char),
    /// A JSON object a line.
    JsonLines,
    /// The CMU Pronouncing Dictionary: a word, blanks, its phones. `;;;` and `#` begin comments, and
    /// `WORD(2)` is another pronunciation of `WORD`.
    CmuDictionary,
    /// A word, a tab or blanks, its phones.
    Lexicon,
    /// The same with numbers between word and phones, such as the probability of the pronunciation.
    Probabilities,
}

/// The names of formats. The first name of each format is the one that recipes are written with.
const NAMES: [(&str, Format); 17] = [
    ("auto", Format::Auto),
    ("table", Format::Table),
    ("tsv", Format::Tsv),
    ("tsv-quoted", Format::Separated('\t')),
    ("csv", Format::Separated(',')),
    ("semicolons", Format::Separated(';')),
    ("pipes", Format::Separated('|')),
    ("json", Format::JsonLines),
    ("cmu", Format::CmuDictionary),
    ("kaldi", Format::Lexicon),
    ("mfa", Format::Lexicon),
    ("sherpa", Format::Lexicon),
    ("phonetisaurus", Format::Lexicon),
    ("sequitur", Format::Lexicon),
    ("openutau", Format::Lexicon),
    ("kaldi-probabilities", Format::Probabilities),
    ("mfa-probabilities", Format::Probabilities),
];

/// A name that no format has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no format: give {}", names())]
pub struct UnknownFormat {
    given: String,
}

fn names() -> String {
    let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let known = NAMES.iter().find(|(known, _)| *known == name);
        known.map(|(_, format)| *format).ok_or(UnknownFormat {
            given: name.to_owned(),
        })
    }
}

impl TryFrom<String> for Format {
    type Error = UnknownFormat;

    fn try_from(name: String) -> Result<Self, UnknownFormat> {
        name.parse()
    }
}

impl From<Format> for &'static str {
    fn from(format: Format) -> Self {
        let known = NAMES.iter().find(|(_, known)| *known == format);
        known.map_or("auto", |(name, _)| name)
    }
}

/// What files of a format are called: `a CMU dictionary`.
impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = match self {
            Self::Auto | Self::Table => return formatter.write_str("a file of pairs"),
            Self::Tsv => return formatter.write_str("tab-separated columns"),
            Self::JsonLines => return formatter.write_str("JSON lines"),
            Self::CmuDictionary => return formatter.write_str("a CMU dictionary"),
            Self::Lexicon => return formatter.write_str("a lexicon of words and phones"),
            Self::Probabilities => return formatter.write_str("a lexicon with probabilities"),
            Self::Separated('\t') => "tabs",
            Self::Separated(',') => "commas",
            Self::Separated(';') => "semicolons",
            Self::Separated(_) => "vertical bars",
        };
        write!(
            formatter,
            "columns separated by {separator}, with or without quotes"
        )
    }
}

impl Format {
    /// Whether the columns of a file in this format are those that column settings name.
    pub fn has_columns(self) -> bool {
        matches!(
            self,
            Self::Auto | Self::Table | Self::Tsv | Self::Separated(_)
        )
    }

    /// Whether the format is told from each file.
    pub fn is_recognized(self) -> bool {
        matches!(self, Self::Auto | Self::Table)
    }

    /// Whether every file in this format is a pronunciation lexicon.
    pub fn is_lexicon(self) -> bool {
        matches!(
            self,
            Self::CmuDictionary | Self::Lexicon | Self::Probabilities
        )
    }
}

/// What a line, or a record of several lines, holds.
#[derive(Debug)]
pub(super) enum Content {
    /// A comment.
    Comment,
    /// A pair.
    Pair {
        pair: Pair,
        /// Whether it is a further pronunciation of a word, marked as such.
        variant: bool,
    },
}

/// Reads a line, or a record of a table with quotes, which is cut into fields already.
pub(super) fn content(
    format: Format,
    text: &str,
    fields: Option<&[&str]>,
    options: &ReadOptions,
) -> Result<Content, LineProblem> {
    let pair = |pair| Content::Pair {
        pair,
        variant: false,
    };
    match format {
        Format::CmuDictionary => lexicon::cmu_entry(text),
        Format::Lexicon => lexicon::entry(text).map(pair),
        Format::Probabilities => lexicon::entry_with_numbers(text).map(pair),
        Format::JsonLines => json_lines::pair(text, options).map(pair),
        Format::Auto | Format::Table | Format::Tsv | Format::Separated(_) => match fields {
            Some(fields) => table::pair(fields.iter().copied(), options).map(pair),
            None => table::pair(text.split('\t'), options).map(pair),
        },
    }
}

/// The first line with text, cut into columns as its separators suggest, for people.
pub(super) fn cut_into_columns(line: &str) -> String {
    const MOST: usize = 6;
    let separator = ['\t', ',', ';', '|', ' ']
        .into_iter()
        .find(|&separator| line.contains(separator));
    let fields: Vec<&str> = match separator {
        Some(separator) => line.split(separator).filter(|f| !f.is_empty()).collect(),
        None => vec![line],
    };
    let shown = fields.iter().take(MOST).enumerate().map(|(at, field)| {
        let column = at.saturating_add(1);
        format!("{column}: {}", super::skipped::shown(field.as_bytes()))
    });
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if let Some(more) = fields.len().checked_sub(MOST).filter(|more| *more > 0) {
        text += &format!(" and {more} more");
    }
    text
}
