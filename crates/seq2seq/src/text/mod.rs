//! From text to numbers and back: symbols, vocabularies, one-hot vectors.

mod codec;
mod one_hot;
mod tokenization;
mod vocabulary;

pub use codec::{Align, Codec, Side};
pub use one_hot::{OneHot, OneHotError, argmax, one_hot, one_hot_matrix};
pub use tokenization::Tokenization;
pub use vocabulary::{Encoded, Specials, UnknownSymbol, Vocabulary, VocabularyError};
