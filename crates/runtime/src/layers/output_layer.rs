//! From the decoder's vector to a score for each target symbol.

use super::{Embedding, Matrix, Parameters, Rows, WeightError};

/// A dense layer whose weights may be the target embeddings (Press and Wolf 2017).
#[derive(Debug)]
pub struct OutputLayer {
    /// With tied embeddings of another size than the input: `[input, embedding size]`.
    projection: Option<Matrix>,
    /// Weights `[input, symbols]`.
    kernel: Matrix,
    /// Bias `[symbols]`.
    bias: Vec<f32>,
}

impl OutputLayer {
    /// The layer, from stored weights, or with the given target embeddings as its weights.
    ///
    /// # Errors
    /// If stored weights do not fit.
    pub fn new(
        input: usize,
        symbols: usize,
        tied: Option<(&Embedding, usize)>,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let projection = match tied {
            Some((_, size)) if size != input => Some(params.matrix("projection", [input, size])?),
            _ => None,
        };
        Ok(Self {
            projection,
            kernel: match tied {
                Some((embedding, _)) => embedding.transposed(),
                None => params.matrix("kernel", [input, symbols])?,
            },
            bias: params.vector("bias", symbols)?,
        })
    }

    /// `[rows, input]` to scores `[rows, symbols]`.
    pub fn forward(&self, rows: &Rows) -> Rows {
        let mut scores = match &self.projection {
            Some(projection) => self.kernel.product(&projection.product(rows)),
            None => self.kernel.product(rows),
        };
        scores.add_to_each(&self.bias);
        scores
    }
}
