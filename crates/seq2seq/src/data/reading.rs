//! A file of pairs while it is read, record by record.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Cursor, Read};

use super::columns::Columns;
use super::errors::{DataError, LONGEST_LINE, LineProblem};
use super::formats::{Content, Fed, Format, Records, SAMPLE_BYTES, content, recognized};
use super::header::are_column_names;
use super::input::{ENDLESS_LINE, endless_line};
use super::notes::DataNote;
use super::other_formats::{OtherFormat, SAMPLE};
use super::pairs::{OnBadLine, Pair, PairFile, ReadOptions, is_blank, text_of};
use super::skipped::{SkippedLine, SkippedLines, shown};
use super::stray_blanks::Place;
use crate::text::{LONGEST_TEXT, without_stress};

/// Reads all pairs of an unpacked file.
pub(super) fn read_lines(
    mut reader: impl Read,
    name: &str,
    options: &ReadOptions,
) -> Result<PairFile, DataError> {
    options.check(name)?;
    let mut options = options.clone();
    let asked_for = options.format;
    let start = match asked_for.is_recognized() {
        true => sample(&mut reader).map_err(|cause| DataError::Unreadable {
            file: name.to_owned(),
            cause,
        })?,
        false => Vec::new(),
    };
    if asked_for.is_recognized() {
        options.format = recognized(&start, start.len() < SAMPLE_BYTES, &options);
    }
    let mut reading = Reading::new(name, options, asked_for);
    let mut reader = BufReader::new(Cursor::new(start).chain(reader));
    let mut buffer = Vec::new();
    while reading.next_line(&mut reader, &mut buffer)? {
        let line = without_marks(&buffer, reading.line).to_vec();
        reading.number = reading.line;
        let fields = reading.fields(&line, &mut reader, &mut buffer)?;
        if let Err(problem) = reading.add(&line, fields)? {
            return Err(DataError::BadLine {
                file: name.to_owned(),
                line: reading.number,
                format: reading.other_format(&mut reader, &mut buffer)?,
                problem: problem.into(),
                text: shown(&line),
            });
        }
    }
    reading.done()
}

/// The first bytes, up to [`SAMPLE_BYTES`].
fn sample(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    reader.take(SAMPLE_BYTES as u64).read_to_end(&mut start)?;
    Ok(start)
}

/// A file while it is read.
struct Reading {
    /// The options, with the format that the file is in.
    options: ReadOptions,
    /// The format that was asked for.
    asked_for: Format,
    file: PairFile,
    columns: Columns,
    /// Cuts records into fields, for a table with quotes.
    records: Option<Records>,
    /// Lines that were read.
    line: usize,
    /// The first line of the record that is looked at.
    number: usize,
    first_blank: usize,
    header_like: Option<String>,
    /// The first lines with too few columns, as long as there is no pair.
    without_columns: Vec<String>,
}

/// The fields of a record in a table with quotes; none in other formats, whose records are lines.
type Fields = Option<Result<Vec<String>, LineProblem>>;

