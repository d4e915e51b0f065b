//! Addition questions such as `535+61`, generated: a task that needs no files.

use std::collections::HashSet;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Pair;
use crate::text::Align;

/// The most digits of a term: every term is exact even where a reader of the
/// file takes numbers for floating-point ones.
const MOST_DIGITS: usize = 15;
/// The longest question, in symbols. Far above what a recurrent network can
/// learn; it keeps a slip of the finger from filling the memory.
const WIDEST_SOURCE: usize = 1000;
/// The most pairs that are kept in memory at once: some 20 GB of them.
const MOST_PAIRS: usize = 100_000_000;
/// After this many draws in a row without a new question, there are none, or
/// they are too unlikely to wait for. That takes a few seconds.
const FRUITLESS_DRAWS: u32 = 10_000_000;

/// Sums of random numbers, as pairs of question and answer.
///
/// Questions are filled up with spaces to one width, and so are answers. End
/// marks are not included.
///
/// ```
/// use seq2seq::data::Addition;
///
/// let pairs = Addition { terms: 2, digits: 2, count: 100, ..Addition::default() }.generate()?;
/// assert_eq!(pairs.len(), 100);
/// assert!(pairs.iter().all(|pair| pair.source.len() == 5 && pair.target.len() == 3));
/// # Ok::<(), seq2seq::data::AdditionError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Addition {
    /// How many numbers are added: at least 2, the default.
    pub terms: usize,
    /// The most digits of a term, from 1 to 15; 2 unless given.
    pub digits: usize,
    /// How many pairs to generate; 10 000 unless given.
    pub count: usize,
    /// The start of the random draw. Equal seeds give equal pairs on every
    /// platform.
    pub seed: u64,
    /// Whether questions are written backwards, padding included: `16+535`
    /// for `535+61`. Answers never are.
    pub reverse: bool,
    /// Whether no question comes twice. Questions with the same terms in
    /// another order count as the same one.
    pub unique: bool,
    /// How terms are drawn.
    pub draw: Draw,
    /// Where questions and answers stand in their widths: on the right, as in
    /// the notebook, or on the left, as in the Keras example.
    pub align: Align,
}

/// How the terms of a question are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Draw {
    /// Every number of at most so many digits is as likely as any other. Few
    /// are short: of those with up to three digits, one in ten has fewer.
    #[default]
    Uniform,
    /// First the number of digits is drawn, then each digit, as in the Keras
    /// example "Sequence to sequence learning for performing number addition".
    /// Leading zeros may be drawn and are not written.
    DigitLength,
}

impl Default for Addition {
    fn default() -> Self {
        Self {
            terms: 2,
            digits: 2,
            count: 10_000,
            seed: 0,
            reverse: false,
            unique: false,
            draw: Draw::Uniform,
            align: Align::Right,
        }
    }
}

/// Why addition questions cannot be generated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AdditionError {
    /// A sum needs two numbers.
    #[error("terms is {terms}, but a sum needs at least 2 terms")]
    TooFewTerms {
        /// How many terms were asked for.
        terms: usize,
    },
    /// The terms have no digits, or too many.
    #[error("digits is {digits}, but a term can have 1 to {MOST_DIGITS} digits")]
    Digits {
        /// How many digits were asked for.
        digits: usize,
    },
    /// Questions would be too long.
    #[error(
        "{terms} terms of {digits} digits make questions of {width} symbols, but at most {WIDEST_SOURCE} are possible; ask for fewer terms or digits"
    )]
    TooWide {
        /// How many terms were asked for.
        terms: usize,
        /// How many digits were asked for.
        digits: usize,
        /// How long questions would be.
        width: usize,
    },
    /// No pairs were asked for.
    #[error("count is 0; ask for at least one pair")]
    NoPairs,
    /// More pairs than fit into memory.
    #[error("count is {count}, but at most {MOST_PAIRS} pairs are possible")]
    TooManyPairs {
        /// How many were asked for.
        count: usize,
    },
    /// More distinct questions were asked for than there are.
    #[error("{count} unique questions were asked for, but there are only {existing} with {terms} terms of up to {digits} digits (the order of the terms does not count){}; ask for fewer, or for more digits", taken_already(.taken))]
    TooFewQuestions {
        /// How many questions were asked for.
        count: usize,
        /// How many there are.
        existing: u128,
        /// How many of them are taken by other pairs.
        taken: usize,
        /// How many terms they have.
        terms: usize,
        /// How many digits their terms have at most.
        digits: usize,
    },
    /// New questions are too rare to be found by drawing.
    #[error(
        "only {found} of {count} questions were found: the last {FRUITLESS_DRAWS} draws gave none that was new; ask for fewer, or for more digits"
    )]
    Exhausted {
        /// How many questions were asked for.
        count: usize,
        /// How many were found.
        found: usize,
    },
}

fn taken_already(taken: &usize) -> String {
    if *taken == 0 {
        String::new()
    } else {
        format!(", {taken} of them taken already")
    }
}

impl Addition {
    /// The length of every question, in symbols: the digits of all terms and the
    /// plus signs between them.
    pub fn source_width(&self) -> usize {
        let plus_signs = self.terms.saturating_sub(1);
        self.terms
            .saturating_mul(self.digits)
            .saturating_add(plus_signs)
    }

    /// The length of every answer, in symbols: the digits of the largest sum.
    pub fn target_width(&self) -> usize {
        let largest = self
            .values()
            .saturating_sub(1)
            .saturating_mul(self.terms as u128);
        largest.to_string().len()
    }

