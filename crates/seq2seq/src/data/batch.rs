//! Encoded pairs, put together into padded, time-major batches.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::config::TrainingSettings;

/// A source as a network reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SourceIds {
    /// Source symbols, end mark included where the model has one.
    pub symbols: Vec<u32>,
    /// Features, where they have an encoder of their own.
    pub features: Option<Vec<u32>>,
    /// For a model that copies: the id of each source symbol in the target's vocabulary, or
    /// [`NOT_COPIED`]; as many as there are symbols.
    pub copy_ids: Option<Vec<i32>>,
}

/// Marks a source symbol that the target's vocabulary lacks, in [`SourceIds::copy_ids`].
pub const NOT_COPIED: i32 = -1;

impl SourceIds {
    /// Source symbols.
    pub fn len(&self) -> usize {
        self.symbols.len()
    }

    /// Whether there are no source symbols.
    pub fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }

    /// The positions from which a target symbol can be copied.
    pub fn copied_from(&self, symbol: u32) -> impl Iterator<Item = usize> {
        let ids = self.copy_ids.iter().flatten().enumerate();
        ids.filter(move |&(_, &id)| id == symbol as i32)
            .map(|(position, _)| position)
    }
}

/// A pair as symbol ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The source.
    pub source: SourceIds,
    /// Target symbols, end mark included, begin mark not.
    pub target: Vec<u32>,
}

/// Sequences of different lengths side by side, time first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Padded {
    /// Ids `[time, batch]`; past the end of a sequence they are 0 and never looked at.
    pub ids: Vec<i32>,
    /// Length of each sequence.
    pub lengths: Vec<usize>,
    /// Length of the longest.
    pub time: usize,
}

impl Padded {
    /// Puts sequences side by side.
    pub fn new<S: AsRef<[u32]>>(sequences: &[S]) -> Self {
        Self::filled(sequences, |&id| id as i32, 0, 0)
    }

    /// Puts sequences of anything that has an id side by side, with at least so many steps and
    /// with `padding` past the end of a sequence.
    pub fn filled<T, S: AsRef<[T]>>(
        sequences: &[S],
        id: impl Fn(&T) -> i32,
        least: usize,
        padding: i32,
    ) -> Self {
        let batch = sequences.len();
        let lengths: Vec<usize> = sequences.iter().map(|s| s.as_ref().len()).collect();
        let time = lengths.iter().copied().max().unwrap_or(0).max(least);
        let mut ids = vec![padding; time.saturating_mul(batch)];
        for (column, sequence) in sequences.iter().enumerate() {
            let steps = ids.iter_mut().skip(column).step_by(batch);
            for (place, item) in steps.zip(sequence.as_ref()) {
                *place = id(item);
            }
        }
        Self { ids, lengths, time }
    }

    /// One step of one symbol for each sequence.
    pub fn step(symbols: &[u32]) -> Self {
        Self {
            ids: symbols.iter().map(|&id| id as i32).collect(),
            lengths: vec![1; symbols.len()],
            time: 1,
        }
    }

    /// Sequences.
    pub fn batch(&self) -> usize {
        self.lengths.len()
    }

    /// The lengths, unless all are the same.
    pub fn ragged(&self) -> Option<&[usize]> {
        let ragged = self.lengths.iter().any(|&length| length != self.time);
        ragged.then_some(&self.lengths)
    }
}

/// Which batches an epoch consists of, as positions in the training pairs.
///
/// Pairs of similar length go together, so that little is computed on padding: the shuffled pairs
/// are cut into pools of many batches, each pool is sorted by length and cut, and the batches are
/// shuffled. Where all lengths agree, this is a plain shuffle.
#[derive(Clone, Debug)]
pub struct EpochOrder {
    batches: Vec<Vec<usize>>,
}

/// Batches of a pool within which pairs are sorted by length.
const POOL: usize = 50;

impl EpochOrder {
    /// The batches of an epoch; the same seed and epoch give the same batches.
    pub fn new(examples: &[Example], settings: &TrainingSettings, epoch: usize) -> Self {
        let batch_size = settings.batch_size;
        let mut order: Vec<usize> = (0..examples.len()).collect();
        let cut = |order: &[usize]| order.chunks(batch_size).map(<[usize]>::to_vec).collect();
        if !settings.shuffle {
            return Self {
                batches: cut(&order),
            };
        }
        let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
        rng.set_stream((epoch as u64).saturating_add(1));
        order.shuffle(&mut rng);
        let lengths = |&index: &usize| {
            let example = examples.get(index);
            example.map(|example| (example.target.len(), example.source.len()))
        };
        for pool in order.chunks_mut(batch_size.saturating_mul(POOL)) {
            pool.sort_by_key(lengths);
        }
        let mut batches: Vec<Vec<usize>> = cut(&order);
        batches.shuffle(&mut rng);
        Self { batches }
    }

    /// Number of batches.
    pub fn len(&self) -> usize {
        self.batches.len()
    }

    /// Whether there is nothing to train on.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// The batches from the given one on.
    pub fn from(&self, first: usize) -> impl Iterator<Item = (usize, &[usize])> {
        self.batches
            .iter()
            .map(Vec::as_slice)
            .enumerate()
            .skip(first)
    }
}
