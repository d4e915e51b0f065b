//! The tables of an n-gram model of joint units, read with nothing taken on trust.
//!
//! | name | type and shape | content |
//! |---|---|---|
//! | `marks` | U32 `[2]` | id of the target's end mark; that of the source's, or [`NONE`] |
//! | `noise` | F32 `[target symbols]` | distribution of symbols that no unit explains |
//! | `units` | U32 `[units, 4]` | source symbols (one or two) and target symbols (none to two) of each unit, [`NONE`] where there is none; sorted |
//! | `unit` | U32 `[nodes]` | last unit of each n-gram |
//! | `probability` | F32 `[nodes]` | its probability after the units before it |
//! | `children` | U32 `[contexts]` | n-grams that go on from each context |
//! | `backoff` | F32 `[contexts]` | weight of the shorter context |
//!
//! N-grams are a tree, stored level by level: the children of a node stand together, sorted by unit, in
//! the order of their parents. Context 0 is the empty one; context `c` is node `c - 1`.

#![warn(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic
)] // what strangers write is read here

use std::ops::Range;
use std::sync::Arc;

use crate::layers::{Parameters, WeightError};
use crate::settings::MOST_ORDER;
use crate::text::VocabularySizes;

/// No symbol.
pub const NONE: u32 = u32::MAX;
/// Smallest probability and backoff weight: products of as many as a context has units, and one more, stay
/// far above the smallest number.
pub const LEAST: f32 = 1e-12;
/// The empty context.
pub const ROOT: u32 = 0;

/// A joint unit: the source symbols that it reads and the target symbols that it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit {
    /// One or two source symbols; the second may be [`NONE`].
    pub source: [u32; 2],
    /// None to two target symbols, [`NONE`] where there is none.
    pub target: [u32; 2],
}

impl Unit {
    /// Source symbols that it reads.
    pub fn span(&self) -> usize {
        if self.source[1] == NONE { 1 } else { 2 }
    }

    /// What units are sorted by: all that read the same stand together.
    fn source_key(&self) -> (u32, u32) {
        let [first, second] = self.source;
        (first, second.wrapping_add(1))
    }

    /// The order of the table.
    pub fn key(&self) -> (u32, u32, u32, u32) {
        let (first, second) = self.source_key();
        let [write, then] = self.target;
        (first, second, write.wrapping_add(1), then.wrapping_add(1))
    }
}

/// An n-gram model of joint units.
#[derive(Debug)]
pub struct Tables {
    /// The target's end mark.
    pub target_end: u32,
    /// The source's end mark, or [`NONE`].
    pub source_end: u32,
    /// Distribution of target symbols that no unit explains.
    pub noise: Vec<f32>,
    /// The units, sorted.
    pub units: Vec<Unit>,
    unit: Arc<[u32]>,
    probability: Arc<[f32]>,
    backoff: Arc<[f32]>,
    /// First child of each context and, at the end, the number of nodes.
    first: Vec<u32>,
    /// The context that is left of each context when its first unit is forgotten.
    shorter: Vec<u32>,
    /// The context that each node leads to: the longest with children.
    state: Vec<u32>,
    /// The first context of each level.
    levels: Vec<u32>,
    /// The context of a sequence that begins.
    start: u32,
}

impl Tables {
    /// Tables of stored numbers.
    ///
    /// # Errors
    /// If a number is not possible.
    pub fn new(sizes: VocabularySizes, params: &mut Parameters) -> Result<Self, WeightError> {
        let marks = params.integers("marks", 0)?;
        let noise = params.vector("noise", sizes.target)?;
        let units = params.integers("units", 4)?;
        let unit = params.integers("unit", 0)?;
        let probability = params.table("probability", 0)?;
        let children = params.integers("children", 0)?;
        let backoff = params.table("backoff", 0)?;
        let wrong = |name: &str, reason: &str| WeightError::Table {
            name: params.full_name(name),
            reason: reason.to_owned(),
        };
        let [target_end, source_end] = marks[..] else {
            return Err(wrong("marks", "is no pair of symbols"));
        };
        let is_source = |id: u32| (id as usize) < sizes.source;
        let is_target = |id: u32| (id as usize) < sizes.target;
        if !is_target(target_end) || !(source_end == NONE || is_source(source_end)) {
            return Err(wrong("marks", "names symbols that there are not"));
        }
        if !noise.iter().all(|share| (LEAST..=1.0).contains(share)) {
            return Err(wrong(
                "noise",
                "has a number that is no probability above 0",
            ));
        }
        let sum: f64 = noise.iter().map(|&share| f64::from(share)).sum();
        if (sum - 1.0).abs() > 1e-3 {
            return Err(wrong("noise", "does not sum to 1"));
        }
        let units = units_of(&units, sizes).map_err(|reason| wrong("units", reason))?;
        check_readable(&units, sizes, source_end).map_err(|reason| wrong("units", &reason))?;
        let is_probability = |&share: &f32| (LEAST..=1.0).contains(&share);
        if probability.len() != unit.len() || !probability.iter().all(is_probability) {
            return Err(wrong(
                "probability",
                "has not a probability above 0 for each n-gram",
            ));
        }
        // Rounding may leave a weight a little above 1.
        let is_weight = |&weight: &f32| (LEAST..=1.001).contains(&weight);
        if backoff.len() != children.len() || !backoff.iter().all(is_weight) {
            return Err(wrong(
                "backoff",
                "has not a weight above 0 for each context",
            ));
        }
        let (first, levels) = tree(&children, unit.len()).map_err(|r| wrong("children", r))?;
        let mut tables = Self {
            target_end,
            source_end,
            noise,
            units,
            unit,
            probability,
            backoff,
            first,
            shorter: Vec::new(),
            state: Vec::new(),
            levels,
            start: ROOT,
        };
        tables
            .check_nodes()
            .map_err(|reason| wrong("unit", reason))?;
        tables.link().map_err(|reason| wrong("unit", reason))?;
        let begins = tables.child(ROOT, tables.begin_unit());
        let start = begins.and_then(|node| tables.state.get(node as usize));
        tables.start = start.copied().unwrap_or(ROOT);
        Ok(tables)
    }

