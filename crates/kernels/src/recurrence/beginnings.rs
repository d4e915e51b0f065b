//! Sequences that begin alike. From a state of zeros, those whose first symbols are the same have the
//! same state after them: the product with it is computed once, and what its gradient sums over is added
//! up before it is multiplied rather than after. With few symbols that is much of the first steps: in a
//! batch of 64 questions such as `12+345`, after two symbols there are some 42 different states.

use crate::problem::{Cell, Direction, Input, Problem};

/// The kinds of sequences after each of the first turns, as long as there are clearly fewer kinds than
/// sequences.
#[derive(Default)]
pub(crate) struct Beginnings {
    /// The kinds of states after turn 0, 1 and so on.
    pub levels: Vec<Kinds>,
}

/// Sequences of a batch, or some of them, by what they have in common.
pub(crate) struct Kinds {
    /// The first row of each kind.
    pub first: Vec<u32>,
    /// For each row of the batch its kind, an index of `first`.
    pub kind: Vec<u32>,
}

impl Kinds {
    /// The kinds of some rows by a key that is the same for rows of a kind.
    fn new(rows: impl Iterator<Item = u32>, batch: usize, key: impl Fn(u32) -> (u32, i32)) -> Self {
        let mut rows: Vec<u32> = rows.collect();
        rows.sort_unstable_by_key(|&row| (key(row), row));
        let mut kinds = Self {
            first: Vec::new(),
            kind: vec![0; batch],
        };
        for alike in rows.chunk_by(|&one, &next| key(one) == key(next)) {
            for &row in alike {
                kinds.kind[row as usize] = kinds.first.len() as u32;
            }
            kinds.first.extend(alike.first());
        }
        kinds
    }

    /// The first row of a row's kind.
    pub fn leader(&self, row: u32) -> u32 {
        self.first[self.kind[row as usize] as usize]
    }

    /// Whether what is saved is more than what it takes to hand sums around.
    fn are_few(&self, rows: usize) -> bool {
        4 * self.first.len() <= 3 * rows
    }
}

impl Beginnings {
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
        let mut levels: Vec<Kinds> = Vec::new();
        for turn in 0..shortest.saturating_sub(1) {
            let step = p.direction.step(turn, p.time);
            let symbols = &ids[step * p.batch..][..p.batch];
            let before = levels.last();
            let kinds = Kinds::new(0..p.batch as u32, p.batch, |row| {
                let row = row as usize;
                (before.map_or(0, |kinds| kinds.kind[row]), symbols[row])
            });
            if !kinds.are_few(p.batch) {
                break;
            }
            levels.push(kinds);
        }
        Self { levels }
    }

    /// The kinds of states after a turn, if they are shared then.
    pub fn after(&self, turn: usize) -> Option<&Kinds> {
        self.levels.get(turn)
    }

    /// The kinds of states that a turn starts from, if they are shared.
    pub fn before(&self, turn: usize) -> Option<&Kinds> {
        self.after(turn.checked_sub(1)?)
    }

    /// The kinds of states that a turn starts from, of some rows only, if enough of them are shared.
    pub fn among(&self, rows: &[u32], turn: usize) -> Option<Kinds> {
        let all = self.before(turn)?;
        let key = |row: u32| (all.kind[row as usize], 0);
        let kinds = Kinds::new(rows.iter().copied(), all.kind.len(), key);
        kinds.are_few(rows.len()).then_some(kinds)
    }
}
