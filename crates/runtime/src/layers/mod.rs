//! The layers that networks are made of, as they run: rows in, rows out.
//!
//! Each has its twin of the same name in the library that trains, whose gradients flow through whole
//! targets. Here a row's result depends on that row alone, bit for bit, whatever stands beside it.

mod activation;
mod attention;
mod batch;
mod dense;
mod embedding;
mod layer_norm;
mod matrix;
mod output_layer;
mod parameters;
mod pointer_generator;
mod position_angles;
mod recurrent;
mod rows;
mod sizes;
mod source_products;

pub use activation::{dots, relu, sigmoid, softmax_of_lengths, tanh};
pub use attention::{Attended, Attention, Memory};
pub(crate) use attention::{mean_of_heads, of_heads};
pub use batch::{Padded, SourceBatch};
pub use dense::Dense;
pub use embedding::Embedding;
pub use layer_norm::{EPSILON, LayerNorm};
pub use matrix::{Matrix, Numbers};
pub use output_layer::OutputLayer;
pub use parameters::{Given, Parameters, WeightError};
pub use pointer_generator::{PointerGenerator, PointerInput};
pub use position_angles::{rotation_angles, sinusoid};
pub use recurrent::{LayerInput, LstmGates, Recurrent, Run};
pub use rows::Rows;
pub use sizes::{AttentionSizes, DecoderSizes};
pub use source_products::{scores_of_sources, sums_of_sources};
