//! Encoded pairs, and the batches that an epoch consists of.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::SourceIds;
use crate::config::TrainingSettings;

/// A pair as symbol ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The source.
    pub source: SourceIds,
    /// Target symbols, end mark included, begin mark not.
    pub target: Vec<u32>,
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
