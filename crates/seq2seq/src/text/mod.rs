//! From text to numbers and back: symbols, vocabularies, one-hot vectors.

#![warn(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic
)] // what strangers write is read here

mod codec;
mod features;
mod normalization;
mod one_hot;
mod tokenization;
mod vocabulary;

pub use codec::{Align, Codec, EncodedSource, Side};
pub use features::Features;
pub use normalization::Normalization;
pub use one_hot::{OneHot, OneHotError, argmax, one_hot, one_hot_matrix};
pub use tokenization::Tokenization;
pub use vocabulary::{Encoded, Specials, UnknownSymbol, Vocabulary, VocabularyError};
