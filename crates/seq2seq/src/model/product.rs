//! The product of vectors with weights, as one operation with a backward pass of its own.
//!
//! The kernels share it between threads that are awake already, and read transposed matrices where
//! they lie; Burn's product, which other backends get, copies them first.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Tensor, TensorData};
use burn_autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_flex::FlexTensor;
use rnn_kernels::{Order, ProductShape};

use super::flex::{contiguous, is_flex_f32, slice};

/// Vectors `[rows, input]` times weights `[input, output]`: `[rows, output]`.
pub fn product(vectors: Tensor<2>, weights: Tensor<2>) -> Tensor<2> {
    if !is_flex_f32(&vectors) {
        return vectors.matmul(weights);
    }
    Tensor::from_dispatch(<Dispatch as ProductOps>::product(
        vectors.into_dispatch(),
        weights.into_dispatch(),
    ))
}

/// The product as an operation of a backend.
#[backend_extension(Autodiff, Flex)]
pub trait ProductOps: Backend {
    /// See [`product`].
    fn product(vectors: FloatTensor<Self>, weights: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// What a backend must have for [`ProductOps`] to be differentiable on it.
pub trait OrderedProduct: ProductOps {
    /// The product of two matrices, each as it lies or transposed.
    fn ordered_product(
        left: (FloatTensor<Self>, Order),
        right: (FloatTensor<Self>, Order),
    ) -> FloatTensor<Self>;
}

impl ProductOps for Flex {
    fn product(vectors: FlexTensor, weights: FlexTensor) -> FlexTensor {
        Self::ordered_product((vectors, Order::Rows), (weights, Order::Rows))
    }
}

impl OrderedProduct for Flex {
    fn ordered_product(
        (left, left_order): (FlexTensor, Order),
        (right, right_order): (FlexTensor, Order),
    ) -> FlexTensor {
        let (left, right) = (contiguous(left), contiguous(right));
        let [rows, inner] = sizes(&left, left_order);
        let [_, columns] = sizes(&right, right_order);
        let shape = ProductShape {
            rows,
            inner,
            columns,
        };
        let (left, right) = ((slice(&left), left_order), (slice(&right), right_order));
        let out = rnn_kernels::product(shape, left, right);
        FlexTensor::from_data(TensorData::new(out, [rows, columns]))
    }
}

/// Rows and columns of a matrix as the product reads it.
fn sizes(matrix: &FlexTensor, order: Order) -> [usize; 2] {
    let shape = matrix.layout().shape();
    match order {
        Order::Rows => [shape[0], shape[1]],
        Order::Transposed => [shape[1], shape[0]],
    }
}

/// The product as a node of the autodiff graph.
#[derive(Debug)]
struct ProductNode;

impl<B: Backend + OrderedProduct> Backward<B, 2> for ProductNode {
    type State = [FloatTensor<B>; 2];

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let [vectors, weights] = ops.state;
        let [vectors_node, weights_node] = ops.parents;
        if let Some(node) = vectors_node {
            let transposed = (weights, Order::Transposed);
            let result = B::ordered_product((gradient.clone(), Order::Rows), transposed);
            grads.register::<B>(node.id, result);
        }
        if let Some(node) = weights_node {
            let transposed = (vectors, Order::Transposed);
            let result = B::ordered_product(transposed, (gradient, Order::Rows));
            grads.register::<B>(node.id, result);
        }
    }
}

impl<B: Backend + OrderedProduct, C: CheckpointStrategy> ProductOps for Autodiff<B, C> {
    fn product(vectors: FloatTensor<Self>, weights: FloatTensor<Self>) -> FloatTensor<Self> {
        let [(vectors, vectors_node), (weights, weights_node)] =
            [vectors, weights].map(|input| input.into_parts());
        let product = B::product(vectors.clone(), weights.clone());
        let nodes = [vectors_node, weights_node];
        match ProductNode.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish([vectors, weights], product),
            OpsKind::UnTracked(prepared) => prepared.finish(product),
        }
    }
}
