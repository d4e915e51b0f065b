//! Operations on Burn's tensors that the kernels of `rnn-kernels` compute, with their gradients.
//!
//! `bridge` is the one way from a tensor to a kernel and back. A new operation is a file with an
//! implementation of `bridge::Operation` and a function that applies it. Most functions take
//! tensors that the kernels do not know as well, such as those of double precision: they compose
//! Burn's own operations.
//!
//! [`adam`] and [`sum_of_squares`] have no gradient, so they need no more than slices of the
//! tensors' memory (`flex`).

pub mod adam;
pub mod attention_product;
pub(crate) mod bridge;
pub(crate) mod flex;
pub mod hard_attention;
pub mod layer_norm;
pub mod precision;
pub mod precomputed_gradient;
pub mod product;
pub mod recurrence;
pub mod recurrence_composed;
pub mod softmax;
pub mod sum_of_squares;
pub mod tanh;
