//! The one bridge from Burn's tensors to the kernels.
//!
//! An [`Operation`] works on the memory of tensors of Flex, Burn's CPU backend. [`apply`] runs it
//! on tensors with or without gradients. With gradients, the operation becomes one node of the
//! autodiff graph.

use std::fmt::Debug;
use std::marker::PhantomData;

use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Autodiff, Backend, BackendTensor, Dispatch, DispatchAutodiffContext, DispatchTensor,
    DispatchTensorKind, ExtensionType, Flex, backend_extension,
};
use burn::tensor::Tensor;
use burn_autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_flex::FlexTensor;

use super::flex::contiguous;

/// A function of `N` tensors on the CPU, and its gradient.
///
/// All tensors that an operation is given are contiguous: their numbers are one slice.
pub trait Operation<const N: usize>: Clone + Debug + Send + 'static {
    /// What the backward pass needs of the forward pass.
    type Saved: Clone + Debug + Send + 'static;

    /// Computes the result, and keeps what its gradient needs.
    fn forward(&self, inputs: [FlexTensor; N]) -> (FlexTensor, Self::Saved);

    /// Computes the result alone, where nobody asks for gradients.
    fn infer(&self, inputs: [FlexTensor; N]) -> FlexTensor {
        self.forward(inputs).0
    }

    /// Computes the gradients of the inputs from that of the result. Gradients that are not
    /// `wanted` may be left out.
    fn backward(
        self,
        saved: Self::Saved,
        gradient: FlexTensor,
        wanted: [bool; N],
    ) -> [Option<FlexTensor>; N];
}

/// Applies an operation to tensors on the CPU.
///
/// # Panics
/// If a tensor is on another device.
pub fn apply<const N: usize, const D: usize>(
    operation: impl Operation<N>,
    inputs: [DispatchTensor; N],
) -> Tensor<D> {
    let inputs = Inputs(inputs.into());
    Tensor::from_dispatch(<Dispatch as RunOperation>::run(inputs, operation))
}

/// Any operation as a method of a backend.
#[backend_extension(Autodiff, Flex)]
pub trait RunOperation: Backend {
    /// See [`apply`].
    fn run<const N: usize, O: Operation<N>>(
        #[extension_type] inputs: Inputs<Self>,
        operation: O,
    ) -> FloatTensor<Self>;
}

impl RunOperation for Flex {
    fn run<const N: usize, O: Operation<N>>(inputs: Inputs<Self>, operation: O) -> FlexTensor {
        operation.infer(inputs.into_array().map(contiguous))
    }
}

impl<C: CheckpointStrategy> RunOperation for Autodiff<Flex, C> {
    fn run<const N: usize, O: Operation<N>>(
        inputs: Inputs<Self>,
        operation: O,
    ) -> FloatTensor<Self> {
        let inputs = inputs.into_array::<N>();
        let nodes = inputs.each_ref().map(|input| input.node());
        let inputs = inputs.map(|input| contiguous(input.into_primitive()));
        let node = OperationNode::<O>(PhantomData);
        match node.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(node) => {
                let (result, saved) = operation.forward(inputs);
                node.finish((operation, saved), result)
            }
            OpsKind::UnTracked(node) => node.finish(operation.infer(inputs)),
        }
    }
}

/// An operation as a node of the autodiff graph.
#[derive(Debug)]
struct OperationNode<O>(PhantomData<O>);

impl<const N: usize, O: Operation<N>> Backward<Flex, N> for OperationNode<O> {
    type State = (O, O::Saved);

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = contiguous(grads.consume::<Flex>(&ops.node));
        let (operation, saved) = ops.state;
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let gradients = operation.backward(saved, gradient, wanted);
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let (Some(node), Some(gradient)) = (parent, gradient) {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}

/// The tensors that an operation reads, as one argument of a backend extension.
#[derive(Debug)]
pub struct Inputs<B: Backend>(Vec<FloatTensor<B>>);

impl<B: Backend> Inputs<B> {
    fn into_array<const N: usize>(self) -> [FloatTensor<B>; N] {
        let array = self.0.try_into();
        array.unwrap_or_else(|_| unreachable!("`apply` takes {N} inputs"))
    }
}

impl<B: Backend> ExtensionType<B> for Inputs<B> {
    type Target = Inputs<Dispatch>;

    fn map_to_dispatch<F>(self, map_kind: F, autodiff: DispatchAutodiffContext) -> Inputs<Dispatch>
    where
        F: Fn(BackendTensor<B>) -> DispatchTensorKind,
    {
        let wrap = |tensor| DispatchTensor {
            kind: map_kind(BackendTensor::Float(tensor)),
            autodiff,
        };
        Inputs(self.0.into_iter().map(wrap).collect())
    }

    fn map_from_dispatch<F>(inputs: Inputs<Dispatch>, unwrap_kind: F) -> Self
    where
        F: Fn(DispatchTensor) -> BackendTensor<B>,
    {
        let unwrap = |tensor| unwrap_kind(tensor).float();
        Self(inputs.0.into_iter().map(unwrap).collect())
    }

    fn routing_tensor(inputs: &Inputs<Dispatch>) -> Option<&DispatchTensor> {
        inputs.0.first()
    }

    fn routing_float_tensor(inputs: &Inputs<Dispatch>) -> Option<&DispatchTensor> {
        inputs.0.first()
    }

    fn autodiff_context(inputs: &Inputs<Dispatch>) -> DispatchAutodiffContext {
        let none = DispatchAutodiffContext::Disabled;
        (inputs.0.iter()).fold(none, |context, tensor| context.merge(tensor.autodiff))
    }
}
