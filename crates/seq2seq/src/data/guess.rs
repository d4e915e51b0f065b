//! A guess at how texts should be cut into symbols.

use std::collections::{HashMap, HashSet};

use super::stray_blanks::has_stray_blank;
use crate::text::{Normalization, Tokenization, quoted_start};

/// More distinct symbols than this are taken for words of a language, which
/// are better read character by character unless one says otherwise.
const MOST_SYMBOLS: usize = 1000;
/// How often each symbol should occur, on average.
const RECURRENCE: f64 = 5.0;
/// Symbols this short on average, in characters, are hardly words ...
const SHORT: f64 = 2.5;
/// ... so fewer occurrences are enough to tell them from words ...
const SHORT_RECURRENCE: f64 = 2.0;
/// ... and more of them may be unseen in the held-out part.
const SHORT_UNSEEN: f64 = 0.1;
/// Pieces longer than this on average look like words of free text ...
const LONG: f64 = 3.0;
/// ... unless each occurs so often that there can be hardly any others, as in a language of commands.
const LONG_RECURRENCE: f64 = 50.0;
/// Share of the pieces of the held-out part beyond which those of training are not all.
const UNSEEN: f64 = 0.01;
/// Characters from which on a piece is too long to be part of the other side by chance.
const LETTERS: usize = 3;
/// One text in so many may have stray blanks without making blanks part of the data.
const STRAY_SHARE: usize = 10;
/// Share of combining marks among the characters from which on they belong to the letters before them.
const MARKS: f64 = 0.01;

/// The texts of one side, and what else tells how to cut them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Texts<'a> {
    /// The texts of the training pairs.
    pub own: &'a [&'a str],
    /// Their other sides, in the same order; may be empty.
    pub other: &'a [&'a str],
    /// The texts of this side that are held out from training; may be empty.
    pub held_out: &'a [&'a str],
}

/// How texts probably should be cut into symbols, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// The tokenization to try.
    pub tokenization: Tokenization,
    /// The one to try if the guess is wrong.
    pub alternative: Tokenization,
    /// Why, in a phrase with the numbers it rests on.
    pub reason: String,
}

/// Guesses how texts should be cut into symbols.
///
/// The guess is [`Spaces`](Tokenization::Spaces) where most texts have several pieces between
/// spaces, nine of ten of these are separated by single spaces, and the pieces are few and recur:
/// phonemes, commands, number words. Spaces at the ends count for nothing where nine of ten texts
/// have the same number of them, as in files that end every line with one.
///
/// Long pieces must recur more often. They are words of free text, of which there are others, if
/// the held-out texts have unseen ones, or if they are letters of the other side (`honeyhouse` and
/// `honey house`). Sentences that somebody has already cut into words count as free text once they
/// have more than a thousand distinct words; to read those word by word, ask for it.
///
/// Otherwise the guess is [`Characters`](Tokenization::Characters): single words, numbers padded
/// with spaces, dates, sentences. It is [`Graphemes`](Tokenization::Graphemes) where letters have
/// combining marks that normalization leaves, and letters with marks are few and recur.
pub fn guess_tokenization(texts: &Texts<'_>) -> Guess {
    let (spaces, characters) = (Tokenization::Spaces, Tokenization::Characters);
    let spacing = Spacing::of(texts.own.iter().copied());
    let (alternative, reason) = match spacing.against_symbols() {
        Some(reason) if spacing.mostly_without() => (Tokenization::Graphemes, reason),
        Some(reason) => (spaces, reason),
        None => match Pieces::of(texts, spaces).judged(texts) {
            Ok(reason) => {
                return Guess {
                    tokenization: spaces,
                    alternative: characters,
                    reason,
                };
            }
            Err(reason) => (spaces, reason),
        },
    };
    if let Some(reason) = for_graphemes(texts) {
        return Guess {
            tokenization: Tokenization::Graphemes,
            alternative: characters,
            reason,
        };
    }
    Guess {
        tokenization: characters,
        alternative,
        reason,
    }
}

