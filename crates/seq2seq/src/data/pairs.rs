//! Pairs of texts in tab-separated files.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;

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

/// How a file of pairs is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadOptions {
    /// The column of source texts, counted from one.
    pub source_column: usize,
    /// The column of target texts, counted from one.
    pub target_column: usize,
    /// The column of features, counted from one.
    pub features_column: Option<usize>,
    /// Whether the first line names the columns and holds no pair.
    pub header: bool,
    /// What to do about lines that hold no pair.
    pub on_bad_line: OnBadLine,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            source_column: 1,
            target_column: 2,
            features_column: None,
            header: false,
            on_bad_line: OnBadLine::Fail,
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
    /// Leave the line out and list it.
    Skip,
}

/// What was read from a file of pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairFile {
    /// The pairs in file order; never empty.
    pub pairs: Vec<Pair>,
    /// The lines left out: blank ones, and bad ones where
    /// [`OnBadLine::Skip`] allows that. A header is not listed.
    pub skipped: Vec<SkippedLine>,
    /// How many lines the file has, header and skipped lines included.
    pub lines: usize,
}

/// A line that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedLine {
    /// Its number, counted from one.
    pub line: usize,
    /// Why it was left out.
    pub reason: String,
}

/// Why a file of pairs cannot be read.
#[derive(Debug, Error)]
pub enum DataError {
    /// There is no such file.
    #[error(
        "{file}: there is no such file; check the path, which is taken from the current folder unless it is absolute"
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
    /// No line holds a pair.
    #[error("{file}: there are no pairs in this file ({lines} lines, {skipped} of them skipped{}); each line should be a source, a tab and a target", first_reason(.reason))]
    Empty {
        /// The file's name.
        file: String,
        /// How many lines it has.
        lines: usize,
        /// How many of them were skipped.
        skipped: usize,
        /// Why the first of them was skipped.
        reason: Option<String>,
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
    #[error(
        "{file}, line {line}: {problem}\n  the line: {text}\n  correct it, or leave such lines out with on_bad_line = \"skip\""
    )]
    BadLine {
        /// The file's name.
        file: String,
        /// The line's number, counted from one.
        line: usize,
        /// What is wrong with it.
        problem: LineProblem,
        /// The line in quotes, with tabs as `\t`, cut if long.
        text: String,
    },
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LineProblem {
    /// The line is in another encoding, or not text.
    #[error("byte {byte} of the line is not UTF-8; save the file as UTF-8")]
    NotUtf8 {
        /// The first wrong byte of the line, counted from one.
        byte: usize,
    },
    /// A column that should be read is missing.
    #[error("found {found} tab-separated column{}, but {needed} are needed ({settings})", plural(.found))]
    TooFewColumns {
        /// How many columns the line has.
        found: usize,
        /// How many are needed.
        needed: usize,
        /// The column settings, which a wrong number may have come from.
        settings: String,
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

fn first_reason(reason: &Option<String>) -> String {
    reason
        .as_ref()
        .map(|reason| format!(", the first: {reason}"))
        .unwrap_or_default()
}

fn plural(count: &usize) -> &'static str {
    if *count == 1 { "" } else { "s" }
}

/// Reads a file of pairs: UTF-8, one pair a line, columns separated by tabs.
///
/// There is no quoting, and fields are not trimmed: leading spaces are data.
/// Line ends may be LF or CRLF, and a byte order mark is ignored. Blank lines
/// are skipped and listed.
///
/// # Errors
///
/// The file is missing, is a folder, cannot be read or holds no pairs; a column
/// setting is 0; or, unless such lines are to be skipped, a line is not UTF-8,
/// has too few columns, or has a source or target without anything but spaces.
pub fn read_pairs(path: &Path, options: &ReadOptions) -> Result<PairFile, DataError> {
    let file = path.display().to_string();
    // Opening a folder works on some systems and fails oddly on others.
    if path.is_dir() {
        return Err(DataError::Folder { file });
    }
    match File::open(path) {
        Ok(opened) => read_pairs_from(BufReader::new(opened), &file, options),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(DataError::Missing { file }),
        Err(cause) => Err(DataError::Unreadable { file, cause }),
    }
}

/// Reads pairs as [`read_pairs`] does, from anything. `name` stands for the file
/// in messages.
///
/// # Errors
///
/// As [`read_pairs`], but for those about paths.
pub fn read_pairs_from(
    mut reader: impl BufRead,
    name: &str,
    options: &ReadOptions,
) -> Result<PairFile, DataError> {
    options.check(name)?;
    let file = || name.to_owned();
    let mut read = PairFile {
        pairs: Vec::new(),
        skipped: Vec::new(),
        lines: 0,
    };
    let mut buffer = Vec::new();
    while next_line(&mut reader, &mut buffer).map_err(|cause| DataError::Unreadable {
        file: file(),
        cause,
    })? {
        read.lines += 1;
        let line = without_marks(&buffer, read.lines);
        read.add(line, options)
            .map_err(|problem| DataError::BadLine {
                file: file(),
                line: read.lines,
                problem,
                text: shown(line),
            })?;
    }
    read.not_empty(name)
}

/// Reads a line, line end included, into the buffer; false at the end.
fn next_line(reader: &mut impl BufRead, buffer: &mut Vec<u8>) -> io::Result<bool> {
    buffer.clear();
    Ok(reader.read_until(b'\n', buffer)? > 0)
}

impl ReadOptions {
    fn check(&self, name: &str) -> Result<(), DataError> {
        match self.columns().find(|&(_, column)| column == 0) {
            Some((setting, _)) => Err(DataError::ColumnZero {
                file: name.to_owned(),
                setting,
            }),
            None => Ok(()),
        }
    }

    fn columns(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let features = self
            .features_column
            .map(|column| ("features_column", column));
        [
            ("source_column", self.source_column),
            ("target_column", self.target_column),
        ]
        .into_iter()
        .chain(features)
    }
}

impl PairFile {
    /// Takes in the line with number `self.lines`.
    fn add(&mut self, line: &[u8], options: &ReadOptions) -> Result<(), LineProblem> {
        if self.lines == 1 && options.header {
            return Ok(());
        }
        if is_blank(line) {
            self.skip("the line is blank".to_owned());
            return Ok(());
        }
        match parse(line, options) {
            Ok(pair) => self.pairs.push(pair),
            Err(problem) if options.on_bad_line == OnBadLine::Skip => {
                self.skip(problem.to_string())
            }
            Err(problem) => return Err(problem),
        }
        Ok(())
    }

    fn skip(&mut self, reason: String) {
        self.skipped.push(SkippedLine {
            line: self.lines,
            reason,
        });
    }

    fn not_empty(self, name: &str) -> Result<Self, DataError> {
        if !self.pairs.is_empty() {
            return Ok(self);
        }
        Err(DataError::Empty {
            file: name.to_owned(),
            lines: self.lines,
            skipped: self.skipped.len(),
            reason: self.skipped.into_iter().next().map(|line| line.reason),
        })
    }
}

/// A line without its line end and, on the first line, the byte order mark.
fn without_marks(bytes: &[u8], line: usize) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let mark: &[u8] = if line == 1 { b"\xEF\xBB\xBF" } else { b"" };
    bytes.strip_prefix(mark).unwrap_or(bytes)
}

