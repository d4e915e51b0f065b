//! Files that hold pairs in another way than in columns separated by tabs.

use std::fmt;

use super::formats::cut_into_columns;

/// Lines that are looked at to tell what a file is.
pub(super) const SAMPLE: usize = 200;

/// What a file looks like that is in none of the formats that are recognized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherFormat {
    kind: Kind,
    /// The first line, cut into columns.
    first: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One JSON value.
    Json,
    /// Columns separated by this character.
    Separated(char),
    /// A word, blanks, and what belongs to it.
    Blanks,
}

impl OtherFormat {
    /// What lines without a tab look like, if they look like something.
    pub(super) fn of(lines: &[String]) -> Option<Box<Self>> {
        let lines: Vec<&str> = (lines.iter().map(|line| line.trim()))
            .filter(|line| !line.is_empty())
            .collect();
        let first = lines.first()?;
        let kind = Kind::of(&lines)?;
        let first = cut_into_columns(first);
        Some(Box::new(Self { kind, first }))
    }
}

impl Kind {
    fn of(lines: &[&str]) -> Option<Self> {
        let blanks = |line: &&&str| line.contains(' ');
        if lines.first()?.starts_with('[') {
            return Some(Self::Json);
        }
        let separators = [',', ';', '|'].into_iter();
        let separator = separators.max_by_key(|&separator| alike(lines, separator))?;
        if enough(alike(lines, separator), lines.len()) {
            return Some(Self::Separated(separator));
        }
        enough(lines.iter().filter(blanks).count(), lines.len()).then_some(Self::Blanks)
    }
}

/// Lines that have a character as often as the first one, which has it.
fn alike(lines: &[&str], separator: char) -> usize {
    let count = |line: &str| line.matches(separator).count();
    let of_first = lines.first().map_or(0, |line| count(line));
    let same = |line: &&&str| of_first > 0 && count(line) == of_first;
    lines.iter().filter(same).count()
}

/// Four of five lines.
fn enough(count: usize, lines: usize) -> bool {
    count > 0 && count.saturating_mul(5) >= lines.saturating_mul(4)
}

impl fmt::Display for OtherFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Json => {
                return formatter.write_str(
                    "this looks like one JSON value. Make a line of each pair, with the names that it has: \
                     jq -c '.[] | {source: .source, target: .target}' FILE > pairs.jsonl",
                );
            }
            Kind::Separated(separator) => {
                let flag = match separator {
                    ',' => "csv",
                    ';' => "semicolons",
                    _ => "pipes",
                };
                write!(
                    formatter,
                    "the columns may be separated by {separator:?}: --format {flag} reads them so"
                )?;
            }
            Kind::Blanks => formatter.write_str(
                "blanks stand where tabs should: if each line is a word, blanks and its phones, give \
                 --format kaldi; if blanks separate two columns: perl -pe 's/ +/\\t/' FILE > pairs.tsv",
            )?,
        }
        write!(
            formatter,
            ". Its first line, cut into columns: {}",
            self.first
        )
    }
}
