//! A guess at how texts should be cut into symbols.

use std::collections::HashSet;

use crate::text::Tokenization;

/// More distinct symbols than this are taken for words of a language, which
/// are better read character by character unless one says otherwise.
const MOST_SYMBOLS: usize = 1000;
/// How often each symbol should occur, on average.
const RECURRENCE: f64 = 5.0;
/// Symbols this short on average, in characters, are hardly words ...
const SHORT: f64 = 2.5;
/// ... so fewer occurrences are enough to tell them from words.
const SHORT_RECURRENCE: f64 = 2.0;

/// How texts probably should be cut into symbols, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// The tokenization to try.
    pub tokenization: Tokenization,
    /// Why, in a phrase with the numbers it rests on.
    pub reason: String,
}

/// Guesses how texts should be cut into symbols.
///
/// The guess is [`Spaces`](Tokenization::Spaces) where most texts contain a
/// space, none begins or ends with one or has two in a row, and the pieces
/// between them are few and recur: phonemes, commands, number words. Otherwise
/// it is [`Characters`](Tokenization::Characters): single words, numbers padded
/// with spaces, dates, sentences. Sentences that somebody has already cut into
/// words count as sentences once they have more than a thousand distinct words;
/// to read those word by word, ask for it.
pub fn guess_tokenization<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Guess {
    let count = texts.clone().count();
    let spaced = texts.clone().filter(|text| text.contains(' ')).count();
    if spaced.saturating_mul(2) <= count {
        return characters(format!("{spaced} of {count} texts contain a space"));
    }
    if let Some(text) = texts.clone().find(|text| has_stray_space(text)) {
        return characters(format!("spaces seem to be data, as in {text:?}"));
    }
    let pieces = Pieces::count(texts);
    let numbers = format!(
        "{} distinct pieces between spaces, each {:.1} times on average",
        pieces.distinct,
        pieces.recurrence()
    );
    if pieces.are_symbols() {
        spaces(numbers)
    } else {
        characters(numbers)
    }
}

fn characters(reason: String) -> Guess {
    Guess {
        tokenization: Tokenization::Characters,
        reason,
    }
}

fn spaces(reason: String) -> Guess {
    Guess {
        tokenization: Tokenization::Spaces,
        reason,
    }
}

fn has_stray_space(text: &str) -> bool {
    text.starts_with(' ') || text.ends_with(' ') || text.contains("  ")
}

/// The pieces between spaces, counted.
struct Pieces {
    distinct: usize,
    occurrences: usize,
    characters: usize,
}

impl Pieces {
    fn count<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut distinct = HashSet::new();
        let (mut occurrences, mut characters) = (0, 0);
        for piece in texts.flat_map(|text| Tokenization::Spaces.split(text)) {
            distinct.insert(piece);
            occurrences = usize::saturating_add(occurrences, 1);
            characters = usize::saturating_add(characters, piece.chars().count());
        }
        Self {
            distinct: distinct.len(),
            occurrences,
            characters,
        }
    }

    fn recurrence(&self) -> f64 {
        self.occurrences as f64 / self.distinct as f64
    }

    fn length(&self) -> f64 {
        self.characters as f64 / self.occurrences as f64
    }

    fn are_symbols(&self) -> bool {
        let enough = if self.length() <= SHORT {
            SHORT_RECURRENCE
        } else {
            RECURRENCE
        };
        self.distinct <= MOST_SYMBOLS && self.recurrence() >= enough
    }
}
