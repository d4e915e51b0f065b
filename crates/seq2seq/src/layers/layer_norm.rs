//! Layer normalisation (Ba, Kiros and Hinton 2016): the outputs of a layer with mean 0 and variance
//! 1 over its units, then a learned gain and bias.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::parameters::Parameters;
use crate::ops::layer_norm::layer_norm;
use seq2seq_runtime::layers::WeightError;

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
        layer_norm(input, self.gain.val(), self.bias.val())
    }
}
