//! Words whose pronunciations are known, and go before the model's answers.

#![warn(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic
)] // what strangers write is read here

use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use super::Model;

/// Marks the end of a chain of entries, and a free place of the table.
const NONE: u32 = u32::MAX;
/// Bytes of all texts, at most: places in the text have 32 bits.
const MOST_BYTES: usize = u32::MAX as usize;

/// Known words with their pronunciations, in the case, spelling and notation of a model.
///
/// All texts stand one after the other in one allocation. A hash table with linear probing finds the
/// first pronunciation of a word, and each pronunciation has the place of the next.
#[derive(Clone, Default)]
pub struct Lexicon {
    text: String,
    entries: Vec<Entry>,
    /// Places in `entries`, or [`NONE`]; a power of two, at least half of them free.
    table: Vec<u32>,
    words: usize,
}

/// A word with one of its pronunciations.
#[derive(Clone, Copy)]
struct Entry {
    /// Where the word begins; its pronunciation follows.
    start: u32,
    middle: u32,
    end: u32,
    /// The next pronunciation of the word.
    next: u32,
    /// The last one, for the first entry of a word.
    last: u32,
}

/// A lexicon that is too large.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lexicon has more than 4 GiB of text: split it")]
pub struct LexiconTooLarge;

impl fmt::Debug for Lexicon {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(
            formatter,
            "Lexicon({} words, {} pronunciations)",
            self.words,
            self.entries.len()
        )
    }
}

impl Lexicon {
    /// The lexicon of these words with their pronunciations, brought into the case, spelling and
    /// notation of a model. A word may come several times; its pronunciations keep their order, and
    /// what is said twice counts once.
    ///
    /// # Errors
    /// If the texts have more than 4 GiB.
    pub fn new<W: AsRef<str>, P: AsRef<str>>(
        model: &Model,
        pairs: impl IntoIterator<Item = (W, P)>,
    ) -> Result<Self, LexiconTooLarge> {
        let codec = model.codec();
        let mut lexicon = Self::default();
        for (word, pronunciation) in pairs {
            let pronunciation = codec.target_of_file(pronunciation.as_ref());
            lexicon.add(&codec.source_text(word.as_ref()), &pronunciation)?;
        }
        Ok(lexicon)
    }

    fn add(&mut self, word: &str, pronunciation: &str) -> Result<(), LexiconTooLarge> {
        if self.table.len() < self.entries.len().saturating_add(1).saturating_mul(2) {
            self.grow();
        }
        let slot = self.slot(word);
        let first = self.table.get(slot).copied().unwrap_or(NONE);
        if first != NONE && self.chain(first).any(|known| known == pronunciation) {
            return Ok(());
        }
        let needed = word.len().saturating_add(pronunciation.len());
        let place = u32::try_from(self.entries.len()).map_err(|_| LexiconTooLarge)?;
        if place == NONE || self.text.len().saturating_add(needed) > MOST_BYTES {
            return Err(LexiconTooLarge);
        }
        let start = self.text.len() as u32;
        self.text.push_str(word);
        let middle = self.text.len() as u32;
        self.text.push_str(pronunciation);
        self.entries.push(Entry {
            start,
            middle,
            end: self.text.len() as u32,
            next: NONE,
            last: place,
        });
        if first == NONE {
            if let Some(slot) = self.table.get_mut(slot) {
                *slot = place;
            }
            self.words = self.words.saturating_add(1);
            return Ok(());
        }
        let last = self.entries.get_mut(first as usize).map(|entry| {
            let last = entry.last;
            entry.last = place;
            last
        });
        if let Some(last) = last.and_then(|last| self.entries.get_mut(last as usize)) {
            last.next = place;
        }
        Ok(())
    }

    /// Doubles the table.
    fn grow(&mut self) {
        let size = self.table.len().saturating_mul(2).max(1 << 10);
        self.table = vec![NONE; size];
        for place in 0..self.entries.len() {
            let Some(word) = self.entries.get(place).map(|entry| self.word(entry)) else {
                continue;
            };
            let slot = self.slot(word);
            // Only the first pronunciation of a word finds its slot free.
            if let Some(slot) = self.table.get_mut(slot).filter(|slot| **slot == NONE) {
                *slot = place as u32;
            }
        }
    }

    /// The place of a word in the table, or the free place where it belongs.
    fn slot(&self, word: &str) -> usize {
        let mask = self.table.len().saturating_sub(1);
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(word);
        let mut slot = hash as usize & mask;
        while let Some(&place) = self.table.get(slot).filter(|place| **place != NONE) {
            let entry = self.entries.get(place as usize);
            if entry.is_some_and(|entry| self.word(entry) == word) {
                break;
            }
            slot = slot.wrapping_add(1) & mask;
        }
        slot
    }

    fn word(&self, entry: &Entry) -> &str {
        let range = entry.start as usize..entry.middle as usize;
        self.text.get(range).unwrap_or_default()
    }

    fn chain(&self, first: u32) -> impl Iterator<Item = &str> {
        let entry = |place: u32| self.entries.get(place as usize);
        let entries = std::iter::successors(entry(first), move |last| entry(last.next));
        entries.map(|entry| {
            let range = entry.middle as usize..entry.end as usize;
            self.text.get(range).unwrap_or_default()
        })
    }

    /// The pronunciations of a word in the model's case and spelling, in the order of the lexicon; none
    /// if it is not known.
    pub fn get<'a>(&'a self, word: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let slot = self.slot(word);
        self.chain(self.table.get(slot).copied().unwrap_or(NONE))
    }

    /// How many words there are.
    pub fn words(&self) -> usize {
        self.words
    }

    /// How many pronunciations there are.
    pub fn pronunciations(&self) -> usize {
        self.entries.len()
    }
}