    /// How many values a term can have.
    fn values(&self) -> u128 {
        10_u128.saturating_pow(u32::try_from(self.digits).unwrap_or(u32::MAX))
    }

    /// How many questions there are if the order of their terms does not count:
    /// the multisets of `terms` out of `values`. At most `u128::MAX`.
    fn existing(&self) -> u128 {
        let values = self.values();
        // After each step this is a binomial coefficient, so the division is exact.
        (0..self.terms as u128)
            .zip(1..)
            .try_fold(1_u128, |product, (before, term)| {
                let product = product.checked_mul(values.checked_add(before)?)?;
                product.checked_div(term)
            })
            .unwrap_or(u128::MAX)
    }

    /// Checks the settings without generating anything.
    ///
    /// # Errors
    ///
    /// There are fewer than 2 terms, terms have no digits or more than 15,
    /// questions would be longer than 1000 symbols, no pairs are asked for, too
    /// many, or more unique questions than there are.
    pub fn check(&self) -> Result<(), AdditionError> {
        let Self {
            terms,
            digits,
            count,
            ..
        } = *self;
        if terms < 2 {
            return Err(AdditionError::TooFewTerms { terms });
        }
        if !(1..=MOST_DIGITS).contains(&digits) {
            return Err(AdditionError::Digits { digits });
        }
        let width = self.source_width();
        if width > WIDEST_SOURCE {
            return Err(AdditionError::TooWide {
                terms,
                digits,
                width,
            });
        }
        if count == 0 {
            return Err(AdditionError::NoPairs);
        }
        if count > MOST_PAIRS {
            return Err(AdditionError::TooManyPairs { count });
        }
        self.check_enough(0)
    }

    fn check_enough(&self, taken: usize) -> Result<(), AdditionError> {
        let Self {
            terms,
            digits,
            count,
            unique,
            ..
        } = *self;
        let existing = self.existing();
        if unique && existing.saturating_sub(taken as u128) < count as u128 {
            return Err(AdditionError::TooFewQuestions {
                count,
                existing,
                taken,
                terms,
                digits,
            });
        }
        Ok(())
    }

    /// Generates the pairs.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check); also if new questions are too rare to be found.
    pub fn generate(&self) -> Result<Vec<Pair>, AdditionError> {
        self.generate_excluding(&HashSet::new())
    }

    /// Generates pairs with questions that are not among `taken`, for example
    /// test questions that are not training questions. `taken` holds sources as
    /// this generator writes them; other texts in it have no effect.
    ///
    /// Where questions are to be unique, the terms of a taken question in
    /// another order are taken as well.
    ///
    /// # Errors
    ///
    /// As [`generate`](Self::generate).
    pub fn generate_excluding(&self, taken: &HashSet<String>) -> Result<Vec<Pair>, AdditionError> {
        self.check()?;
        let mut seen: HashSet<Vec<u64>> = HashSet::new();
        if self.unique {
            seen.extend(
                taken
                    .iter()
                    .filter_map(|source| self.parse(source))
                    .map(sorted),
            );
            self.check_enough(seen.len())?;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut pairs = Vec::new();
        let mut fruitless = 0;
        while pairs.len() < self.count {
            let terms = self.draw_terms(&mut rng);
            let pair = self.pair(&terms);
            let is_new =
                !taken.contains(&pair.source) && (!self.unique || seen.insert(sorted(terms)));
            if is_new {
                pairs.push(pair);
                fruitless = 0;
            } else {
                fruitless = u32::saturating_add(fruitless, 1);
            }
            if fruitless == FRUITLESS_DRAWS {
                return Err(AdditionError::Exhausted {
                    count: self.count,
                    found: pairs.len(),
                });
            }
        }
        Ok(pairs)
    }

    fn draw_terms(&self, rng: &mut ChaCha8Rng) -> Vec<u64> {
        (0..self.terms).map(|_| self.draw_term(rng)).collect()
    }

    fn draw_term(&self, rng: &mut ChaCha8Rng) -> u64 {
        // `check` has bounded the digits, so they fit these types.
        let most = self.digits as u32;
        let digits = match self.draw {
            Draw::Uniform => most,
            Draw::DigitLength => rng.random_range(1..=most),
        };
        rng.random_range(0..10_u64.pow(digits))
    }

    /// The pair of a question and its answer.
    fn pair(&self, terms: &[u64]) -> Pair {
        let sum: u64 = terms.iter().sum();
        let terms: Vec<String> = terms.iter().map(u64::to_string).collect();
        let source = self.justified(terms.join("+"), self.source_width());
        Pair {
            source: if self.reverse {
                reversed(&source)
            } else {
                source
            },
            target: self.justified(sum.to_string(), self.target_width()),
            features: None,
        }
    }

    /// A text filled up with spaces.
    fn justified(&self, text: String, width: usize) -> String {
        match self.align {
            Align::Right => format!("{text:>width$}"),
            Align::Left => format!("{text:<width$}"),
        }
    }

    /// The terms of a question, if it is one of these.
    fn parse(&self, source: &str) -> Option<Vec<u64>> {
        let source = if self.reverse {
            reversed(source)
        } else {
            source.to_owned()
        };
        let terms: Vec<u64> = source
            .trim()
            .split('+')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .ok()?;
        let is_question =
            terms.len() == self.terms && terms.iter().all(|&term| u128::from(term) < self.values());
        is_question.then_some(terms)
    }
}

fn sorted(mut terms: Vec<u64>) -> Vec<u64> {
    terms.sort_unstable();
    terms
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}
