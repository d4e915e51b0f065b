//! Small-vocabulary sequence-to-sequence models: from a file of pairs to a trained, evaluated and
//! saved model.

mod charts;
pub mod config;
pub mod data;
pub mod encoding;
pub mod evaluation;
pub mod layers;
pub mod metrics;
pub mod networks;
pub mod ops;
pub mod report;
mod shell;
pub mod text;
pub mod training;
pub mod tuning;

/// Compiles and runs the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

pub use config::Recipe;
pub use data::Pair;
pub use seq2seq_runtime::model::{MODEL_NAME, check_output, write_atomically};
pub use seq2seq_runtime::storage::Damage;
pub use seq2seq_runtime::{
    Alignment, Answer, EnsembleError, Hypothesis, Lexicon, Model, ModelFileError, Origin,
    PredictOptions, Predictor, Provenance, QuantizeError, SearchRequest, SourceText,
    SourceWithFeatures, Warning,
};
pub use seq2seq_runtime::{decoding, parallel, settings, storage};
pub use shell::shell_quoted;
