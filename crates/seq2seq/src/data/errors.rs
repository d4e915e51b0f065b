//! What can be wrong with a file of pairs, and how it is told.

use std::io;

use thiserror::Error;

use super::formats::Format;
use super::other_formats::OtherFormat;
use crate::text::LONGEST_TEXT;

/// Longest line in bytes: wide tables are fine, endless lines are not kept.
pub const LONGEST_LINE: usize = 64 << 20;

/// Why a file of pairs cannot be read.
#[derive(Debug, Error)]
pub enum DataError {
    /// There is no such file.
    #[error(
        "{file}: there is no such file; check the path (one in a recipe is taken from the recipe's folder, others from the current one)"
    )]
    Missing {
        /// The path given.
        file: String,
    },
    /// The path leads to a folder.
    #[error("{file}: this is a folder; give the path of a file of pairs in it")]
    Folder {
        /// The path given.
        file: String,
    },
    /// The file exists but cannot be read.
    #[error("{file}: cannot be read: {cause}")]
    Unreadable {
        /// The file's name.
        file: String,
        /// What the operating system said. Part of the message, so not given
        /// as the error's source as well.
        cause: io::Error,
    },
    /// The file holds something else than UTF-8 text.
    #[error("{file}: this is {kind}; {advice}")]
    OtherKind {
        /// The file's name.
        file: String,
        /// What it holds.
        kind: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// No line holds a pair.
    #[error("{file}: there are no pairs in this file ({lines} lines, {skipped} of them skipped{}); {}", first_reason(.reason), advice(.format, "each line should be a source, a tab and a target"))]
    Empty {
        /// The file's name.
        file: String,
        /// How many lines it has.
        lines: usize,
        /// How many of them were skipped.
        skipped: usize,
        /// What the file looks like.
        format: Option<Box<OtherFormat>>,
        /// Why the first of them was skipped.
        reason: Option<String>,
    },
    /// Columns are named in a format that has none.
    #[error(
        "{file}: columns are named, but a file read as {format} has none: leave the column flags out, or \
         give --format tsv"
    )]
    NoColumns {
        /// The file that was to be read.
        file: String,
        /// The format that was asked for.
        format: Format,
    },
    /// A table of symbols without any.
    #[error("{file}: there are no symbols in this file; each line should be one")]
    NoSymbols {
        /// The file.
        file: String,
    },
    /// A single name, but a pair has two sides.
    #[error("{file}: name two keys, of source and target, such as --keys word,phones")]
    OneKey {
        /// The file that was to be read.
        file: String,
    },
    /// The first line lacks a name.
    #[error("{file}, line 1: no column is called {name:?}; the line: {found}")]
    MissingColumn {
        /// The file.
        file: String,
        /// The name.
        name: String,
        /// The line in quotes, cut if long.
        found: String,
    },
    /// Columns are counted from one.
    #[error("{file}: {setting} is 0, but columns are counted from 1")]
    ColumnZero {
        /// The file that was to be read.
        file: String,
        /// The setting that is zero.
        setting: &'static str,
    },
    /// A line holds no pair.
    #[error("{file}, line {line}: {problem}\n  the line: {text}\n  {}", advice(.format, "correct it; training leaves such lines out with --on-bad-line skip (data.on_bad_line = \"skip\")"))]
    BadLine {
        /// The file's name.
        file: String,
        /// The line's number, counted from one.
        line: usize,
        /// What is wrong with it.
        problem: Box<LineProblem>,
        /// What the file looks like, if its first line with text is at fault.
        format: Option<Box<OtherFormat>>,
        /// The line in quotes, with tabs as `\t`, cut if long.
        text: String,
    },
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LineProblem {
    /// The line is in another encoding, or not text.
    #[error("byte {byte} of the line (column {column}) is not UTF-8; save the file as UTF-8")]
    NotUtf8 {
        /// The first wrong byte of the line, counted from one.
        byte: usize,
        /// The column that it is in, counted from one.
        column: usize,
    },
    /// The line holds a byte that no text does.
    #[error(
        "byte {byte} of the line (column {column}) is NUL: this is no text, or text in UTF-16, \
         which `iconv -f UTF-16 -t UTF-8` turns into UTF-8"
    )]
    Nul {
        /// The first such byte of the line, counted from one.
        byte: usize,
        /// The column that it is in, counted from one.
        column: usize,
    },
    /// The line holds a carriage return that no line feed follows.
    #[error(
        "byte {byte} of the line (column {column}) is a carriage return within the line; if the \
         file has the line ends of old Macs, `tr '\\r' '\\n'` turns them into today's"
    )]
    CarriageReturn {
        /// The first such byte of the line, counted from one.
        byte: usize,
        /// The column that it is in, counted from one.
        column: usize,
    },
    /// The line is longer than any table's.
    #[error("the line is longer than {LONGEST_LINE} bytes; is this a file of tab-separated lines?")]
    LongLine,
    /// A source, target or features too long for any model.
    #[error("column {column} has {bytes} bytes; a text may have {LONGEST_TEXT} at most")]
    LongText {
        /// The column, counted from one.
        column: usize,
        /// Its bytes.
        bytes: usize,
    },
    /// A column that should be read is missing.
    #[error("found {found} {}-separated column{}, but {needed} are needed ({settings})", name_of(.separator), plural(.found))]
    TooFewColumns {
        /// How many columns the line has.
        found: usize,
        /// How many are needed.
        needed: usize,
        /// The column settings, which a wrong number may have come from.
        settings: String,
        /// What separates them.
        separator: char,
    },
    /// A field in quotes without an end.
    #[error(
        "a field begins with a quote, and none ends it up to the end of the file. If quotes are text, give \
         --format tsv or correct the line"
    )]
    OpenQuote,
    /// A line of a table of symbols.
    #[error("{reason}")]
    Symbol {
        /// What is wrong.
        reason: String,
    },
    /// Target symbols that the table of symbols lacks.
    #[error(
        "the table of symbols lacks {}; add them to it (data.symbols, --symbols)", listed(.symbols)
    )]
    UnknownSymbols {
        /// The symbols.
        symbols: Vec<String>,
    },
    /// The line is no JSON object.
    #[error("this is no JSON object: {reason}")]
    NotJson {
        /// What is wrong.
        reason: String,
    },
    /// A JSON object lacks a key.
    #[error("the object has no {key:?}, but {}; name those of source and target, such as --keys word,phones", listed(.found))]
    MissingKey {
        /// The key.
        key: String,
        /// The keys that there are.
        found: Vec<String>,
    },
    /// A JSON value that is no text.
    #[error("the value of {key:?} is not a text on one line, nor a list of texts")]
    NotText {
        /// Its key.
        key: String,
    },
    /// There is nothing to read, or only spaces.
    #[error("the source (column {column}) is empty")]
    EmptySource {
        /// The source column, counted from one.
        column: usize,
    },
    /// There is nothing to write, or only spaces.
    #[error("the target (column {column}) is empty")]
    EmptyTarget {
        /// The target column, counted from one.
        column: usize,
    },
}

