//! Softmax as one operation, with vector instructions.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn_autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_flex::FlexTensor;

use super::flex::{contiguous, is_flex_f32, slice, slice_mut};

/// The softmax over the last axis.
pub fn softmax<const D: usize>(scores: Tensor<D>) -> Tensor<D> {
    // Nothing to share out: Burn's keeps the shape.
    let is_empty = scores.shape().num_elements() == 0;
    if is_empty || !is_flex_f32(&scores) {
        return burn::tensor::activation::softmax(scores, D - 1);
    }
    Tensor::from_dispatch(<Dispatch as SoftmaxOps>::fast_softmax(
        scores.into_dispatch(),
    ))
}

/// The softmax as an operation of a backend.
#[backend_extension(Autodiff, Flex)]
pub trait SoftmaxOps: Backend {
    /// See [`softmax`].
    fn fast_softmax(tensor: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// What a backend must have for [`SoftmaxOps`] to be differentiable on it.
pub trait SoftmaxGradient: SoftmaxOps {
    /// The gradient of the scores, from their softmax and its gradient.
    fn fast_softmax_backward(
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

impl SoftmaxOps for Flex {
    fn fast_softmax(tensor: FlexTensor) -> FlexTensor {
        let mut tensor = contiguous(tensor);
        let classes = classes(&tensor);
        rnn_kernels::softmax(slice_mut(&mut tensor), classes);
        tensor
    }
}

impl SoftmaxGradient for Flex {
    fn fast_softmax_backward(weights: FlexTensor, gradient: FlexTensor) -> FlexTensor {
        let (weights, mut gradient) = (contiguous(weights), contiguous(gradient));
        let classes = classes(&weights);
        rnn_kernels::softmax_backward(slice(&weights), slice_mut(&mut gradient), classes);
        gradient
    }
}

/// Length of the last axis.
fn classes(tensor: &FlexTensor) -> usize {
    tensor
        .layout()
        .shape()
        .iter()
        .next_back()
        .copied()
        .unwrap_or(1)
}

/// The softmax as a node of the autodiff graph.
#[derive(Debug)]
struct SoftmaxNode;

impl<B: Backend + SoftmaxGradient> Backward<B, 1> for SoftmaxNode {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let [parent] = ops.parents;
        if let Some(node) = parent {
            grads.register::<B>(node.id, B::fast_softmax_backward(ops.state, gradient));
        }
    }
}

impl<B: Backend + SoftmaxGradient, C: CheckpointStrategy> SoftmaxOps for Autodiff<B, C> {
    fn fast_softmax(tensor: FloatTensor<Self>) -> FloatTensor<Self> {
        let (tensor, node) = tensor.into_parts();
        let weights = B::fast_softmax(tensor);
        match SoftmaxNode.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(weights.clone(), weights),
            OpsKind::UnTracked(prepared) => prepared.finish(weights),
        }
    }
}
