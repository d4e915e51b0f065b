//! The position-wise feed-forward network of a Transformer layer (Vaswani et al. 2017, section 3.3).

use burn::module::Module;
use burn::tensor::{Tensor, activation};

use crate::layers::dense::Dense;
use crate::layers::dropout::Dropout;
use crate::layers::parameters::Parameters;
use seq2seq_runtime::layers::WeightError;

/// `max(0, x W1 + b1) W2 + b2`.
#[derive(Module, Debug)]
pub struct FeedForward {
    /// From the model's size to the inner one.
    pub inner: Dense,
    /// And back.
    pub outer: Dense,
}

impl FeedForward {
    /// A network for rows of `size` numbers with `inner` hidden units.
    ///
    /// # Errors
    /// If stored parameters do not fit.
    pub fn new(size: usize, inner: usize, params: &mut Parameters) -> Result<Self, WeightError> {
        Ok(Self {
            inner: params.layer("inner", |p| Dense::new(size, inner, p))?,
            outer: params.layer("outer", |p| Dense::new(inner, size, p))?,
        })
    }

    /// `[rows, size]` to `[rows, size]`.
    pub fn forward(&self, rows: Tensor<2>, dropout: &mut Dropout) -> Tensor<2> {
        let hidden = activation::relu(self.inner.forward(rows));
        self.outer.forward(dropout.apply(hidden))
    }
}
