//! Runs small sequence-to-sequence models: from one model file to answers.
//!
//! ```no_run
//! use seq2seq_runtime::{Model, PredictOptions};
//!
//! let model = Model::load("g2p.safetensors".as_ref())?;
//! let predictor = model.predictor(PredictOptions::of(&model))?;
//! for answer in predictor.predict(&["seashell", "phoneme"]) {
//!     println!("{}", answer.best().text);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The modules in the order in which they use each other: [`settings`] that a model carries, [`text`]
//! to ids, [`storage`] of weights, [`layers`] and [`networks`] as they run, [`decoding`] as a search
//! over any network, and [`model`], which puts them together.

pub mod decoding;
pub mod layers;
pub mod model;
pub mod networks;
pub mod parallel;
pub mod settings;
pub mod storage;
pub mod text;

pub use model::{
    Alignment, Answer, EnsembleError, Hypothesis, Lexicon, LexiconTooLarge, Model, ModelFileError,
    Origin, PredictOptions, Predictor, Provenance, QuantizeError, SearchRequest, SourceText,
    SourceWithFeatures, Trace, TraceStep, Warning,
};
