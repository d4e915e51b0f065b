//! What a decoder would do anew at every step of a search, done once: weights packed for products,
//! and the vectors of all symbols multiplied by the input weights.

use std::sync::{Arc, OnceLock};

use burn::tensor::Tensor;
use rnn_kernels::{PackedMatrix, PackedWeights};

/// Sequences side by side that are worth preparing weights for; fewer read them as they lie.
pub const WORTH_PREPARING: usize = 8;

/// A matrix that the first product with it packs.
pub type PreparedMatrix = Arc<OnceLock<PackedMatrix>>;

/// Recurrent weights that the first step with them packs.
pub type PreparedRecurrence = Arc<OnceLock<PackedWeights>>;

/// Weights of a decoder, prepared as they are first used. It belongs to one search: weights that
/// change need another.
#[derive(Clone, Debug, Default)]
pub struct Prepared {
    /// The input of the first layer for each symbol, `[symbols, gates * units]`.
    pub inputs: Option<Tensor<2>>,
    /// Of each recurrent layer.
    pub layers: Vec<PreparedRecurrence>,
    /// Of the attentional layer: those of h and of the context.
    pub attentional: [PreparedMatrix; 2],
    /// Of the output layer.
    pub output: PreparedMatrix,
}
