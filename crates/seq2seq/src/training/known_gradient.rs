//! A loss whose gradient was computed along with it, as one node of the autodiff graph.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Tensor, TensorData};
use burn_autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_flex::FlexTensor;

use crate::model::flex::{contiguous, slice, slice_mut};

/// A loss of scores `[rows, classes]`, one element, that has this value and, as its gradient, `scale`
/// times the given one. Both must be in single precision on the CPU.
pub fn with_gradient(scores: Tensor<2>, gradient: Tensor<2>, scale: f32, value: f32) -> Tensor<1> {
    Tensor::from_dispatch(<Dispatch as KnownGradientOps>::with_gradient(
        scores.into_dispatch(),
        gradient.into_dispatch(),
        scale,
        value,
    ))
}

/// The loss as an operation of a backend.
#[backend_extension(Autodiff, Flex)]
pub trait KnownGradientOps: Backend {
    /// See [`with_gradient`].
    fn with_gradient(
        scores: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        scale: f32,
        value: f32,
    ) -> FloatTensor<Self>;
}

/// What a backend must have for [`KnownGradientOps`] to be differentiable on it.
pub trait ScaledGradient: KnownGradientOps {
    /// The gradient of the scores, from the known one and that of the loss, one element.
    fn scaled(
        gradient: FloatTensor<Self>,
        scale: f32,
        of_loss: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

impl KnownGradientOps for Flex {
    fn with_gradient(_: FlexTensor, _: FlexTensor, _: f32, value: f32) -> FlexTensor {
        FlexTensor::from_data(TensorData::new(vec![value], [1]))
    }
}

impl ScaledGradient for Flex {
    fn scaled(gradient: FlexTensor, scale: f32, of_loss: FlexTensor) -> FlexTensor {
        let mut gradient = contiguous(gradient);
        let scale = scale * slice::<f32>(&contiguous(of_loss)).iter().sum::<f32>();
        for value in slice_mut::<f32>(&mut gradient) {
            *value *= scale;
        }
        gradient
    }
}

/// The loss as a node of the autodiff graph.
#[derive(Debug)]
struct KnownGradientNode;

impl<B: Backend + ScaledGradient> Backward<B, 1> for KnownGradientNode {
    type State = (FloatTensor<B>, f32);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let of_loss = grads.consume::<B>(&ops.node);
        let (gradient, scale) = ops.state;
        let [parent] = ops.parents;
        if let Some(node) = parent {
            grads.register::<B>(node.id, B::scaled(gradient, scale, of_loss));
        }
    }
}

impl<B: Backend + ScaledGradient, C: CheckpointStrategy> KnownGradientOps for Autodiff<B, C> {
    fn with_gradient(
        scores: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        scale: f32,
        value: f32,
    ) -> FloatTensor<Self> {
        let (scores, node) = scores.into_parts();
        let (gradient, _) = gradient.into_parts();
        let loss = B::with_gradient(scores, gradient.clone(), scale, value);
        match KnownGradientNode
            .prepare::<C>([node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => prepared.finish((gradient, scale), loss),
            OpsKind::UnTracked(prepared) => prepared.finish(loss),
        }
    }
}
