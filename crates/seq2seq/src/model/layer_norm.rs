//! Layer normalisation (Ba, Kiros and Hinton 2016): the outputs of a layer with mean 0 and variance
//! 1 over its units, then a learned gain and bias.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use burn_autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_flex::FlexTensor;

use super::flex::{contiguous, is_flex_f32, slice};
use super::parameters::Parameters;
use crate::layers::WeightError;

/// Keeps the division away from zero.
const EPSILON: f64 = 1e-5;

/// Gain and bias of a normalised layer.
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// Gain `[units]`.
    pub gain: Param<Tensor<1>>,
    /// Bias `[units]`.
    pub bias: Param<Tensor<1>>,
}

impl LayerNorm {
    /// Normalisation of so many units; at first it changes nothing but mean and variance.
    ///
    /// # Errors
    /// If stored parameters do not fit.
    pub fn new(units: usize, params: &mut Parameters) -> Result<Self, WeightError> {
        Ok(Self {
            gain: params.vector("gain", vec![1.0; units])?,
            bias: params.vector("bias", vec![0.0; units])?,
        })
    }

    /// `[.., units]` to the same shape.
    pub fn forward<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
        let (gain, bias) = (self.gain.val(), self.bias.val());
        if is_flex_f32(&input) {
            return Tensor::from_dispatch(<Dispatch as LayerNormOps>::layer_norm(
                input.into_dispatch(),
                gain.into_dispatch(),
                bias.into_dispatch(),
            ));
        }
        let centred = input.clone() - input.mean_dim(D - 1);
        let variance = centred.clone().square().mean_dim(D - 1);
        let scaled = centred / (variance + EPSILON).sqrt();
        scaled * gain.unsqueeze() + bias.unsqueeze()
    }
}

/// Layer normalisation as an operation of a backend.
#[backend_extension(Autodiff, Flex)]
pub trait LayerNormOps: Backend {
    /// See [`LayerNorm::forward`].
    fn layer_norm(
        input: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

/// What a backend must have for [`LayerNormOps`] to be differentiable on it.
pub trait LayerNormGradient: LayerNormOps {
    /// Forward pass that also returns what the backward pass needs: output, means and scales.
    fn layer_norm_forward(inputs: [FloatTensor<Self>; 3]) -> [FloatTensor<Self>; 3];

    /// Gradients of input, gain and bias, from input and gain, means and scales, and the gradient of
    /// the output.
    fn layer_norm_backward(
        inputs: [FloatTensor<Self>; 2],
        saved: [FloatTensor<Self>; 2],
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3];
}

impl LayerNormOps for Flex {
    fn layer_norm(input: FlexTensor, gain: FlexTensor, bias: FlexTensor) -> FlexTensor {
        let [output, _, _] = Self::layer_norm_forward([input, gain, bias]);
        output
    }
}

impl LayerNormGradient for Flex {
    fn layer_norm_forward(inputs: [FlexTensor; 3]) -> [FlexTensor; 3] {
        let [input, gain, bias] = inputs.map(contiguous);
        let (numbers, gains) = (slice(&input), slice(&gain));
        let found = rnn_kernels::layer_norm(numbers, gains, slice(&bias), EPSILON as f32);
        let rows = found.mean.len();
        [
            tensor(found.output, &input),
            FlexTensor::from_data(TensorData::new(found.mean, [rows])),
            FlexTensor::from_data(TensorData::new(found.scale, [rows])),
        ]
    }

    fn layer_norm_backward(
        inputs: [FlexTensor; 2],
        saved: [FlexTensor; 2],
        gradient: FlexTensor,
    ) -> [FlexTensor; 3] {
        let ([input, gain], gradient) = (inputs.map(contiguous), contiguous(gradient));
        let [mean, scale] = saved.each_ref().map(slice);
        let (numbers, gains) = (slice(&input), slice(&gain));
        let found =
            rnn_kernels::layer_norm_backward(numbers, gains, [mean, scale], slice(&gradient));
        [
            tensor(found.input, &input),
            tensor(found.gain, &gain),
            tensor(found.bias, &gain),
        ]
    }
}

fn tensor(values: Vec<f32>, like: &FlexTensor) -> FlexTensor {
    let shape = like.layout().shape().to_vec();
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// Layer normalisation as a node of the autodiff graph.
#[derive(Debug)]
struct LayerNormNode;

impl<B: Backend + LayerNormGradient> Backward<B, 3> for LayerNormNode {
    type State = ([FloatTensor<B>; 2], [FloatTensor<B>; 2]);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let (inputs, saved) = ops.state;
        let results = B::layer_norm_backward(inputs, saved, gradient);
        for (parent, result) in ops.parents.into_iter().zip(results) {
            if let Some(node) = parent {
                grads.register::<B>(node.id, result);
            }
        }
    }
}

impl<B: Backend + LayerNormGradient, C: CheckpointStrategy> LayerNormOps for Autodiff<B, C> {
    fn layer_norm(
        input: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let [input, gain, bias] = [input, gain, bias].map(|tensor| tensor.into_parts());
        let nodes = [input.1, gain.1, bias.1];
        let inputs = [input.0, gain.0, bias.0];
        let [output, mean, scale] = B::layer_norm_forward(inputs.clone());
        let [input, gain, _] = inputs;
        match LayerNormNode.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(([input, gain], [mean, scale]), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}
