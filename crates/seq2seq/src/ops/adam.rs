//! The update of Adam (Kingma and Ba 2015), which reads and writes weights and moments once.
//!
//! Burn's own Adam is a dozen tensor operations, each of which reads and writes all of its operands:
//! for a model of a few million weights that is a fifth of a training step on a CPU.

use burn::tensor::Tensor;
use rnn_kernels::AdamStep;

use super::flex::{from_flex, into_flex, is_flex_f32, slice, slice_mut};

/// The new weights and both new moments, from the weights, their gradient and both moments. All have
/// one shape and belong to no autodiff graph.
pub fn adam<const D: usize>(
    step: &AdamStep,
    weights: Tensor<D>,
    gradient: Tensor<D>,
    moments: [Tensor<D>; 2],
) -> [Tensor<D>; 3] {
    if !is_flex_f32(&weights) {
        return composed(step, weights, gradient, moments);
    }
    let [first, second] = moments;
    let [mut weights, gradient, mut first, mut second] =
        [weights, gradient, first, second].map(into_flex);
    rnn_kernels::adam(
        step,
        slice_mut(&mut weights),
        slice(&gradient),
        slice_mut(&mut first),
        slice_mut(&mut second),
    );
    [weights, first, second].map(from_flex)
}

/// The same from Burn's operations.
fn composed<const D: usize>(
    step: &AdamStep,
    weights: Tensor<D>,
    gradient: Tensor<D>,
    [first, second]: [Tensor<D>; 2],
) -> [Tensor<D>; 3] {
    let (b1, b2) = (step.beta_1, step.beta_2);
    let gradient = gradient * step.scale;
    let first = first * b1 + gradient.clone() * (1.0 - b1);
    let second = second * b2 + gradient.square() * (1.0 - b2);
    let correction = |beta: f32| 1.0 - f64::from(beta).powf(step.step as f64);
    let mean = first.clone() / correction(b1);
    let spread = (second.clone() / correction(b2)).sqrt() + step.epsilon;
    let change = mean / spread + weights.clone() * step.weight_decay;
    [weights - change * step.rate, first, second]
}
