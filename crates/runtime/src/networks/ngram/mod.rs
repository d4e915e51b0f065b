//! A joint n-gram model (Bisani and Ney 2008): source and target are read and written in joint units of
//! one or two source symbols and none to two target symbols, and an n-gram model gives the probability of
//! a sequence of units.
//!
//! As a step model it gives the distribution of the next target symbol given the whole source and what was
//! written, summed over all ways to cut both into units: [`lattice`] has the probabilities of the rest of
//! the source, [`filter`] those of what was written.

#[doc(hidden)]
pub mod filter;
#[doc(hidden)]
pub mod lattice;
mod tables;

use std::sync::Arc;

use self::filter::{Entry, Expansions, NOISE, beginning};
use self::lattice::Lattice;
pub use self::tables::{LEAST, NONE, Tables, Unit};
use super::{StepScores, of_source, selected};
use crate::layers::{Parameters, Rows, SourceBatch, WeightError};
use crate::text::VocabularySizes;

/// A joint n-gram model.
#[derive(Debug)]
pub struct NgramNetwork {
    tables: Tables,
}

/// Where the model stands, for a batch of sequences.
#[derive(Debug)]
pub struct NgramState {
    sources: Arc<Sources>,
    /// The source to which each row belongs.
    rows: Vec<u32>,
    /// Ways to go on from where each row stands; none before the first step.
    open: Vec<Arc<Expansions>>,
}

/// The sources of a batch.
#[derive(Debug)]
struct Sources {
    lattices: Vec<Lattice>,
    /// Symbols of each source, end mark included.
    lengths: Vec<usize>,
    /// Symbols of the longest.
    time: usize,
}

impl NgramNetwork {
    /// The model, from stored tables.
    ///
    /// # Errors
    /// If a table is missing, or has a number that is not possible.
    pub fn new(sizes: VocabularySizes, params: &mut Parameters) -> Result<Self, WeightError> {
        let tables = params.layer("ngram", |params| Tables::new(sizes, params))?;
        Ok(Self { tables })
    }

    /// The tables.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Reads the sources and returns the state before the first target symbol.
    pub fn encode(&self, source: &SourceBatch) -> NgramState {
        let symbols = of_source(&source.symbols);
        let lengths = source.symbols.lengths.clone();
        let lattices = symbols.iter().zip(&lengths).map(|(symbols, &length)| {
            let ids: Vec<u32> = symbols[..length].iter().map(|&id| id as u32).collect();
            let without_end = ids.strip_suffix(&[self.tables.source_end]);
            Lattice::new(&self.tables, without_end.unwrap_or(&ids))
        });
        NgramState {
            rows: (0..lengths.len() as u32).collect(),
            sources: Arc::new(Sources {
                lattices: lattices.collect(),
                lengths,
                time: source.symbols.time,
            }),
            open: Vec::new(),
        }
    }

    /// Reads the last symbol of each sequence and gives the log-probabilities of the next. The attention
    /// is where the next symbol is written from.
    pub fn step(&self, state: &mut NgramState, last: &[u32]) -> StepScores {
        let sources = Arc::clone(&state.sources);
        let lattice = |row: usize| &sources.lattices[state.rows[row] as usize];
        let entries: Vec<Vec<Entry>> = match state.open.is_empty() {
            true => (0..last.len()).map(|row| beginning(lattice(row))).collect(),
            false => (state.open.iter().zip(last))
                .map(|(open, &symbol)| open.after(symbol, self.noise(symbol)))
                .collect(),
        };
        let open: Vec<Arc<Expansions>> = (entries.into_iter().enumerate())
            .map(|(row, entries)| Expansions::new(lattice(row), &self.tables, entries))
            .map(Arc::new)
            .collect();
        state.open = open;
        let mut scores = Rows::zeros(last.len(), self.tables.noise.len());
        let mut attention = Rows::zeros(last.len(), sources.time);
        let rows = scores.iter_mut().zip(attention.iter_mut());
        for ((scores, attention), (row, open)) in rows.zip(state.open.iter().enumerate()) {
            self.score(open, scores);
            look(open, sources.lengths[state.rows[row] as usize], attention);
        }
        StepScores {
            scores,
            attention: Some(attention),
        }
    }

    /// The probability of a symbol where the next one is noise.
    fn noise(&self, symbol: u32) -> f64 {
        let noise = self.tables.noise.get(symbol as usize);
        noise.map_or(0.0, |&share| f64::from(share))
    }

    /// Log-probabilities of the next symbols.
    fn score(&self, open: &Expansions, scores: &mut [f32]) {
        let mut shares = vec![0.0; scores.len()];
        for expansion in &open.expansions {
            shares[expansion.symbol as usize] += expansion.entry.share;
        }
        shares[self.tables.target_end as usize] += open.end;
        for ((score, share), &noise) in scores.iter_mut().zip(shares).zip(&self.tables.noise) {
            *score = ((1.0 - NOISE) * share + NOISE * f64::from(noise)).ln() as f32;
        }
    }
}

/// Where the next symbol is written from: shares of the source's symbols, which sum to 1. The target's end
/// comes from the source's last symbol.
fn look(open: &Expansions, length: usize, attention: &mut [f32]) {
    let mut shares = vec![0.0; attention.len()];
    for expansion in &open.expansions {
        let origin = expansion.entry.origin;
        let (place, span) = (origin.place as usize, origin.span as usize);
        for share in &mut shares[place..place + span] {
            *share += expansion.entry.share / f64::from(origin.span);
        }
    }
    shares[length.max(1) - 1] += open.end;
    for (weight, share) in attention.iter_mut().zip(shares) {
        *weight = share as f32;
    }
}

impl NgramState {
    /// Keeps the given rows, in that order; a row may come several times or not at all.
    pub fn select(&mut self, rows: &[usize]) {
        self.rows = selected(&self.rows, rows);
        if !self.open.is_empty() {
            self.open = rows
                .iter()
                .map(|&row| Arc::clone(&self.open[row]))
                .collect();
        }
    }
}
