//! Tables: columns separated by one character, with or without quotes.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

use crate::data::errors::{LONGEST_LINE, LineProblem};
use crate::data::pairs::{Pair, ReadOptions, checked, is_blank};

/// The pair of a record.
pub(super) fn pair<'a>(
    fields: impl Iterator<Item = &'a str> + Clone,
    options: &ReadOptions,
) -> Result<Pair, LineProblem> {
    let [mut source, mut target, mut features] = [None; 3];
    for (column_of_field, field) in (1..).zip(fields.clone()) {
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
    let too_few = || too_few(fields.clone().count(), options);
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
    Ok(Pair {
        source: joined_source(fields.clone(), source, options).ok_or_else(too_few)?,
        target: target.to_owned(),
        features: features.map(str::to_owned),
    })
}

/// The first source column with the others after it, if the record has them all.
fn joined_source<'a>(
    fields: impl Iterator<Item = &'a str> + Clone,
    first: &str,
    options: &ReadOptions,
) -> Option<String> {
    let mut source = first.to_owned();
    for &column in &options.more_source_columns {
        source.push('\t');
        source.push_str(fields.clone().nth(column.checked_sub(1)?)?);
    }
    Some(source)
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
        separator: match options.format {
            super::Format::Separated(separator) => separator,
            _ => '\t',
        },
    }
}

/// Cuts records of a table with quotes into fields. A field in quotes may have separators, line
/// breaks and doubled quotes in it.
pub struct Records {
    separator: char,
    parser: Reader,
    fields: Vec<u8>,
    ends: Vec<usize>,
}

/// What became of the lines that were fed so far.
pub enum Fed {
    /// They are a record.
    Record,
    /// A field in quotes is still open.
    Open,
    /// They are longer than any record.
    TooLong,
}

impl Records {
    /// A parser for records of fields that this ASCII character separates.
    pub fn new(separator: char) -> Self {
        Self {
            separator,
            parser: ReaderBuilder::new()
                .delimiter(u8::try_from(separator).unwrap_or(b','))
                .terminator(Terminator::Any(b'\n'))
                .build(),
            fields: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// What separates the fields.
    pub fn separator(&self) -> char {
        self.separator
    }

    /// The fields of the record that was read last. Line breaks in them are blanks: a pair stands on
    /// one line.
    pub fn fields(&self) -> Result<Vec<String>, LineProblem> {
        let mut start = 0;
        let mut fields = Vec::new();
        for (&end, column) in self.ends.iter().zip(1..) {
            let bytes = self.fields.get(start..end).unwrap_or_default();
            let text = std::str::from_utf8(bytes).map_err(|error| LineProblem::NotUtf8 {
                byte: start.saturating_add(error.valid_up_to()).saturating_add(1),
                column,
            })?;
            if let Some(byte) = text.bytes().position(|byte| byte == 0) {
                let byte = start.saturating_add(byte).saturating_add(1);
                return Err(LineProblem::Nul { byte, column });
            }
            fields.push(text.replace("\r\n", " ").replace(['\n', '\r', '\t'], " "));
            start = end;
        }
        Ok(fields)
    }

    /// Reads the first line of a record.
    pub fn begin(&mut self, line: &[u8]) -> Fed {
        self.fields.clear();
        self.ends.clear();
        self.feed(line)
    }

    /// Reads a line, line end included. An empty one at the end of the file closes the record.
    pub fn feed(&mut self, mut line: &[u8]) -> Fed {
        let at_end = line.is_empty();
        let (mut written, mut ended) = (self.fields.len(), self.ends.len());
        loop {
            let needed = written.saturating_add(line.len()).saturating_add(64);
            if needed > LONGEST_LINE.saturating_mul(2) {
                return Fed::TooLong;
            }
            self.fields.resize(needed, 0);
            self.ends.resize(ended.saturating_add(64), 0);
            let (fields, ends) = (self.fields.get_mut(written..), self.ends.get_mut(ended..));
            let (result, read, wrote, ends) =
                self.parser
                    .read_record(line, fields.unwrap_or_default(), ends.unwrap_or_default());
            line = line.get(read..).unwrap_or_default();
            written = written.saturating_add(wrote);
            ended = ended.saturating_add(ends);
            match result {
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => continue,
                _ => {}
            }
            self.fields.truncate(written);
            self.ends.truncate(ended);
            return match result {
                ReadRecordResult::InputEmpty if !at_end => Fed::Open,
                _ => Fed::Record,
            };
        }
    }
}
