//! Layer normalisation (Ba et al. 2016).

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::module::layer_norm;

use crate::model::parameters::{ParameterError, Parameters};

/// Keeps the division by the standard deviation safe.
const EPSILON: f64 = 1e-5;

/// Brings every row to mean 0 and variance 1, then scales and shifts it.
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// Scale `[size]`, ones at first.
    pub scale: Param<Tensor<1>>,
    /// Shift `[size]`, zeros at first.
    pub shift: Param<Tensor<1>>,
}

impl LayerNorm {
    /// A layer for rows of `size` numbers.
    ///
    /// # Errors
    /// If stored parameters do not fit.
    pub fn new(size: usize, params: &mut Parameters) -> Result<Self, ParameterError> {
        Ok(Self {
            scale: params.vector("scale", vec![1.0; size])?,
            shift: params.vector("shift", vec![0.0; size])?,
        })
    }

    /// `[rows, size]` to `[rows, size]`.
    pub fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        layer_norm(rows, self.scale.val(), Some(self.shift.val()), EPSILON)
    }
}
