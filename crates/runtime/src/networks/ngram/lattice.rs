//! All ways to read one source in joint units, with the exact probability of what is still to be read.
//!
//! A node is a place in the source and a context of the n-gram model. Its weight is the sum of the
//! probabilities of all sequences of units that read the rest of the source from there to the end
//! (backward algorithm). With interpolated smoothing, the units that go on from context `h` are few, and
//! all others have the probability that the shorter context `h'` gives them, times the backoff weight. So
//! the sum is that of `h'` with the terms of those few exchanged:
//!
//! `b(h) = γ(h) b(h') + Σ_u [p(u | h) b(h u) - γ(h) p(u | h') b(h' u)]`
//!
//! Only contexts with units that fit the source there become nodes; the others lead to the next shorter
//! one, and their backoff weight is a factor on the way.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use super::tables::{NONE, ROOT, Tables};

/// Sources of more symbols are read with shorter contexts, so that the lattice fits the memory: length and
/// units of a context.
const LONG: [(usize, usize); 2] = [(4096, 1), (256, 2)];

/// A way on from a node by one unit.
#[derive(Clone, Copy, Debug)]
struct Arc {
    /// The unit, as its place among those that fit here.
    candidate: u32,
    /// The node that it leads to.
    next: u32,
    /// Probability of the unit; then the same times the weight of the next node.
    weight: f64,
}

/// A place in the source and a context.
#[derive(Clone, Debug)]
struct Node {
    /// Ways on that the context itself has counts of, by candidate.
    arcs: Range<u32>,
    /// The node of the shorter context, and its weight; none for the empty context.
    shorter: Option<(u32, f64)>,
    /// Sum over all ways to the end, in units of the place's scale.
    weight: f64,
}

/// Units that fit the source at a place.
#[derive(Clone, Debug)]
struct Candidates {
    /// Those that read one symbol, then those that read two.
    ranges: [Range<u32>; 2],
}

impl Candidates {
    fn new(tables: &Tables, rest: &[u32]) -> Self {
        let reading = |second: Option<&u32>| match (rest.first(), second) {
            (Some(&first), Some(&second)) => tables.reading(first, second),
            _ => 0..0,
        };
        let one = reading(Some(&NONE));
        let two = reading(rest.get(1));
        Self { ranges: [one, two] }
    }

    fn len(&self) -> usize {
        self.ranges[0].len() + self.ranges[1].len()
    }

    /// The unit of a candidate.
    fn unit(&self, candidate: usize) -> usize {
        let ones = self.ranges[0].len();
        match candidate.checked_sub(ones) {
            None => self.ranges[0].start as usize + candidate,
            Some(place) => self.ranges[1].start as usize + place,
        }
    }
}

/// All ways to read one source.
#[derive(Debug)]
pub struct Lattice {
    nodes: Vec<Node>,
    arcs: Vec<Arc>,
    /// First node of each place, and the number of nodes.
    places: Vec<u32>,
    candidates: Vec<Candidates>,
    start: u32,
}

/// What follows from a node: see [`Lattice::fill`].
#[derive(Clone, Copy, Debug)]
pub struct Follower {
    /// The unit.
    pub unit: usize,
    /// The node that it leads to.
    pub next: u32,
    /// Its share of the node's probability.
    pub share: f64,
}

/// A hash for small numbers; order and attacks do not matter, as maps are only asked.
#[derive(Default)]
struct Multiply(u64);

impl Hasher for Multiply {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|&byte| self.write_u32(u32::from(byte)));
    }

    fn write_u32(&mut self, number: u32) {
        let mixed = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 29);
    }
}

/// The nodes of contexts at one place, with the backoff weights on the way there.
type Resolved = HashMap<u32, (u32, f64), BuildHasherDefault<Multiply>>;

/// A context that an arc leads to at a place.
#[derive(Clone, Copy)]
struct Pending {
    arc: u32,
    context: u32,
}

/// A lattice that is being built, place by place.
struct Builder<'a> {
    tables: &'a Tables,
    most_units: usize,
    nodes: Vec<Node>,
    arcs: Vec<Arc>,
    resolved: Resolved,
    /// Arcs that lead to the next place, and to the one after it.
    pending: [Vec<Pending>; 2],
}

