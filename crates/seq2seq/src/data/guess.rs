//! A guess at how texts should be cut into symbols.

use std::collections::{HashMap, HashSet};

use super::stray_blanks::has_stray_blank;
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
/// One text in so many may have stray blanks without making blanks part of the data.
const STRAY_SHARE: usize = 10;

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
/// The guess is [`Spaces`](Tokenization::Spaces) where most texts have several pieces between
/// spaces, nine of ten of these are separated by single spaces, and the pieces are few and recur:
/// phonemes, commands, number words. Otherwise it is [`Characters`](Tokenization::Characters):
/// single words, numbers padded with spaces, dates, sentences. Spaces at the ends count for nothing
/// where nine of ten texts have the same number of them, as in files that end every line with one.
///
/// Sentences that somebody has already cut into words count as sentences once they have more than a
/// thousand distinct words; to read those word by word, ask for it.
pub fn guess_tokenization<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Guess {
    let spacing = Spacing::of(texts.clone());
    if let Some(reason) = spacing.against_symbols() {
        return characters(reason);
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

/// Where spaces stand in texts.
#[derive(Default)]
struct Spacing<'a> {
    texts: usize,
    /// Texts with a space anywhere.
    spaced: usize,
    /// Texts with several pieces between spaces.
    separated: usize,
    /// Separated texts without a doubled space, by the number of spaces at their start and end.
    regular: HashMap<(usize, usize), usize>,
    /// The first text with a space at an end or two in a row.
    stray: Option<&'a str>,
}

impl<'a> Spacing<'a> {
    fn of(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut spacing = Self::default();
        for text in texts {
            spacing.add(text);
        }
        spacing
    }

    fn add(&mut self, text: &'a str) {
        let count_one = |count: &mut usize| *count = count.saturating_add(1);
        count_one(&mut self.texts);
        if !text.contains(' ') {
            return;
        }
        count_one(&mut self.spaced);
        if self.stray.is_none() && has_stray_blank(text) {
            self.stray = Some(text);
        }
        let inner = text.trim_matches(' ');
        if !inner.contains(' ') {
            return;
        }
        count_one(&mut self.separated);
        if !inner.contains("  ") {
            let before = text
                .len()
                .saturating_sub(text.trim_start_matches(' ').len());
            let after = text.len().saturating_sub(text.trim_end_matches(' ').len());
            count_one(self.regular.entry((before, after)).or_default());
        }
    }

    /// Why spaces seem to separate no symbols, if they do not.
    fn against_symbols(&self) -> Option<String> {
        let texts = self.texts;
        if self.spaced.saturating_mul(2) <= texts {
            return Some(format!("{} of {texts} texts contain a space", self.spaced));
        }
        let regular = self.regular.values().max().copied().unwrap_or(0);
        let irregular = self.separated.saturating_sub(regular);
        let few_strays = irregular.saturating_mul(STRAY_SHARE) <= self.separated;
        if self.separated.saturating_mul(2) > texts && few_strays {
            return None;
        }
        Some(match self.stray {
            Some(text) => format!("spaces seem to be data, as in {}", quoted(text)),
            None => format!(
                "{} of {texts} texts have several pieces between spaces",
                self.separated
            ),
        })
    }
}

/// A text in quotes, cut if long.
fn quoted(text: &str) -> String {
    const LONGEST: usize = 40;
    let start: String = text.chars().take(LONGEST).collect();
    let more = if start.len() < text.len() { "..." } else { "" };
    format!("{start:?}{more}")
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
