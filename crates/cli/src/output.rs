//! Messages, results and tables on standard error and standard output.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use seq2seq::decoding::SearchError;
use unicode_width::UnicodeWidthStr;

/// Writes a line to standard error. That nobody reads it, or that there is no room for it, is no reason
/// to lose a run.
macro_rules! say {
    ($($argument:tt)*) => {
        $crate::output::write_message(&format!($($argument)*))
    };
}

/// Characters of a message's line that are shown: of a longer one, the beginning and the end.
const LONGEST_LINE: usize = 1000;

/// Writes a message to standard error, as [`say!`] does.
pub fn write_message(text: &str) {
    let text = message(text) + "\n";
    drop(io::stderr().write_all(text.as_bytes()));
}

/// A message as it may be shown: long lines cut, nothing that a terminal would obey.
pub fn message(text: &str) -> String {
    let shown = |line| visible(&shortened(line)).into_owned();
    text.split('\n').map(shown).collect::<Vec<_>>().join("\n")
}

/// A line without its middle, if it is long.
fn shortened(line: &str) -> Cow<'_, str> {
    let count = line.chars().count();
    if count <= LONGEST_LINE {
        return Cow::Borrowed(line);
    }
    let ends = LONGEST_LINE / 4;
    let first: String = line.chars().take(3 * ends).collect();
    let last: String = line.chars().skip(count - ends).collect();
    let left_out = count - 4 * ends;
    Cow::Owned(format!("{first} [... {left_out} characters ...] {last}"))
}

/// The text with everything escaped that a terminal would obey rather than show: control characters but
/// line feeds and tabs, and marks that turn the direction of writing. Whatever a stranger's data, models
/// and file names hold, it is printed by way of this function.
pub fn visible(text: &str) -> Cow<'_, str> {
    let commands = |c: char| {
        let control = c.is_control() && c != '\n' && c != '\t';
        control || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(commands) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| match commands(c) {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    Cow::Owned(text.chars().map(escape).collect())
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

/// The error of an option, which makes the exit code that of wrong usage.
pub fn wrong_usage(error: impl std::fmt::Display) -> WrongUsage {
    WrongUsage(error.to_string())
}

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

/// Writes lines for people to standard output, each flushed as it is written.
pub fn print_line(line: &str) -> io::Result<()> {
    print_raw(&visible(line))
}

/// Writes lines for programs to standard output: as they are, unless a terminal would read them.
pub fn print_data(line: &str) -> io::Result<()> {
    match io::stdout().is_terminal() {
        true => print_line(line),
        false => print_raw(line),
    }
}

fn print_raw(line: &str) -> io::Result<()> {
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
            .map(|cell| cell.width())
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
                // Widths of format strings end at 65,535.
                let blanks = " ".repeat(width - cell.width());
                match column {
                    0 => format!("{cell}{blanks}"),
                    _ => format!("{blanks}{cell}"),
                }
            });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_told_nothing() {
        for (text, shown) in [
            ("Müslüman i\u{32f} שלום\t1\n", "Müslüman i\u{32f} שלום\t1\n"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("one\rtwo", "one\\rtwo"),
            ("\u{9b}2J\u{7f}\u{7}", "\\u{9b}2J\\u{7f}\\u{7}"),
            ("a\u{202e}b\u{2066}", "a\\u{202e}b\\u{2066}"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn long_lines_lose_their_middle() {
        let long = format!("begin {} end", "é".repeat(100_000));
        let short = shortened(&long);
        assert!(short.starts_with("begin é") && short.ends_with("é end"));
        assert!(short.contains("[... 99010 characters ...]"), "{short}");
        assert!(short.chars().count() < LONGEST_LINE + 50);
        assert_eq!(shortened("a line"), "a line");
    }

    #[test]
    fn tables_have_cells_of_any_width() {
        let wide = "x".repeat(70_000);
        let rows = [["a", wide.as_str()], ["b", "c"]].map(|row| row.map(str::to_owned).to_vec());
        let text = table(&rows);
        assert!(text.lines().all(|line| line.len() == 70_003));
    }
}
