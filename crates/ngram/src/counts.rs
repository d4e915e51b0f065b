//! The n-grams of all sequences as a tree, level by level.

use seq2seq_runtime::parallel;

use super::Alignments;

/// No node.
pub const NO_NODE: u32 = u32::MAX;

/// All n-grams of one length. Those with the same units before the last stand together, sorted by it.
#[derive(Debug, Default)]
pub struct Level {
    /// The n-gram without its last unit, as a node of the level below.
    pub parent: Vec<u32>,
    /// The last unit.
    pub unit: Vec<u32>,
    /// How often it occurs.
    pub count: Vec<u32>,
    /// The n-gram without its first unit, as a node of the level below.
    pub suffix: Vec<u32>,
    /// Whether it is at the beginning of a sequence.
    pub begins: Vec<bool>,
    /// Units that come before it: in how many n-grams of the next level it is the end.
    pub left: Vec<u32>,
}

impl Level {
    /// How many n-grams there are.
    pub fn len(&self) -> usize {
        self.unit.len()
    }
}

/// Counts of n-grams of joint units.
#[derive(Debug)]
pub struct Counts {
    pub(super) alignments: Alignments,
    /// Levels of n-grams of 1, 2, ... units.
    pub(super) levels: Vec<Level>,
}

impl Counts {
    /// Counts all n-grams of up to so many units.
    pub fn new(alignments: Alignments, order: usize) -> Self {
        let begin = alignments.units.len() as u32 + 1;
        let end = begin - 1;
        // Each sequence with its beginning and end.
        let mut units = Vec::with_capacity(alignments.sequences.len() + 2 * alignments.ends.len());
        let mut last = vec![];
        for sequence in alignments.iter() {
            units.push(begin);
            units.extend_from_slice(sequence);
            units.push(end);
            last.resize(units.len(), units.len() as u32 - 1);
        }
        let mut levels = vec![first(&units, begin)];
        // The node at each place of the level below.
        let mut nodes = units.clone();
        while levels.len() < order.max(1) {
            let length = levels.len() + 1;
            let (level, next) = level(&nodes, &units, &last, length, begin);
            if level.len() == 0 {
                break;
            }
            if let Some(below) = levels.last_mut() {
                for &suffix in &level.suffix {
                    below.left[suffix as usize] += 1;
                }
            }
            levels.push(level);
            nodes = next;
        }
        Self { alignments, levels }
    }

    /// Units of the longest n-gram.
    pub fn longest(&self) -> usize {
        self.levels.len()
    }

    /// The alignments that were counted.
    pub fn alignments(&self) -> &Alignments {
        &self.alignments
    }
}

/// The first level: every unit, the end, and the beginning, whether they occur or not.
fn first(units: &[u32], begin: u32) -> Level {
    let size = begin as usize + 1;
    let mut count = vec![0; size];
    units.iter().for_each(|&unit| count[unit as usize] += 1);
    Level {
        parent: vec![0; size],
        unit: (0..=begin).collect(),
        count,
        suffix: vec![NO_NODE; size],
        begins: (0..=begin).map(|unit| unit == begin).collect(),
        left: vec![0; size],
    }
}

/// The level of n-grams of `length` units, and the node that starts at each place.
fn level(
    below: &[u32],
    units: &[u32],
    last: &[u32],
    length: usize,
    begin: u32,
) -> (Level, Vec<u32>) {
    // The n-gram at a place: its node of the level below, and its last unit.
    let fits = |place: usize| place + length - 1 <= last[place] as usize;
    let key = |place: usize| {
        let unit = units[place + length - 1];
        (u64::from(below[place]) << 32) | u64::from(unit)
    };
    let places = (0..units.len()).filter(|&place| fits(place));
    let keyed: Vec<(u64, u32)> = places.map(|place| (key(place), place as u32)).collect();
    let keyed = sorted(keyed);
    let mut level = Level::default();
    let mut next = vec![NO_NODE; units.len()];
    let mut before = None;
    for (key, place) in keyed {
        let place = place as usize;
        if before != Some(key) {
            before = Some(key);
            level.parent.push((key >> 32) as u32);
            level.unit.push(key as u32);
            level.count.push(0);
            level.suffix.push(below[place + 1]);
            level.begins.push(units[place] == begin);
        }
        let node = level.unit.len() - 1;
        level.count[node] += 1;
        next[place] = node as u32;
    }
    level.left = vec![0; level.len()];
    (level, next)
}

/// Parts that are sorted side by side.
const PARTS: usize = 8;

/// Sorts by threads: parts first, then pairs of parts.
fn sorted(mut keyed: Vec<(u64, u32)>) -> Vec<(u64, u32)> {
    let size = keyed.len().div_ceil(PARTS).max(1);
    parallel::map(
        keyed.chunks_mut(size).collect(),
        |part: &mut [(u64, u32)]| {
            part.sort_unstable();
        },
    );
    // What is sorted in parts is merged in one pass.
    keyed.sort();
    keyed
}
