//! Layer normalisation (Ba, Kiros and Hinton 2016).

use burn::tensor::Tensor;
use burn_flex::FlexTensor;

use super::bridge::{Operation, apply};
use super::flex::{from_numbers, is_flex_f32, shape, slice};

/// Keeps the division away from zero.
const EPSILON: f64 = 1e-5;

/// Gives vectors `[.., units]` mean 0 and variance 1, then multiplies by the gain and adds the bias,
/// both `[units]`.
pub fn layer_norm<const D: usize>(input: Tensor<D>, gain: Tensor<1>, bias: Tensor<1>) -> Tensor<D> {
    if is_flex_f32(&input) {
        let inputs = [
            input.into_dispatch(),
            gain.into_dispatch(),
            bias.into_dispatch(),
        ];
        return apply(LayerNorm, inputs);
    }
    let centred = input.clone() - input.mean_dim(D - 1);
    let variance = centred.clone().square().mean_dim(D - 1);
    let scaled = centred / (variance + EPSILON).sqrt();
    scaled * gain.unsqueeze() + bias.unsqueeze()
}

#[derive(Clone, Debug)]
struct LayerNorm;

#[derive(Clone, Debug)]
struct Saved {
    input: FlexTensor,
    gain: FlexTensor,
    /// Mean and reciprocal standard deviation of each vector.
    moments: [Vec<f32>; 2],
}

impl Operation<3> for LayerNorm {
    type Saved = Saved;

    fn forward(&self, [input, gain, bias]: [FlexTensor; 3]) -> (FlexTensor, Saved) {
        let (numbers, gains) = (slice(&input), slice(&gain));
        let found = rnn_kernels::layer_norm(numbers, gains, slice(&bias), EPSILON as f32);
        let output = from_numbers(found.output, shape(&input));
        let moments = [found.mean, found.scale];
        let saved = Saved {
            input,
            gain,
            moments,
        };
        (output, saved)
    }

    fn backward(self, saved: Saved, gradient: FlexTensor, _: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let (numbers, gains) = (slice(&saved.input), slice(&saved.gain));
        let moments = saved.moments.each_ref().map(Vec::as_slice);
        let found = rnn_kernels::layer_norm_backward(numbers, gains, moments, slice(&gradient));
        let (input, units) = (shape(&saved.input), shape(&saved.gain));
        [
            Some(from_numbers(found.input, input)),
            Some(from_numbers(found.gain, units.clone())),
            Some(from_numbers(found.bias, units)),
        ]
    }
}
