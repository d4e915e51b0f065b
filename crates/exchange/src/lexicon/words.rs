//! The words of a list or a text.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use unicode_segmentation::UnicodeSegmentation;

/// The words of a running text, by Unicode's rules (Unicode Standard Annex 29); numbers are no words.
pub fn words_of(text: &str) -> impl Iterator<Item = &str> {
    let words = text.unicode_words();
    words.filter(|word| word.contains(char::is_alphabetic))
}

/// Tells words that came before from new ones. It keeps 16 bytes a word.
#[derive(Debug, Default)]
pub struct Distinct {
    seen: HashSet<[u64; 2]>,
    hashers: [RandomState; 2],
}

impl Distinct {
    /// Whether a word comes for the first time.
    pub fn is_new(&mut self, word: &str) -> bool {
        // Two words of a billion are the same in 128 bits with a probability of 1e-21.
        let hashes = self.hashers.each_ref().map(|hasher| hasher.hash_one(word));
        self.seen.insert(hashes)
    }
}