/// Why letters with their marks seem to be the symbols, if they do.
fn for_graphemes(texts: &Texts<'_>) -> Option<String> {
    let is_mark = |&c: &char| unicode_normalization::char::is_combining_mark(c);
    let composed = texts.own.iter().map(|text| Normalization::Nfc.apply(text));
    let (mut characters, mut marks) = (0_usize, 0_usize);
    for text in composed.filter(|text| !text.is_ascii()) {
        marks = marks.saturating_add(text.chars().filter(is_mark).count());
    }
    for text in texts.own {
        characters = characters.saturating_add(text.chars().count());
    }
    let share = marks as f64 / characters.max(1) as f64;
    if share < MARKS {
        return None;
    }
    let graphemes = Pieces::of(texts, Tokenization::Graphemes);
    let few = graphemes.distinct <= MOST_SYMBOLS && graphemes.recurrence() >= RECURRENCE;
    (few && graphemes.unseen <= UNSEEN).then(|| {
        format!(
            "{:.1} % of the characters are combining marks, which belong to the letters before them",
            100.0 * share
        )
    })
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

    /// Whether most texts have no space.
    fn mostly_without(&self) -> bool {
        self.spaced.saturating_mul(2) <= self.texts
    }

    /// Why spaces seem to separate no symbols, if they do not.
    fn against_symbols(&self) -> Option<String> {
        let texts = self.texts;
        if self.mostly_without() {
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
    quoted_start(text, LONGEST)
}

/// The symbols that a tokenization makes of texts, counted.
struct Pieces {
    distinct: usize,
    occurrences: usize,
    characters: usize,
    /// Share of those in the held-out texts that training does not have.
    unseen: f64,
}

impl Pieces {
    fn of(texts: &Texts<'_>, tokenization: Tokenization) -> Self {
        let mut distinct = HashSet::new();
        let (mut occurrences, mut characters) = (0, 0);
        for piece in texts.own.iter().flat_map(|text| tokenization.split(text)) {
            distinct.insert(piece);
            occurrences = usize::saturating_add(occurrences, 1);
            characters = usize::saturating_add(characters, piece.chars().count());
        }
        let (mut held_out, mut unseen) = (0_usize, 0_usize);
        for piece in texts
            .held_out
            .iter()
            .flat_map(|text| tokenization.split(text))
        {
            held_out = held_out.saturating_add(1);
            unseen = unseen.saturating_add(usize::from(!distinct.contains(piece)));
        }
        Self {
            distinct: distinct.len(),
            occurrences,
            characters,
            unseen: unseen as f64 / held_out.max(1) as f64,
        }
    }

    fn recurrence(&self) -> f64 {
        self.occurrences as f64 / self.distinct.max(1) as f64
    }

    fn length(&self) -> f64 {
        self.characters as f64 / self.occurrences.max(1) as f64
    }

    /// What speaks for symbols, or else for characters.
    fn judged(&self, texts: &Texts<'_>) -> Result<String, String> {
        let numbers = format!(
            "{} distinct pieces between spaces, each {:.1} times on average",
            self.distinct,
            self.recurrence()
        );
        let (enough, most_unseen) = match self.length() {
            length if length <= SHORT => (SHORT_RECURRENCE, SHORT_UNSEEN),
            length if length <= LONG => (RECURRENCE, UNSEEN),
            _ => (LONG_RECURRENCE, UNSEEN),
        };
        if self.distinct > MOST_SYMBOLS {
            return Err(numbers);
        }
        if self.recurrence() < enough {
            return Err(format!(
                "{numbers} and {:.1} characters long: they look like words of free text",
                self.length()
            ));
        }
        if self.unseen > most_unseen {
            return Err(format!(
                "{numbers}, but {:.1} % of those in the validation pairs are not among them",
                100.0 * self.unseen
            ));
        }
        if self.length() > LONG && are_parts(texts) {
            return Err(format!(
                "{numbers}, but they are made of letters of the other side"
            ));
        }
        Ok(numbers)
    }
}

/// Whether most pieces are parts of what the other side has between spaces, unless those are symbols
/// themselves (`walk` and `I_WALK`).
fn are_parts(texts: &Texts<'_>) -> bool {
    let other_side = Texts {
        own: texts.other,
        ..Texts::default()
    };
    if Pieces::of(&other_side, Tokenization::Spaces).recurrence() >= RECURRENCE {
        return false;
    }
    let (mut pieces, mut parts) = (0_usize, 0_usize);
    for (own, other) in texts.own.iter().zip(texts.other) {
        let (own, other) = (own.to_lowercase(), other.to_lowercase());
        let others = Tokenization::Spaces.split(&other);
        for piece in Tokenization::Spaces.split(&own) {
            let long = piece.chars().count() >= LETTERS;
            let is_part = || {
                others
                    .iter()
                    .any(|other| *other != piece && other.contains(piece))
            };
            pieces = pieces.saturating_add(1);
            parts = parts.saturating_add(usize::from(long && is_part()));
        }
    }
    parts.saturating_mul(2) > pieces
}
