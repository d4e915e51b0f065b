//! A dense layer: `y = x W + b`.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::parameters::Parameters;
use crate::ops::product::product;
use seq2seq_runtime::layers::WeightError;

/// Weights of a dense layer, with Keras's initial values (Glorot uniform, zero bias).
#[derive(Module, Debug)]
pub struct Dense {
    /// Weights `[input, output]`.
    pub kernel: Param<Tensor<2>>,
    /// Bias `[output]`.
    pub bias: Param<Tensor<1>>,
}

impl Dense {
    /// A layer with parameters of its own.
    ///
    /// # Errors
    /// If stored parameters do not fit.
    pub fn new(input: usize, output: usize, params: &mut Parameters) -> Result<Self, WeightError> {
        Ok(Self {
            kernel: params.glorot_uniform("kernel", [input, output])?,
            bias: params.vector("bias", vec![0.0; output])?,
        })
    }

    /// `[rows, input]` to `[rows, output]`.
    pub fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        product(rows, self.kernel.val()) + self.bias.val().unsqueeze()
    }
}