impl Lattice {
    /// The lattice of a source without its end mark.
    pub fn new(tables: &Tables, source: &[u32]) -> Self {
        let limit = LONG.iter().find(|(length, _)| source.len() > *length);
        let mut builder = Builder {
            tables,
            most_units: limit.map_or(usize::MAX, |(_, units)| *units),
            nodes: Vec::new(),
            arcs: Vec::new(),
            resolved: Resolved::default(),
            pending: Default::default(),
        };
        let mut places = Vec::with_capacity(source.len() + 2);
        let mut candidates = Vec::with_capacity(source.len());
        let mut start = 0;
        for place in 0..=source.len() {
            places.push(builder.nodes.len() as u32);
            let here = Candidates::new(tables, &source[place..]);
            let at_end = place == source.len();
            let arriving = builder.arriving();
            if place == 0 {
                start = builder.resolve(tables.start(), &here, at_end).0;
            }
            builder.connect(arriving, &here, at_end);
            candidates.push(here);
        }
        places.push(builder.nodes.len() as u32);
        let mut lattice = Self {
            nodes: builder.nodes,
            arcs: builder.arcs,
            places,
            candidates,
            start,
        };
        lattice.sum_backward();
        lattice
    }

    /// The node before anything is read.
    pub fn start(&self) -> u32 {
        self.start
    }

    /// The place of a node.
    pub fn place(&self, node: u32) -> usize {
        self.places.partition_point(|&first| first <= node) - 1
    }

    /// Whether the whole source is read at a place.
    pub fn is_end(&self, place: usize) -> bool {
        place + 1 == self.candidates.len()
    }

    /// Fills a list with all units that can follow a node at a place; their shares sum to 1.
    pub fn fill(&self, node: u32, place: usize, scratch: &mut Vec<Follower>) {
        let candidates = &self.candidates[place];
        scratch.clear();
        scratch.extend((0..candidates.len()).map(|candidate| Follower {
            unit: candidates.unit(candidate),
            next: 0,
            share: 0.0,
        }));
        self.fill_from(node, scratch);
        // Numbers of a file are bounded so that it is above 0.
        let total: f64 = scratch.iter().map(|follower| follower.share).sum();
        for follower in scratch.iter_mut() {
            follower.share /= total;
        }
    }

    fn fill_from(&self, node: u32, all: &mut [Follower]) {
        let node = &self.nodes[node as usize];
        if let Some((shorter, backoff)) = node.shorter {
            self.fill_from(shorter, all);
            for follower in all.iter_mut() {
                follower.share *= backoff;
            }
        }
        for arc in &self.arcs[node.arcs.start as usize..node.arcs.end as usize] {
            let follower = &mut all[arc.candidate as usize];
            (follower.next, follower.share) = (arc.next, arc.weight);
        }
    }

    /// Sums over all ways to the end, from the last place to the first. Each place has a scale of its own,
    /// so that no sum becomes too small for a number.
    fn sum_backward(&mut self) {
        let places = self.candidates.len();
        // Scale of the place after the next one, in units of that of the next one.
        let mut scale = 1.0;
        for place in (0..places).rev() {
            let ones = self.candidates[place].ranges[0].len() as u32;
            let (first, end) = (self.places[place] as usize, self.places[place + 1] as usize);
            let mut largest = 0.0_f64;
            for index in first..end {
                let arcs = self.nodes[index].arcs.clone();
                for arc in arcs.start as usize..arcs.end as usize {
                    let Arc {
                        candidate, next, ..
                    } = self.arcs[arc];
                    let scale = if candidate < ones { 1.0 } else { scale };
                    self.arcs[arc].weight *= self.nodes[next as usize].weight * scale;
                }
                if place + 1 < places {
                    self.nodes[index].weight = self.sum(index);
                }
                largest = largest.max(self.nodes[index].weight);
            }
            for index in first..end {
                let node = &mut self.nodes[index];
                node.weight = (node.weight / largest).max(f64::MIN_POSITIVE);
                let arcs = node.arcs.start as usize..node.arcs.end as usize;
                for arc in &mut self.arcs[arcs] {
                    arc.weight = (arc.weight / largest).max(f64::MIN_POSITIVE);
                }
            }
            scale = 1.0 / largest;
        }
    }

