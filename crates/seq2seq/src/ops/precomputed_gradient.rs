//! A loss whose gradient was computed along with it.

use burn::tensor::{Shape, Tensor};
use burn_flex::FlexTensor;

use super::bridge::{Operation, apply};
use super::flex::{from_numbers, shape, slice};

/// A loss of scores `[rows, classes]`, one element, that has this value and, as its gradient, `scale`
/// times the given one. The scores must be in single precision on the CPU.
pub fn with_precomputed_gradient(
    scores: Tensor<2>,
    gradient: Vec<f32>,
    scale: f32,
    value: f32,
) -> Tensor<1> {
    let loss = PrecomputedGradient {
        gradient,
        scale,
        value,
    };
    apply(loss, [scores.into_dispatch()])
}

#[derive(Clone, Debug)]
struct PrecomputedGradient {
    gradient: Vec<f32>,
    scale: f32,
    value: f32,
}

impl Operation<1> for PrecomputedGradient {
    type Saved = Shape;

    fn forward(&self, [scores]: [FlexTensor; 1]) -> (FlexTensor, Shape) {
        (from_numbers(vec![self.value], [1]), shape(&scores))
    }

    fn backward(
        mut self,
        shape: Shape,
        of_loss: FlexTensor,
        _: [bool; 1],
    ) -> [Option<FlexTensor>; 1] {
        let scale = self.scale * slice::<f32>(&of_loss).iter().sum::<f32>();
        for number in &mut self.gradient {
            *number *= scale;
        }
        [Some(from_numbers(self.gradient, shape))]
    }
}
