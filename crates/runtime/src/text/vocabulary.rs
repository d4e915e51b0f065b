//! Symbols and their ids.

use std::collections::{BTreeSet, HashMap};

use super::quoted::quoted;
use serde::{Deserialize, Serialize};
use thiserror::Error;

const UNKNOWN: &str = "<unk>";
const BEGIN: &str = "<s>";
const END: &str = "</s>";

/// The symbols of one side (source or target) and their ids, which count from
/// zero.
///
/// Special symbols (begin, end, unknown) are known by id, never by spelling, so
/// data may contain the text `<s>`: [`id`](Self::id) only finds ordinary
/// symbols.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Vocabulary {
    parts: Parts,
    /// Ordinary symbols only.
    index: HashMap<String, u32>,
}

/// What is written to a file; the index is rebuilt from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    symbols: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begin: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unknown: Option<u32>,
}

/// Which special symbols a vocabulary is to have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Specials {
    /// A mark that starts a decoder's input.
    pub begin: bool,
    /// A mark that ends a sequence.
    pub end: bool,
    /// A stand-in for symbols that the vocabulary lacks.
    pub unknown: bool,
}

/// A text's ids, and what the vocabulary did not know in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    /// One id for each symbol, but for unseen ones where the vocabulary has no
    /// unknown symbol: those are left out.
    pub ids: Vec<u32>,
    /// The unseen symbols, in order.
    pub unknown: Vec<UnknownSymbol>,
}

/// Small or capital letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Small letters.
    Lower,
    /// Capital letters.
    Upper,
}

impl std::fmt::Display for Case {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Lower => "lower case",
            Self::Upper => "upper case",
        })
    }
}

/// A symbol that a vocabulary lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownSymbol {
    /// Its place among the symbols of its text, counted from zero.
    pub position: usize,
    /// The symbol itself.
    pub symbol: String,
}

/// Why parts do not make a vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VocabularyError {
    /// There is nothing to encode with.
    #[error("a vocabulary needs at least one symbol")]
    Empty,
    /// There are more symbols than ids.
    #[error("a vocabulary can have at most {} symbols, not {count}", u32::MAX)]
    TooManySymbols {
        /// How many symbols were given.
        count: usize,
    },
    /// An ordinary symbol would have two ids.
    #[error(
        "the symbol {} is listed twice, as id {first} and as id {second}",
        quoted(symbol)
    )]
    Duplicate {
        /// The symbol.
        symbol: String,
        /// Its first id.
        first: u32,
        /// Its second id.
        second: u32,
    },
    /// A special symbol's id is past the last symbol.
    #[error("the {name} symbol has id {id}, but the vocabulary ends before id {len}")]
    OutOfRange {
        /// Which special symbol: begin, end or unknown.
        name: &'static str,
        /// The id it was given.
        id: u32,
        /// How many symbols there are.
        len: usize,
    },
    /// Two special symbols share an id.
    #[error("the {first} symbol and the {second} symbol both have id {id}")]
    SharedId {
        /// One special symbol.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// The id they share.
        id: u32,
    },
}