fn parse(bytes: &[u8], options: &ReadOptions) -> Result<Pair, LineProblem> {
    let text = std::str::from_utf8(bytes).map_err(|error| LineProblem::NotUtf8 {
        byte: error.valid_up_to() + 1,
    })?;
    let fields: Vec<&str> = text.split('\t').collect();
    let field = |column: usize| {
        fields
            .get(column - 1)
            .map(|&field| field.to_owned())
            .ok_or_else(|| too_few(fields.len(), options))
    };
    let pair = Pair {
        source: field(options.source_column)?,
        target: field(options.target_column)?,
        features: options.features_column.map(field).transpose()?,
    };
    if is_blank(pair.source.as_bytes()) {
        return Err(LineProblem::EmptySource {
            column: options.source_column,
        });
    }
    if is_blank(pair.target.as_bytes()) {
        return Err(LineProblem::EmptyTarget {
            column: options.target_column,
        });
    }
    Ok(pair)
}

/// A text of spaces alone has no symbols once it is cut at spaces.
fn is_blank(text: &[u8]) -> bool {
    text.iter().all(|&byte| byte == b' ')
}

fn too_few(found: usize, options: &ReadOptions) -> LineProblem {
    let needed = options
        .columns()
        .map(|(_, column)| column)
        .max()
        .unwrap_or(0);
    let settings: Vec<String> = options
        .columns()
        .map(|(setting, column)| format!("{setting} = {column}"))
        .collect();
    LineProblem::TooFewColumns {
        found,
        needed,
        settings: settings.join(", "),
    }
}

/// The start of a line, with invisible characters spelled out.
fn shown(bytes: &[u8]) -> String {
    const LONGEST: usize = 60;
    // A character has at most four bytes: no need to look at a whole long line.
    let text = String::from_utf8_lossy(bytes.get(..4 * LONGEST + 4).unwrap_or(bytes));
    let start: String = text.chars().take(LONGEST).collect();
    let more = if start.len() < text.len() { "..." } else { "" };
    format!("{start:?}{more}")
}
