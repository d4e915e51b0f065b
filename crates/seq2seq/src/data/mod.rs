//! Pairs of texts: read from files, generated, split, grouped into questions.

#![warn(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic
)] // what strangers write is read here

mod addition;
mod columns;
mod errors;
mod formats;
mod guess;
mod header;
mod input;
mod notes;
mod other_formats;
mod pairs;
mod questions;
mod reading;
mod skipped;
mod split;
mod stray_blanks;
mod symbols;

pub use crate::text::LONGEST_TEXT;
pub use addition::{Addition, AdditionError, Draw};
pub use errors::{DataError, LONGEST_LINE, LineProblem};
pub use formats::{Format, UnknownFormat};
pub use guess::{Guess, Texts, guess_tokenization};
pub use header::is_column_name;
pub use input::{STDIN, open_input};
pub use notes::DataNote;
pub use other_formats::OtherFormat;
pub use pairs::{OnBadLine, Pair, PairFile, ReadOptions, read_pairs, read_pairs_from, text_of};
pub use questions::{Question, questions};
pub use skipped::{SkippedLine, SkippedLines};
pub use split::{Split, SplitError, SplitMethod, split};
pub use stray_blanks::{Place, StrayBlanks, has_stray_blank};
pub use symbols::{is_table_name, read_symbols};
