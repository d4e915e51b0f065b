//! The words of a list or a running text, each once, in order.

use std::collections::VecDeque;
use std::path::Path;

use anyhow::{Result, bail};
use seq2seq::data::STDIN;
use seq2seq::text::quoted;
use seq2seq_exchange::lexicon::{Distinct, words_of};

use crate::inputs::Lines;

/// Lines that are read together.
const LINES: usize = 1000;

/// The words of a list or a running text, each once, in order.
pub struct Words {
    name: String,
    lines: Lines,
    text: bool,
    distinct: Distinct,
    /// Words that were read and not yet given.
    waiting: VecDeque<String>,
}

impl Words {
    /// Opens a file or standard input.
    pub fn open(path: &Path, text: bool) -> Result<Self> {
        let name = match path == Path::new(STDIN) {
            true => "standard input".to_owned(),
            false => path.display().to_string(),
        };
        Ok(Self {
            name,
            lines: Lines::open(Some(path))?,
            text,
            distinct: Distinct::default(),
            waiting: VecDeque::new(),
        })
    }

    /// Passes over words that were answered before.
    pub fn pass_over(&mut self, mut words: usize) -> Result<()> {
        while words > 0 {
            let passed = self.next(words.min(LINES))?.len();
            if passed == 0 {
                bail!(
                    "{} has fewer words than were answered before the interruption: it is another \
                     file. Leave --resume out",
                    self.name
                );
            }
            words -= passed;
        }
        Ok(())
    }

    /// The next words, at most so many; none at the end.
    pub fn next(&mut self, most: usize) -> Result<Vec<String>> {
        while self.waiting.len() < most {
            let first = self.lines.read() + 1;
            let lines = self.lines.next(LINES)?;
            if lines.is_empty() {
                break;
            }
            for (number, line) in (first..).zip(&lines) {
                self.add(number, line)?;
            }
        }
        let count = most.min(self.waiting.len());
        Ok(self.waiting.drain(..count).collect())
    }

    fn add(&mut self, number: usize, line: &str) -> Result<()> {
        if self.text {
            let words = words_of(line).filter(|word| self.distinct.is_new(word));
            self.waiting.extend(words.map(str::to_owned));
            return Ok(());
        }
        let word = line.trim_matches(' ');
        if word.contains('\t') {
            bail!(
                "{}, line {number}: {} has a tab, as pairs have, but WORDS has a word a line. Its first \
                 column alone: cut -f1 {}; known pronunciations go to --lexicon",
                self.name,
                quoted(line),
                self.name
            );
        }
        if !word.is_empty() && self.distinct.is_new(word) {
            self.waiting.push_back(word.to_owned());
        }
        Ok(())
    }
}
