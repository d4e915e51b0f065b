//! Attention: at each step the decoder looks at all encoder states, weighted by how well they match
//! its own state.
//!
//! The scores are those of Luong et al. 2015 (`dot`, `general`, `concat`), Bahdanau et al. 2015
//! (`additive`) and Vaswani et al. 2017 (`multi-head`). All steps of the decoder are served at once:
//! the scores are one product of matrices, sequence by sequence, the contexts another.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};

use super::parameters::Parameters;
use crate::config::AttentionKind;
use crate::encoding::Padded;
use crate::ops::attention_product::{times, times_rows};
use crate::ops::product::product;
use crate::ops::softmax::softmax;
use crate::ops::tanh::tanh;
use seq2seq_runtime::layers::{AttentionSizes, WeightError};

/// Taken from the scores of padding: far beyond any score, and far from infinity, so that a row of
/// nothing but padding gives no NaN.
const PENALTY: f64 = 1e9;

/// Weights of an attention layer; which of them there are depends on the score.
#[derive(Module, Debug)]
pub struct Attention {
    /// Of the query, `[query, units]` (`concat`, `additive`, `multi-head`).
    pub query: Option<Param<Tensor<2>>>,
    /// Of the memory, `[memory, query]` (`general`) or `[memory, units]` (as `query`).
    pub key: Option<Param<Tensor<2>>>,
    /// Of the memory's content, `[memory, units]` (`multi-head`).
    pub value: Option<Param<Tensor<2>>>,
    /// Added before the hyperbolic tangent, `[units]` (`additive`).
    pub bias: Option<Param<Tensor<1>>>,
    /// From units to a score, `[units, 1]` (`concat`, `additive`).
    pub score: Option<Param<Tensor<2>>>,
    #[module(skip)]
    kind: AttentionKind,
    #[module(skip)]
    heads: usize,
}

/// What attention looks at, for a batch of sources.
#[derive(Clone, Debug)]
pub struct Memory {
    /// What queries are compared with, `[source time, batch, ..]`.
    keys: Tensor<3>,
    /// What contexts are made of, `[source time, batch, ..]`.
    values: Tensor<3>,
    /// 1 for symbols, 0 for padding, `[1, batch, source time]`; none if there is no padding.
    mask: Option<Tensor<3>>,
}

/// What attention found.
#[derive(Clone, Debug)]
pub struct Attended {
    /// Weighted sums of the memory `[time, batch, width]`.
    pub contexts: Tensor<3>,
    /// The weights `[batch, time, source time]`: they sum to 1, or to 0 for an empty source. With
    /// several heads, their mean.
    pub weights: Tensor<3>,
}

impl Attention {
    /// A layer with parameters of its own; none for [`AttentionKind::None`].
    ///
    /// # Errors
    /// If stored parameters do not fit.
    pub fn new(
        kind: AttentionKind,
        sizes: AttentionSizes,
        params: &mut Parameters,
    ) -> Result<Option<Self>, WeightError> {
        let AttentionSizes {
            query,
            memory,
            units,
            heads,
        } = sizes;
        let mut layer = Self {
            query: None,
            key: None,
            value: None,
            bias: None,
            score: None,
            kind,
            heads,
        };
        match kind {
            AttentionKind::None => return Ok(None),
            AttentionKind::Dot => {}
            AttentionKind::General => {
                layer.key = Some(params.glorot_uniform("key", [memory, query])?);
            }
            AttentionKind::Concat | AttentionKind::Additive => {
                layer.query = Some(params.glorot_uniform("query", [query, units])?);
                layer.key = Some(params.glorot_uniform("key", [memory, units])?);
                if kind == AttentionKind::Additive {
                    layer.bias = Some(params.vector("bias", vec![0.0; units])?);
                }
                layer.score = Some(params.glorot_uniform("score", [units, 1])?);
            }
            AttentionKind::MultiHead => {
                layer.query = Some(params.glorot_uniform("query", [query, units])?);
                layer.key = Some(params.glorot_uniform("key", [memory, units])?);
                layer.value = Some(params.glorot_uniform("value", [memory, units])?);
            }
        }
        Ok(Some(layer))
    }

