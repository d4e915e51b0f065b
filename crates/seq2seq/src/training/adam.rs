//! Adam (Kingma and Ba 2015) as one of Burn's optimizers. Its state is that of Burn's own Adam.

use burn::optim::{AdamState, AdaptiveMomentumState, LearningRate, Optimizer};
use burn::tensor::{Device, Tensor};
use rnn_kernels::AdamStep;

use crate::ops::adam::adam;

/// Adam, and AdamW (Loshchilov and Hutter 2019) if the weight decay is above zero.
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    /// Memory of the gradient.
    pub beta_1: f32,
    /// Memory of its square.
    pub beta_2: f32,
    /// Guard against division by zero.
    pub epsilon: f32,
    /// Decoupled weight decay.
    pub weight_decay: f32,
}

impl Optimizer for Adam {
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
        let [weights, first, second] = adam(&step, weights, gradient, moments);
        let momentum = AdaptiveMomentumState::new(time, first, second);
        (weights, Some(AdamState::new(momentum)))
    }

    fn to_device<const D: usize>(mut state: AdamState<D>, device: &Device) -> AdamState<D> {
        state.momentum = state.momentum.to_device(device);
        state
    }
}
