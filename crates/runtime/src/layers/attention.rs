//! Attention: at each step the decoder looks at all encoder states of its source, weighted by how
//! well they match its own state.
//!
//! The scores are those of Luong et al. 2015 (`dot`, `general`, `concat`), Bahdanau et al. 2015
//! (`additive`) and Vaswani et al. 2017 (`multi-head`).

use super::{
    AttentionSizes, Matrix, Parameters, Rows, WeightError, dots, scores_of_sources,
    softmax_of_lengths, sums_of_sources, tanh,
};
use crate::settings::AttentionKind;

/// Weights of an attention layer; which of them there are depends on the score.
#[derive(Debug)]
pub struct Attention {
    /// Of the query, `[query, units]` (`concat`, `additive`, `multi-head`).
    query: Option<Matrix>,
    /// Of the memory, `[memory, query]` (`general`) or `[memory, units]` (as `query`).
    key: Option<Matrix>,
    /// Of the memory's content, `[memory, units]` (`multi-head`).
    value: Option<Matrix>,
    /// Added before the hyperbolic tangent, `[units]` (`additive`).
    bias: Option<Vec<f32>>,
    /// From units to a score, `[units]` (`concat`, `additive`).
    score: Option<Vec<f32>>,
    heads: usize,
}

/// What attention looks at, for a batch of sources.
#[derive(Debug)]
pub struct Memory {
    /// What queries are compared with, `[time * sources, ..]`.
    keys: Rows,
    /// What contexts are made of, `[time * sources, ..]`.
    values: Rows,
    /// Length of each source.
    lengths: Vec<usize>,
}

/// What attention found.
#[derive(Clone, Debug)]
pub struct Attended {
    /// Weighted sums of the memory `[batch, width]`.
    pub contexts: Rows,
    /// The weights `[batch, source time]`: they sum to 1, or to 0 for an empty source. With several
    /// heads, their mean.
    pub weights: Rows,
}

impl Attention {
    /// The layer, from stored weights; none for [`AttentionKind::None`].
    ///
    /// # Errors
    /// If they do not fit.
    pub fn new(
        kind: AttentionKind,
        sizes: AttentionSizes,
        params: &mut Parameters,
    ) -> Result<Option<Self>, WeightError> {
        use AttentionKind::{Additive, Concat, Dot, General, MultiHead, None as Without};
        let AttentionSizes {
            query,
            memory,
            units,
            heads,
        } = sizes;
        let (compares, has_heads) = (matches!(kind, Concat | Additive), kind == MultiHead);
        let mut matrix = |wanted: bool, name: &str, shape| {
            wanted.then(|| params.matrix(name, shape)).transpose()
        };
        let key = match kind {
            Without => return Ok(None),
            Dot => None,
            General => matrix(true, "key", [memory, query])?,
            Concat | Additive | MultiHead => matrix(true, "key", [memory, units])?,
        };
        Ok(Some(Self {
            query: matrix(compares || has_heads, "query", [query, units])?,
            key,
            value: matrix(has_heads, "value", [memory, units])?,
            score: (compares)
                .then(|| params.column("score", units))
                .transpose()?,
            bias: (kind == Additive)
                .then(|| params.vector("bias", units))
                .transpose()?,
            heads: if has_heads { heads } else { 1 },
        }))
    }

    /// Prepares encoder states `[time * sources, width]` to be looked at.
    pub fn memory(&self, states: &Rows, lengths: &[usize]) -> Memory {
        Memory {
            keys: projected(states, self.key.as_ref()),
            values: projected(states, self.value.as_ref()),
            lengths: lengths.to_vec(),
        }
    }

    /// Looks from decoder states `[batch, query]` at the sources to which they belong.
    pub fn forward(&self, queries: &Rows, memory: &Memory, sources: &[u32]) -> Attended {
        let queries = projected(queries, self.query.as_ref());
        match &self.score {
            Some(score) => self.compare(queries, memory, sources, score),
            None => self.multiply(&queries, memory, sources),
        }
    }

    /// Products of states, in one or several heads, each of which has its share of the numbers. Only
    /// those of several heads are scaled.
    fn multiply(&self, queries: &Rows, memory: &Memory, sources: &[u32]) -> Attended {
        let heads = self.heads;
        let count = memory.lengths.len() * heads;
        let of_heads = of_heads(sources, heads);
        let mut weights = scores_of_sources(queries, &memory.keys, &of_heads, count);
        if self.value.is_some() {
            weights.scale(1.0 / ((queries.width / heads) as f32).sqrt());
        }
        let lengths = of_heads.iter();
        softmax_of_lengths(
            &mut weights,
            lengths.map(|&head| memory.lengths[head as usize / heads]),
        );
        let mut contexts = sums_of_sources(&weights, &memory.values, &of_heads, count);
        contexts.width *= heads;
        Attended {
            contexts,
            weights: mean_of_heads(weights, heads),
        }
    }

    /// `v · tanh(W q + U k + b)` for each row and each state of its source.
    fn compare(
        &self,
        mut queries: Rows,
        memory: &Memory,
        sources: &[u32],
        score: &[f32],
    ) -> Attended {
        if let Some(bias) = &self.bias {
            queries.add_to_each(bias);
        }
        let count = memory.lengths.len();
        let time = memory.keys.count() / count;
        let mut weights = Rows::zeros(sources.len(), time);
        for (row, (query, &source)) in queries.iter().zip(sources).enumerate() {
            let length = memory.lengths[source as usize];
            let mut sums = Vec::with_capacity(length * queries.width);
            for step in 0..length {
                let key = memory.keys.row(step * count + source as usize);
                sums.extend(query.iter().zip(key).map(|(q, k)| q + k));
            }
            let hidden = tanh(Rows::new(queries.width, sums));
            let scores = dots(&hidden, score);
            weights.values[row * time..][..length].copy_from_slice(&scores);
        }
        let lengths = sources.iter();
        softmax_of_lengths(
            &mut weights,
            lengths.map(|&source| memory.lengths[source as usize]),
        );
        Attended {
            contexts: sums_of_sources(&weights, &memory.values, sources, count),
            weights,
        }
    }
}

/// The numbers of the heads' sources, for each row's heads.
pub(crate) fn of_heads(sources: &[u32], heads: usize) -> Vec<u32> {
    let heads = heads as u32;
    let numbers = |&source: &u32| (0..heads).map(move |head| source * heads + head);
    sources.iter().flat_map(numbers).collect()
}

/// Weights `[batch * heads, time]` to their means over the heads, `[batch, time]`.
pub(crate) fn mean_of_heads(weights: Rows, heads: usize) -> Rows {
    if heads == 1 {
        return weights;
    }
    let mut means = Rows::zeros(weights.count() / heads, weights.width);
    for (row, weights) in weights.iter().enumerate() {
        let to = &mut means.values[row / heads * weights.len()..][..weights.len()];
        to.iter_mut()
            .zip(weights)
            .for_each(|(to, more)| *to += more);
    }
    means.scale(1.0 / heads as f32);
    means
}

fn projected(rows: &Rows, weights: Option<&Matrix>) -> Rows {
    match weights {
        Some(weights) => weights.product(rows),
        None => rows.clone(),
    }
}
