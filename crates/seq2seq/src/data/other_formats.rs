//! Files that hold pairs in another way than in columns separated by tabs.

use std::fmt;

/// Lines that are looked at to tell what a file is.
pub(super) const SAMPLE: usize = 200;

/// What a file looks like whose lines have no tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherFormat {
    /// A pronouncing dictionary with its comments and numbered variants.
    CmuDictionary,
    /// A JSON object a line.
    JsonLines,
    /// One JSON value.
    Json,
    /// Columns separated by this character.
    Separated(char),
    /// A word, blanks, and what belongs to it.
    Blanks,
}

impl OtherFormat {
    /// What lines without a tab look like, if they look like something.
    pub(super) fn of(lines: &[String]) -> Option<Self> {
        let lines: Vec<&str> = (lines.iter().map(|line| line.trim()))
            .filter(|line| !line.is_empty())
            .collect();
        let first = lines.first()?;
        let blanks = |line: &&&str| line.contains(' ');
        let variant = |line: &&str| {
            let (word, rest) = line.split_once(' ')?;
            let number = word.strip_suffix(')')?.rsplit_once('(')?.1;
            let numbered = number.bytes().all(|byte| byte.is_ascii_digit());
            (numbered && !rest.is_empty()).then_some(())
        };
        if first.starts_with(";;;") || lines.iter().any(|line| variant(line).is_some()) {
            return Some(Self::CmuDictionary);
        }
        if first.starts_with('{') {
            return Some(Self::JsonLines);
        }
        if first.starts_with('[') {
            return Some(Self::Json);
        }
        let separators = [',', ';', '|'].into_iter();
        let separator = separators.max_by_key(|&separator| alike(&lines, separator))?;
        if enough(alike(&lines, separator), lines.len()) {
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
        match self {
            Self::CmuDictionary => formatter.write_str(
                "this looks like the CMU dictionary: a word, blanks, its phones. Make pairs of it: \
                 perl -ne 'next if /^;;;/; s/\\s+#.*//; s/^(\\S+?)(\\(\\d+\\))?\\s+/$1\\t/ and print' \
                 FILE > pairs.tsv",
            ),
            Self::JsonLines => formatter.write_str(
                "this looks like JSON. Make pairs of it, with the names that it has: \
                 jq -r '[.source, .target] | @tsv' FILE > pairs.tsv",
            ),
            Self::Json => formatter.write_str(
                "this looks like JSON. Make pairs of it, with the names that it has: \
                 jq -r '.[] | [.source, .target] | @tsv' FILE > pairs.tsv",
            ),
            Self::Separated(separator) => write!(
                formatter,
                "the columns look separated by {separator:?}, not by tabs. Save the table with tabs \
                 (TSV); if no text has that character: tr '{separator}' '\\t' < FILE > pairs.tsv"
            ),
            Self::Blanks => formatter.write_str(
                "blanks seem to separate the columns, not tabs. If the first blank ends the source: \
                 perl -pe 's/ +/\\t/' FILE > pairs.tsv",
            ),
        }
    }
}
