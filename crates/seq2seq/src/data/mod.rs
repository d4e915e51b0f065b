//! Pairs of texts: read from files, generated, split, grouped into questions.

mod addition;
mod batch;
mod guess;
mod pairs;
mod questions;
mod split;

pub use addition::{Addition, AdditionError, Draw};
pub use batch::{EpochOrder, Example, Padded};
pub use guess::{Guess, guess_tokenization};
pub use pairs::{
    DataError, LineProblem, OnBadLine, Pair, PairFile, ReadOptions, SkippedLine, read_pairs,
    read_pairs_from,
};
pub use questions::{Question, questions};
pub use split::{Split, SplitError, SplitMethod, split};
