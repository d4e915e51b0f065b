//! Adam (Kingma and Ba 2015) in one pass over weights, gradient and both moments.
//!
//! Burn's own Adam is a dozen tensor operations, each of which reads and writes all of its operands:
//! for a model of a few million weights that is a fifth of a training step on a CPU. The rule here is
//! the same, and its state is Burn's; on other backends than Flex it is composed of Burn's
//! operations.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, backend_extension};
use burn::optim::{AdamState, AdaptiveMomentumState, LearningRate, Optimizer};
use burn::tensor::{Device, Tensor};
use burn_flex::FlexTensor;
use rnn_kernels::AdamStep;

use crate::model::flex::{contiguous, is_flex_f32, slice, slice_mut};

/// Adam, and AdamW (Loshchilov and Hutter 2019) if the weight decay is above zero.
#[derive(Clone, Copy, Debug)]
pub struct FusedAdam {
    /// Memory of the gradient.
    pub beta_1: f32,
    /// Memory of its square.
    pub beta_2: f32,
    /// Guard against division by zero.
    pub epsilon: f32,
    /// Decoupled weight decay.
    pub weight_decay: f32,
}

/// The update as an operation of a backend.
#[backend_extension(Flex)]
pub trait AdamOps: Backend {
    /// Returns the new weights and both moments; all tensors have one shape.
    fn adam(
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        step: AdamStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

impl AdamOps for Flex {
    fn adam(
        weights: FlexTensor,
        gradient: FlexTensor,
        first: FlexTensor,
        second: FlexTensor,
        step: AdamStep,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let [mut weights, gradient, mut first, mut second] =
            [weights, gradient, first, second].map(contiguous);
        rnn_kernels::adam(
            &step,
            slice_mut(&mut weights),
            slice(&gradient),
            slice_mut(&mut first),
            slice_mut(&mut second),
        );
        (weights, first, second)
    }
}

impl FusedAdam {
    fn composed<const D: usize>(
        &self,
        step: &AdamStep,
        weights: Tensor<D>,
        gradient: Tensor<D>,
        [first, second]: [Tensor<D>; 2],
    ) -> [Tensor<D>; 3] {
        let (b1, b2) = (self.beta_1, self.beta_2);
        let first = first * b1 + gradient.clone() * (1.0 - b1);
        let second = second * b2 + gradient.square() * (1.0 - b2);
        let correction = |beta: f32| 1.0 - f64::from(beta).powf(step.step as f64);
        let mean = first.clone() / correction(b1);
        let spread = (second.clone() / correction(b2)).sqrt() + self.epsilon;
        let change = mean / spread + weights.clone() * self.weight_decay;
        [weights - change * step.rate, first, second]
    }
}

impl Optimizer for FusedAdam {
    type State<const D: usize> = AdamState<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        weights: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<AdamState<D>>,
    ) -> (Tensor<D>, Option<AdamState<D>>) {
        let (before, moments) = match state {
            Some(AdamState { momentum }) => (momentum.time, [momentum.moment_1, momentum.moment_2]),
            None => (0, [gradient.zeros_like(), gradient.zeros_like()]),
        };
        let time = before + 1;
        let step = AdamStep {
            rate: rate as f32,
            beta_1: self.beta_1,
            beta_2: self.beta_2,
            epsilon: self.epsilon,
            weight_decay: self.weight_decay,
            step: time as u64,
            scale: 1.0,
        };
        let [weights, first, second] = if is_flex_f32(&weights) {
            fused(step, weights, gradient, moments)
        } else {
            self.composed(&step, weights, gradient, moments)
        };
        let momentum = AdaptiveMomentumState::new(time, first, second);
        (weights, Some(AdamState::new(momentum)))
    }

    fn to_device<const D: usize>(mut state: AdamState<D>, device: &Device) -> AdamState<D> {
        state.momentum = state.momentum.to_device(device);
        state
    }
}

fn fused<const D: usize>(
    step: AdamStep,
    weights: Tensor<D>,
    gradient: Tensor<D>,
    [first, second]: [Tensor<D>; 2],
) -> [Tensor<D>; 3] {
    let (weights, first, second) = <Dispatch as AdamOps>::adam(
        weights.into_dispatch(),
        gradient.into_dispatch(),
        first.into_dispatch(),
        second.into_dispatch(),
        step,
    );
    [weights, first, second].map(Tensor::from_dispatch)
}
