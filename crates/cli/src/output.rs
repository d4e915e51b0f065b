//! Writing to standard output, and tables.

use std::io::{self, Write};
use std::path::Path;

use seq2seq::decoding::SearchError;

/// Writes a line to standard error. That nobody reads it, or that there is no room for it, is no reason
/// to lose a run.
macro_rules! say {
    ($($argument:tt)*) => {{
        let line = format!($($argument)*);
        drop(std::io::Write::write_all(&mut std::io::stderr(), (line + "\n").as_bytes()));
    }};
}

/// An option that cannot be meant as it was given: the exit code is then that of wrong usage.
#[derive(Debug)]
pub struct WrongUsage(String);

impl std::fmt::Display for WrongUsage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for WrongUsage {}

/// Refuses an option.
pub fn wrong_usage_unless(fine: bool, message: impl FnOnce() -> String) -> Result<(), WrongUsage> {
    match fine {
        true => Ok(()),
        false => Err(WrongUsage(message())),
    }
}

/// Whether an error is one of usage.
pub fn is_wrong_usage(error: &anyhow::Error) -> bool {
    let mut causes = error.chain();
    causes.any(|cause| cause.is::<WrongUsage>() || cause.is::<SearchError>())
}

/// Writes lines to standard output, each flushed as it is written.
pub fn print_line(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Whether an error comes from a reader that closed our output.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// An error and what caused it. Most messages name their cause already; it is not said twice.
pub fn error_text(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |text, cause| {
        let cause = cause.to_string();
        match text.as_str() {
            "" => cause,
            known if known.contains(&cause) => text,
            _ => format!("{text}: {cause}"),
        }
    })
}

/// Rows as text, columns aligned: the first to the left, the others to the right.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, &width))| {
                if column == 0 {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A path or another argument as a shell reads it: in single quotes, unless it is plain.
pub fn quoted(argument: impl AsRef<Path>) -> String {
    let text = argument.as_ref().display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "_-./=+:,@%".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// A count with its noun, in the right number.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

/// Seconds, as people say them.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => "under a second".into(),
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
