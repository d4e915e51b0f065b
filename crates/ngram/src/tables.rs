//! The tables of a model file.

use seq2seq_runtime::networks::ngram::{LEAST, NONE, Unit};
use seq2seq_runtime::storage::{Array, Weights};

use super::kneser_ney::Smoothed;
use super::{Counts, PairIds, Symbols};

/// Smoothed counts, from which models of any order are made.
#[derive(Debug)]
pub struct SmoothedCounts<'a> {
    counts: &'a Counts,
    lower: Vec<Smoothed>,
    highest: Vec<Smoothed>,
    noise: Vec<f32>,
    symbols: Symbols,
}

impl Counts {
    /// Smooths the counts; `pairs` are those that were aligned, for the distribution of symbols that no
    /// unit explains.
    pub fn smooth(&self, pairs: &[PairIds], symbols: Symbols) -> SmoothedCounts<'_> {
        let (lower, highest) = self.smoothed();
        SmoothedCounts {
            counts: self,
            lower,
            highest,
            noise: noise(pairs, symbols),
            symbols,
        }
    }
}

impl SmoothedCounts<'_> {
    /// The tables of a model of n-grams of up to so many units.
    pub fn tables(&self, order: usize) -> Weights {
        let order = order.clamp(1, self.counts.longest());
        let of_level = |level: usize| match level + 1 == order {
            true => &self.highest[level],
            false => &self.lower[level],
        };
        let (mut unit, mut probability) = (Vec::new(), Vec::new());
        let (mut children, mut backoff) = (Vec::new(), Vec::new());
        // Whether each context is kept, and the number of those that are.
        let mut contexts = vec![true];
        for place in 0..order {
            let (level, smoothed) = (&self.counts.levels[place], of_level(place));
            let kept = |node: &usize| smoothed.kept[*node];
            let mut count = vec![0; contexts.len()];
            for node in (0..level.len()).filter(kept) {
                unit.push(level.unit[node]);
                probability.push(bounded(smoothed.probability[node]));
                count[level.parent[node] as usize] += 1;
            }
            let of_kept = |context: &usize| contexts[*context];
            for context in (0..contexts.len()).filter(of_kept) {
                children.push(count[context]);
                backoff.push(bounded(smoothed.backoff[context]));
            }
            contexts.clone_from(&smoothed.kept);
        }
        let source_end = self.symbols.source_end.unwrap_or(NONE);
        let units = &self.counts.alignments.units;
        let symbols = |unit: &Unit| {
            [
                unit.source[0],
                unit.source[1],
                unit.target[0],
                unit.target[1],
            ]
        };
        let table: Vec<u32> = units.iter().flat_map(symbols).collect();
        let name = |name: &str| format!("ngram.{name}");
        Weights::from([
            (
                name("marks"),
                Array::u32(vec![2], vec![self.symbols.target_end, source_end]),
            ),
            (
                name("noise"),
                Array::f32(vec![self.noise.len()], self.noise.clone()),
            ),
            (name("units"), Array::u32(vec![units.len(), 4], table)),
            (name("unit"), Array::u32(vec![unit.len()], unit)),
            (
                name("probability"),
                Array::f32(vec![probability.len()], probability),
            ),
            (name("children"), Array::u32(vec![children.len()], children)),
            (name("backoff"), Array::f32(vec![backoff.len()], backoff)),
        ])
    }
}

/// A probability as tables have it.
fn bounded(probability: f64) -> f32 {
    (probability as f32).clamp(LEAST, 1.0)
}

/// How often each target symbol occurs, each once more than it does.
fn noise(pairs: &[PairIds], symbols: Symbols) -> Vec<f32> {
    let mut counts = vec![1.0_f64; symbols.target];
    for pair in pairs {
        pair.target
            .iter()
            .for_each(|&id| counts[id as usize] += 1.0);
        counts[symbols.target_end as usize] += 1.0;
    }
    let total: f64 = counts.iter().sum();
    counts
        .into_iter()
        .map(|count| ((count / total) as f32).max(LEAST))
        .collect()
}
