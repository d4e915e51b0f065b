//! A model with its matrices in fewer bits: a smaller file, and less memory to be read at each step.

use std::sync::Arc;

use super::{Inner, Model, ModelParts};
use crate::layers::WeightError;
use crate::storage::{Precision, Weights, dequantized, quantize};

/// Why a model cannot be quantized.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantizeError {
    /// It is quantized already: rounding it again would lose more than rounding what it was made from.
    #[error(
        "the weights are {0} already: quantize the model of single precision that it was made from"
    )]
    Quantized(Precision),
    /// It has no matrices.
    #[error(
        "an n-gram model counts: it has no matrices of weights, so there is nothing to quantize"
    )]
    NoMatrices,
    /// The rounded weights are not all finite.
    #[error(transparent)]
    Weights(#[from] WeightError),
}

impl Model {
    /// The lowest precision that any of the weights has.
    pub fn precision(&self) -> Precision {
        Precision::of(self.weights())
    }

    /// The same model with its matrices rounded to a precision. Vectors stay in single precision: biases,
    /// norms and the like. Of an ensemble every member is quantized, but for n-gram models among them.
    ///
    /// The answers are, to the last bit, those of the model of single precision that has the rounded weights.
    ///
    /// # Errors
    /// If the model is quantized already, or has no matrices, or one has numbers beyond the range of bf16.
    pub fn quantized(&self, precision: Precision) -> Result<Self, QuantizeError> {
        match self.precision() {
            Precision::F32 => {}
            other => return Err(QuantizeError::Quantized(other)),
        }
        if self.0.given.matrices.is_empty() {
            return Err(QuantizeError::NoMatrices);
        }
        let mut weights = self.weights().clone();
        for (name, axis) in &self.0.given.matrices {
            quantize(&mut weights, name, *axis, precision);
        }
        let parts = self.parts().clone();
        Ok(Self::new(ModelParts { weights, ..parts })?)
    }

    /// The weights in single precision: the numbers that those of a quantized model stand for.
    pub fn dequantized_weights(&self) -> Weights {
        dequantized(self.weights())
    }

    /// The same model with its weights in single precision, for who reads these. Its network stays: the answers
    /// are the same.
    #[must_use]
    pub fn in_single_precision(&self) -> Self {
        let weights = self.dequantized_weights();
        let parts = self.parts().clone();
        Self(Arc::new(Inner {
            parts: ModelParts { weights, ..parts },
            given: self.0.given.clone(),
            network: Arc::clone(&self.0.network),
        }))
    }
}
