//! Prefix sharing: sequences of a batch that start from zeros and have the same first symbols have the same
//! state after them. The forward pass computes the recurrent product once per shared state. The backward
//! pass adds the gradients of a shared state up before it multiplies them with the weights.
//!
//! With small vocabularies this saves much of the first steps: 64 questions such as `12+345` have 10 distinct
//! first symbols and about 42 distinct two-symbol prefixes.

use crate::problem::{Cell, Direction, Input, Problem};

/// Sequences grouped by prefix, after each of the first steps for which there are clearly fewer groups
/// than sequences.
#[derive(Default)]
pub(crate) struct SharedPrefixes {
    /// The groups after the first step, the second and so on.
    pub levels: Vec<Groups>,
}

/// Sequences of a batch, or some of them, grouped by what they have in common.
pub(crate) struct Groups {
    /// The first row of each group.
    pub first: Vec<u32>,
    /// For each row of the batch its group, an index of `first`.
    pub group: Vec<u32>,
}

impl Groups {
    /// The groups of some rows by a key that is the same for rows of a group.
    fn new(rows: impl Iterator<Item = u32>, batch: usize, key: impl Fn(u32) -> (u32, i32)) -> Self {
        let mut rows: Vec<u32> = rows.collect();
        rows.sort_unstable_by_key(|&row| (key(row), row));
        let mut groups = Self {
            first: Vec::new(),
            group: vec![0; batch],
        };
        for alike in rows.chunk_by(|&one, &next| key(one) == key(next)) {
            for &row in alike {
                groups.group[row as usize] = groups.first.len() as u32;
            }
            groups.first.extend(alike.first());
        }
        groups
    }

    /// The first row of a row's group.
    pub fn first_row(&self, row: u32) -> u32 {
        self.first[self.group[row as usize] as usize]
    }

    /// Whether what is saved is more than what it takes to hand sums around.
    fn are_worth_sharing(&self, rows: usize) -> bool {
        4 * self.first.len() <= 3 * rows
    }
}

impl SharedPrefixes {
    /// Those of a problem whose sequences all start from zeros at the first turn. A mask makes every
    /// state another one; the GRU that resets before the product is left alone, as it has two products
    /// a step, one of which no two sequences share.
    pub fn new<T>(p: &Problem<T>) -> Self {
        let Input::Gather { ids, .. } = p.input else {
            return Self::default();
        };
        let alone = p.cell == (Cell::Gru { reset_after: false });
        if p.initial.is_some() || p.mask.is_some() || alone {
            return Self::default();
        }
        // A sequence that ends where others go on is not one of them any more.
        let shortest = match (p.lengths, p.direction) {
            (None, _) => p.time,
            (Some(lengths), Direction::Forward) => lengths.iter().copied().min().unwrap_or(0),
            (Some(_), Direction::Reverse) => 0,
        };
        let mut levels: Vec<Groups> = Vec::new();
        for turn in 0..shortest.saturating_sub(1) {
            let step = p.direction.step(turn, p.time);
            let symbols = &ids[step * p.batch..][..p.batch];
            let before = levels.last();
            let groups = Groups::new(0..p.batch as u32, p.batch, |row| {
                let row = row as usize;
                (before.map_or(0, |groups| groups.group[row]), symbols[row])
            });
            if !groups.are_worth_sharing(p.batch) {
                break;
            }
            levels.push(groups);
        }
        Self { levels }
    }

    /// The groups of states after a turn, if they are shared then.
    pub fn after(&self, turn: usize) -> Option<&Groups> {
        self.levels.get(turn)
    }

    /// The groups of states that a turn starts from, if they are shared.
    pub fn before(&self, turn: usize) -> Option<&Groups> {
        self.after(turn.checked_sub(1)?)
    }

    /// The groups of states that a turn starts from, of some rows only, if enough of them are shared.
    pub fn among(&self, rows: &[u32], turn: usize) -> Option<Groups> {
        let all = self.before(turn)?;
        let key = |row: u32| (all.group[row as usize], 0);
        let groups = Groups::new(rows.iter().copied(), all.group.len(), key);
        groups.are_worth_sharing(rows.len()).then_some(groups)
    }
}
