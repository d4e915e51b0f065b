//! Every pair as a sequence of joint units.

use seq2seq_runtime::networks::ngram::{NONE, Unit};
use seq2seq_runtime::parallel;

use super::expectation::{Grid, SHAPES, each_unit};
use super::index::{Index, MOST_SYMBOLS, Packed};
use super::{PairIds, Symbols};

/// Rounds of expectation maximisation over a sample of the pairs, and then over all of them.
const ROUNDS: [usize; 2] = [8, 2];
/// Pairs of the sample, at most.
const SAMPLE: usize = 50_000;
/// Parts that pairs are cut into; sums do not depend on how many threads there are.
const PARTS: usize = 16;
/// Probability of a unit that the sample does not have, against a sum of 1.
const UNSEEN: f64 = 1e-10;
/// Units that pairs may be cut into, at most: each takes memory in every part.
const MOST_UNITS: usize = 1 << 21;

/// Places in source and target of a pair, at most: a table of them is kept in memory.
const MOST_CELLS: usize = 1 << 22;

/// Why pairs cannot be aligned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AlignError {
    /// Too many symbols.
    #[error(
        "the {side} has {count} symbols, but an n-gram model has at most {MOST_SYMBOLS}: use another \
         model.architecture, such as \"recurrent\""
    )]
    TooManySymbols {
        /// Source or target.
        side: &'static str,
        /// Its symbols.
        count: usize,
    },
    /// Too many units.
    #[error(
        "these pairs can be cut into over {MOST_UNITS} different units of source and target symbols, more \
         than an n-gram model counts: it is for short pairs of few symbols; use another \
         model.architecture, such as \"recurrent\""
    )]
    TooManyUnits,
    /// No pair can be aligned.
    #[error(
        "none of the {pairs} training pairs can be aligned: each target is more than twice as long as its \
         source; see whether text.source and text.target cut both sides into the right symbols, or use \
         another model.architecture"
    )]
    None {
        /// How many there are.
        pairs: usize,
    },
}

/// Pairs as sequences of units.
#[derive(Clone, Debug)]
pub struct Alignments {
    /// The units, sorted as in the tables of a model.
    pub units: Vec<Unit>,
    /// The units of each pair that can be aligned, as places in `units`, one pair after the other.
    pub sequences: Vec<u32>,
    /// Where each sequence ends.
    pub ends: Vec<usize>,
    /// Pairs that cannot be aligned.
    pub left_out: usize,
    /// Mean log-probability of a pair in each round.
    pub log_probabilities: Vec<f64>,
}

/// A pair's units.
pub type Aligned = Vec<Packed>;

impl Alignments {
    /// Aligns pairs by units that read one source symbol, or up to two with a `span` of 2. Pairs whose
    /// target is more than twice as long as their source cannot be aligned and are left out, as are pairs
    /// whose lengths multiply to over four million.
    ///
    /// # Errors
    /// If there are too many symbols or units, or no pair can be aligned.
    pub fn new(pairs: &[PairIds], symbols: Symbols, span: usize) -> Result<Self, AlignError> {
        for (side, count) in [("source", symbols.source), ("target", symbols.target)] {
            if count > MOST_SYMBOLS {
                return Err(AlignError::TooManySymbols { side, count });
            }
        }
        let can_be_cut = |pair: &&PairIds| {
            let (source, target) = (pair.source.len(), pair.target.len());
            target <= 2 * source && source.saturating_mul(target) <= MOST_CELLS
        };
        let kept: Vec<PairIds> = pairs.iter().filter(can_be_cut).copied().collect();
        if kept.is_empty() {
            return Err(AlignError::None { pairs: pairs.len() });
        }
        let index = Index::of(&candidates(&kept, span)?);
        let (logs, log_probabilities) = probabilities(&kept, span, &index);
        let aligned = in_parts(&kept, |pairs| {
            let mut grid = Grid::default();
            let cut = |pair: &PairIds| {
                grid.fill(*pair, span, &index);
                grid.best(&logs).map(|shapes| units_of(*pair, &shapes))
            };
            pairs.iter().filter_map(cut).collect::<Vec<Aligned>>()
        });
        let aligned: Vec<Aligned> = aligned.into_iter().flatten().collect();
        let left_out = pairs.len() - aligned.len();
        Ok(Self::of(&aligned, symbols, left_out, log_probabilities))
    }

