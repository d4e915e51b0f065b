//! Pairs of texts in files.

use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::errors::{DataError, LONGEST_LINE, LineProblem};
use super::formats::Format;
use super::input::{STDIN, name_of, open_input, unpacked, whole_stdin};
use super::notes::DataNote;
use super::reading::read_lines;
use super::skipped::SkippedLines;
use crate::SourceText;
use crate::text::LONGEST_TEXT;
use crate::text::{Normalization, SymbolMap};

/// A source text and the target text it should become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// What the model reads.
    pub source: String,
    /// What the model should write.
    pub target: String,
    /// What else the model is told, for example the case and number of an
    /// inflected form.
    pub features: Option<String>,
}

impl<S: Into<String>, T: Into<String>> From<(S, T)> for Pair {
    fn from((source, target): (S, T)) -> Self {
        Self {
            source: source.into(),
            target: target.into(),
            features: None,
        }
    }
}

impl SourceText for Pair {
    fn source(&self) -> &str {
        &self.source
    }

    fn features(&self) -> Option<&str> {
        self.features.as_deref()
    }
}

impl Pair {
    /// All of its texts.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        [self.source.as_str(), self.target.as_str()]
            .into_iter()
            .chain(self.features.as_deref())
            .flat_map(|text| text.split('\t'))
    }

    /// The pair with every text in one spelling.
    pub fn normalized(&self, normalization: Normalization) -> Self {
        let apply = |text: &str| normalization.apply(text).into_owned();
        Self {
            source: apply(&self.source),
            target: apply(&self.target),
            features: self.features.as_deref().map(apply),
        }
    }
}

/// How a file of pairs is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadOptions {
    /// The format; columns are those of a table.
    pub format: Format,
    /// The names of source, target and, if there is a third, features: keys of JSON lines, or names
    /// that the first line of a table gives its columns. JSON lines have `source`, `target` and
    /// `features` unless others are named.
    pub keys: Vec<String>,
    /// The column of source texts, counted from one.
    pub source_column: usize,
    /// More columns of the source, counted from one. They follow the first one's text, each after
    /// a tab.
    pub more_source_columns: Vec<usize>,
    /// The column of target texts, counted from one.
    pub target_column: usize,
    /// The column of features, counted from one.
    pub features_column: Option<usize>,
    /// Whether the first line names the columns and holds no pair.
    pub header: bool,
    /// What to do about lines that hold no pair.
    pub on_bad_line: OnBadLine,
    /// How target symbols are written, where the file has another notation; those that it lacks are
    /// an error.
    pub symbol_map: Option<Arc<SymbolMap>>,
    /// Whether target symbols lose the digits at their ends before they are looked up there.
    pub strip_stress: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            format: Format::Auto,
            keys: Vec::new(),
            source_column: 1,
            more_source_columns: Vec::new(),
            target_column: 2,
            features_column: None,
            header: false,
            on_bad_line: OnBadLine::Fail,
            symbol_map: None,
            strip_stress: false,
        }
    }
}

/// What to do about a line that holds no pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnBadLine {
    /// Stop with an error that shows the line.
    #[default]
    Fail,
    /// Leave the line out; the first few are shown.
    Skip,
    /// Leave the line out, show every one, and list them in the run's folder.
    Report,
}

/// What was read from a file of pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairFile {
    /// The file's name in messages.
    pub name: String,
    /// The format that it was read in; never [`Format::Auto`].
    pub format: Format,
    /// The pairs in file order; never empty.
    pub pairs: Vec<Pair>,
    /// The line that each pair stands on, counted from one.
    pub line_numbers: Vec<usize>,
    /// The bad lines left out, unless [`OnBadLine::Fail`] forbids that.
    pub skipped: SkippedLines,
    /// How many blank lines were passed over.
    pub blank_lines: usize,
    /// How many lines are comments.
    pub comments: usize,
    /// How many pairs are further pronunciations of a word, marked as such: `WORD(2)`.
    pub variants: usize,
    /// The first line in quotes, if it was passed over because it names the columns.
    pub header: Option<String>,
    /// How many columns most lines have.
    pub columns: usize,
    /// How many records the file has, header, comments and skipped ones included: lines, unless
    /// fields in quotes have several.
    pub lines: usize,
    /// What there is to say about the file.
    pub notes: Vec<DataNote>,
}

