//! From the decoder's vector to a score for each target symbol.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::parameters::Parameters;
use crate::ops::product::product;
use seq2seq_runtime::layers::WeightError;

/// A dense layer whose weights may be the target embeddings (Press and Wolf 2017).
#[derive(Module, Debug)]
pub struct OutputLayer {
    /// Weights `[input, symbols]`; none if the target embeddings take their place.
    pub kernel: Option<Param<Tensor<2>>>,
    /// With tied embeddings of another size than the input: `[input, embedding size]`.
    pub projection: Option<Param<Tensor<2>>>,
    /// Bias `[symbols]`.
    pub bias: Param<Tensor<1>>,
}

impl OutputLayer {
    /// A layer with weights of its own, or, if `tied` gives their size, with those of the target
    /// embeddings.
    ///
    /// # Errors
    /// If stored parameters do not fit.
    pub fn new(
        input: usize,
        symbols: usize,
        tied: Option<usize>,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let kernel = match tied {
            None => Some(params.glorot_uniform("kernel", [input, symbols])?),
            Some(_) => None,
        };
        let projection = match tied {
            Some(size) if size != input => {
                Some(params.glorot_uniform("projection", [input, size])?)
            }
            _ => None,
        };
        Ok(Self {
            kernel,
            projection,
            bias: params.vector("bias", vec![0.0; symbols])?,
        })
    }

    /// `[rows, input]` to scores `[rows, symbols]`; `embeddings` `[symbols, size]` are the target's,
    /// which a tied layer multiplies by.
    pub fn forward(&self, rows: Tensor<2>, embeddings: Option<Tensor<2>>) -> Tensor<2> {
        let rows = match &self.projection {
            Some(projection) => product(rows, projection.val()),
            None => rows,
        };
        let scores = match (&self.kernel, embeddings) {
            (None, Some(embeddings)) => rows.matmul(embeddings.transpose()),
            (Some(kernel), _) => product(rows, kernel.val()),
            // One-hot symbols have no embeddings to tie to: their vectors are the unit vectors.
            (None, None) => rows,
        };
        scores + self.bias.val().unsqueeze()
    }
}
