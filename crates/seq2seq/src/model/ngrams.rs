//! Vectors of n-grams: what stands around a symbol, added to the vector of the symbol itself. A network
//! that looks a run of symbols up, rather than working it out step by step, knows `tion` or `ough` after
//! seeing them a few times (for words: Bojanowski et al. 2017, "Enriching Word Vectors with Subword
//! Information").
//!
//! Only n-grams that training has seen several times have a vector. All others share one, which also
//! stands in for some of them while training, the rarest most often (as absolute discounting takes most
//! from rare n-grams, Ney et al. 1994), so that a network learns what to do without.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{IndexingUpdateOp, Tensor};

use super::dropout::Noise;
use super::embedding::LIMIT;
use super::parameters::{ParameterError, Parameters};
use super::tensors::row_numbers;
use crate::config::{LONGEST_NGRAM, NgramSettings};
use crate::data::Padded;

/// Stands for what lies beyond either end of a source.
const OUTSIDE: i32 = -1;

/// Stands behind the symbols of an n-gram that is shorter than the longest.
const NOTHING: i32 = -2;

/// The row of all n-grams that are not known.
const UNKNOWN: i32 = 0;

/// Symbols that follow one another, and how often they do in the training sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ngram {
    /// Ids, -1 for what lies beyond either end of a source.
    pub symbols: Box<[i32]>,
    /// How often.
    pub count: u32,
}

/// Vectors of the n-grams around each symbol of a source.
#[derive(Module, Debug)]
pub struct Ngrams {
    /// Vectors `[1 + n-grams, size]`, the first one of all that are not known.
    pub table: Param<Tensor<2>>,
    /// The count of each n-gram and its symbols, `[1 + n-grams, 1 + longest]`: no weights, but kept with
    /// them.
    pub known: Param<Tensor<2>>,
    #[module(skip)]
    rows: Arc<HashMap<Box<[i32]>, i32>>,
    /// With which probability each row is passed over while training.
    #[module(skip)]
    passed_over: Arc<Vec<f64>>,
    /// Which rows of the table there are, where there are some only.
    #[module(skip)]
    excerpt: Option<Arc<Excerpt>>,
    #[module(skip)]
    longest: usize,
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
        let longest = settings.longest;
        if longest < 2 {
            return Ok(None);
        }
        params.layer("ngrams", |params| {
            let ngrams = params.ngrams("known", longest)?;
            let unknown = Ngram {
                symbols: [].into(),
                count: 0,
            };
            let all = || std::iter::once(&unknown).chain(&ngrams);
            let known = all().flat_map(|ngram| ngram.stored(longest)).collect();
            let rate = |ngram: &Ngram| (settings.discount / f64::from(ngram.count.max(1))).min(1.0);
            let rows = 1 + ngrams.len();
            Ok(Some(Self {
                table: params.uniform("table", [rows, size], LIMIT)?,
                known: params.constant("known", [rows, 1 + longest], known),
                passed_over: Arc::new(all().map(rate).collect()),
                rows: Arc::new(ngrams.into_iter().map(|n| n.symbols).zip(1..).collect()),
                excerpt: None,
                longest,
            }))
        })
    }

    /// The sum of the vectors of the n-grams of two symbols and more around each symbol,
    /// `[time, batch, size]`. While training, some are passed over as if they were not known.
    pub fn sum(&self, symbols: &Padded, noise: Option<&mut Noise>) -> Tensor<3> {
        let table = self.table.val();
        let (time, batch, size) = (symbols.time, symbols.batch(), table.dims()[1]);
        let mut rows = self.rows_around(symbols);
        if let Some(noise) = noise {
            let rates = rows.iter().map(|&row| self.passed_over[row as usize]);
            let passed_over = noise.drops(rates);
            for (row, passed_over) in rows.iter_mut().zip(passed_over) {
                *row = if passed_over { UNKNOWN } else { *row };
            }
        }
        if let Some(excerpt) = &self.excerpt {
            rows.iter_mut().for_each(|row| *row = excerpt.place(*row));
        }
        let vectors = table.clone().select(0, row_numbers(rows, &table));
        let vectors: Tensor<4> = vectors.reshape([self.longest - 1, time, batch, size]);
        vectors.sum_dim(0).reshape([time, batch, size])
    }

    /// The row of each n-gram, `[longest - 1, time, batch]`: those of two symbols first.
    fn rows_around(&self, symbols: &Padded) -> Vec<i32> {
        let (time, batch) = (symbols.time, symbols.batch());
        let mut rows = vec![UNKNOWN; (self.longest - 1) * time * batch];
        let mut source = Vec::with_capacity(time);
        for (sequence, &length) in symbols.lengths.iter().enumerate() {
            source.clear();
            source.extend((0..length).map(|step| symbols.ids[step * batch + sequence]));
            for step in 0..length {
                let row = |n| {
                    self.rows
                        .get(around(&source, step, n, &mut [0; LONGEST_NGRAM]))
                };
                // What contains an unknown n-gram is unknown itself.
                for (index, &row) in (2..=self.longest).map_while(row).enumerate() {
                    rows[(index * time + step) * batch + sequence] = row;
                }
            }
        }
        rows
    }

    /// The same with no more rows than a batch of sources reads, so that its gradient is a small one;
    /// [`spread`](Self::spread) makes it that of the whole table.
    #[must_use]
    pub fn excerpt<'a>(&self, sources: impl Iterator<Item = &'a Padded>) -> Self {
        let mut rows: Vec<i32> = sources
            .flat_map(|symbols| self.rows_around(symbols))
            .collect();
        rows.push(UNKNOWN);
        rows.sort_unstable();
        rows.dedup();
        let table = self.table.val().inner();
        let read = table.clone().select(0, row_numbers(rows.clone(), &table));
        let read = Tensor::from_inner(read).require_grad();
        Self {
            table: Param::initialized(self.table.id, read),
            excerpt: Some(Arc::new(Excerpt { rows })),
            ..self.clone()
        }
    }

    /// The gradient of the table from that of an excerpt.
    pub fn spread(&self, excerpt: &Self, gradients: &mut GradientsParams) {
        let id = self.table.id;
        let Some((rows, gradient)) = (excerpt.excerpt.as_ref()).zip(gradients.remove::<2>(id))
        else {
            return;
        };
        let like = (&gradient.device(), gradient.dtype());
        let zeros = Tensor::zeros(self.table.val().dims(), like);
        let rows = row_numbers(rows.rows.clone(), &gradient);
        let whole = zeros.select_assign(0, rows, gradient, IndexingUpdateOp::Add);
        gradients.register(id, whole);
    }
}

