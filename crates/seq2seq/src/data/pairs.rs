//! Pairs of texts in tab-separated files.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::columns::Columns;
use super::errors::{DataError, LONGEST_LINE, LineProblem};
use super::header::are_column_names;
use super::input::{ENDLESS_LINE, STDIN, endless_line, name_of, open_input, unpacked, whole_stdin};
use super::notes::DataNote;
use super::other_formats::{OtherFormat, SAMPLE};
use super::skipped::{SkippedLine, SkippedLines, shown};
use super::stray_blanks::Place;
use crate::SourceText;
use crate::text::LONGEST_TEXT;
use crate::text::Normalization;

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
    fn texts(&self) -> impl Iterator<Item = &str> {
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
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            source_column: 1,
            more_source_columns: Vec::new(),
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
    /// The pairs in file order; never empty.
    pub pairs: Vec<Pair>,
    /// The line that each pair stands on, counted from one.
    pub line_numbers: Vec<usize>,
    /// The bad lines left out, unless [`OnBadLine::Fail`] forbids that.
    pub skipped: SkippedLines,
    /// How many blank lines were passed over.
    pub blank_lines: usize,
    /// The first line in quotes, if it was passed over because it names the columns.
    pub header: Option<String>,
    /// How many columns most lines have.
    pub columns: usize,
    /// How many lines the file has, header and skipped lines included.
    pub lines: usize,
    /// What there is to say about the file.
    pub notes: Vec<DataNote>,
}

/// Reads a file of pairs: UTF-8, one pair a line, columns separated by tabs; as it is or compressed
/// by gzip or zstd. The path `-` is standard input.
///
/// There is no quoting, and fields are not trimmed: leading spaces are data.
/// Line ends may be LF or CRLF, and a byte order mark is ignored. Blank lines
/// are passed over.
///
/// # Errors
///
/// The file is missing, is a folder, cannot be read, holds something else than text or holds no
/// pairs; a column setting is 0; or, unless such lines are to be skipped, a line is not UTF-8, has
/// a NUL or a carriage return in it, is too long, has too few columns, or has a source or target
/// without anything but spaces.
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

fn read_lines(reader: impl Read, name: &str, options: &ReadOptions) -> Result<PairFile, DataError> {
    options.check(name)?;
    let mut reading = Reading::new(name, options);
    let mut reader = BufReader::new(reader);
    let mut buffer = Vec::new();
    while reading.next_line(&mut reader, &mut buffer)? {
        let line = without_marks(&buffer, reading.file.lines);
        if let Err(problem) = reading.add(line) {
            let (line, text) = (reading.file.lines, shown(line));
            return Err(DataError::BadLine {
                file: name.to_owned(),
                line,
                format: reading.other_format(&mut reader, &mut buffer)?,
                problem,
                text,
            });
        }
    }
    reading.done()
}

/// A file while it is read.
struct Reading<'a> {
    options: &'a ReadOptions,
    file: PairFile,
    columns: Columns,
    first_blank: usize,
    header_like: Option<String>,
    /// The first lines with too few columns, as long as there is no pair.
    without_columns: Vec<String>,
}

impl<'a> Reading<'a> {
    fn new(name: &str, options: &'a ReadOptions) -> Self {
        Self {
            options,
            file: PairFile {
                name: name.to_owned(),
                pairs: Vec::new(),
                line_numbers: Vec::new(),
                skipped: SkippedLines::default(),
                blank_lines: 0,
                header: None,
                columns: 0,
                lines: 0,
                notes: Vec::new(),
            },
            columns: Columns::default(),
            first_blank: 0,
            header_like: None,
            without_columns: Vec::new(),
        }
    }

    /// Reads a line, line end included, into the buffer; false at the end.
    fn next_line(
        &mut self,
        reader: &mut impl BufRead,
        buffer: &mut Vec<u8>,
    ) -> Result<bool, DataError> {
        let read = next_line(reader, buffer).map_err(|cause| DataError::Unreadable {
            file: self.file.name.clone(),
            cause,
        })?;
        self.file.lines = self.file.lines.saturating_add(usize::from(read));
        Ok(read)
    }

    /// Takes in the line that was read last, without its marks.
    fn add(&mut self, line: &[u8]) -> Result<(), LineProblem> {
        let number = self.file.lines;
        if number == 1 && self.options.header {
            self.file.header = Some(shown(line));
            return Ok(());
        }
        if is_blank(line) {
            if self.file.blank_lines == 0 {
                self.first_blank = number;
            }
            self.file.blank_lines = self.file.blank_lines.saturating_add(1);
            return Ok(());
        }
        let problem = match parse(line, self.options) {
            Ok((pair, text)) => {
                self.columns.add(text, number);
                if number == 1 && are_column_names(pair.texts()) {
                    self.header_like = Some(shown(line));
                }
                self.file.pairs.push(pair);
                self.file.line_numbers.push(number);
                return Ok(());
            }
            Err(problem) => problem,
        };
        self.keep_for_format(line, &problem);
        if self.options.on_bad_line == OnBadLine::Fail {
            return Err(problem);
        }
        let name = &self.file.name;
        let skipped = || SkippedLine {
            file: name.clone(),
            line: number,
            column: problem.column(),
            reason: problem.to_string(),
            text: shown(line),
        };
        (self.file.skipped).add(self.options.on_bad_line, skipped);
        Ok(())
    }

