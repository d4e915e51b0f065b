//! A matrix product for each sequence of a batch, as one operation with a backward pass of its own.
//!
//! Attention multiplies `[time, batch, width]` states sequence by sequence. Burn's batched product
//! would have the batch come first, and copies what does not lie so; the kernels read and write it
//! where it lies.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Tensor, TensorData};
use burn_autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_flex::FlexTensor;
use rnn_kernels::{Order, ProductShape};

use super::flex::{contiguous, is_flex_f32, slice};

/// `left` `[rows, batch, inner]` times `right` `[columns, batch, inner]`, along the inner dimension:
/// `[rows, batch, columns]`.
pub fn times_rows(left: Tensor<3>, right: Tensor<3>) -> Tensor<3> {
    multiply(left, right, Order::Transposed)
}

/// `left` `[rows, batch, inner]` times `right` `[inner, batch, columns]`: `[rows, batch, columns]`.
pub fn times(left: Tensor<3>, right: Tensor<3>) -> Tensor<3> {
    multiply(left, right, Order::Rows)
}

fn multiply(left: Tensor<3>, right: Tensor<3>, order: Order) -> Tensor<3> {
    if !is_flex_f32(&left) {
        let right = right.swap_dims(0, 1);
        let right = match order {
            Order::Rows => right,
            Order::Transposed => right.swap_dims(1, 2),
        };
        return left.swap_dims(0, 1).matmul(right).swap_dims(0, 1);
    }
    Tensor::from_dispatch(<Dispatch as InterleavedOps>::interleaved_product(
        left.into_dispatch(),
        right.into_dispatch(),
        order,
    ))
}

/// The product as an operation of a backend.
#[backend_extension(Autodiff, Flex)]
pub trait InterleavedOps: Backend {
    /// See [`times`] and, for a transposed right side, [`times_rows`].
    fn interleaved_product(
        left: FloatTensor<Self>,
        right: FloatTensor<Self>,
        right_order: Order,
    ) -> FloatTensor<Self>;
}

/// What a backend must have for [`InterleavedOps`] to be differentiable on it.
pub trait OrderedInterleaved: InterleavedOps {
    /// The product of matrices, each as it lies or transposed.
    fn ordered_interleaved(
        left: (FloatTensor<Self>, Order),
        right: (FloatTensor<Self>, Order),
    ) -> FloatTensor<Self>;
}

impl InterleavedOps for Flex {
    fn interleaved_product(left: FlexTensor, right: FlexTensor, right_order: Order) -> FlexTensor {
        Self::ordered_interleaved((left, Order::Rows), (right, right_order))
    }
}

impl OrderedInterleaved for Flex {
    fn ordered_interleaved(
        (left, left_order): (FlexTensor, Order),
        (right, right_order): (FlexTensor, Order),
    ) -> FlexTensor {
        let (left, right) = (contiguous(left), contiguous(right));
        let [rows, batch, inner] = sizes(&left, left_order);
        let [_, _, columns] = sizes(&right, right_order);
        let shape = ProductShape {
            rows,
            inner,
            columns,
        };
        let (left, right) = ((slice(&left), left_order), (slice(&right), right_order));
        let out = rnn_kernels::interleaved_product(batch, shape, left, right);
        FlexTensor::from_data(TensorData::new(out, [rows, batch, columns]))
    }
}

/// Rows, batch and columns of matrices as the product reads them.
fn sizes(matrices: &FlexTensor, order: Order) -> [usize; 3] {
    let shape = matrices.layout().shape();
    match order {
        Order::Rows => [shape[0], shape[1], shape[2]],
        Order::Transposed => [shape[2], shape[1], shape[0]],
    }
}

/// The product as a node of the autodiff graph.
#[derive(Debug)]
struct InterleavedNode;

impl<B: Backend + OrderedInterleaved> Backward<B, 2> for InterleavedNode {
    type State = ([FloatTensor<B>; 2], Order);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let ([left, right], order) = ops.state;
        let [left_node, right_node] = ops.parents;
        let transposed = |tensor: FloatTensor<B>| (tensor, Order::Transposed);
        if let Some(node) = right_node {
            let result = match order {
                Order::Rows => {
                    B::ordered_interleaved(transposed(left), (gradient.clone(), Order::Rows))
                }
                Order::Transposed => {
                    B::ordered_interleaved(transposed(gradient.clone()), (left, Order::Rows))
                }
            };
            grads.register::<B>(node.id, result);
        }
        if let Some(node) = left_node {
            let other = match order {
                Order::Rows => Order::Transposed,
                Order::Transposed => Order::Rows,
            };
            let result = B::ordered_interleaved((gradient, Order::Rows), (right, other));
            grads.register::<B>(node.id, result);
        }
    }
}

impl<B: Backend + OrderedInterleaved, C: CheckpointStrategy> InterleavedOps for Autodiff<B, C> {
    fn interleaved_product(
        left: FloatTensor<Self>,
        right: FloatTensor<Self>,
        right_order: Order,
    ) -> FloatTensor<Self> {
        let [(left, left_node), (right, right_node)] =
            [left, right].map(|input| input.into_parts());
        let product = B::interleaved_product(left.clone(), right.clone(), right_order);
        let nodes = [left_node, right_node];
        match InterleavedNode
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => prepared.finish(([left, right], right_order), product),
            OpsKind::UnTracked(prepared) => prepared.finish(product),
        }
    }
}
