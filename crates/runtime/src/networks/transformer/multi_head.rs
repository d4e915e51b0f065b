//! Multi-head scaled dot-product attention (Vaswani et al. 2017, section 3.2).

use rnn_kernels::{Order, ProductShape, batched_product};

use super::Rotation;
use crate::layers::{
    Dense, Parameters, Rows, WeightError, mean_of_heads, of_heads, scores_of_sources,
    softmax_of_lengths, sums_of_sources,
};

/// Attention weights that are computed at once: 16 MiB.
const MOST_WEIGHTS: usize = 1 << 22;

/// Projections of one attention; rows are `[time * batch, size]`, and a head has its share of each.
#[derive(Debug)]
pub struct MultiHead {
    /// Projection of what asks.
    query: Dense,
    /// Projection of what is compared.
    key: Dense,
    /// Projection of what is read.
    value: Dense,
    /// Projection of all heads together.
    output: Dense,
    heads: usize,
}

/// What is attended to, `[time * batch, size]` each.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    keys: Rows,
    values: Rows,
}

/// Sequences that attend to themselves.
#[derive(Debug)]
pub struct Sequences<'a> {
    /// How many.
    pub batch: usize,
    /// Length of each; padding is not attended to.
    pub lengths: &'a [usize],
    /// How rows are turned, if positions are.
    pub rotation: Option<Rotation>,
}

impl MultiHead {
    /// The attention, from stored weights.
    ///
    /// # Errors
    /// If they do not fit.
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

    /// Keys and values of rows `[time * batch, size]`.
    pub fn memory(&self, rows: &Rows, rotation: Option<&Rotation>) -> Memory {
        Memory {
            keys: turned(self.key.forward(rows), rotation),
            values: self.value.forward(rows),
        }
    }

    /// What the rows of whole sequences read from each other.
    pub fn among(&self, rows: &Rows, sequences: &Sequences) -> Rows {
        let rotation = sequences.rotation.as_ref();
        let Memory { keys, values } = self.memory(rows, rotation);
        let query = self.query(rows, rotation);
        let (size, of_heads) = (rows.width / self.heads, sequences.batch * self.heads);
        let time = rows.count() / sequences.batch;
        // A block of steps at a time, since all steps against all others are as many numbers as a length squared.
        let block = (MOST_WEIGHTS / (of_heads * time).max(1)).max(1);
        let mut read = Vec::with_capacity(query.values.len());
        for query in query.values.chunks(block * of_heads * size) {
            let shape = |inner, columns| ProductShape {
                rows: query.len() / (of_heads * size),
                inner,
                columns,
            };
            let (left, right) = ((query, Order::Rows), (&keys.values[..], Order::Transposed));
            let scores = batched_product(of_heads, shape(size, time), left, right);
            let mut weights = Rows::new(time, scores);
            let heads = 0..weights.count();
            let lengths = heads.map(|head| sequences.lengths[head % of_heads / self.heads]);
            softmax_of_lengths(&mut weights, lengths);
            let (left, right) = (
                (&weights.values[..], Order::Rows),
                (&values.values[..], Order::Rows),
            );
            read.extend(batched_product(of_heads, shape(time, size), left, right));
        }
        self.output.forward(&Rows::new(rows.width, read))
    }

    /// What single rows `[batch, size]` read from the memories of their sources, and the weights
    /// `[batch, time]`, averaged over the heads, with which they did.
    pub fn forward(
        &self,
        rows: &Rows,
        rotation: Option<&Rotation>,
        memory: &Memory,
        lengths: &[usize],
        sources: &[u32],
    ) -> (Rows, Rows) {
        let query = self.query(rows, rotation);
        let (count, sources) = (lengths.len() * self.heads, of_heads(sources, self.heads));
        let mut weights = scores_of_sources(&query, &memory.keys, &sources, count);
        let of_sources = sources.iter();
        softmax_of_lengths(
            &mut weights,
            of_sources.map(|&head| lengths[head as usize / self.heads]),
        );
        let mut read = sums_of_sources(&weights, &memory.values, &sources, count);
        read.width = rows.width;
        (
            self.output.forward(&read),
            mean_of_heads(weights, self.heads),
        )
    }

    fn query(&self, rows: &Rows, rotation: Option<&Rotation>) -> Rows {
        let mut query = turned(self.query.forward(rows), rotation);
        query.scale(1.0 / ((rows.width / self.heads) as f32).sqrt());
        query
    }
}

fn turned(mut rows: Rows, rotation: Option<&Rotation>) -> Rows {
    if let Some(rotation) = rotation {
        rotation.apply(&mut rows);
    }
    rows
}

impl Memory {
    /// Adds a later step.
    pub fn push(&mut self, later: Self) {
        for (past, later) in [
            (&mut self.keys, later.keys),
            (&mut self.values, later.values),
        ] {
            past.width = later.width;
            past.values.extend(later.values);
        }
    }

    /// Steps, of `batch` sequences.
    pub fn steps(&self, batch: usize) -> usize {
        self.keys.count() / batch
    }

    /// Keeps the given ones of `batch` sequences, in that order.
    pub fn select(&mut self, batch: usize, rows: &[usize]) {
        for part in [&mut self.keys, &mut self.values] {
            *part = part.select_in_blocks(batch, rows);
        }
    }
}
