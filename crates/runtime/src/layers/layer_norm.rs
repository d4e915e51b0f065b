//! Layer normalisation (Ba, Kiros and Hinton 2016): the outputs of a layer with mean 0 and variance
//! 1 over its units, then a learned gain and bias.

use super::{Parameters, Rows, WeightError};

/// Keeps the division away from zero.
pub const EPSILON: f32 = 1e-5;

/// Gain and bias of a normalised layer.
#[derive(Debug)]
pub struct LayerNorm {
    gain: Vec<f32>,
    bias: Vec<f32>,
}

impl LayerNorm {
    /// Normalisation of so many units.
    ///
    /// # Errors
    /// If stored weights do not fit.
    pub fn new(units: usize, params: &mut Parameters) -> Result<Self, WeightError> {
        Ok(Self {
            gain: params.vector("gain", units)?,
            bias: params.vector("bias", units)?,
        })
    }

    /// `[rows, units]` to the same shape.
    pub fn forward(&self, rows: &Rows) -> Rows {
        let normalized = rnn_kernels::layer_norm(&rows.values, &self.gain, &self.bias, EPSILON);
        Rows::new(rows.width, normalized.output)
    }
}
