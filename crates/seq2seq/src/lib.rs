//! Small-vocabulary sequence-to-sequence models: from a file of pairs to a trained, evaluated and
//! saved model.

mod charts;
pub mod config;
pub mod data;
pub mod decoding;
mod ensemble;
pub mod evaluation;
mod files;
pub mod metrics;
pub mod model;
mod model_file;
mod prediction;
pub mod report;
mod side_by_side;
mod tensor_file;
pub mod text;
mod trained_model;
pub mod training;
pub mod tuning;

/// Compiles and runs the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

pub use config::Recipe;
pub use data::Pair;
pub use ensemble::EnsembleError;
pub use model_file::{MODEL_NAME, ModelFileError, write_atomically};
pub use prediction::{Alignment, Alternative, PredictOptions, Prediction, Warning};
pub use tensor_file::Damage;
pub use trained_model::{Model, Provenance, SourceText, SourceWithFeatures};
