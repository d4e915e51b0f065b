//! Old pairs mixed in while a trained model learns new ones, so that it does not forget what it knows
//! (rehearsal, Robins 1995).

use std::collections::HashSet;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::data::Pair;

/// Old pairs that are replayed for each new one.
const RATIO: usize = 4;
/// Old pairs that are replayed at least, as far as there are so many: fewer would be learned by heart.
const FEWEST: usize = 1_000;
/// Old pairs that tell what was forgotten, at most.
const JUDGED: usize = 500;
/// Old pairs in validation, at least.
const FEWEST_VALIDATED: usize = 20;

/// What is replayed, and what new and old knowledge is judged by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// New training pairs.
    pub new_pairs: usize,
    /// How often an epoch has each of them.
    pub times: usize,
    /// Old pairs in the file whose sources are not among the new ones.
    pub old_pairs: usize,
    /// How many of these are replayed.
    pub replayed: usize,
    /// Old pairs left out, since new ones give the answers to their sources.
    pub replaced: usize,
    /// Pairs that the new knowledge is judged by.
    pub new: Vec<Pair>,
    /// Pairs that the old knowledge is judged by; not among those that are replayed, if there are enough.
    pub old: Vec<Pair>,
}

impl Replay {
    /// Draws old pairs and gives the training and validation pairs of the mixture. The new training pairs are
    /// repeated until they are a fifth of it; old validation pairs are about twice as many as new ones.
    pub(super) fn mix(
        new: Vec<Pair>,
        validation: Vec<Pair>,
        old: Vec<Pair>,
        seed: u64,
    ) -> (Self, Vec<Pair>, Vec<Pair>) {
        let sources: HashSet<&str> = new.iter().map(|pair| pair.source.as_str()).collect();
        let all = old.len();
        let mut old = old;
        old.retain(|pair| !sources.contains(pair.source.as_str()));
        let replaced = all - old.len();
        old.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let replayed = old.len().min(FEWEST.max(RATIO.saturating_mul(new.len())));
        let judged = JUDGED.min(old.len());
        let replay = Self {
            new_pairs: new.len(),
            times: (replayed / (RATIO * new.len().max(1))).max(1),
            old_pairs: old.len(),
            replayed,
            replaced,
            old: old[old.len() - judged..].to_vec(),
            new: validation.clone(),
        };
        let validated = judged.min(FEWEST_VALIDATED.max(2 * validation.len()));
        let mut dev = validation;
        dev.extend_from_slice(&replay.old[..validated]);
        let repeated = std::iter::repeat_n(&new, replay.times).flatten();
        let train = repeated.chain(&old[..replayed]).cloned().collect();
        (replay, train, dev)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(from: usize, to: usize) -> Vec<Pair> {
        (from..to)
            .map(|n| Pair::from((n.to_string(), "x")))
            .collect()
    }

    #[test]
    fn new_pairs_are_a_fifth_of_an_epoch() {
        let (replay, train, dev) =
            Replay::mix(numbered(0, 7), numbered(0, 7), numbered(5, 9_000), 1);
        assert_eq!((replay.replaced, replay.old_pairs), (2, 8_993));
        assert_eq!((replay.replayed, replay.times), (1_000, 35));
        assert_eq!(train.len(), 7 * 35 + 1_000);
        assert_eq!((replay.new.len(), replay.old.len()), (7, 500));
        assert_eq!(dev.len(), 7 + 20);
        let replayed: HashSet<&str> = train.iter().map(|pair| pair.source.as_str()).collect();
        let unseen = |pair: &Pair| !replayed.contains(pair.source.as_str());
        assert!(replay.old.iter().all(unseen), "there are enough others");
    }

    #[test]
    fn few_old_pairs_are_all_replayed() {
        let (replay, train, dev) =
            Replay::mix(numbered(0, 40), numbered(90, 95), numbered(40, 90), 1);
        assert_eq!((replay.replayed, replay.times), (50, 1));
        assert_eq!((train.len(), dev.len()), (90, 5 + 20));
        let (replay, train, dev) = Replay::mix(numbered(0, 4), numbered(0, 4), Vec::new(), 1);
        assert_eq!((replay.replayed, train.len(), dev.len()), (0, 4, 4));
    }
}
