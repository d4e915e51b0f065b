//! Pronunciation lexicons: which answers of a model become entries, and how these are written.

mod choice;
mod format;
mod phones;
mod words;

pub use choice::{Choice, ChoiceError, Pronunciation, Rejection};
pub use format::{LexiconFormat, UnknownLexiconFormat};
pub use phones::{PhoneList, PhoneListError};
pub use words::{Distinct, words_of};
