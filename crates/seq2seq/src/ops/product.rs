//! The product of vectors with weights.
//!
//! The kernels share it between threads that are awake already, and read transposed matrices where
//! they lie. Burn's product, which other backends get, copies them first.

use burn::tensor::Tensor;
use burn_flex::FlexTensor;
use rnn_kernels::{Order, Precision, ProductShape};

use super::bridge::{Operation, apply};
use super::flex::{from_numbers, is_flex_f32, slice};
use super::precision::precision;

/// Vectors `[rows, input]` times weights `[input, output]`: `[rows, output]`.
pub fn product(vectors: Tensor<2>, weights: Tensor<2>) -> Tensor<2> {
    if !is_flex_f32(&vectors) {
        return vectors.matmul(weights);
    }
    let operation = Product(precision());
    apply(operation, [vectors, weights].map(Tensor::into_dispatch))
}

/// With the precision of its operands.
#[derive(Clone, Debug)]
struct Product(Precision);

impl Operation<2> for Product {
    type Saved = [FlexTensor; 2];

    fn forward(&self, [vectors, weights]: [FlexTensor; 2]) -> (FlexTensor, [FlexTensor; 2]) {
        let product = multiply(self.0, (&vectors, Order::Rows), (&weights, Order::Rows));
        (product, [vectors, weights])
    }

    fn backward(
        self,
        [vectors, weights]: [FlexTensor; 2],
        gradient: FlexTensor,
        [of_vectors, of_weights]: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        let gradient = (&gradient, Order::Rows);
        [
            of_vectors.then(|| multiply(self.0, gradient, (&weights, Order::Transposed))),
            of_weights.then(|| multiply(self.0, (&vectors, Order::Transposed), gradient)),
        ]
    }
}

/// The product of two matrices, each as it lies or transposed.
fn multiply(
    precision: Precision,
    left: (&FlexTensor, Order),
    right: (&FlexTensor, Order),
) -> FlexTensor {
    let ([rows, inner], [_, columns]) = (sizes(left), sizes(right));
    let shape = ProductShape {
        rows,
        inner,
        columns,
    };
    let numbers = |(matrix, order)| (slice(matrix), order);
    let product = rnn_kernels::product_in(precision, shape, numbers(left), numbers(right));
    from_numbers(product, [rows, columns])
}

/// Rows and columns of a matrix as the product reads it.
fn sizes((matrix, order): (&FlexTensor, Order)) -> [usize; 2] {
    let shape = matrix.layout().shape();
    match order {
        Order::Rows => [shape[0], shape[1]],
        Order::Transposed => [shape[1], shape[0]],
    }
}
