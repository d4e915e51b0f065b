//! Vectors of n-grams: what stands around a symbol, added to the vector of the symbol itself. A network
//! that looks a run of symbols up, rather than working it out step by step, knows `tion` or `ough` after
//! seeing them a few times.
//!
//! There are too many n-grams for a row each, so they share the rows of a table by a hash of their symbols
//! (Svenstrup et al. 2017, "Hash Embeddings"; for words in Bojanowski et al. 2017, "Enriching Word Vectors
//! with Subword Information"). Rows are part of what a model file means: the hash must not change.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::dropout::Noise;
use super::parameters::{ParameterError, Parameters};
use super::tensors::row_numbers;
use crate::config::NgramSettings;
use crate::data::Padded;

/// Largest initial value, as of embeddings.
const LIMIT: f32 = 0.05;

/// What stands beyond either end of a source.
const OUTSIDE: u64 = u64::MAX;

/// Vectors of the n-grams around each symbol of a source.
#[derive(Module, Debug)]
pub struct Ngrams {
    /// Vectors `[rows, size]`.
    pub table: Param<Tensor<2>>,
    #[module(skip)]
    longest: usize,
    #[module(skip)]
    dropout: f64,
}

impl Ngrams {
    /// A table of vectors of `size` numbers, if n-grams of more than one symbol are asked for.
    ///
    /// # Errors
    /// If stored parameters do not fit.
    pub fn new(
        settings: &NgramSettings,
        size: usize,
        params: &mut Parameters,
    ) -> Result<Option<Self>, ParameterError> {
        if settings.longest < 2 {
            return Ok(None);
        }
        let shape = [settings.rows, size];
        Ok(Some(Self {
            table: params.layer("ngrams", |p| p.uniform("table", shape, LIMIT))?,
            longest: settings.longest,
            dropout: settings.dropout,
        }))
    }

    /// The sum of the vectors of the n-grams of two symbols and more around each symbol,
    /// `[time, batch, size]`. While training, some n-grams are left out as a whole.
    pub fn sum(&self, symbols: &Padded, noise: Option<&mut Noise>) -> Tensor<3> {
        let table = self.table.val();
        let [rows, size] = table.dims();
        let (time, batch, lengths) = (symbols.time, symbols.batch(), self.longest - 1);
        let ids = (2..=self.longest).flat_map(|length| rows_of(symbols, length, rows));
        let ids = row_numbers(ids.collect(), &table);
        let mut vectors: Tensor<4> = (table.select(0, ids)).reshape([lengths, time, batch, size]);
        if let Some(noise) = noise.filter(|_| self.dropout > 0.0) {
            let like = (&vectors.device(), vectors.dtype());
            let mask = noise.mask([lengths, time, batch, 1], self.dropout, like);
            vectors = vectors * mask;
        }
        vectors.sum_dim(0).reshape([time, batch, size])
    }
}

/// The row of the n-gram of so many symbols around each symbol, `[time * batch]`; the symbol stands in
/// the middle, or just before it.
fn rows_of(symbols: &Padded, length: usize, rows: usize) -> impl Iterator<Item = i32> {
    let batch = symbols.batch();
    let before = (length - 1) / 2;
    let row = move |step: usize, sequence: usize| {
        let symbol = |place: usize| {
            let place = (step + place).checked_sub(before)?;
            let inside = place < symbols.lengths[sequence];
            inside.then(|| symbols.ids[place * batch + sequence] as u64)
        };
        let ngram = (0..length).map(|place| symbol(place).unwrap_or(OUTSIDE));
        // The high half of a hash, as a share of the rows.
        let hash = ngram.fold(length as u64, mix) >> 32;
        ((hash * rows as u64) >> 32) as i32
    };
    (0..symbols.time).flat_map(move |step| (0..batch).map(move |sequence| row(step, sequence)))
}

/// A hash of numbers, one after the other.
fn mix(hash: u64, value: u64) -> u64 {
    let mixed = (hash ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}
