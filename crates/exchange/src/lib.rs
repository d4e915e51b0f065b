//! Trained models and their answers in the formats of other programs.

#![warn(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic
)] // what strangers write is read here

pub mod import;
pub mod lexicon;
pub mod onnx;
