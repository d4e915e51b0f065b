//! Forward filtering: where in the lattice the model may stand after what was written.
//!
//! An entry is a node with what its last unit has still to write, and its share of the probability of all
//! ways to write what was written and to read the whole source. Units that write nothing are gone through
//! before the next symbol. A symbol that no unit explains is written by noise, with probability
//! [`NOISE`], and changes nothing about where the model stands: so every output has a probability, as those
//! of networks have.

use std::collections::BTreeMap;

use super::lattice::{Follower, Lattice};
use super::tables::{NONE, Tables};

/// Probability that the next symbol is noise.
pub const NOISE: f64 = 1e-4;
/// Entries with a smaller share of the probability are left out. So the probability of a target differs from
/// the exact sum by less than this times the entries that were left out on the way, which are few.
pub const SMALLEST_SHARE: f64 = 1e-6;

/// Source symbols that a unit reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The first.
    pub place: u32,
    /// How many.
    pub span: u32,
}

/// Where the model may stand.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The node after the last unit.
    pub node: u32,
    /// The symbol that this unit has still to write, or [`NONE`].
    pub open: u32,
    /// What the unit reads.
    pub origin: Origin,
    /// Share of the probability.
    pub share: f64,
}

/// A symbol that may come next, and where the model stands then.
#[derive(Clone, Copy, Debug)]
pub struct Expansion {
    /// The symbol.
    pub symbol: u32,
    /// Where the model stands after it.
    pub entry: Entry,
}

/// Ways to go on from all entries of a filter.
#[derive(Debug)]
pub struct Expansions {
    /// The entries themselves, for noise.
    entries: Vec<Entry>,
    /// What units write next.
    pub expansions: Vec<Expansion>,
    /// Share of the probability that the target ends.
    pub end: f64,
}

impl Expansions {
    /// All ways to go on by one symbol. Shares sum to 1.
    pub fn new(lattice: &Lattice, tables: &Tables, entries: Vec<Entry>) -> Self {
        let mut all = Self {
            entries: Vec::new(),
            expansions: Vec::new(),
            end: 0.0,
        };
        // Nodes of later places have larger numbers, and units read on.
        let mut open: BTreeMap<u32, f64> = BTreeMap::new();
        for entry in &entries {
            match entry.open {
                NONE => *open.entry(entry.node).or_default() += entry.share,
                symbol => all.expansions.push(Expansion {
                    symbol,
                    entry: Entry {
                        open: NONE,
                        ..*entry
                    },
                }),
            }
        }
        let mut scratch = Vec::new();
        while let Some((node, share)) = open.pop_first() {
            if share < SMALLEST_SHARE {
                continue;
            }
            let place = lattice.place(node);
            if lattice.is_end(place) {
                all.end += share;
                continue;
            }
            lattice.fill(node, place, &mut scratch);
            for follower in &scratch {
                all.follow(tables, place, share, follower, &mut open);
            }
        }
        let written = all.expansions.iter().map(|expansion| expansion.entry.share);
        let total = written.sum::<f64>() + all.end;
        // Entries are never all dropped: the largest share is above the smallest.
        all.expansions
            .iter_mut()
            .for_each(|e| e.entry.share /= total);
        all.end /= total;
        all.entries = entries;
        all
    }

    fn follow(
        &mut self,
        tables: &Tables,
        place: usize,
        share: f64,
        follower: &Follower,
        open: &mut BTreeMap<u32, f64>,
    ) {
        let unit = &tables.units[follower.unit];
        let share = share * follower.share;
        let [symbol, then] = unit.target;
        if symbol == NONE {
            *open.entry(follower.next).or_default() += share;
            return;
        }
        let origin = Origin {
            place: place as u32,
            span: unit.span() as u32,
        };
        self.expansions.push(Expansion {
            symbol,
            entry: Entry {
                node: follower.next,
                open: then,
                origin,
                share,
            },
        });
    }

    /// Where the model may stand after a symbol.
    pub fn after(&self, symbol: u32, noise: f64) -> Vec<Entry> {
        let units = self.expansions.iter().filter(|e| e.symbol == symbol);
        let mut entries: Vec<Entry> = units
            .map(|expansion| Entry {
                share: (1.0 - NOISE) * expansion.entry.share,
                ..expansion.entry
            })
            .collect();
        entries.extend(self.entries.iter().map(|entry| Entry {
            share: NOISE * noise * entry.share,
            ..*entry
        }));
        merged(entries)
    }
}

/// Entries without duplicates and without those of small shares, which sum to 1.
fn merged(mut entries: Vec<Entry>) -> Vec<Entry> {
    // Of entries that go on alike, the one that was written last says where from.
    entries.sort_by_key(|entry| (entry.node, entry.open));
    entries.dedup_by(|next, kept| {
        let same = (next.node, next.open) == (kept.node, kept.open);
        if same {
            kept.share += next.share;
        }
        same
    });
    for _ in 0..2 {
        let total: f64 = entries.iter().map(|entry| entry.share).sum();
        entries.iter_mut().for_each(|entry| entry.share /= total);
        entries.retain(|entry| entry.share >= SMALLEST_SHARE);
    }
    entries
}

/// The filter before anything is written.
pub fn beginning(lattice: &Lattice) -> Vec<Entry> {
    vec![Entry {
        node: lattice.start(),
        open: NONE,
        origin: Origin { place: 0, span: 1 },
        share: 1.0,
    }]
}
