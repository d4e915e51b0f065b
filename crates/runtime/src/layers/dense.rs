//! A dense layer: `y = x W + b`.

use super::{Matrix, Parameters, Rows, WeightError};

/// Weights of a dense layer.
#[derive(Debug)]
pub struct Dense {
    /// Weights `[input, output]`.
    kernel: Matrix,
    /// Bias `[output]`.
    bias: Vec<f32>,
}

impl Dense {
    /// The layer, from stored weights.
    ///
    /// # Errors
    /// If they do not fit.
    pub fn new(input: usize, output: usize, params: &mut Parameters) -> Result<Self, WeightError> {
        Ok(Self {
            kernel: params.matrix("kernel", [input, output])?,
            bias: params.vector("bias", output)?,
        })
    }

    /// `[rows, input]` to `[rows, output]`.
    pub fn forward(&self, rows: &Rows) -> Rows {
        let mut product = self.kernel.product(rows);
        product.add_to_each(&self.bias);
        product
    }
}
