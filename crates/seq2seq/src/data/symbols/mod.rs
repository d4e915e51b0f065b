//! Tables of target symbols: which there are, and how the model writes them.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use super::errors::{DataError, LONGEST_LINE, LineProblem};
use super::input::{name_of, open_input};
use super::pairs::text_of;
use super::skipped::shown;
use crate::text::SymbolMap;

/// The tables that come with the program, by name.
const TABLES: [(&str, &str); 2] = [
    ("arpabet-ipa", include_str!("arpabet-ipa.tsv")),
    ("arpabet-xsampa", include_str!("arpabet-xsampa.tsv")),
];

/// What begins a comment.
const COMMENT: &str = ";;;";

/// Whether a name is that of a table that comes with the program.
pub fn is_table_name(name: &Path) -> bool {
    TABLES.iter().any(|(known, _)| name == Path::new(known))
}

/// Reads a table of target symbols: a file, or one of the tables that come with the program,
/// `arpabet-ipa` and `arpabet-xsampa`.
///
/// A line is a symbol, or a symbol, a tab and what the model writes in its place.
///
/// # Errors
/// If the file cannot be read or has no symbols, or a line is not of this form or lists a symbol
/// again.
pub fn read_symbols(path: &Path) -> Result<SymbolMap, DataError> {
    if let Some((name, table)) = TABLES.iter().find(|(name, _)| path == Path::new(name)) {
        return parse(name, table.as_bytes());
    }
    let file = name_of(path);
    let mut content = Vec::new();
    let read = open_input(path)?
        .take(LONGEST_LINE as u64)
        .read_to_end(&mut content);
    read.map_err(|cause| DataError::Unreadable {
        file: file.clone(),
        cause,
    })?;
    parse(&file, &content)
}

fn parse(file: &str, content: &[u8]) -> Result<SymbolMap, DataError> {
    let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content);
    let mut written = BTreeMap::new();
    for (number, line) in (1..).zip(content.split(|&byte| byte == b'\n')) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let entry = text_of(line).and_then(entry);
        let added = entry.and_then(|entry| match entry {
            None => Ok(()),
            Some((symbol, own)) => match written.insert(symbol.to_owned(), own.to_owned()) {
                Some(before) if before != own => Err(LineProblem::Symbol {
                    reason: format!("{symbol:?} is written {before:?} in an earlier line"),
                }),
                _ => Ok(()),
            },
        });
        added.map_err(|problem| DataError::BadLine {
            file: file.to_owned(),
            line: number,
            problem: problem.into(),
            format: None,
            text: shown(line),
        })?;
    }
    if written.is_empty() {
        return Err(DataError::NoSymbols {
            file: file.to_owned(),
        });
    }
    Ok(SymbolMap::from(written))
}

/// A symbol and what the model writes in its place.
fn entry(line: &str) -> Result<Option<(&str, &str)>, LineProblem> {
    if line.starts_with(COMMENT) || line.trim_matches(' ').is_empty() {
        return Ok(None);
    }
    let (symbol, own) = line.split_once('\t').unwrap_or((line, line));
    let wrong = |reason: String| Err(LineProblem::Symbol { reason });
    match () {
        () if own.contains('\t') => {
            wrong("there are more than two columns, a symbol and what stands for it".to_owned())
        }
        () if symbol.is_empty() || symbol.contains(' ') => wrong(format!(
            "{symbol:?} is no symbol: give a symbol, or a symbol, a tab and what stands for it"
        )),
        () if own.trim_matches(' ').is_empty() => {
            wrong(format!("nothing stands for {symbol:?}: leave the line out"))
        }
        () => Ok(Some((symbol, own))),
    }
}