/// Rows of a table, sorted.
#[derive(Debug)]
struct Excerpt {
    rows: Vec<i32>,
}

impl Excerpt {
    /// Where a row of the table stands; one that was left out counts as unknown.
    fn place(&self, row: i32) -> i32 {
        let place = self.rows.binary_search(&row);
        place.map_or(UNKNOWN, |place| place as i32)
    }
}

/// The n-gram of so many symbols around a place, which is in the middle or just before it. It contains
/// the one that is a symbol shorter.
fn around<'a>(
    source: &[i32],
    place: usize,
    length: usize,
    symbols: &'a mut [i32; LONGEST_NGRAM],
) -> &'a [i32] {
    let before = (length - 1) / 2;
    let ngram = &mut symbols[..length];
    for (offset, symbol) in ngram.iter_mut().enumerate() {
        let place = (place + offset).checked_sub(before);
        let inside = place.and_then(|place| source.get(place));
        *symbol = inside.copied().unwrap_or(OUTSIDE);
    }
    ngram
}

/// The n-grams that stand around at least `settings.min_count` symbols of some sources, in a fixed
/// order: shorter ones first.
pub fn frequent<'a>(
    sources: impl Iterator<Item = &'a [u32]> + Clone,
    settings: &NgramSettings,
) -> Vec<Ngram> {
    let mut frequent: Vec<Ngram> = Vec::new();
    let mut shorter: BTreeMap<Box<[i32]>, u32> = BTreeMap::new();
    for length in 2..=settings.longest {
        let mut counts: HashMap<Box<[i32]>, u32> = HashMap::new();
        for source in sources.clone() {
            let source: Vec<i32> = source.iter().map(|&id| id as i32).collect();
            for place in 0..source.len() {
                let mut symbols = [0; LONGEST_NGRAM];
                // One with a rare part is rare itself.
                let part = around(&source, place, length - 1, &mut symbols);
                if length == 2 || shorter.contains_key(part) {
                    let ngram = around(&source, place, length, &mut symbols);
                    *counts.entry(ngram.into()).or_default() += 1;
                }
            }
        }
        counts.retain(|_, count| *count as usize >= settings.min_count);
        shorter = counts.into_iter().collect();
        frequent.extend(shorter.iter().map(|(symbols, &count)| Ngram {
            symbols: symbols.clone(),
            count,
        }));
    }
    frequent
}

impl Ngram {
    /// A row of [`Ngrams::known`].
    fn stored(&self, longest: usize) -> impl Iterator<Item = f32> {
        let nothing = std::iter::repeat(&NOTHING);
        let symbols = self.symbols.iter().chain(nothing).take(longest);
        std::iter::once(self.count as f32).chain(symbols.map(|&symbol| symbol as f32))
    }

    /// The n-gram of such a row; `id` says what has become of the ids.
    pub(super) fn load(row: &[f32], id: impl Fn(i32) -> i32) -> Option<Self> {
        let (count, symbols) = row.split_first()?;
        let symbols = symbols.iter().map(|&symbol| symbol.round() as i32);
        Some(Self {
            symbols: (symbols.take_while(|&symbol| symbol != NOTHING))
                .map(id)
                .collect(),
            count: count.round() as u32,
        })
    }
}
