//! Functions of tensors whose gradient follows from their result, each one operation with vector
//! instructions: the hyperbolic tangent, which the standard library has without them, and softmax.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Tensor, activation};
use burn_autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_flex::FlexTensor;

use super::flex::{contiguous, is_flex_f32, slice, slice_mut};

/// Which function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// The hyperbolic tangent of every number.
    Tanh,
    /// The softmax over the last axis, of so many classes.
    Softmax(usize),
}

/// The hyperbolic tangent of every number.
pub fn tanh<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    if !is_flex_f32(&tensor) {
        return activation::tanh(tensor);
    }
    activated(tensor, Activation::Tanh)
}

/// The softmax over the last axis.
pub fn softmax<const D: usize>(scores: Tensor<D>) -> Tensor<D> {
    let classes = scores.dims()[D - 1];
    if classes == 0 || !is_flex_f32(&scores) {
        return activation::softmax(scores, D - 1);
    }
    activated(scores, Activation::Softmax(classes))
}

fn activated<const D: usize>(tensor: Tensor<D>, function: Activation) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as ActivationOps>::activate(
        tensor.into_dispatch(),
        function,
    ))
}

/// Activations as operations of a backend.
#[backend_extension(Autodiff, Flex)]
pub trait ActivationOps: Backend {
    /// See [`Activation`].
    fn activate(tensor: FloatTensor<Self>, function: Activation) -> FloatTensor<Self>;
}

/// What a backend must have for [`ActivationOps`] to be differentiable on it.
pub trait ActivationGradient: ActivationOps {
    /// The gradient of what the function was applied to, from its result and the result's gradient.
    fn activate_backward(
        result: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        function: Activation,
    ) -> FloatTensor<Self>;
}

impl ActivationOps for Flex {
    fn activate(tensor: FlexTensor, function: Activation) -> FlexTensor {
        let mut tensor = contiguous(tensor);
        let numbers = slice_mut(&mut tensor);
        match function {
            Activation::Tanh => rnn_kernels::tanh(numbers),
            Activation::Softmax(classes) => rnn_kernels::softmax(numbers, classes),
        }
        tensor
    }
}

impl ActivationGradient for Flex {
    fn activate_backward(
        result: FlexTensor,
        gradient: FlexTensor,
        function: Activation,
    ) -> FlexTensor {
        let (result, mut gradient) = (contiguous(result), contiguous(gradient));
        let (numbers, gradients) = (slice(&result), slice_mut(&mut gradient));
        match function {
            Activation::Tanh => rnn_kernels::tanh_backward(numbers, gradients),
            Activation::Softmax(classes) => {
                rnn_kernels::softmax_backward(numbers, gradients, classes);
            }
        }
        gradient
    }
}

/// An activation as a node of the autodiff graph.
#[derive(Debug)]
struct ActivationNode;

impl<B: Backend + ActivationGradient> Backward<B, 1> for ActivationNode {
    type State = (FloatTensor<B>, Activation);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let (result, function) = ops.state;
        let [parent] = ops.parents;
        if let Some(node) = parent {
            grads.register::<B>(node.id, B::activate_backward(result, gradient, function));
        }
    }
}

impl<B: Backend + ActivationGradient, C: CheckpointStrategy> ActivationOps for Autodiff<B, C> {
    fn activate(tensor: FloatTensor<Self>, function: Activation) -> FloatTensor<Self> {
        let (tensor, node) = tensor.into_parts();
        let result = B::activate(tensor, function);
        match ActivationNode
            .prepare::<C>([node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => prepared.finish((result.clone(), function), result),
            OpsKind::UnTracked(prepared) => prepared.finish(result),
        }
    }
}