    /// The sum of a node whose arcs have theirs, and whose shorter context has its.
    fn sum(&self, index: usize) -> f64 {
        let node = &self.nodes[index];
        let own = &self.arcs[node.arcs.start as usize..node.arcs.end as usize];
        let Some((shorter, backoff)) = node.shorter else {
            return own.iter().map(|arc| arc.weight).sum();
        };
        let shorter = &self.nodes[shorter as usize];
        let of_shorter = shorter.arcs.start as usize..shorter.arcs.end as usize;
        let mut exchanged = self.arcs[of_shorter].iter();
        let mut sum = 0.0;
        // Both are sorted, and what goes on from a context goes on from the shorter one.
        let mut left = shorter.weight;
        for arc in own {
            sum += arc.weight;
            let same = exchanged.find(|other| other.candidate == arc.candidate);
            left -= same.map_or(0.0, |other| other.weight);
        }
        sum + backoff * left.max(0.0)
    }
}

impl Builder<'_> {
    /// Goes on to the next place; gives the arcs that lead there.
    fn arriving(&mut self) -> Vec<Pending> {
        self.resolved.clear();
        let after = std::mem::take(&mut self.pending[1]);
        std::mem::replace(&mut self.pending[0], after)
    }

    /// Makes nodes of the contexts that arcs lead to at this place.
    fn connect(&mut self, arriving: Vec<Pending>, here: &Candidates, at_end: bool) {
        for Pending { arc, context } in arriving {
            let (node, factor) = self.resolve(context, here, at_end);
            let arc = &mut self.arcs[arc as usize];
            arc.next = node;
            arc.weight *= factor;
        }
    }

    /// The node of a context at this place, and the backoff weights on the way to it.
    fn resolve(&mut self, context: u32, here: &Candidates, at_end: bool) -> (u32, f64) {
        if let Some(&found) = self.resolved.get(&context) {
            return found;
        }
        let tables = self.tables;
        let limited = tables.limited(context, self.most_units);
        let found = if limited != context {
            self.resolve(limited, here, at_end)
        } else if at_end {
            self.end(context)
        } else {
            self.within(context, here)
        };
        self.resolved.insert(context, found);
        found
    }

    /// A node at the end of the source: what is left is that the sequence ends.
    fn end(&mut self, context: u32) -> (u32, f64) {
        let tables = self.tables;
        let (mut at, mut weight) = (context, 1.0);
        loop {
            if let Some(node) = tables.child(at, tables.end_unit()) {
                weight *= tables.probability(node);
                break;
            }
            if at == ROOT {
                break;
            }
            weight *= tables.backoff(at);
            at = tables.shorter(at);
        }
        let none = self.arcs.len() as u32;
        self.nodes.push(Node {
            arcs: none..none,
            shorter: None,
            weight,
        });
        (self.nodes.len() as u32 - 1, 1.0)
    }

    /// A node within the source. Without units of its own a context is its shorter one.
    fn within(&mut self, context: u32, here: &Candidates) -> (u32, f64) {
        let tables = self.tables;
        let [ones, twos] = here.ranges.each_ref().map(|r| tables.children(context, r));
        let shorter = (context != ROOT).then(|| {
            let (node, factor) = self.resolve(tables.shorter(context), here, false);
            (node, factor * tables.backoff(context))
        });
        if let Some(shorter) = shorter
            && ones.is_empty()
            && twos.is_empty()
        {
            return shorter;
        }
        let first = self.arcs.len() as u32;
        let count = here.ranges[0].len() as u32;
        for (span, children) in [(0, ones), (1, twos)] {
            let range = &here.ranges[span];
            for child in children {
                let candidate = tables.unit(child) - range.start;
                self.pending[span].push(Pending {
                    arc: self.arcs.len() as u32,
                    context: tables.state(child),
                });
                self.arcs.push(Arc {
                    candidate: candidate + if span == 0 { 0 } else { count },
                    next: 0,
                    weight: tables.probability(child),
                });
            }
        }
        self.nodes.push(Node {
            arcs: first..self.arcs.len() as u32,
            shorter,
            weight: 0.0,
        });
        (self.nodes.len() as u32 - 1, 1.0)
    }
}
