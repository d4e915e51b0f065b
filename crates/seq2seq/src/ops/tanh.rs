//! The hyperbolic tangent, which the standard library computes without vector instructions.

use burn::tensor::{Tensor, activation};
use burn_flex::FlexTensor;

use super::bridge::{Operation, apply};
use super::flex::{is_flex_f32, slice, slice_mut};

/// The hyperbolic tangent of every number.
pub fn tanh<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    if !is_flex_f32(&tensor) {
        return activation::tanh(tensor);
    }
    apply(Tanh, [tensor.into_dispatch()])
}

#[derive(Clone, Debug)]
struct Tanh;

impl Operation<1> for Tanh {
    type Saved = FlexTensor;

    fn forward(&self, [mut tensor]: [FlexTensor; 1]) -> (FlexTensor, FlexTensor) {
        rnn_kernels::tanh(slice_mut(&mut tensor));
        (tensor.clone(), tensor)
    }

    fn backward(
        self,
        result: FlexTensor,
        mut gradient: FlexTensor,
        _: [bool; 1],
    ) -> [Option<FlexTensor>; 1] {
        rnn_kernels::tanh_backward(slice(&result), slice_mut(&mut gradient));
        [Some(gradient)]
    }
}