impl Reading {
    fn new(name: &str, options: ReadOptions, asked_for: Format) -> Self {
        let records = match options.format {
            Format::Separated(separator) => Some(Records::new(separator)),
            _ => None,
        };
        Self {
            asked_for,
            file: PairFile {
                name: name.to_owned(),
                format: options.format,
                pairs: Vec::new(),
                line_numbers: Vec::new(),
                skipped: SkippedLines::default(),
                blank_lines: 0,
                comments: 0,
                variants: 0,
                header: None,
                columns: 0,
                lines: 0,
                notes: Vec::new(),
            },
            options,
            columns: Columns::default(),
            records,
            line: 0,
            number: 0,
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
        self.line = self.line.saturating_add(usize::from(read));
        Ok(read)
    }

    /// The fields of the record that begins with a line, which may go on in the next lines.
    fn fields(
        &mut self,
        line: &[u8],
        reader: &mut impl BufRead,
        buffer: &mut Vec<u8>,
    ) -> Result<Fields, DataError> {
        if is_blank(line) {
            return Ok(None);
        }
        let Some(mut records) = self.records.take() else {
            return Ok(None);
        };
        let mut fed = records.begin(&[line, b"\n"].concat());
        let mut closed = true;
        while matches!(fed, Fed::Open) {
            closed = self.next_line(reader, buffer)?;
            fed = match closed {
                true => records.feed(&[without_marks(buffer, self.line), b"\n"].concat()),
                false => records.feed(b""),
            };
        }
        let fields = match fed {
            Fed::TooLong => Err(LineProblem::LongLine),
            _ if !closed => Err(LineProblem::OpenQuote),
            _ => records.fields(),
        };
        self.records = Some(match fed {
            Fed::TooLong => Records::new(records.separator()),
            _ => records,
        });
        Ok(Some(fields))
    }

    /// Takes in a record, without its marks. What is wrong with it is given back where such records
    /// are an error.
    fn add(&mut self, line: &[u8], fields: Fields) -> Result<Result<(), LineProblem>, DataError> {
        let first = self.file.lines == 0;
        self.file.lines = self.file.lines.saturating_add(1);
        let named = !self.options.keys.is_empty() && self.options.format != Format::JsonLines;
        if first && (self.options.header || named) {
            self.file.header = Some(shown(line));
            if named {
                self.find_columns(line, fields)?;
            }
            return Ok(Ok(()));
        }
        if is_blank(line) {
            if self.file.blank_lines == 0 {
                self.first_blank = self.number;
            }
            self.file.blank_lines = self.file.blank_lines.saturating_add(1);
            return Ok(Ok(()));
        }
        let problem = match self.read(line, fields) {
            Ok(Content::Comment) => {
                self.file.comments = self.file.comments.saturating_add(1);
                return Ok(Ok(()));
            }
            Ok(Content::Pair { mut pair, variant }) => match self.rewrite(&mut pair) {
                Err(problem) => problem,
                Ok(()) => {
                    if first && are_column_names(pair.texts()) {
                        self.header_like = Some(shown(line));
                    }
                    self.push(pair, variant);
                    return Ok(Ok(()));
                }
            },
            Err(problem) => problem,
        };
        self.keep_for_format(line, &problem);
        if self.options.on_bad_line == OnBadLine::Fail {
            return Ok(Err(problem));
        }
        let (name, number) = (&self.file.name, self.number);
        let skipped = || SkippedLine {
            file: name.clone(),
            line: number,
            column: problem.column(),
            reason: problem.to_string(),
            text: shown(line),
        };
        (self.file.skipped).add(self.options.on_bad_line, skipped);
        Ok(Ok(()))
    }

    /// What a record holds.
    fn read(&mut self, line: &[u8], fields: Fields) -> Result<Content, LineProblem> {
        let (format, options) = (self.options.format, &self.options);
        match fields {
            Some(fields) => {
                let fields = fields?;
                let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
                let read = content(format, "", Some(&fields), options)?;
                self.columns.add(fields.into_iter(), self.number);
                Ok(read)
            }
            None => {
                let text = text_of(line)?;
                let read = content(format, text, None, options)?;
                if format == Format::Tsv {
                    self.columns.add(text.split('\t'), self.number);
                }
                Ok(read)
            }
        }
    }

    /// Writes the target in the model's symbols.
    fn rewrite(&self, pair: &mut Pair) -> Result<(), LineProblem> {
        let Some(map) = &self.options.symbol_map else {
            return Ok(());
        };
        let target = match self.options.strip_stress {
            true => without_stress(&pair.target),
            false => Cow::Borrowed(pair.target.as_str()),
        };
        let (target, unknown) = map.apply(&target);
        if !unknown.is_empty() {
            let symbols = unknown.into_iter().map(str::to_owned).collect();
            return Err(LineProblem::UnknownSymbols { symbols });
        }
        pair.target = target;
        Ok(())
    }

    fn push(&mut self, pair: Pair, variant: bool) {
        self.file.pairs.push(pair);
        self.file.line_numbers.push(self.number);
        self.file.variants = self.file.variants.saturating_add(usize::from(variant));
    }

    /// Reads the columns that the first line gives the names asked for.
    fn find_columns(&mut self, line: &[u8], fields: Fields) -> Result<(), DataError> {
        let names: Vec<String> = match fields {
            Some(fields) => fields.unwrap_or_default(),
            None => {
                let text = String::from_utf8_lossy(line);
                text.split('\t').map(str::to_owned).collect()
            }
        };
        let place = |key: &String| {
            let place = names.iter().position(|name| name.trim() == key);
            let column = place.map(|place| place.saturating_add(1));
            column.ok_or_else(|| DataError::MissingColumn {
                file: self.file.name.clone(),
                name: key.clone(),
                found: shown(line),
            })
        };
        let columns: Vec<usize> = self
            .options
            .keys
            .iter()
            .map(place)
            .collect::<Result<_, _>>()?;
        let mut columns = columns.into_iter();
        self.options.source_column = columns.next().unwrap_or(1);
        self.options.target_column = columns.next().unwrap_or(2);
        self.options.features_column = columns.next();
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
    ) -> Result<Option<Box<OtherFormat>>, DataError> {
        while !self.without_columns.is_empty()
            && self.without_columns.len() < SAMPLE
            && self.next_line(reader, buffer)?
        {
            let line = without_marks(buffer, self.line).to_vec();
            match text_of(&line).and_then(|text| content(Format::Tsv, text, None, &self.options)) {
                Ok(_) => self.without_columns.clear(),
                Err(problem) => self.keep_for_format(&line, &problem),
            }
        }
        Ok(OtherFormat::of(&self.without_columns))
    }

    fn done(self) -> Result<PairFile, DataError> {
        let mut file = self.file;
        if file.pairs.is_empty() {
            let passed_over = file.skipped.count.saturating_add(file.blank_lines);
            return Err(DataError::Empty {
                file: file.name,
                lines: file.lines,
                skipped: passed_over.saturating_add(file.comments),
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
        // A format that was recognized is said aloud, unless it is the plain one.
        if self.asked_for.is_recognized() && file.format != Format::Tsv
            || file.format == Format::CmuDictionary
        {
            file.notes.push(DataNote::ReadAs {
                file: name.clone(),
                format: file.format,
                entries: file.pairs.len(),
                variants: file.variants,
                comments: file.comments,
            });
        }
        if self.options.format.has_columns() {
            file.columns = self.columns.usual();
            file.notes.extend(self.columns.notes(name, &self.options));
        } else {
            file.columns = 2;
        }
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

/// A line without its line end and, on the first line, the byte order mark.
fn without_marks(bytes: &[u8], line: usize) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let mark: &[u8] = if line == 1 { b"\xEF\xBB\xBF" } else { b"" };
    bytes.strip_prefix(mark).unwrap_or(bytes)
}
