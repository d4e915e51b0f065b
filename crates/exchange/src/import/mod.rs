//! Models that other toolkits trained, Keras (<https://keras.io>) and PyTorch (<https://pytorch.org>), become
//! models of ours.
//!
//! A file of weights says nothing about texts, so an [`ImportRequest`] says what it lacks: the symbols
//! of both sides in the order of their ids, and which of them are marks. docs/import.md is the page
//! for users. Nothing in a file is executed, and nothing in it is taken on trust.

mod archive;
mod assembly;
mod encoder_decoder;
mod error;
pub mod keras;
pub mod pytorch;
mod symbols;

use seq2seq_runtime::settings::{DecodingSettings, TextSettings};

pub use error::ImportError;
pub use symbols::{SymbolList, SymbolsError, unescaped};

/// What a file of weights does not say about a model.
#[derive(Clone, Debug, Default)]
pub struct ImportRequest {
    /// Symbols of the source.
    pub source: SymbolList,
    /// Symbols of the target.
    pub target: SymbolList,
    /// Symbols that are no text.
    pub marks: Marks,
    /// How texts become symbols.
    pub text: TextSettings,
    /// How outputs are produced.
    pub decoding: DecodingSettings,
}

/// Symbols that are no text, by their spelling in the lists of symbols.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// Begins the decoder's input; a tab if left out and the target has one, as in the Keras tutorial.
    pub begin: Option<String>,
    /// Ends a target; a line feed if left out and the target has one.
    pub end: Option<String>,
    /// Ends a source; a line feed if left out and the source has one.
    pub source_end: Option<String>,
    /// Stands for symbols that are not listed, on the sides that have it.
    pub unknown: Option<String>,
    /// Symbols that a target can begin with, as a text of the target, for a decoder whose first input is
    /// the first target symbol, as in the notebook. None for a decoder that reads a begin mark.
    pub first_symbols: Option<String>,
}
