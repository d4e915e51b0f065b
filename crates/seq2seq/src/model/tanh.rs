//! The hyperbolic tangent with vector instructions, which the standard library's does without.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn_autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_flex::FlexTensor;

use super::flex::{contiguous, is_flex_f32, slice, slice_mut};

/// The hyperbolic tangent of every number.
pub fn tanh<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    if !is_flex_f32(&tensor) {
        return burn::tensor::activation::tanh(tensor);
    }
    Tensor::from_dispatch(<Dispatch as TanhOps>::fast_tanh(tensor.into_dispatch()))
}

/// The hyperbolic tangent as an operation of a backend.
#[backend_extension(Autodiff, Flex)]
pub trait TanhOps: Backend {
    /// See [`tanh`].
    fn fast_tanh(tensor: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// What a backend must have for [`TanhOps`] to be differentiable on it.
pub trait TanhGradient: TanhOps {
    /// The gradient of `x`, from `tanh(x)` and its gradient.
    fn fast_tanh_backward(
        tanh: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

impl TanhOps for Flex {
    fn fast_tanh(tensor: FlexTensor) -> FlexTensor {
        let mut tensor = contiguous(tensor);
        rnn_kernels::tanh(slice_mut(&mut tensor));
        tensor
    }
}

impl TanhGradient for Flex {
    fn fast_tanh_backward(tanh: FlexTensor, gradient: FlexTensor) -> FlexTensor {
        let (tanh, mut gradient) = (contiguous(tanh), contiguous(gradient));
        rnn_kernels::tanh_backward(slice(&tanh), slice_mut(&mut gradient));
        gradient
    }
}

/// The hyperbolic tangent as a node of the autodiff graph.
#[derive(Debug)]
struct TanhNode;

impl<B: Backend + TanhGradient> Backward<B, 1> for TanhNode {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let [parent] = ops.parents;
        if let Some(node) = parent {
            grads.register::<B>(node.id, B::fast_tanh_backward(ops.state, gradient));
        }
    }
}

impl<B: Backend + TanhGradient, C: CheckpointStrategy> TanhOps for Autodiff<B, C> {
    fn fast_tanh(tensor: FloatTensor<Self>) -> FloatTensor<Self> {
        let (tensor, node) = tensor.into_parts();
        let tanh = B::fast_tanh(tensor);
        match TanhNode.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(tanh.clone(), tanh),
            OpsKind::UnTracked(prepared) => prepared.finish(tanh),
        }
    }
}