    fn keep_for_format(&mut self, line: &[u8], problem: &LineProblem) {
        let one_column = matches!(problem, LineProblem::TooFewColumns { found: 1, .. });
        if one_column && self.file.pairs.is_empty() && self.without_columns.len() < SAMPLE {
            let start = line.get(..LONGEST_TEXT).unwrap_or(line);
            (self.without_columns).push(String::from_utf8_lossy(start).into_owned());
        }
    }

    /// What the file looks like, if its lines have no columns; a few more are read to tell.
    fn other_format(
        &mut self,
        reader: &mut impl BufRead,
        buffer: &mut Vec<u8>,
    ) -> Result<Option<OtherFormat>, DataError> {
        while !self.without_columns.is_empty()
            && self.without_columns.len() < SAMPLE
            && self.next_line(reader, buffer)?
        {
            let line = without_marks(buffer, self.file.lines);
            match parse(line, self.options) {
                Ok(_) => self.without_columns.clear(),
                Err(problem) => self.keep_for_format(line, &problem),
            }
        }
        Ok(OtherFormat::of(&self.without_columns))
    }

    fn done(self) -> Result<PairFile, DataError> {
        let mut file = self.file;
        if file.pairs.is_empty() {
            return Err(DataError::Empty {
                file: file.name,
                lines: file.lines,
                skipped: file.skipped.count.saturating_add(file.blank_lines),
                format: OtherFormat::of(&self.without_columns),
                reason: file
                    .skipped
                    .first
                    .into_iter()
                    .next()
                    .map(|line| line.reason),
            });
        }
        let name = &file.name;
        file.columns = self.columns.usual();
        file.notes = self.columns.notes(name, self.options);
        if let Some(text) = self.header_like {
            let file_name = name.clone();
            file.notes.push(DataNote::LooksLikeHeader {
                file: file_name,
                text,
            });
        }
        if file.blank_lines > 0 {
            let (file_name, line) = (name.clone(), self.first_blank);
            file.notes.push(DataNote::BlankLines {
                lines: file.blank_lines,
                first: Place {
                    file: file_name,
                    line,
                },
            });
        }
        Ok(file)
    }
}

/// Reads a line, line end included, into the buffer; false at the end. Of a line that is too long,
/// one byte too many is kept and the rest passed over.
fn next_line(reader: &mut impl BufRead, buffer: &mut Vec<u8>) -> io::Result<bool> {
    buffer.clear();
    let most = (LONGEST_LINE as u64).saturating_add(1);
    let read = reader.by_ref().take(most).read_until(b'\n', buffer)?;
    if read as u64 == most && !buffer.ends_with(b"\n") {
        let skipped = reader.by_ref().take(ENDLESS_LINE).skip_until(b'\n')?;
        if skipped as u64 == ENDLESS_LINE {
            return Err(endless_line());
        }
    }
    Ok(read > 0)
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

    /// Whether a column is read.
    pub fn reads(&self, column: usize) -> bool {
        self.columns().any(|(_, read)| read == column)
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
        .chain(
            self.more_source_columns
                .iter()
                .map(|&column| ("more_source_columns", column)),
        )
    }
}

/// A line without its line end and, on the first line, the byte order mark.
fn without_marks(bytes: &[u8], line: usize) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let mark: &[u8] = if line == 1 { b"\xEF\xBB\xBF" } else { b"" };
    bytes.strip_prefix(mark).unwrap_or(bytes)
}

/// The pair of a line, and the line as text.
fn parse<'a>(bytes: &'a [u8], options: &ReadOptions) -> Result<(Pair, &'a str), LineProblem> {
    let text = text_of(bytes)?;
    let [mut source, mut target, mut features] = [None; 3];
    for (column_of_field, field) in (1..).zip(text.split('\t')) {
        // A column may serve twice.
        for (column, place) in [
            (Some(options.source_column), &mut source),
            (Some(options.target_column), &mut target),
            (options.features_column, &mut features),
        ] {
            if column == Some(column_of_field) {
                *place = Some(checked(field, column_of_field)?);
            }
        }
    }
    let too_few = || too_few(text.split('\t').count(), options);
    let (source, target) = (source.ok_or_else(too_few)?, target.ok_or_else(too_few)?);
    if options.features_column.is_some() && features.is_none() {
        return Err(too_few());
    }
    if is_blank(source.as_bytes()) {
        let column = options.source_column;
        return Err(LineProblem::EmptySource { column });
    }
    if is_blank(target.as_bytes()) {
        let column = options.target_column;
        return Err(LineProblem::EmptyTarget { column });
    }
    let pair = Pair {
        source: joined_source(text, source, options).ok_or_else(too_few)?,
        target: target.to_owned(),
        features: features.map(str::to_owned),
    };
    Ok((pair, text))
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

/// The first source column with the others after it, if the line has them all.
fn joined_source(line: &str, first: &str, options: &ReadOptions) -> Option<String> {
    let mut source = first.to_owned();
    for &column in &options.more_source_columns {
        source.push('\t');
        source.push_str(line.split('\t').nth(column.checked_sub(1)?)?);
    }
    Some(source)
}

fn checked(field: &str, column: usize) -> Result<&str, LineProblem> {
    if field.len() <= LONGEST_TEXT {
        return Ok(field);
    }
    let bytes = field.len();
    Err(LineProblem::LongText { column, bytes })
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
