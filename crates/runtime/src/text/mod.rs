//! From a text to the ids that a network reads, and back.

#![warn(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic
)] // what strangers write is read here

mod codec;
mod features;
mod normalization;
mod numbers;
mod quoted;
mod symbol_map;
mod tokenization;
mod vocabulary;

pub use codec::{Align, Codec, EncodedSource, NOT_COPIED, Side, SourceIds, VocabularySizes};
pub use features::Features;
pub use normalization::Normalization;
pub use numbers::NumbersOfTexts;
pub use quoted::{Quoted, quoted, quoted_start};
pub use symbol_map::{SymbolMap, without_stress};
pub use tokenization::Tokenization;
pub use vocabulary::{Case, Encoded, Specials, UnknownSymbol, Vocabulary, VocabularyError};

/// Longest text in bytes, and longest output in symbols.
pub const LONGEST_TEXT: usize = 64 << 10;