/// Reads a file of pairs in UTF-8, as it is or compressed by gzip or zstd. The path `-` is standard
/// input.
///
/// The format is the one asked for, or is recognized from the beginning of the file. In a table,
/// fields are not trimmed: leading spaces are data. Line ends may be LF or CRLF, and a byte order mark
/// is ignored. Blank lines are passed over.
///
/// # Errors
///
/// The file is missing, is a folder, cannot be read, holds something else than text or holds no
/// pairs; a column setting is 0, or the format has no columns; or, unless such lines are to be skipped,
/// a line is not UTF-8, has a NUL or a carriage return in it, is too long, has too few columns, or has a
/// source or target without anything but spaces.
pub fn read_pairs(path: &Path, options: &ReadOptions) -> Result<PairFile, DataError> {
    let name = name_of(path);
    if path != Path::new(STDIN) {
        return read_lines(open_input(path)?, &name, options);
    }
    let content = whole_stdin().map_err(|cause| DataError::Unreadable {
        file: name.clone(),
        cause,
    })?;
    read_pairs_from(content, &name, options)
}

/// Reads pairs as [`read_pairs`] does, from anything. `name` stands for the file
/// in messages.
///
/// # Errors
///
/// As [`read_pairs`], but for those about paths.
pub fn read_pairs_from(
    reader: impl BufRead,
    name: &str,
    options: &ReadOptions,
) -> Result<PairFile, DataError> {
    read_lines(unpacked(reader, name)?, name, options)
}

impl ReadOptions {
    pub(super) fn check(&self, name: &str) -> Result<(), DataError> {
        if !self.format.has_columns() && !self.reads_first_two_columns() {
            return Err(DataError::NoColumns {
                file: name.to_owned(),
                format: self.format,
            });
        }
        if let 1 = self.keys.len() {
            return Err(DataError::OneKey {
                file: name.to_owned(),
            });
        }
        match self.columns().find(|&(_, column)| column == 0) {
            Some((setting, _)) => Err(DataError::ColumnZero {
                file: name.to_owned(),
                setting,
            }),
            None => Ok(()),
        }
    }

    /// Whether a column is read.
    pub fn reads(&self, column: usize) -> bool {
        self.columns().any(|(_, read)| read == column)
    }

    /// Whether the source is the first column, the target the second, and nothing else is read.
    pub fn reads_first_two_columns(&self) -> bool {
        (self.source_column, self.target_column) == (1, 2)
            && self.features_column.is_none()
            && self.more_source_columns.is_empty()
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let features = self
            .features_column
            .map(|column| ("features_column", column));
        [
            ("source_column", self.source_column),
            ("target_column", self.target_column),
        ]
        .into_iter()
        .chain(features)
        .chain(
            self.more_source_columns
                .iter()
                .map(|&column| ("more_source_columns", column)),
        )
    }
}

/// The text of a line without its line end.
///
/// # Errors
/// If it is too long, is not UTF-8, or has a NUL or a carriage return in it.
pub fn text_of(line: &[u8]) -> Result<&str, LineProblem> {
    if line.len() > LONGEST_LINE {
        return Err(LineProblem::LongLine);
    }
    let place = |index: usize| {
        let before = line.get(..index).unwrap_or_default();
        let tabs = before.iter().filter(|&&byte| byte == b'\t').count();
        (index.saturating_add(1), tabs.saturating_add(1))
    };
    let text = std::str::from_utf8(line).map_err(|error| {
        let (byte, column) = place(error.valid_up_to());
        LineProblem::NotUtf8 { byte, column }
    })?;
    match text.bytes().position(|byte| matches!(byte, b'\0' | b'\r')) {
        None => Ok(text),
        Some(index) => {
            let (byte, column) = place(index);
            Err(if line.get(index) == Some(&b'\0') {
                LineProblem::Nul { byte, column }
            } else {
                LineProblem::CarriageReturn { byte, column }
            })
        }
    }
}

pub(super) fn checked(field: &str, column: usize) -> Result<&str, LineProblem> {
    if field.len() <= LONGEST_TEXT {
        return Ok(field);
    }
    let bytes = field.len();
    Err(LineProblem::LongText { column, bytes })
}

/// A text of spaces alone has no symbols once it is cut at spaces.
pub(super) fn is_blank(text: &[u8]) -> bool {
    text.iter().all(|&byte| byte == b' ')
}
