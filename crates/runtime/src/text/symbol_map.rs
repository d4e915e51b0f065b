//! Target symbols of files in another notation than the model's.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// How target symbols of files are written in a model: each symbol of a file with what stands for it,
/// one symbol or several between blanks. Symbols that are not listed have no place in the model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct SymbolMap {
    written: BTreeMap<String, String>,
    /// The model's own symbols.
    own: BTreeSet<String>,
}

impl From<BTreeMap<String, String>> for SymbolMap {
    fn from(written: BTreeMap<String, String>) -> Self {
        let own = written.values().flat_map(|text| pieces(text));
        let own = own.map(str::to_owned).collect();
        Self { written, own }
    }
}

impl From<SymbolMap> for BTreeMap<String, String> {
    fn from(map: SymbolMap) -> Self {
        map.written
    }
}

impl SymbolMap {
    /// How many symbols are listed.
    pub fn len(&self) -> usize {
        self.written.len()
    }

    /// Whether none is listed.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    /// A target of a file as the model writes it. Symbols that are the model's own already stay.
    ///
    /// The second text of the result is the symbols that are neither listed nor the model's own; they
    /// stay, too.
    pub fn apply<'a>(&self, text: &'a str) -> (String, Vec<&'a str>) {
        let mut unknown = Vec::new();
        let mut written: Vec<&str> = Vec::new();
        for symbol in pieces(text) {
            match self.written.get(symbol) {
                Some(own) => written.extend(pieces(own)),
                None => {
                    if !self.own.contains(symbol) {
                        unknown.push(symbol);
                    }
                    written.push(symbol);
                }
            }
        }
        (written.join(" "), unknown)
    }
}

fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|piece| !piece.is_empty())
}

/// A text whose symbols, between blanks, have lost the digits at their ends: `AH0` becomes `AH`. A
/// symbol of digits alone stays.
pub fn without_stress(text: &str) -> Cow<'_, str> {
    if !text.contains(|c: char| c.is_ascii_digit()) {
        return Cow::Borrowed(text);
    }
    let stripped = text.split(' ').map(|symbol| {
        let without = symbol.trim_end_matches(|c: char| c.is_ascii_digit());
        if without.is_empty() { symbol } else { without }
    });
    Cow::Owned(stripped.collect::<Vec<_>>().join(" "))
}
