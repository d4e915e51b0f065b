//! A matrix product for each sequence of a batch, time-major.
//!
//! Attention multiplies `[time, batch, width]` states sequence by sequence. Burn's batched product
//! would have the batch come first, and copies what does not lie so; the kernels read and write it
//! where it lies.

use burn::tensor::Tensor;
use burn_flex::FlexTensor;
use rnn_kernels::{Order, ProductShape};

use super::bridge::{Operation, apply};
use super::flex::{from_numbers, is_flex_f32, slice};

/// `left` `[rows, batch, inner]` times `right` `[columns, batch, inner]`, along the inner dimension:
/// `[rows, batch, columns]`.
pub fn times_rows(left: Tensor<3>, right: Tensor<3>) -> Tensor<3> {
    product(left, right, Order::Transposed)
}

/// `left` `[rows, batch, inner]` times `right` `[inner, batch, columns]`: `[rows, batch, columns]`.
pub fn times(left: Tensor<3>, right: Tensor<3>) -> Tensor<3> {
    product(left, right, Order::Rows)
}

/// [`times`] or, for a transposed right side, [`times_rows`].
fn product(left: Tensor<3>, right: Tensor<3>, order: Order) -> Tensor<3> {
    if !is_flex_f32(&left) {
        let right = right.swap_dims(0, 1);
        let right = match order {
            Order::Rows => right,
            Order::Transposed => right.swap_dims(1, 2),
        };
        return left.swap_dims(0, 1).matmul(right).swap_dims(0, 1);
    }
    let inputs = [left, right].map(Tensor::into_dispatch);
    apply(AttentionProduct { order }, inputs)
}

#[derive(Clone, Debug)]
struct AttentionProduct {
    /// How the right matrices are read.
    order: Order,
}

impl Operation<2> for AttentionProduct {
    type Saved = [FlexTensor; 2];

    fn forward(&self, [left, right]: [FlexTensor; 2]) -> (FlexTensor, [FlexTensor; 2]) {
        let product = multiply((&left, Order::Rows), (&right, self.order));
        (product, [left, right])
    }

    fn backward(
        self,
        [left, right]: [FlexTensor; 2],
        gradient: FlexTensor,
        [of_left, of_right]: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        let as_it_lies = |matrices| (matrices, Order::Rows);
        let transposed = |matrices| (matrices, Order::Transposed);
        let left_gradient = || {
            let right = match self.order {
                Order::Rows => transposed(&right),
                Order::Transposed => as_it_lies(&right),
            };
            multiply(as_it_lies(&gradient), right)
        };
        let right_gradient = || match self.order {
            Order::Rows => multiply(transposed(&left), as_it_lies(&gradient)),
            Order::Transposed => multiply(transposed(&gradient), as_it_lies(&left)),
        };
        [of_left.then(left_gradient), of_right.then(right_gradient)]
    }
}

/// The products of matrices, each as it lies or transposed.
fn multiply(left: (&FlexTensor, Order), right: (&FlexTensor, Order)) -> FlexTensor {
    let ([rows, batch, inner], [_, _, columns]) = (sizes(left), sizes(right));
    let shape = ProductShape {
        rows,
        inner,
        columns,
    };
    let numbers = |(matrices, order)| (slice(matrices), order);
    let product = rnn_kernels::batched_product(batch, shape, numbers(left), numbers(right));
    from_numbers(product, [rows, batch, columns])
}

/// Rows, batch and columns of matrices as the product reads them.
fn sizes((matrices, order): (&FlexTensor, Order)) -> [usize; 3] {
    let shape = matrices.layout().shape();
    match order {
        Order::Rows => [shape[0], shape[1], shape[2]],
        Order::Transposed => [shape[2], shape[1], shape[0]],
    }
}
