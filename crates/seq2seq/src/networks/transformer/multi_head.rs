//! Multi-head scaled dot-product attention (Vaswani et al. 2017, section 3.2).

use burn::module::Module;
use burn::tensor::Tensor;

use super::mask::Mask;
use super::positions::Rotation;
use crate::layers::dense::Dense;
use crate::layers::dropout::Dropout;
use crate::layers::parameters::Parameters;
use crate::ops::softmax::softmax;
use seq2seq_runtime::layers::WeightError;

/// Projections of one attention; rows are `[time * batch, size]`, time first.
#[derive(Module, Debug)]
pub struct MultiHead {
    /// Projection of what asks.
    pub query: Dense,
    /// Projection of what is compared.
    pub key: Dense,
    /// Projection of what is read.
    pub value: Dense,
    /// Projection of all heads together.
    pub output: Dense,
    #[module(skip)]
    heads: usize,
}

/// What is attended to, `[batch, heads, time, size / heads]` each.
#[derive(Clone, Debug)]
pub struct Memory {
    keys: Tensor<4>,
    values: Tensor<4>,
}

/// Rows of queries, with all that is needed to bring them to those of a memory.
#[derive(Clone, Copy, Debug)]
pub struct Queries<'a> {
    /// Sequences.
    pub batch: usize,
    /// How queries are turned, if positions are.
    pub rotation: Option<&'a Rotation>,
}

impl MultiHead {
    /// An attention of `heads` heads over rows of `size` numbers.
    ///
    /// # Errors
    /// If stored parameters do not fit.
    pub fn new(size: usize, heads: usize, params: &mut Parameters) -> Result<Self, WeightError> {
        let mut dense = |name| params.layer(name, |p| Dense::new(size, size, p));
        Ok(Self {
            query: dense("query")?,
            key: dense("key")?,
            value: dense("value")?,
            output: dense("output")?,
            heads,
        })
    }

    /// Numbers of one head.
    pub fn head_size(&self) -> usize {
        self.query.kernel.val().dims()[1] / self.heads
    }

    /// Keys and values of rows `[time * batch, size]`.
    pub fn memory(&self, rows: Tensor<2>, queries: Queries) -> Memory {
        let projected = |layer: &Dense| {
            let rows = layer.forward(rows.clone());
            self.split(rows, queries.batch)
        };
        Memory {
            keys: turned(projected(&self.key), queries.rotation),
            values: projected(&self.value),
        }
    }

    /// What rows `[time * batch, size]` read from a memory, in the same shape, and the weights
    /// `[batch, heads, queries, keys]` with which they did.
    pub fn forward(
        &self,
        rows: Tensor<2>,
        queries: Queries,
        memory: &Memory,
        mask: &Mask,
        dropout: &mut Dropout,
    ) -> (Tensor<2>, Tensor<4>) {
        let query = self.query.forward(rows);
        let query = turned(self.split(query, queries.batch), queries.rotation);
        let scale = (self.head_size() as f64).sqrt().recip();
        let keys = memory.keys.clone().swap_dims(2, 3);
        let scores = query.mul_scalar(scale).matmul(keys);
        let weights = softmax(mask.apply(scores));
        let read = dropout.apply(weights.clone()).matmul(memory.values.clone());
        let read = self.output.forward(join(read));
        (read, weights)
    }

    /// `[time * batch, size]` to `[batch, heads, time, size / heads]`.
    fn split(&self, rows: Tensor<2>, batch: usize) -> Tensor<4> {
        let [count, size] = rows.dims();
        let time = count / batch.max(1);
        rows.reshape([time, batch, self.heads, size / self.heads])
            .permute([1, 2, 0, 3])
    }
}

/// `[batch, heads, time, size / heads]` to `[time * batch, size]`.
fn join(heads: Tensor<4>) -> Tensor<2> {
    let [batch, count, time, size] = heads.dims();
    heads
        .permute([2, 0, 1, 3])
        .reshape([time * batch, count * size])
}

fn turned(x: Tensor<4>, rotation: Option<&Rotation>) -> Tensor<4> {
    match rotation {
        Some(rotation) => rotation.apply(x),
        None => x,
    }
}
