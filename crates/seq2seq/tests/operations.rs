//! The operations that run in the kernels, in single precision, against Burn's own, which serve
//! other backends and double precision: values and gradients.

#![allow(clippy::expect_used)] // a test may fail by panicking

use burn::tensor::{DType, Device, Tensor, TensorData};
use rnn_kernels::AdamStep;
use seq2seq::ops::adam::adam;
use seq2seq::ops::attention_product::{times, times_rows};
use seq2seq::ops::layer_norm::layer_norm;
use seq2seq::ops::product::product;
use seq2seq::ops::softmax::softmax;
use seq2seq::ops::tanh::tanh;

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.try_into_vec_as().expect("a float tensor")
}

/// Numbers between -1 and 1 that look random, the same in either precision.
fn numbers<const D: usize>(seed: usize, shape: [usize; D], dtype: DType) -> Tensor<D> {
    let count = shape.iter().product();
    let number = |at: usize| ((at * 7919 + seed * 104_729) % 1009) as f32 / 504.5 - 1.0;
    let data = TensorData::new((0..count).map(number).collect::<Vec<f32>>(), shape);
    Tensor::from_data(data, (&Device::flex().autodiff(), dtype))
}

fn assert_close(what: &str, found: Vec<f64>, expected: Vec<f64>) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (a, b)) in found.iter().zip(&expected).enumerate() {
        assert!(
            (a - b).abs() <= 1e-5 * (1.0 + b.abs()),
            "{what}[{index}]: {a} instead of {b}"
        );
    }
}

/// Result, and the gradients of both operands, of which a weighted sum of the result is made.
fn run<const D: usize>(
    operation: fn(Tensor<D>, Tensor<D>) -> Tensor<D>,
    shapes: [[usize; D]; 2],
    dtype: DType,
) -> [Vec<f64>; 3] {
    let left = numbers(1, shapes[0], dtype).require_grad();
    let right = numbers(2, shapes[1], dtype).require_grad();
    let result = operation(left.clone(), right.clone());
    let weights = numbers(3, result.dims(), dtype);
    let gradients = (result.clone() * weights).sum().backward();
    let gradient = |tensor: &Tensor<D>| tensor.grad(&gradients).map(values).expect("a gradient");
    [values(result), gradient(&left), gradient(&right)]
}

fn compare<const D: usize>(
    name: &str,
    operation: fn(Tensor<D>, Tensor<D>) -> Tensor<D>,
    shapes: [[usize; D]; 2],
) {
    let [fused, composed] = [DType::F32, DType::F64].map(|dtype| run(operation, shapes, dtype));
    let parts = ["result", "left gradient", "right gradient"];
    for ((part, fused), composed) in parts.iter().zip(fused).zip(composed) {
        assert_close(&format!("{name} {shapes:?}: {part}"), fused, composed);
    }
}

#[test]
fn products_with_weights_are_burns() {
    for [rows, inner, columns] in [[1, 1, 1], [3, 70, 9], [65, 33, 17]] {
        compare("product", product, [[rows, inner], [inner, columns]]);
    }
}

#[test]
fn products_of_sequences_are_burns() {
    for [rows, batch, inner, columns] in [[1, 1, 1, 1], [4, 33, 20, 7], [13, 5, 9, 41]] {
        let left = [rows, batch, inner];
        compare("times", times, [left, [inner, batch, columns]]);
        compare("times_rows", times_rows, [left, [columns, batch, inner]]);
    }
}

#[test]
fn operands_may_be_views() {
    let view =
        |left: Tensor<3>, right: Tensor<3>| times(left.swap_dims(0, 2), right.narrow(0, 1, 4));
    compare("a view", view, [[4, 3, 6], [6, 3, 5]]);
}

#[test]
fn the_hyperbolic_tangent_is_burns() {
    let both = |left: Tensor<2>, right: Tensor<2>| tanh(left * 4.0) * tanh(right);
    compare("tanh", both, [[3, 21], [3, 21]]);
}

#[test]
fn softmax_is_burns() {
    let both = |left: Tensor<2>, right: Tensor<2>| softmax(left * 4.0) * softmax(right);
    compare("softmax", both, [[3, 21], [3, 21]]);
}

#[test]
fn layer_normalisation_is_burns() {
    let normalised = |input: Tensor<2>, weights: Tensor<2>| {
        let [gain, bias] = [0, 1].map(|row| weights.clone().narrow(0, row, 1).squeeze_dim(0));
        layer_norm(input, gain, bias)
    };
    compare("layer norm", normalised, [[5, 21], [2, 21]]);
}

#[test]
fn operands_without_gradients_may_stand_beside_learned_ones() {
    let learned = numbers(2, [4, 5], DType::F32).require_grad();
    let whole = product(numbers(1, [3, 4], DType::F32), learned.clone());
    let mixed = product(numbers(1, [3, 4], DType::F32).inner(), learned.clone());
    let gradients = mixed.clone().sum().backward();
    let gradient = learned.grad(&gradients).map(values).expect("a gradient");
    let expected = whole.clone().sum().backward();
    let expected = learned.grad(&expected).map(values).expect("a gradient");
    assert_eq!(gradient, expected);
    assert_eq!(values(mixed), values(whole));
}

#[test]
fn a_result_of_operands_without_gradients_has_none() {
    let [left, right] = [[3, 4], [4, 5]].map(|shape| numbers(1, shape, DType::F32).inner());
    assert!(!product(left, right).device().is_autodiff());
}

#[test]
fn adams_update_is_the_composed_one() {
    let step = AdamStep {
        rate: 0.1,
        beta_1: 0.9,
        beta_2: 0.99,
        epsilon: 1e-3,
        weight_decay: 0.05,
        step: 3,
        scale: 0.5,
    };
    let update = |dtype| {
        let [weights, gradient, first, second] =
            [1, 2, 3, 4].map(|seed| numbers(seed, [7, 9], dtype).inner());
        adam(&step, weights, gradient, [first, second.square()]).map(values)
    };
    let parts = ["weights", "first moment", "second moment"];
    let [fused, composed] = [DType::F32, DType::F64].map(update);
    for ((part, fused), composed) in parts.iter().zip(fused).zip(composed) {
        assert_close(part, fused, composed);
    }
}