impl LineProblem {
    /// The column at fault, counted from one, where there is one.
    pub fn column(&self) -> Option<usize> {
        match *self {
            Self::NotUtf8 { column, .. }
            | Self::Nul { column, .. }
            | Self::CarriageReturn { column, .. }
            | Self::LongText { column, .. }
            | Self::EmptySource { column }
            | Self::EmptyTarget { column } => Some(column),
            Self::LongLine
            | Self::TooFewColumns { .. }
            | Self::OpenQuote
            | Self::Symbol { .. }
            | Self::UnknownSymbols { .. }
            | Self::NotJson { .. }
            | Self::MissingKey { .. }
            | Self::NotText { .. } => None,
        }
    }
}

/// What to do: by what the file looks like, or else in general.
fn advice(format: &Option<Box<OtherFormat>>, general: &str) -> String {
    let told = format.as_ref().map(ToString::to_string);
    told.unwrap_or_else(|| general.to_owned())
}

fn listed(names: &[String]) -> String {
    const MOST: usize = 10;
    let shown: Vec<String> = names
        .iter()
        .take(MOST)
        .map(|name| format!("{name:?}"))
        .collect();
    match shown.is_empty() {
        true => "nothing".to_owned(),
        false => shown.join(", "),
    }
}

fn name_of(separator: &char) -> &'static str {
    match separator {
        ',' => "comma",
        ';' => "semicolon",
        '|' => "bar",
        _ => "tab",
    }
}

fn first_reason(reason: &Option<String>) -> String {
    reason
        .as_ref()
        .map(|reason| format!(", the first: {reason}"))
        .unwrap_or_default()
}

fn plural(count: &usize) -> &'static str {
    if *count == 1 { "" } else { "s" }
}
