//! Tensors of fixed numbers that go with another tensor, and sums of probabilities kept as
//! logarithms.

use burn::tensor::{Int, Tensor, TensorData};

/// Stands for the logarithm of zero: its exponential is 0, and it is finite, so that the difference
/// of two of them is not NaN.
pub const LOG_ZERO: f32 = -1e9;

/// Numbers on the device and in the precision of `like`, without a gradient.
pub fn constant<const D: usize, const E: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    like: &Tensor<E>,
) -> Tensor<D> {
    let data = TensorData::new(values, shape);
    Tensor::from_data(data, (&like.device(), like.dtype()))
}

/// Row numbers for `select`, on the device of `like`.
pub fn row_numbers<const E: usize>(rows: Vec<i32>, like: &Tensor<E>) -> Tensor<1, Int> {
    let count = rows.len();
    Tensor::from_data(TensorData::new(rows, [count]), &like.device())
}

/// `log(sum(exp(x)))` along a dimension, which is kept with size 1. The largest term is taken out
/// first, so nothing overflows and a sum of [`LOG_ZERO`] stays finite.
pub fn log_sum_exp<const D: usize>(x: Tensor<D>, dim: usize) -> Tensor<D> {
    let largest = x.clone().detach().max_dim(dim);
    let sum = (x - largest.clone()).exp().sum_dim(dim);
    sum.log() + largest
}
