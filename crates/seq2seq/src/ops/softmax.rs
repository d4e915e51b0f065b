//! Softmax over the last axis.

use burn::tensor::{Tensor, activation};
use burn_flex::FlexTensor;

use super::bridge::{Operation, apply};
use super::flex::{is_flex_f32, slice, slice_mut};

/// The softmax over the last axis.
pub fn softmax<const D: usize>(scores: Tensor<D>) -> Tensor<D> {
    let classes = scores.dims()[D - 1];
    if classes == 0 || !is_flex_f32(&scores) {
        return activation::softmax(scores, D - 1);
    }
    apply(Softmax { classes }, [scores.into_dispatch()])
}

#[derive(Clone, Debug)]
struct Softmax {
    /// Size of the last axis.
    classes: usize,
}

impl Operation<1> for Softmax {
    type Saved = FlexTensor;

    fn forward(&self, [mut scores]: [FlexTensor; 1]) -> (FlexTensor, FlexTensor) {
        rnn_kernels::softmax(slice_mut(&mut scores), self.classes);
        (scores.clone(), scores)
    }

    fn backward(
        self,
        result: FlexTensor,
        mut gradient: FlexTensor,
        _: [bool; 1],
    ) -> [Option<FlexTensor>; 1] {
        rnn_kernels::softmax_backward(slice(&result), slice_mut(&mut gradient), self.classes);
        [Some(gradient)]
    }
}