    /// The unit that ends a sequence.
    pub fn end_unit(&self) -> u32 {
        self.units.len() as u32
    }

    /// What stands before a sequence.
    fn begin_unit(&self) -> u32 {
        self.end_unit().saturating_add(1)
    }

    /// The context of a sequence that begins.
    pub fn start(&self) -> u32 {
        self.start
    }

    /// The context without its first unit; the empty one for itself.
    pub fn shorter(&self, context: u32) -> u32 {
        self.shorter.get(context as usize).copied().unwrap_or(ROOT)
    }

    /// The weight of the shorter context.
    pub fn backoff(&self, context: u32) -> f64 {
        self.backoff
            .get(context as usize)
            .map_or(1.0, |&w| f64::from(w))
    }

    /// Probability of a node after its context.
    pub fn probability(&self, node: u32) -> f64 {
        let probability = self.probability.get(node as usize);
        probability.map_or(0.0, |&share| f64::from(share))
    }

    /// The context that a node leads to.
    pub fn state(&self, node: u32) -> u32 {
        self.state.get(node as usize).copied().unwrap_or(ROOT)
    }

    /// The unit of a node.
    pub fn unit(&self, node: u32) -> u32 {
        self.unit.get(node as usize).copied().unwrap_or(NONE)
    }

    /// A context of at most so many units: the end of the given one.
    pub fn limited(&self, mut context: u32, units: usize) -> u32 {
        let end = self.levels.get(units.saturating_add(1)).copied();
        while context != ROOT && end.is_some_and(|end| context >= end) {
            context = self.shorter(context);
        }
        context
    }

    /// The children of a context whose units are in a range.
    pub fn children(&self, context: u32, units: &Range<u32>) -> Range<u32> {
        let all = self.all_children(context);
        let of = self.unit.get(all.start as usize..all.end as usize);
        let of = of.unwrap_or(&[]);
        let from = of.partition_point(|&unit| unit < units.start);
        let rest = of.get(from..).unwrap_or(&[]);
        let count = match units.len() {
            0 => 0,
            _ => rest.partition_point(|&unit| unit < units.end),
        };
        let from = all.start.saturating_add(from as u32);
        from..from.saturating_add(count as u32)
    }

    /// The child of a context with this unit.
    pub fn child(&self, context: u32, unit: u32) -> Option<u32> {
        let found = self.children(context, &(unit..unit.saturating_add(1)));
        (!found.is_empty()).then_some(found.start)
    }

    /// The units that read these source symbols, as a range of the table.
    pub fn reading(&self, first: u32, second: u32) -> Range<u32> {
        let key = (first, second.wrapping_add(1));
        let from = self.units.partition_point(|unit| unit.source_key() < key);
        let rest = self.units.get(from..).unwrap_or(&[]);
        let count = rest.partition_point(|unit| unit.source_key() <= key);
        from as u32..from.saturating_add(count) as u32
    }

    fn all_children(&self, context: u32) -> Range<u32> {
        let bound = |context: usize| self.first.get(context).copied();
        let (from, to) = (context as usize, (context as usize).saturating_add(1));
        bound(from).zip(bound(to)).map_or(0..0, |(a, b)| a..b)
    }

