//! Adam (Kingma and Ba 2015) in one pass over weights, gradient and both moments.
//!
//! Burn's own Adam is a dozen tensor operations, each of which reads and writes all of its operands:
//! for a model of a few million weights that is a fifth of a training step on a CPU. The rule here is
//! the same, so is the record of its state; on other backends than Flex it is composed of Burn's
//! operations.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, backend_extension};
use burn::optim::{LearningRate, ModuleOptimizer, Optimizer, RecordState};
use burn::tensor::{DType, Device, Tensor};
use burn_flex::FlexTensor;
use rnn_kernels::AdamStep;

use crate::model::parameters::contiguous;

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

/// State of one parameter.
#[derive(RecordState, Clone)]
pub struct AdamState<const D: usize> {
    /// Steps so far.
    pub time: usize,
    /// Mean of the gradient.
    pub moment_1: Tensor<D>,
    /// Mean of its square.
    pub moment_2: Tensor<D>,
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
        let count = gradient.layout().num_elements();
        rnn_kernels::adam(
            &step,
            &mut weights.storage_mut::<f32>()[..count],
            &gradient.storage::<f32>()[..count],
            &mut first.storage_mut::<f32>()[..count],
            &mut second.storage_mut::<f32>()[..count],
        );
        (weights, first, second)
    }
}

impl FusedAdam {
    /// The optimizer of a whole network.
    pub fn init(self) -> ModuleOptimizer {
        ModuleOptimizer::from(self)
    }

    fn composed<const D: usize>(
        &self,
        step: &AdamStep,
        weights: Tensor<D>,
        gradient: Tensor<D>,
        state: AdamState<D>,
    ) -> (Tensor<D>, AdamState<D>) {
        let (b1, b2) = (self.beta_1, self.beta_2);
        let first = state.moment_1 * b1 + gradient.clone() * (1.0 - b1);
        let second = state.moment_2 * b2 + gradient.square() * (1.0 - b2);
        let time = state.time as i32;
        let mean = first.clone() / (1.0 - b1.powi(time));
        let spread = (second.clone() / (1.0 - b2.powi(time))).sqrt() + self.epsilon;
        let delta = mean / spread + weights.clone() * self.weight_decay;
        let state = AdamState {
            time: state.time,
            moment_1: first,
            moment_2: second,
        };
        (weights - delta * step.rate, state)
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
        let mut state = state.unwrap_or_else(|| AdamState {
            time: 0,
            moment_1: gradient.zeros_like(),
            moment_2: gradient.zeros_like(),
        });
        state.time += 1;
        let step = AdamStep {
            rate: rate as f32,
            beta_1: self.beta_1,
            beta_2: self.beta_2,
            epsilon: self.epsilon,
            weight_decay: self.weight_decay,
            step: state.time as u64,
            scale: 1.0,
        };
        let fused = weights.device() == Device::flex() && weights.dtype() == DType::F32;
        if !fused {
            let (weights, state) = self.composed(&step, weights, gradient, state);
            return (weights, Some(state));
        }
        let (weights, first, second) = <Dispatch as AdamOps>::adam(
            weights.into_dispatch(),
            gradient.into_dispatch(),
            state.moment_1.into_dispatch(),
            state.moment_2.into_dispatch(),
            step,
        );
        state.moment_1 = Tensor::from_dispatch(first);
        state.moment_2 = Tensor::from_dispatch(second);
        (Tensor::from_dispatch(weights), Some(state))
    }

    fn to_device<const D: usize>(state: AdamState<D>, device: &Device) -> AdamState<D> {
        AdamState {
            time: state.time,
            moment_1: state.moment_1.to_device(device),
            moment_2: state.moment_2.to_device(device),
        }
    }
}
