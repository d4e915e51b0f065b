//! What is measured: kinds of work, from the notebook's model to pronunciation with attention.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use seq2seq::config::ConfigError;
use seq2seq::data::{Addition, Draw};
use seq2seq::text::Align;
use seq2seq::{Pair, Recipe};

/// A kind of work, with sizes, data and batch that do not change between versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The notebook's three-digit addition: 13 symbols one-hot, LSTM 128, batch 128, Adam.
    A,
    /// A with LSTM 64 and batch 16: so little arithmetic that everything else counts.
    ASmall,
    /// English-French by characters as in the Keras tutorial: LSTM 256, batch 64, 16 source and 59
    /// target symbols a pair, RMSprop. The symbols are random: only the shape matters.
    B,
    /// Pronunciation: embedding 256, bidirectional LSTM 256, Luong attention, LSTM decoder 512,
    /// batch 128, words of 5 to 12 letters of which one in eight is silent.
    C,
}

/// Source and target symbols of B, without the marks that our vocabularies add.
const B_SYMBOLS: [u32; 2] = [71, 90];
/// Source and target lengths of B; the end mark is the last target symbol.
const B_LENGTHS: [usize; 2] = [16, 58];
/// Source and target symbols of C.
const C_SYMBOLS: [u32; 2] = [30, 42];

impl Work {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::A, Self::ASmall, Self::B, Self::C];

    /// Its letter.
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::ASmall => "A-small",
            Self::B => "B",
            Self::C => "C",
        }
    }

    /// What it is, in a line.
    pub fn description(self) -> &'static str {
        match self {
            Self::A => "3-digit addition, one-hot, LSTM 128, batch 128",
            Self::ASmall => "the same, LSTM 64, batch 16",
            Self::B => "characters 16 to 59, one-hot, LSTM 256, batch 64",
            Self::C => "embedding 256, BiLSTM 256, attention, LSTM 512, batch 128",
        }
    }

    /// Settings of the model and its training.
    ///
    /// # Errors
    /// Never, unless the settings that are written here have become invalid.
    pub fn recipe(self) -> Result<Recipe, ConfigError> {
        let text = match self {
            Self::A | Self::ASmall => include_str!("a.toml"),
            Self::B => include_str!("b.toml"),
            Self::C => include_str!("c.toml"),
        };
        let mut recipe = Recipe::parse(text, self.name())?;
        if self == Self::ASmall {
            (recipe.model.encoder_units, recipe.training.batch_size) = (64, 16);
        }
        Ok(recipe)
    }

    /// Its pairs, always the same.
    pub fn pairs(self) -> Vec<Pair> {
        match self {
            Self::A | Self::ASmall => addition(),
            Self::B => random_sentences(10_000),
            Self::C => words(12_800),
        }
    }

    /// Multiplications and additions that the forward pass of a pair asks for, in products with
    /// recurrent, attention and output weights; lengths with end marks. A one-hot symbol or an
    /// embedding picks its row of the input weights, which is no arithmetic; the weights' gradients
    /// double it, so a training step has three times as much.
    pub fn flops(self, source: usize, target: usize) -> f64 {
        let product =
            |rows: usize, inner: usize, columns: usize| (2 * rows * inner * columns) as f64;
        match self {
            Self::A => product(source + target, 128, 4 * 128) + product(target, 128, 13),
            Self::ASmall => product(source + target, 64, 4 * 64) + product(target, 64, 13),
            Self::B => product(source + target, 256, 4 * 256) + product(target, 256, 92),
            Self::C => {
                let encoder = 2.0 * product(source, 256, 4 * 256) + product(source, 512, 512);
                let decoder = product(target, 512, 4 * 512) + product(target, 1024, 512);
                encoder + decoder + product(target, 512, 45) + 2.0 * product(target, 512, source)
            }
        }
    }
}

fn addition() -> Vec<Pair> {
    let generator = Addition {
        terms: 2,
        digits: 3,
        count: 5000,
        seed: 1,
        reverse: false,
        unique: false,
        draw: Draw::Uniform,
        align: Align::Right,
    };
    // These settings are valid, so there is always something to measure.
    generator.generate().unwrap_or_default()
}

/// Symbols as letters from a range without white space or combining marks.
fn letter(symbol: u32) -> char {
    char::from_u32(0x4e00 + symbol).unwrap_or('?')
}

fn random_sentences(count: usize) -> Vec<Pair> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut text = |length: usize, symbols: u32| -> String {
        (0..length)
            .map(|_| letter(rng.random_range(0..symbols)))
            .collect()
    };
    let pair = |_| Pair {
        source: text(B_LENGTHS[0], B_SYMBOLS[0]),
        target: text(B_LENGTHS[1], B_SYMBOLS[1]),
        features: None,
    };
    (0..count).map(pair).collect()
}

fn words(count: usize) -> Vec<Pair> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let pair = |_| {
        let length = rng.random_range(5..=12);
        let word: Vec<u32> = (0..length)
            .map(|_| rng.random_range(1..=C_SYMBOLS[0]))
            .collect();
        let sound = |&letter: &u32| (letter % 8 != 0).then_some((7 * letter) % C_SYMBOLS[1]);
        let mut sounds: Vec<u32> = word.iter().filter_map(sound).collect();
        if sounds.is_empty() {
            sounds.push(0);
        }
        Pair {
            source: word.into_iter().map(letter).collect(),
            target: sounds.into_iter().map(letter).collect(),
            features: None,
        }
    };
    (0..count).map(pair).collect()
}