    /// Checks that units are known, and sorted within a context.
    fn check_nodes(&self) -> Result<(), &'static str> {
        let begin = self.begin_unit();
        if self.unit.iter().any(|&unit| unit > begin) {
            return Err("names a unit that there is not");
        }
        let contexts = self.first.len().saturating_sub(1) as u32;
        for context in 0..contexts {
            let children = self.all_children(context);
            let units = self
                .unit
                .get(children.start as usize..children.end as usize);
            if !units.unwrap_or(&[]).is_sorted_by(|a, b| a < b) {
                return Err("is not sorted");
            }
        }
        // Every unit and the end must have a probability in the empty context, before anything else.
        let of_root = self.all_children(ROOT);
        let expected = self.begin_unit().saturating_add(1);
        match of_root.start == 0 && of_root.end == expected {
            true => Ok(()),
            false => Err("lacks units in the empty context"),
        }
    }

    /// Finds the shorter context of each context, and the context that each node leads to.
    fn link(&mut self) -> Result<(), &'static str> {
        let contexts = self.first.len().saturating_sub(1);
        // For each node, the node without its first unit; one of the first level has none.
        let mut suffixes: Vec<u32> = Vec::new();
        let nodes = self.unit.len();
        suffixes.try_reserve_exact(nodes).map_err(|_| TOO_LARGE)?;
        self.state.try_reserve_exact(nodes).map_err(|_| TOO_LARGE)?;
        self.shorter
            .try_reserve_exact(contexts)
            .map_err(|_| TOO_LARGE)?;
        self.shorter.push(ROOT);
        for context in 0..contexts as u32 {
            for node in self.all_children(context) {
                let suffix = match context {
                    ROOT => NONE,
                    _ => {
                        let shorter = self.shorter(context);
                        let found = self.child(shorter, self.unit(node));
                        found.ok_or("has an n-gram whose end is no n-gram")?
                    }
                };
                suffixes.push(suffix);
                let own = node.saturating_add(1);
                if (own as usize) < contexts {
                    self.shorter.push(match suffix {
                        NONE => ROOT,
                        node => node.saturating_add(1),
                    });
                }
                let goes_on = !self.all_children(own).is_empty();
                let state = match (goes_on, suffix) {
                    (true, _) => own,
                    (false, NONE) => ROOT,
                    (false, suffix) => self.state(suffix),
                };
                self.state.push(state);
            }
        }
        Ok(())
    }
}

const TOO_LARGE: &str = "is too large for the memory";

/// The units of a table of four symbols each.
fn units_of(numbers: &[u32], sizes: VocabularySizes) -> Result<Vec<Unit>, &'static str> {
    let known = |id: u32, size: usize| id == NONE || (id as usize) < size;
    let mut units = Vec::with_capacity(numbers.len() / 4);
    for &[first, second, write, then] in numbers.as_chunks::<4>().0 {
        let is_known = known(first, sizes.source)
            && known(second, sizes.source)
            && known(write, sizes.target)
            && known(then, sizes.target);
        if !is_known || first == NONE || (write == NONE && then != NONE) {
            return Err("has a unit that is none");
        }
        units.push(Unit {
            source: [first, second],
            target: [write, then],
        });
    }
    // Numbers of units, the end and the beginning of a sequence need room.
    if units.len() >= (NONE >> 1) as usize {
        return Err("has too many units");
    }
    match units.is_sorted_by(|a, b| a.key() < b.key()) {
        true => Ok(units),
        false => Err("is not sorted"),
    }
}

/// Checks that every source can be read: there is a unit for each symbol alone.
fn check_readable(units: &[Unit], sizes: VocabularySizes, source_end: u32) -> Result<(), String> {
    let mut alone = units
        .iter()
        .filter(|unit| unit.source[1] == NONE)
        .peekable();
    for symbol in (0..sizes.source as u32).filter(|&symbol| symbol != source_end) {
        while alone.next_if(|unit| unit.source[0] < symbol).is_some() {}
        if alone.peek().is_none_or(|unit| unit.source[0] != symbol) {
            return Err(format!("has no unit that reads symbol {symbol} alone"));
        }
    }
    Ok(())
}

/// First child of each context and the first context of each level, if the numbers of children make a tree
/// of so many nodes.
fn tree(children: &[u32], nodes: usize) -> Result<(Vec<u32>, Vec<u32>), &'static str> {
    let no_tree = "is no tree of the n-grams";
    if children.is_empty() || nodes > NONE as usize / 2 {
        return Err(no_tree);
    }
    let mut first = Vec::with_capacity(children.len().saturating_add(1));
    let mut next = 0u32;
    // Contexts below this belong to the level that is being read.
    let (mut levels, mut level_end) = (vec![0], 1u32);
    for (context, &count) in (0u32..).zip(children) {
        if context == level_end {
            levels.push(context);
            // The children of the level before, as contexts.
            level_end = next.saturating_add(1);
            if level_end == context || levels.len() > MOST_ORDER {
                return Err(no_tree);
            }
        }
        first.push(next);
        next = next.checked_add(count).ok_or(no_tree)?;
    }
    first.push(next);
    let longest = children.len() as u32;
    levels.push(longest);
    match next as usize == nodes && longest.saturating_sub(1) <= next {
        true => Ok((first, levels)),
        false => Err(no_tree),
    }
}
