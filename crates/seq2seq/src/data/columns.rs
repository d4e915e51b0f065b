//! What columns the lines of a file have, and which of them are read.

use std::collections::BTreeMap;

use super::notes::DataNote;
use super::pairs::ReadOptions;

/// Columns that are looked at, at most; others are only counted.
const MOST_COLUMNS: usize = 64;
/// Numbers of columns that are told apart, at most.
const MOST_WIDTHS: usize = 1000;

/// What columns the lines of a file have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    widths: BTreeMap<usize, Lines>,
}

/// Lines with the same number of columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Lines {
    count: usize,
    first: usize,
    columns: Vec<Content>,
}

/// What the texts of a column look like. Line 1 may hold names, so it does not count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Content {
    /// Texts that are not empty.
    texts: usize,
    /// Those that are numbers.
    numbers: usize,
    /// Those that look like features, as `V;PST` does.
    features: usize,
    /// Those that end in a blank and a decimal number, as `word 0.9` does.
    probabilities: usize,
}

impl Columns {
    /// Looks at the fields of a line.
    pub(super) fn add<'a>(&mut self, fields: impl Iterator<Item = &'a str> + Clone, number: usize) {
        let width = fields.clone().count();
        if self.widths.len() >= MOST_WIDTHS && !self.widths.contains_key(&width) {
            return;
        }
        let lines = self.widths.entry(width).or_default();
        if lines.count == 0 {
            lines.first = number;
            lines.columns = vec![Content::default(); width.min(MOST_COLUMNS)];
        }
        lines.count = lines.count.saturating_add(1);
        if number > 1 {
            let columns = lines.columns.iter_mut().zip(fields);
            columns.for_each(|(column, text)| column.add(text));
        }
    }

    /// Most lines have so many columns; of two numbers as frequent, the larger one.
    pub fn usual(&self) -> usize {
        let usual = self.widths.iter().max_by_key(|(_, lines)| lines.count);
        usual.map_or(0, |(width, _)| *width)
    }

    /// What there is to say about the columns of a file that is read so.
    pub(super) fn notes(&self, file: &str, options: &ReadOptions) -> Vec<DataNote> {
        let mut notes = Vec::new();
        let usual = self.usual();
        let columns: Vec<usize> = (1..=usual).filter(|&c| !options.reads(c)).collect();
        if let Some(target) = self.beside_numbers(options) {
            notes.push(DataNote::NumbersAsTarget {
                file: file.to_owned(),
                column: options.target_column,
                text_column: target,
            });
        } else if !columns.is_empty() {
            notes.push(DataNote::UnreadColumns {
                file: file.to_owned(),
                form_column: self.form_column(options, &columns),
                features_column: self.unread_features(options, &columns),
                target_column: options.target_column,
                columns,
            });
        }
        let source = self.column(usual, options.source_column);
        if source.is_some_and(|source| mostly(source.probabilities, source.texts)) {
            notes.push(DataNote::ProbabilitiesInSource {
                file: file.to_owned(),
                column: options.source_column,
            });
        }
        let all = self.widths.values().map(|lines| lines.count);
        let all = all.fold(0, usize::saturating_add);
        let others = self.widths.iter().filter(|(width, _)| **width != usual);
        if let Some((width, first)) = others.min_by_key(|(_, lines)| lines.first) {
            let lines = self.widths.get(&usual).map_or(0, |lines| lines.count);
            notes.push(DataNote::DifferingColumns {
                file: file.to_owned(),
                columns: usual,
                lines,
                all,
                first: first.first,
                first_columns: *width,
            });
        }
        notes
    }

    /// The last unread column with text, where all that is read as the target is numbers.
    fn beside_numbers(&self, options: &ReadOptions) -> Option<usize> {
        self.widths.keys().find_map(|&width| {
            let target = self.column(width, options.target_column)?;
            let numbers = target.texts > 0 && target.numbers == target.texts;
            let has_text = |&column: &usize| {
                let content = self.column(width, column);
                content.is_some_and(|content| content.numbers < content.texts)
            };
            let unread = |column: &usize| !options.reads(*column);
            let last = (1..=width).filter(unread).rfind(has_text);
            last.filter(|_| numbers)
        })
    }

    /// The first unread column that may hold the target, where the one that is read looks like
    /// features.
    fn form_column(&self, options: &ReadOptions, unread: &[usize]) -> Option<usize> {
        let mut unread = unread.iter().copied();
        let none = options.features_column.is_none() && self.has_features(options.target_column);
        let form = unread.find(|&column| !self.has_features(column));
        form.filter(|_| none)
    }

    /// The first unread column that looks like features, where none are read.
    fn unread_features(&self, options: &ReadOptions, unread: &[usize]) -> Option<usize> {
        let mut unread = unread.iter().copied();
        let features = unread.find(|&column| self.has_features(column));
        features.filter(|_| options.features_column.is_none())
    }

    /// Whether a column looks like features such as `V;PST;3;SG`.
    fn has_features(&self, column: usize) -> bool {
        let content = self.column(self.usual(), column);
        content.is_some_and(|content| mostly(content.features, content.texts))
    }

    fn column(&self, width: usize, column: usize) -> Option<&Content> {
        let lines = self.widths.get(&width)?;
        lines.columns.get(column.checked_sub(1)?)
    }
}

impl Content {
    fn add(&mut self, text: &str) {
        let text = text.trim_matches(' ');
        if text.is_empty() {
            return;
        }
        let add = |count: &mut usize, one: bool| *count = count.saturating_add(usize::from(one));
        add(&mut self.texts, true);
        add(&mut self.numbers, is_number(text));
        add(
            &mut self.features,
            text.contains(';') && !text.contains(' '),
        );
        let last = text.rsplit_once(' ').map(|(_, last)| last);
        let is_decimal = |last: &str| last.contains('.') && is_number(last);
        add(&mut self.probabilities, last.is_some_and(is_decimal));
    }
}

fn mostly(count: usize, all: usize) -> bool {
    count.saturating_mul(10) > all.saturating_mul(9)
}

fn is_number(text: &str) -> bool {
    // Rust reads words such as `nan` and `infinity` as numbers, too.
    let begins = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    begins && !text.ends_with(char::is_alphabetic) && text.parse::<f64>().is_ok()
}
