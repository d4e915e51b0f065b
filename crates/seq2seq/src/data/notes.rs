//! What people should know about data that can be used all the same.

use std::fmt;

use super::formats::Format;
use super::stray_blanks::Place;

/// Something about a file of pairs, or two of them, that may not be as it was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataNote {
    /// The format that was recognized.
    ReadAs {
        /// The file's name.
        file: String,
        /// The format.
        format: Format,
        /// Pairs.
        entries: usize,
        /// How many of them are further pronunciations of a word, marked as such.
        variants: usize,
        /// Lines that are comments.
        comments: usize,
    },
    /// Columns that nobody looks at.
    UnreadColumns {
        /// The file's name.
        file: String,
        /// The columns, counted from one.
        columns: Vec<usize>,
        /// The column that is read as the target.
        target_column: usize,
        /// The one that may hold the target, where what is read as such looks like features.
        form_column: Option<usize>,
        /// An unread column that looks like features, where none are read.
        features_column: Option<usize>,
    },
    /// The target is numbers, and there is a column with text.
    NumbersAsTarget {
        /// The file's name.
        file: String,
        /// The target column, counted from one.
        column: usize,
        /// The last column that is not read and holds text.
        text_column: usize,
    },
    /// Sources end in a blank and a number.
    ProbabilitiesInSource {
        /// The file's name.
        file: String,
        /// The source column, counted from one.
        column: usize,
    },
    /// Not all lines have the same number of columns.
    DifferingColumns {
        /// The file's name.
        file: String,
        /// Columns of most lines.
        columns: usize,
        /// Lines with that many.
        lines: usize,
        /// Lines with pairs.
        all: usize,
        /// The first line that has another number of columns.
        first: usize,
        /// Columns of that line.
        first_columns: usize,
    },
    /// The first line was read as a pair.
    LooksLikeHeader {
        /// The file's name.
        file: String,
        /// The line in quotes.
        text: String,
    },
    /// Blank lines are passed over.
    BlankLines {
        /// How many.
        lines: usize,
        /// The first of them.
        first: Place,
    },
    /// Pairs that should be new to a model are in its training pairs.
    SeenInTraining {
        /// What the pairs are for: `validation` or `test`.
        kind: &'static str,
        /// How many there are.
        pairs: usize,
        /// How many of them are training pairs.
        seen: usize,
        /// How many more have the source and features of a training pair.
        sources_seen: usize,
    },
}

impl DataNote {
    /// Whether nothing needs to be done about it.
    pub fn is_harmless(&self) -> bool {
        matches!(self, Self::BlankLines { .. } | Self::ReadAs { .. })
    }
}

impl fmt::Display for DataNote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadAs {
                file,
                format,
                entries,
                variants,
                comments,
            } => {
                let entry = if *entries == 1 { "entry" } else { "entries" };
                write!(formatter, "{file}: read as {format}: {entries} {entry}")?;
                if *variants > 0 {
                    write!(formatter, ", {variants} of them variants")?;
                }
                match comments {
                    0 => {}
                    1 => write!(formatter, ", 1 comment")?,
                    _ => write!(formatter, ", {comments} comments")?,
                }
                // Lexicons are unmistakable; any text may have commas.
                match format.is_lexicon() {
                    true => Ok(()),
                    false => write!(formatter, " (--format tsv reads tabs alone)"),
                }
            }
            Self::UnreadColumns {
                file,
                columns,
                target_column,
                form_column,
                features_column,
            } => {
                let (which, number) = match columns[..] {
                    [column] => (format!("column {column} is"), column.to_string()),
                    _ => (format!("columns {} are", listed(columns)), "N".to_owned()),
                };
                write!(
                    formatter,
                    "{file}: {which} not read; --source-column {number}, --target-column {number} or \
                     --features-column {number} reads another column"
                )?;
                match (form_column, features_column) {
                    (None, None) => Ok(()),
                    (None, Some(3)) if *target_column == 2 => write!(
                        formatter,
                        ". Column 3 looks like features: if it is, give --layout unimorph"
                    ),
                    (None, Some(features)) => write!(
                        formatter,
                        ". Column {features} looks like features: if it is, give --features-column \
                         {features}"
                    ),
                    (Some(3), _) if *target_column == 2 => write!(
                        formatter,
                        ". Column 2, the target, looks like features: if it is, give --layout \
                         sigmorphon2023, or --features-column 2 --target-column 3"
                    ),
                    (Some(form), _) => write!(
                        formatter,
                        ". Column {target_column}, the target, looks like features: if it is, give \
                         --features-column {target_column} --target-column {form}"
                    ),
                }
            }
            Self::NumbersAsTarget {
                file,
                column,
                text_column,
            } => write!(
                formatter,
                "{file}: column {column}, the target, has only numbers, and column {text_column}, \
                 which is not read, has text. Give the target's column: --target-column \
                 {text_column}, or --target-column {column} if numbers are meant"
            ),
            Self::ProbabilitiesInSource { file, column } => write!(
                formatter,
                "{file}: the sources (column {column}) end in a blank and a number, as if it were a \
                 probability; what is not part of the source must stand in a column of its own"
            ),
            Self::DifferingColumns {
                file,
                columns,
                lines,
                all,
                first,
                first_columns,
            } => write!(
                formatter,
                "{file}: {lines} of {all} lines have {columns} columns, the others do not: line {first} \
                 has {first_columns}"
            ),
            Self::LooksLikeHeader { file, text } => write!(
                formatter,
                "{file}, line 1: {text} looks like names of columns, but is read as a pair; --header \
                 passes over it"
            ),
            Self::BlankLines { lines, first } => match lines {
                1 => write!(formatter, "{first}, is blank and was passed over"),
                _ => write!(
                    formatter,
                    "{lines} blank lines were passed over; the first is {first}"
                ),
            },
            Self::SeenInTraining {
                kind,
                pairs,
                seen,
                sources_seen,
            } => {
                write!(
                    formatter,
                    "{seen} of {pairs} {kind} pairs are training pairs, too"
                )?;
                if *sources_seen > 0 {
                    write!(
                        formatter,
                        ", and {sources_seen} more have the source of one"
                    )?;
                }
                write!(
                    formatter,
                    ": figures on them do not tell how well new inputs are answered. Take them out of \
                     one of the files"
                )
            }
        }
    }
}

/// Columns that are listed one by one, at most.
const LISTED: usize = 10;

/// `3 to 6`, or `1, 3 and 5`.
fn listed(columns: &[usize]) -> String {
    let (Some(first), Some(last)) = (columns.first(), columns.last()) else {
        return String::new();
    };
    let without_gaps = last.saturating_sub(*first).saturating_add(1) == columns.len();
    if without_gaps && columns.len() > 2 || columns.len() > LISTED {
        return format!("{first} to {last}");
    }
    let all: Vec<String> = columns.iter().map(usize::to_string).collect();
    match all.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}
