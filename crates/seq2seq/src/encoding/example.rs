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

/// What pairs take in training, in bytes, by the lengths of source and target.
pub type PairBytes<'a> = &'a dyn Fn(usize, usize) -> u64;

/// What a batch may take, in bytes; pairs that take more by themselves make a batch each.
const MOST_BYTES: u64 = 2 << 30;

impl EpochOrder {
    /// The batches of an epoch; the same seed and epoch give the same batches. They have the batch size of
    /// the settings, fewer where pairs are so long that a batch would take more than 2 GiB.
    pub fn new(
        examples: &[Example],
        settings: &TrainingSettings,
        epoch: usize,
        bytes: PairBytes,
    ) -> Self {
        let batch_size = settings.batch_size;
        let mut order: Vec<usize> = (0..examples.len()).collect();
        let cut = |order: &[usize]| -> Vec<Vec<usize>> {
            let batches = order.chunks(batch_size);
            batches
                .flat_map(|batch| parts(batch, examples, bytes))
                .collect()
        };
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

/// A batch, or what there is of it in smaller ones that fit into [`MOST_BYTES`].
fn parts(batch: &[usize], examples: &[Example], bytes: PairBytes) -> Vec<Vec<usize>> {
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let (mut part, mut longest) = (Vec::new(), (0, 0));
    for &index in batch {
        let lengths = examples
            .get(index)
            .map(|e| (e.source.len(), e.target.len()));
        let (source, target) = lengths.unwrap_or_default();
        let longer = (source.max(longest.0), target.max(longest.1));
        let count = part.len() as u64 + 1;
        if count > 1 && count.saturating_mul(bytes(longer.0, longer.1)) > MOST_BYTES {
            parts.push(std::mem::take(&mut part));
            longest = (source, target);
        } else {
            longest = longer;
        }
        part.push(index);
    }
    parts.push(part);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(length: usize) -> Example {
        Example {
            source: SourceIds {
                symbols: vec![1; length],
                ..SourceIds::default()
            },
            target: vec![1; length],
        }
    }

    #[test]
    fn long_pairs_make_smaller_batches() {
        let lengths = [10, 10, 10, 10, 1_000, 1_000, 5_000, 9_000];
        let examples: Vec<Example> = lengths.map(example).to_vec();
        let settings = TrainingSettings {
            batch_size: 4,
            shuffle: false,
            ..TrainingSettings::default()
        };
        // Two pairs of 1,000 symbols fit, one of 5,000 does not fit with them.
        let bytes = |source: usize, target: usize| (source * target) as u64 * 1_000;
        let order = EpochOrder::new(&examples, &settings, 0, &bytes);
        let batches: Vec<&[usize]> = order.from(0).map(|(_, batch)| batch).collect();
        assert_eq!(batches, [&[0, 1, 2, 3][..], &[4, 5], &[6], &[7]]);
    }
}
