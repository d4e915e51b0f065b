//! The sum of squares in one pass.

use burn::tensor::Tensor;

use super::flex::{into_flex, is_flex_f32, slice};

/// The sum of the squares of a tensor without gradients.
pub fn sum_of_squares<const D: usize>(tensor: Tensor<D>) -> f32 {
    if !is_flex_f32(&tensor) {
        return tensor.square().sum().into_scalar();
    }
    rnn_kernels::sum_of_squares(slice(&into_flex(tensor))) as f32
}
