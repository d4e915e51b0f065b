//! Sequences of ids side by side.

use crate::text::{NOT_COPIED, SourceIds};

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

/// Sources side by side, time first; padding is never looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceBatch {
    /// Source symbols.
    pub symbols: Padded,
    /// Features, where they have an encoder of their own.
    pub features: Option<Padded>,
    /// For a model that copies: the id of each source symbol in the target's vocabulary, or
    /// [`NOT_COPIED`], which also stands for padding.
    pub copy_ids: Option<Padded>,
}

impl SourceBatch {
    /// Puts sources side by side. There is at least one step, so that no network has to care about
    /// a batch of empty sources.
    pub fn new(sources: &[&SourceIds]) -> Self {
        let symbols: Vec<&[u32]> = sources.iter().map(|s| &s.symbols[..]).collect();
        let features = all(sources, |source| source.features.as_deref());
        let copy_ids = all(sources, |source| source.copy_ids.as_deref());
        Self {
            symbols: Padded::filled(&symbols, |&id| id as i32, 1, 0),
            features: features.map(|ids| Padded::filled(&ids, |&id: &u32| id as i32, 1, 0)),
            copy_ids: copy_ids.map(|ids| Padded::filled(&ids, |&id: &i32| id, 1, NOT_COPIED)),
        }
    }

    /// Features for an encoder of their own: where the batch comes without any, every source has
    /// an empty list of them.
    pub fn features_or_none(&self) -> Padded {
        let none = || Padded::filled(&vec![[0u32; 0]; self.batch()], |&id| id as i32, 1, 0);
        self.features.clone().unwrap_or_else(none)
    }

    /// Sources.
    pub fn batch(&self) -> usize {
        self.symbols.batch()
    }
}

/// A part of every source, if every source has it.
fn all<'a, T>(
    sources: &[&'a SourceIds],
    part: impl Fn(&'a SourceIds) -> Option<&'a [T]>,
) -> Option<Vec<&'a [T]>> {
    sources.iter().map(|source| part(source)).collect()
}
