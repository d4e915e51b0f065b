//! The layers that learn: whole targets at once, in tensors that gradients flow through.
//!
//! The layers of the runtime have the same names and the same weights; they read one symbol after the
//! other. That both say the same is held by `tests/learning_and_running.rs`.

pub mod attention;
pub mod dense;
pub mod dropout;
pub mod embedding;
mod growth;
mod initial_values;
pub mod layer_norm;
pub mod output_layer;
pub mod parameters;
pub mod pointer_generator;
pub mod recurrent;
pub(crate) mod tensors;

pub use dropout::Noise;
pub use growth::Growth;