impl Vocabulary {
    /// Collects the distinct symbols of some texts. The special symbols asked
    /// for come first, in the order `<unk>`, `<s>`, `</s>`; the others follow
    /// sorted by code point, so equal data always gives equal ids.
    ///
    /// The result [is empty](Self::is_empty) if there are no symbols and no
    /// special ones were asked for.
    pub fn build<'a>(symbols: impl IntoIterator<Item = &'a str>, specials: Specials) -> Self {
        let mut spellings = Vec::new();
        let mut special = |wanted: bool, spelling: &str| {
            wanted.then(|| {
                let id = spellings.len() as u32;
                spellings.push(spelling.to_owned());
                id
            })
        };
        let unknown = special(specials.unknown, UNKNOWN);
        let begin = special(specials.begin, BEGIN);
        let end = special(specials.end, END);

        let ordinary: BTreeSet<&str> = symbols.into_iter().collect();
        spellings.extend(ordinary.into_iter().map(str::to_owned));
        Self::from_distinct(Parts {
            symbols: spellings,
            begin,
            end,
            unknown,
        })
    }

    /// The 13 symbols of addition questions, in this order: the digits 0 to 9,
    /// the space, `+`, and a line feed as the end mark. There is no begin mark
    /// and no unknown symbol.
    pub fn notebook() -> Self {
        let symbols: Vec<String> = "0123456789 +\n".chars().map(String::from).collect();
        Self::from_distinct(Parts {
            symbols,
            begin: None,
            end: Some(12),
            unknown: None,
        })
    }

    /// A vocabulary with the given symbols, the id of each being its place.
    ///
    /// # Errors
    ///
    /// There are no symbols, an ordinary symbol is listed twice, or the special
    /// ids are out of range or shared.
    pub fn from_parts(
        symbols: Vec<String>,
        begin: Option<u32>,
        end: Option<u32>,
        unknown: Option<u32>,
    ) -> Result<Self, VocabularyError> {
        let parts = Parts {
            symbols,
            begin,
            end,
            unknown,
        };
        parts.check()?;
        Ok(Self::from_distinct(parts))
    }

    /// This vocabulary with the unseen ones of some symbols after its own, sorted by code point:
    /// every id that it has keeps its meaning.
    #[must_use]
    pub fn extended<'a>(&self, symbols: impl IntoIterator<Item = &'a str>) -> Self {
        let unseen: BTreeSet<&str> = symbols
            .into_iter()
            .filter(|symbol| self.id(symbol).is_none())
            .collect();
        let mut parts = self.parts.clone();
        parts.symbols.extend(unseen.into_iter().map(str::to_owned));
        Self::from_distinct(parts)
    }

    fn from_distinct(parts: Parts) -> Self {
        let index = parts
            .ordinary()
            .map(|(id, symbol)| (symbol.to_owned(), id))
            .collect();
        Self { parts, index }
    }

    /// How many symbols there are, special ones included.
    pub fn len(&self) -> usize {
        self.parts.symbols.len()
    }

    /// Whether there are no symbols at all.
    pub fn is_empty(&self) -> bool {
        self.parts.symbols.is_empty()
    }

    /// All symbols, in the order of their ids.
    pub fn symbols(&self) -> &[String] {
        &self.parts.symbols
    }

    /// The spelling of an id.
    pub fn symbol(&self, id: u32) -> Option<&str> {
        self.parts.symbols.get(id as usize).map(String::as_str)
    }

    /// The id of an ordinary symbol. Special symbols are not found by their
    /// spelling.
    pub fn id(&self, symbol: &str) -> Option<u32> {
        self.index.get(symbol).copied()
    }

    /// The id of the mark that starts a decoder's input.
    pub fn begin(&self) -> Option<u32> {
        self.parts.begin
    }

    /// The id of the mark that ends a sequence.
    pub fn end(&self) -> Option<u32> {
        self.parts.end
    }

    /// The id that stands in for unseen symbols.
    pub fn unknown(&self) -> Option<u32> {
        self.parts.unknown
    }

    /// Looks up the ids of symbols. An unseen symbol becomes the unknown id
    /// where there is one and is left out otherwise; either way it is reported.
    /// Begin and end marks are not added.
    pub fn encode<S: AsRef<str>>(&self, symbols: &[S]) -> Encoded {
        let mut encoded = Encoded::default();
        for (position, symbol) in symbols.iter().enumerate() {
            let symbol = symbol.as_ref();
            let id = self.id(symbol);
            if id.is_none() {
                encoded.unknown.push(UnknownSymbol {
                    position,
                    symbol: symbol.to_owned(),
                });
            }
            encoded.ids.extend(id.or(self.unknown()));
        }
        encoded
    }

    /// The case in which a symbol that the vocabulary lacks is known, if it is in the other one.
    pub fn other_case(&self, symbol: &str) -> Option<Case> {
        let knows = |other: String| other != symbol && self.id(&other).is_some();
        match symbol {
            _ if self.id(symbol).is_some() => None,
            _ if knows(symbol.to_lowercase()) => Some(Case::Lower),
            _ if knows(symbol.to_uppercase()) => Some(Case::Upper),
            _ => None,
        }
    }

    /// Spells ids out: the inverse of [`encode`](Self::encode). Begin and end
    /// marks are left out, as are ids that the vocabulary lacks; the unknown id
    /// shows as `<unk>`.
    pub fn decode(&self, ids: &[u32]) -> Vec<&str> {
        ids.iter().filter_map(|&id| self.decode_one(id)).collect()
    }

    fn decode_one(&self, id: u32) -> Option<&str> {
        if Some(id) == self.begin() || Some(id) == self.end() {
            None
        } else if Some(id) == self.unknown() {
            Some(UNKNOWN)
        } else {
            self.symbol(id)
        }
    }
}

impl Parts {
    fn specials(&self) -> impl Iterator<Item = (&'static str, u32)> + Clone {
        [
            ("begin", self.begin),
            ("end", self.end),
            ("unknown", self.unknown),
        ]
        .into_iter()
        .filter_map(|(name, id)| Some((name, id?)))
    }

    fn ordinary(&self) -> impl Iterator<Item = (u32, &str)> {
        let is_special = |id| self.specials().any(|(_, special)| special == id);
        (0..)
            .zip(&self.symbols)
            .filter(move |&(id, _)| !is_special(id))
            .map(|(id, symbol)| (id, symbol.as_str()))
    }

    fn check(&self) -> Result<(), VocabularyError> {
        self.check_size()?;
        self.check_specials()?;
        self.check_distinct()
    }

    fn check_size(&self) -> Result<(), VocabularyError> {
        match self.symbols.len() {
            0 => Err(VocabularyError::Empty),
            count if u32::try_from(count).is_err() => {
                Err(VocabularyError::TooManySymbols { count })
            }
            _ => Ok(()),
        }
    }

    fn check_specials(&self) -> Result<(), VocabularyError> {
        let len = self.symbols.len();
        let mut seen = HashMap::new();
        for (name, id) in self.specials() {
            if id as usize >= len {
                return Err(VocabularyError::OutOfRange { name, id, len });
            }
            if let Some(first) = seen.insert(id, name) {
                return Err(VocabularyError::SharedId {
                    first,
                    second: name,
                    id,
                });
            }
        }
        Ok(())
    }

    fn check_distinct(&self) -> Result<(), VocabularyError> {
        let mut seen = HashMap::new();
        for (second, symbol) in self.ordinary() {
            if let Some(first) = seen.insert(symbol, second) {
                return Err(VocabularyError::Duplicate {
                    symbol: symbol.to_owned(),
                    first,
                    second,
                });
            }
        }
        Ok(())
    }
}

impl TryFrom<Parts> for Vocabulary {
    type Error = VocabularyError;

    fn try_from(parts: Parts) -> Result<Self, VocabularyError> {
        parts.check()?;
        Ok(Self::from_distinct(parts))
    }
}

impl From<Vocabulary> for Parts {
    fn from(vocabulary: Vocabulary) -> Self {
        vocabulary.parts
    }
}
