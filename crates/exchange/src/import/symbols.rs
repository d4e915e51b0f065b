//! Lists of symbols in the order of their ids.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Symbols, the id of each being its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SymbolList(pub Vec<String>);

/// Why a file is no list of symbols.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SymbolsError {
    /// The system refused to read it.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The content is no list of symbols.
    #[error("{path}: {reason}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl SymbolList {
    /// Reads a list: JSON if the name ends in `.json`, otherwise a symbol a line.
    ///
    /// # Errors
    /// If the file cannot be read or is no such list.
    pub fn read(path: &Path) -> Result<Self, SymbolsError> {
        let text = fs::read_to_string(path).map_err(|source| SymbolsError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let is_json = path.extension().is_some_and(|end| end == "json");
        let list = match is_json {
            true => Self::from_json(&text),
            false => Self::from_lines(&text),
        };
        list.map_err(|reason| SymbolsError::Invalid {
            path: path.to_owned(),
            reason,
        })
    }

    /// Reads a symbol a line, in which `\n`, `\t` and `\\` stand for a line feed, a tab and a backslash.
    ///
    /// # Errors
    /// Names the first line that is no symbol.
    pub fn from_lines(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let symbol = |(number, line): (usize, &str)| {
            let number = number.saturating_add(1);
            match unescaped(line) {
                Some(symbol) if symbol.is_empty() => Err(format!(
                    "line {number} is empty: write a symbol on each line"
                )),
                Some(symbol) => Ok(symbol),
                None => Err(format!(
                    "line {number}, {line:?}, has a backslash that begins none of \\n, \\t and \\\\"
                )),
            }
        };
        let symbols: Result<Vec<String>, String> = text.lines().enumerate().map(symbol).collect();
        Ok(Self(symbols?))
    }

    /// Reads a JSON list of symbols, or an object that gives each symbol its id.
    ///
    /// # Errors
    /// If the text is no such JSON, or leaves an id out or gives it twice.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let expected = "expected a JSON list of symbols, or an object of symbols and their ids";
        match value {
            Value::Array(symbols) => symbols
                .into_iter()
                .map(|symbol| {
                    symbol
                        .as_str()
                        .map(str::to_owned)
                        .ok_or(expected.to_owned())
                })
                .collect::<Result<_, _>>()
                .map(Self),
            Value::Object(ids) => {
                let mut symbols = vec![None; ids.len()];
                for (symbol, id) in ids {
                    let id = id.as_u64().ok_or(expected)?;
                    let place = usize::try_from(id).ok().and_then(|id| symbols.get_mut(id));
                    match place {
                        Some(place @ None) => *place = Some(symbol),
                        Some(Some(first)) => {
                            return Err(format!("{first:?} and {symbol:?} both have the id {id}"));
                        }
                        None => {
                            return Err(format!(
                                "{symbol:?} has the id {id}, but {} symbols have the ids from 0: name \
                                 the missing ids, too, such as \"<pad>\"",
                                symbols.len()
                            ));
                        }
                    }
                }
                Ok(Self(symbols.into_iter().flatten().collect()))
            }
            _ => Err(expected.to_owned()),
        }
    }
}

/// A text in which `\n`, `\t` and `\\` are replaced by a line feed, a tab and a backslash; none if it has
/// another backslash.
pub fn unescaped(line: &str) -> Option<String> {
    let mut text = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next()? {
                'n' => '\n',
                't' => '\t',
                '\\' => '\\',
                _ => return None,
            },
            character => character,
        });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(symbols: &[&str]) -> Result<SymbolList, String> {
        let symbols = symbols.iter().map(|symbol| (*symbol).to_owned());
        Ok(SymbolList(symbols.collect()))
    }

    #[test]
    fn lines_are_symbols() {
        let text = "\u{feff}\\t\r\n\\n\n \na\n\\\\\nSH\n";
        assert_eq!(
            SymbolList::from_lines(text),
            list(&["\t", "\n", " ", "a", "\\", "SH"])
        );
        for (text, message) in [
            ("a\n\nb", "line 2 is empty"),
            ("a\n\\x", "line 2, \"\\\\x\", has a backslash"),
            ("\\", "line 1"),
        ] {
            let error = SymbolList::from_lines(text).expect_err(text);
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn json_is_a_list_or_gives_ids() {
        assert_eq!(SymbolList::from_json(r#"["\t", "a"]"#), list(&["\t", "a"]));
        assert_eq!(
            SymbolList::from_json(r#"{"a": 1, "\n": 0}"#),
            list(&["\n", "a"])
        );
        for (text, message) in [
            (r#"{"a": 1, "b": 2}"#, "but 2 symbols have the ids from 0"),
            (r#"{"a": 0, "b": 0}"#, "both have the id 0"),
            (r#"{"a": -1}"#, "expected a JSON list"),
            ("[1]", "expected a JSON list"),
            ("3", "expected a JSON list"),
            ("[", "EOF"),
        ] {
            let error = SymbolList::from_json(text).expect_err(text);
            assert!(error.contains(message), "{error}");
        }
    }
}