    fn of(
        aligned: &[Aligned],
        symbols: Symbols,
        left_out: usize,
        log_probabilities: Vec<f64>,
    ) -> Self {
        // Every source symbol can be read by itself, and then writes nothing.
        let readable = (0..symbols.source as u32).filter(|&id| Some(id) != symbols.source_end);
        let mut units: Vec<Packed> = readable.map(|id| Packed::new(&[id], &[])).collect();
        units.extend(aligned.iter().flatten());
        units.sort_unstable();
        units.dedup();
        units.sort_unstable_by_key(|packed| packed.unit().key());
        let index = Index::of(&units);
        let number = |unit: &Packed| index.get(*unit).unwrap_or(NONE);
        let mut length = 0;
        let end = |units: &Aligned| {
            length += units.len();
            length
        };
        Self {
            ends: aligned.iter().map(end).collect(),
            sequences: aligned.iter().flatten().map(number).collect(),
            units: units.into_iter().map(Packed::unit).collect(),
            left_out,
            log_probabilities,
        }
    }

    /// The units of each pair, one pair after the other.
    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts
            .zip(&self.ends)
            .map(|(&from, &to)| &self.sequences[from..to])
    }
}

/// Every unit that a pair may be cut into, sorted.
fn candidates(pairs: &[PairIds], span: usize) -> Result<Vec<Packed>, AlignError> {
    let found = in_parts(pairs, |pairs| {
        let mut index = Index::default();
        for pair in pairs {
            each_unit(*pair, span, |_, _, unit| index.insert(unit));
            if index.len() > MOST_UNITS {
                return Err(AlignError::TooManyUnits);
            }
        }
        Ok(index.units().collect::<Vec<Packed>>())
    });
    let mut all = Vec::new();
    for units in found {
        all.extend(units?);
        all.sort_unstable();
        all.dedup();
        if all.len() > MOST_UNITS {
            return Err(AlignError::TooManyUnits);
        }
    }
    Ok(all)
}

/// The log-probability of each unit, and the mean log-probability of a pair in each round.
fn probabilities(pairs: &[PairIds], span: usize, index: &Index) -> (Vec<f64>, Vec<f64>) {
    let every = pairs.len().div_ceil(SAMPLE).max(1);
    let sample: Vec<PairIds> = pairs.iter().step_by(every).copied().collect();
    let mut probabilities = vec![1.0 / index.len().max(1) as f64; index.len()];
    let mut means = Vec::new();
    for (rounds, pairs) in ROUNDS.into_iter().zip([&sample[..], pairs]) {
        for _ in 0..rounds {
            let (counts, mean) = expected(pairs, span, index, &probabilities);
            means.push(mean);
            let total: f64 = counts.iter().sum();
            let share = |count: f64| (count / total).max(UNSEEN);
            probabilities = counts.into_iter().map(share).collect();
        }
    }
    (probabilities.iter().map(|p| p.ln()).collect(), means)
}

/// Expected counts of all units, and the mean log-probability of a pair.
fn expected(
    pairs: &[PairIds],
    span: usize,
    index: &Index,
    probabilities: &[f64],
) -> (Vec<f64>, f64) {
    let parts = in_parts(pairs, |pairs| {
        let mut counts = vec![0.0; index.len()];
        let mut grid = Grid::default();
        let mut sum = 0.0;
        for pair in pairs {
            grid.fill(*pair, span, index);
            sum += grid.expect(probabilities, &mut counts).unwrap_or(0.0);
        }
        (counts, sum)
    });
    let mut parts = parts.into_iter();
    let (mut counts, mut sum) = parts.next().unwrap_or_default();
    for (more, of_part) in parts {
        counts
            .iter_mut()
            .zip(more)
            .for_each(|(count, more)| *count += more);
        sum += of_part;
    }
    (counts, sum / pairs.len().max(1) as f64)
}

/// What `work` makes of each part of the pairs.
fn in_parts<R: Send>(pairs: &[PairIds], work: impl Fn(&[PairIds]) -> R + Sync) -> Vec<R> {
    let size = pairs.len().div_ceil(PARTS).max(1);
    parallel::map(pairs.chunks(size).collect(), work)
}

/// The units of a cut.
fn units_of(pair: PairIds, shapes: &[usize]) -> Aligned {
    let (mut source, mut target) = (pair.source, pair.target);
    let unit = |&shape: &usize| {
        let [reads, writes] = SHAPES[shape];
        let unit = Packed::new(&source[..reads], &target[..writes]);
        (source, target) = (&source[reads..], &target[writes..]);
        unit
    };
    shapes.iter().map(unit).collect()
}
