//! A batch of sources as every network reads it.

use crate::data::{NOT_COPIED, Padded, SourceIds};

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