    /// Prepares encoder states `[source time, batch, width]` to be looked at.
    pub fn memory(&self, states: Tensor<3>, source: &Padded) -> Memory {
        let keys = projected(states.clone(), self.key.as_ref());
        let values = projected(states, self.value.as_ref());
        let mask = source.ragged().map(|lengths| {
            let (time, batch) = (source.time, source.batch());
            let mask = lengths
                .iter()
                .flat_map(|&length| (0..time).map(move |step| f32::from(u8::from(step < length))))
                .collect::<Vec<f32>>();
            let device = keys.device().inner();
            Tensor::from_data(
                TensorData::new(mask, [1, batch, time]),
                (&device, keys.dtype()),
            )
        });
        Memory { keys, values, mask }
    }

    /// Looks at the memory from decoder states `[time, batch, query]`.
    pub fn forward(&self, queries: Tensor<3>, memory: &Memory) -> Attended {
        let queries = projected(queries, self.query.as_ref());
        if self.kind == AttentionKind::MultiHead {
            return self.look_with_heads(queries, memory);
        }
        let scores = match &self.score {
            Some(score) => self.summed_scores(queries, memory.keys.clone(), score.val()),
            None => times_rows(queries, memory.keys.clone()),
        };
        let weights = masked_softmax(scores, memory.mask.clone());
        Attended {
            contexts: times(weights.clone(), memory.values.clone()),
            weights: weights.swap_dims(0, 1),
        }
    }

    /// `v · tanh(W q + U k + b)` for each query `[time, batch, units]` and each key:
    /// `[time, batch, source time]`.
    fn summed_scores(&self, queries: Tensor<3>, keys: Tensor<3>, score: Tensor<2>) -> Tensor<3> {
        let [time, batch, units] = queries.dims();
        let positions = keys.dims()[0];
        let queries = match &self.bias {
            Some(bias) => queries + bias.val().unsqueeze(),
            None => queries,
        };
        let sums: Tensor<4> = queries.unsqueeze_dim(1) + keys.unsqueeze_dim(0);
        let rows = tanh(sums).reshape([time * positions * batch, units]);
        let scores = rows.matmul(score).reshape([time, positions, batch]);
        scores.swap_dims(1, 2)
    }

    /// Scaled dot products in each head's share of the units.
    fn look_with_heads(&self, queries: Tensor<3>, memory: &Memory) -> Attended {
        let [time, batch, units] = queries.dims();
        let size = units / self.heads;
        let split = |tensor: Tensor<3>| {
            let [steps, batch, _] = tensor.dims();
            tensor
                .reshape([steps, batch, self.heads, size])
                .permute([1, 2, 0, 3])
        };
        let keys = split(memory.keys.clone()).swap_dims(2, 3);
        let scores = split(queries).matmul(keys) * (1.0 / (size as f64).sqrt());
        let mask = memory.mask.clone().map(|mask| mask.swap_dims(0, 1));
        let mask = mask.map(|mask| mask.unsqueeze_dim(1));
        let weights: Tensor<4> = masked_softmax(scores, mask);
        let contexts = weights.clone().matmul(split(memory.values.clone()));
        let positions = weights.dims()[3];
        Attended {
            contexts: contexts.permute([2, 0, 1, 3]).reshape([time, batch, units]),
            weights: weights.mean_dim(1).reshape([batch, time, positions]),
        }
    }
}

/// Vectors `[time, batch, input]` times weights `[input, output]`, if there are any.
fn projected(vectors: Tensor<3>, weights: Option<&Param<Tensor<2>>>) -> Tensor<3> {
    let Some(weights) = weights else {
        return vectors;
    };
    let [time, batch, width] = vectors.dims();
    let product = product(vectors.reshape([time * batch, width]), weights.val());
    let width = product.dims()[1];
    product.reshape([time, batch, width])
}

/// Softmax over the last axis that gives padding (where the mask is 0) no weight at all. A row of
/// nothing but padding gets the weight 0 everywhere.
pub fn masked_softmax<const D: usize>(scores: Tensor<D>, mask: Option<Tensor<D>>) -> Tensor<D> {
    match mask {
        None => softmax(scores),
        Some(mask) => softmax(scores + (mask.clone() - 1.0) * PENALTY) * mask,
    }
}
