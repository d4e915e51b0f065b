//! A model without layers, small enough to enumerate all that it can write.

#![allow(dead_code)] // every test file uses its own part

use std::hash::{DefaultHasher, Hash, Hasher};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use seq2seq_runtime::decoding::{Attention, LogProbs, SearchInput, StepModel, StepOutput};
use seq2seq_runtime::text::SourceIds;

/// The symbol that ends outputs.
pub const END: u32 = 0;

/// Every beginning of an output has a random distribution over the next symbols, of its own.
#[derive(Clone, Debug)]
pub struct Toy {
    pub seed: u64,
    /// Symbols, the end mark included.
    pub symbols: usize,
    /// How unlike the symbols are: 0 gives them all the same probability.
    pub sharpness: f32,
    pub attention: bool,
}

impl Toy {
    pub fn new(seed: u64, symbols: usize) -> Self {
        Self {
            seed,
            symbols,
            sharpness: 3.0,
            attention: true,
        }
    }

    /// Log-probabilities after a source and a beginning (the first symbol read included).
    pub fn log_probs(&self, source: &[u32], beginning: &[u32]) -> Vec<f32> {
        let mut rng = self.rng(source, beginning, 0);
        let logits: Vec<f32> = (0..self.symbols)
            .map(|_| self.sharpness * rng.random::<f32>())
            .collect();
        let sum: f32 = logits.iter().map(|l| l.exp()).sum();
        logits.iter().map(|l| l - sum.ln()).collect()
    }

    /// Attention on each source symbol.
    pub fn weights(&self, source: &[u32], beginning: &[u32]) -> Vec<f32> {
        let mut rng = self.rng(source, beginning, 1);
        let weights: Vec<f32> = source.iter().map(|_| rng.random::<f32>()).collect();
        let sum: f32 = weights.iter().sum();
        weights.iter().map(|w| w / sum).collect()
    }

    fn rng(&self, source: &[u32], beginning: &[u32], stream: u64) -> ChaCha8Rng {
        let mut hasher = DefaultHasher::new();
        (self.seed, source, beginning).hash(&mut hasher);
        let mut rng = ChaCha8Rng::seed_from_u64(hasher.finish());
        rng.set_stream(stream);
        rng
    }

    /// Every finished output of at most so many symbols with its log-probability.
    pub fn enumerate(&self, source: &[u32], first: u32, most: usize) -> Vec<(Vec<u32>, f64)> {
        let mut found = Vec::new();
        let mut open = vec![(Vec::new(), 0.0)];
        while let Some((ids, log_probability)) = open.pop() {
            let beginning: Vec<u32> = std::iter::once(first).chain(ids.iter().copied()).collect();
            for (symbol, log_prob) in (0..).zip(self.log_probs(source, &beginning)) {
                let sum = log_probability + f64::from(log_prob);
                if symbol == END {
                    found.push((ids.clone(), sum));
                } else if ids.len() < most {
                    let mut longer = ids.clone();
                    longer.push(symbol);
                    open.push((longer, sum));
                }
            }
        }
        found
    }
}

/// Source and beginning of each sequence.
pub type State = Vec<(Vec<u32>, Vec<u32>)>;

impl StepModel for Toy {
    type State = State;

    fn start(&self, sources: &[&SourceIds]) -> State {
        sources
            .iter()
            .map(|s| (s.symbols.clone(), Vec::new()))
            .collect()
    }

    fn step(&self, state: &mut State, last: &[u32]) -> StepOutput {
        assert_eq!(state.len(), last.len(), "a symbol for each sequence");
        let mut values = Vec::new();
        let time = state
            .iter()
            .map(|(source, _)| source.len())
            .max()
            .unwrap_or(0);
        let mut weights = Vec::new();
        for ((source, beginning), &last) in state.iter_mut().zip(last) {
            beginning.push(last);
            values.extend(self.log_probs(source, beginning));
            let mut row = self.weights(source, beginning);
            row.resize(time, 0.0);
            weights.extend(row);
        }
        StepOutput {
            log_probs: LogProbs {
                classes: self.symbols,
                values,
            },
            attention: self.attention.then_some(Attention { time, weights }),
        }
    }

    fn select(&self, state: &mut State, rows: &[usize]) {
        *state = rows.iter().map(|&row| state[row].clone()).collect();
    }
}

/// A source; tests are short enough to leave it behind.
pub fn ids(source: &[u32]) -> &'static SourceIds {
    Box::leak(Box::new(SourceIds {
        symbols: source.to_vec(),
        ..SourceIds::default()
    }))
}

/// An input of the toy model.
pub fn input(source: &[u32], max_length: usize) -> SearchInput<'static> {
    SearchInput {
        source: ids(source),
        first: 1,
        first_is_output: false,
        end: Some(END),
        begin: None,
        forbidden: None,
        max_length,
        number: 0,
    }
}
