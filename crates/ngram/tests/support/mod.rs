//! Small models, and their probabilities by enumeration of all ways to read a source.

#![allow(dead_code, clippy::expect_used)] // every test file uses its own part, and may fail by panicking

use std::collections::HashMap;

use seq2seq_ngram::{Alignments, Counts, PairIds, Symbols};
use seq2seq_runtime::layers::Parameters;
use seq2seq_runtime::networks::ngram::filter::NOISE;
use seq2seq_runtime::networks::ngram::{NONE, NgramNetwork, Unit};
use seq2seq_runtime::storage::Weights;
use seq2seq_runtime::text::VocabularySizes;

/// A pair of ids.
pub type Pair = (Vec<u32>, Vec<u32>);

/// The end mark of targets.
pub const END: u32 = 0;

/// Tables fitted to pairs, with so many symbols on each side.
pub fn tables(pairs: &[Pair], [source, target]: [usize; 2], span: usize, order: usize) -> Weights {
    let ids: Vec<PairIds> = pairs
        .iter()
        .map(|(source, target)| PairIds { source, target })
        .collect();
    let symbols = Symbols {
        source,
        target,
        source_end: None,
        target_end: END,
    };
    let alignments = Alignments::new(&ids, symbols, span).expect("alignments");
    let counts = Counts::new(alignments, order);
    counts.smooth(&ids, symbols).tables(order)
}

/// The network of tables.
pub fn network(weights: &Weights, [source, target]: [usize; 2]) -> NgramNetwork {
    let sizes = VocabularySizes {
        source,
        features: 0,
        target,
    };
    let mut params = Parameters::new(weights.clone());
    let network = NgramNetwork::new(sizes, &mut params).expect("a network");
    params.finish().expect("nothing left over");
    network
}

/// The tables as maps, read in the plainest way.
pub struct Reference {
    pub units: Vec<Unit>,
    /// Probability of an n-gram's last unit after those before it.
    probability: HashMap<Vec<u32>, f64>,
    /// What the shorter context weighs.
    backoff: HashMap<Vec<u32>, f64>,
    noise: Vec<f64>,
}

impl Reference {
    pub fn new(weights: &Weights) -> Self {
        let integers = |name: &str| {
            let array = weights.get(&format!("ngram.{name}")).expect(name);
            array.as_u32().expect("integers").to_vec()
        };
        let floats = |name: &str| {
            let array = weights.get(&format!("ngram.{name}")).expect(name);
            let values = array.as_f32().expect("floats").iter();
            values.map(|&value| f64::from(value)).collect::<Vec<f64>>()
        };
        let units = integers("units");
        let units: Vec<Unit> = units
            .chunks(4)
            .map(|unit| Unit {
                source: [unit[0], unit[1]],
                target: [unit[2], unit[3]],
            })
            .collect();
        let (unit, probability) = (integers("unit"), floats("probability"));
        let (children, backoff) = (integers("children"), floats("backoff"));
        let mut contexts: Vec<Vec<u32>> = vec![Vec::new()];
        let mut maps = (HashMap::new(), HashMap::new());
        let mut node = 0;
        for (index, (&count, &weight)) in children.iter().zip(&backoff).enumerate() {
            let context = contexts[index].clone();
            for _ in 0..count {
                let mut ngram = context.clone();
                ngram.push(unit[node]);
                maps.0.insert(ngram.clone(), probability[node]);
                contexts.push(ngram);
                node += 1;
            }
            maps.1.insert(context, weight);
        }
        assert_eq!(node, unit.len());
        Self {
            units,
            probability: maps.0,
            backoff: maps.1,
            noise: floats("noise"),
        }
    }

    pub fn end(&self) -> u32 {
        self.units.len() as u32
    }

    pub fn begin(&self) -> u32 {
        self.end() + 1
    }

    /// Contexts with a weight.
    pub fn contexts(&self) -> impl Iterator<Item = &Vec<u32>> {
        self.backoff.keys()
    }

    /// Probability of a unit after others.
    pub fn after(&self, history: &[u32], unit: u32) -> f64 {
        let ngram = [history, &[unit]].concat();
        if let Some(&probability) = self.probability.get(&ngram) {
            return probability;
        }
        assert!(!history.is_empty(), "every unit has a probability");
        let weight = self.backoff.get(history).copied().unwrap_or(1.0);
        weight * self.after(&history[1..], unit)
    }

    /// Every target that the source may be read as, end mark left out, with its probability (not
    /// normalised).
    pub fn targets(&self, source: &[u32]) -> HashMap<Vec<u32>, f64> {
        let mut found = HashMap::new();
        self.read(
            source,
            &mut vec![self.begin()],
            &mut Vec::new(),
            1.0,
            &mut found,
        );
        found
    }

    fn read(
        &self,
        rest: &[u32],
        history: &mut Vec<u32>,
        target: &mut Vec<u32>,
        probability: f64,
        found: &mut HashMap<Vec<u32>, f64>,
    ) {
        if rest.is_empty() {
            let all = probability * self.after(history, self.end());
            *found.entry(target.clone()).or_default() += all;
        }
        for (number, unit) in (0..).zip(&self.units) {
            let symbols = |of: [u32; 2]| of.into_iter().filter(|&symbol| symbol != NONE);
            let reads: Vec<u32> = symbols(unit.source).collect();
            let Some(rest) = rest.strip_prefix(&reads[..]) else {
                continue;
            };
            let next = probability * self.after(history, number);
            let length = target.len();
            target.extend(symbols(unit.target));
            history.push(number);
            self.read(rest, history, target, next, found);
            history.pop();
            target.truncate(length);
        }
    }

    /// The distribution of the symbol after a prefix, end mark included, where any symbol may be noise.
    pub fn next(&self, source: &[u32], prefix: &[u32]) -> Vec<f64> {
        let targets = self.targets(source);
        // Which symbols of the prefix are noise: all subsets.
        let mut sums = vec![0.0; self.noise.len()];
        let mut total = 0.0;
        for noise in 0..1_u32 << prefix.len() {
            let is_noise = |place: &usize| noise >> place & 1 == 1;
            let mut written = Vec::new();
            let mut weight = 1.0;
            for (place, &symbol) in prefix.iter().enumerate() {
                let before = self.beginning(&targets, &written);
                if is_noise(&place) {
                    weight *= NOISE * self.noise[symbol as usize];
                } else {
                    written.push(symbol);
                    let after = self.beginning(&targets, &written);
                    weight *= (1.0 - NOISE) * if before > 0.0 { after / before } else { 0.0 };
                }
            }
            if weight == 0.0 {
                continue;
            }
            total += weight;
            let here = self.beginning(&targets, &written);
            for (symbol, sum) in sums.iter_mut().enumerate() {
                let after = match symbol as u32 {
                    END => targets.get(&written).copied().unwrap_or(0.0),
                    symbol => self.beginning(&targets, &[&written[..], &[symbol]].concat()),
                };
                *sum += weight * ((1.0 - NOISE) * after / here + NOISE * self.noise[symbol]);
            }
        }
        sums.into_iter().map(|sum| sum / total).collect()
    }

    /// Probability of all targets that begin so.
    fn beginning(&self, targets: &HashMap<Vec<u32>, f64>, prefix: &[u32]) -> f64 {
        let begins = |target: &&Vec<u32>| target.starts_with(prefix);
        let mut found: Vec<f64> = (targets.iter())
            .filter(|(target, _)| begins(target))
            .map(|(_, &probability)| probability)
            .collect();
        found.sort_by(f64::total_cmp);
        found.iter().sum()
    }
}
