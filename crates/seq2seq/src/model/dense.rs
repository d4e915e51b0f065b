//! A dense layer: `y = x W + b`.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::parameters::{ParameterError, Parameters};
use super::prepared::Prepared;
use super::product::prepared_product;

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
    pub fn new(
        input: usize,
        output: usize,
        params: &mut Parameters,
    ) -> Result<Self, ParameterError> {
        Ok(Self {
            kernel: params.glorot_uniform("kernel", [input, output])?,
            bias: params.vector("bias", vec![0.0; output])?,
        })
    }

    /// `[rows, input]` to `[rows, output]`.
    pub fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        self.forward_prepared(rows, None)
    }

    /// The same with weights that are prepared once for many calls.
    pub fn forward_prepared(&self, rows: Tensor<2>, prepared: Option<&Prepared>) -> Tensor<2> {
        prepared_product(rows, &self.kernel, prepared) + self.bias.val().unsqueeze()
    }
}
