//! Small-vocabulary sequence-to-sequence models: from a file of pairs to a trained, evaluated and
//! saved model.

pub mod config;
pub mod data;
pub mod decoding;
pub mod evaluation;
pub mod metrics;
pub mod model;
mod model_file;
pub mod text;
mod trained_model;
pub mod training;

pub use config::Recipe;
pub use data::Pair;
pub use model_file::{MODEL_NAME, ModelFileError, write_atomically};
pub use trained_model::{Model, PredictOptions, Prediction, Provenance};
