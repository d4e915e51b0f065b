//! Lines that were left out.

use super::OnBadLine;
use crate::text::quoted_start;

/// Lines that are kept to be shown.
const MOST_SHOWN: usize = 1000;
/// Lines that are kept to be listed in a file.
const MOST_LISTED: usize = 100_000;

/// Lines that were left out because they hold no pair. A file may have any number of them, so only
/// the first are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SkippedLines {
    /// How many there are.
    pub count: usize,
    /// The first 1,000, or 100,000 where all are asked for.
    pub first: Vec<SkippedLine>,
}

impl SkippedLines {
    pub(super) fn add(&mut self, on_bad_line: OnBadLine, line: impl FnOnce() -> SkippedLine) {
        self.count = self.count.saturating_add(1);
        let most = match on_bad_line {
            OnBadLine::Report => MOST_LISTED,
            OnBadLine::Fail | OnBadLine::Skip => MOST_SHOWN,
        };
        if self.first.len() < most {
            self.first.push(line());
        }
    }

    /// Adds those of another file.
    pub fn extend(&mut self, others: Self) {
        self.count = self.count.saturating_add(others.count);
        self.first.extend(others.first);
    }
}

/// A line that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedLine {
    /// The file's name.
    pub file: String,
    /// Its number, counted from one.
    pub line: usize,
    /// The column at fault, counted from one, where there is one.
    pub column: Option<usize>,
    /// Why it was left out.
    pub reason: String,
    /// The line in quotes, with tabs as `\t`, cut if long.
    pub text: String,
}

impl SkippedLine {
    /// File, line, column, reason and text as a tab-separated line.
    pub fn row(&self) -> String {
        let column = self.column.map(|column| column.to_string());
        let file = self.file.replace(['\t', '\n', '\r'], " ");
        let column = column.unwrap_or_default();
        let Self {
            line, reason, text, ..
        } = self;
        format!("{file}\t{line}\t{column}\t{reason}\t{text}\n")
    }
}

/// The start of a line, with invisible characters spelled out.
pub(super) fn shown(bytes: &[u8]) -> String {
    const LONGEST: usize = 60;
    // A character has at most four bytes: no need to look at a whole long line.
    let text = String::from_utf8_lossy(bytes.get(..4 * LONGEST + 4).unwrap_or(bytes));
    quoted_start(&text, LONGEST)
}
