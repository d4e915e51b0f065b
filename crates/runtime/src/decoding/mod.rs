//! From a model to outputs. The algorithms know no layer: they run any [`StepModel`].
//!
//! [`search`](fn@search) is the one loop, for greedy decoding, beam search and sampling alike. What it may do
//! is in [`SearchOptions`]; what outputs are allowed is a [`Constraint`].

mod alignment;
mod constraint;
mod edit_distance;
mod forced;
mod hypotheses;
mod length;
mod minimum_bayes_risk;
mod options;
mod pattern;
mod sampling;
mod search;

use crate::text::SourceIds;

pub use alignment::{LEAST_SHARE, Span, align_monotonically};
pub use constraint::{Constraint, ConstraintError};
pub use edit_distance::edit_distance;
pub use forced::{ForcedSymbol, each_forced, score_outputs};
pub use hypotheses::{Output, Step};
pub use length::{LengthBound, LengthLimit, Longest};
pub use minimum_bayes_risk::choose;
pub use options::{Keep, Method, SearchError, SearchOptions};
pub(crate) use sampling::{draw_first, number_of};
pub use search::{SearchInput, search};

/// Log-probabilities of the next symbol, for a batch of sequences.
#[derive(Clone, Debug)]
pub struct LogProbs {
    /// Symbols of the vocabulary.
    pub classes: usize,
    /// `[batch, classes]`, row-major.
    pub values: Vec<f32>,
}

impl LogProbs {
    /// The log-probabilities of each sequence.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.classes.max(1))
    }

    /// The log-probabilities of one sequence; empty if there is no such sequence.
    pub fn row(&self, row: usize) -> &[f32] {
        self.values
            .get(row * self.classes..(row + 1) * self.classes)
            .unwrap_or(&[])
    }
}

/// What a batch of sequences attended to while the next symbol was predicted.
#[derive(Clone, Debug)]
pub struct Attention {
    /// Positions of the longest source of the batch.
    pub time: usize,
    /// Weights `[batch, source time]`, row-major; each row sums to one, padding has none.
    pub weights: Vec<f32>,
}

impl Attention {
    /// The weights of one sequence; empty if there is no such sequence.
    pub fn row(&self, row: usize) -> &[f32] {
        self.weights
            .get(row * self.time..(row + 1) * self.time)
            .unwrap_or(&[])
    }
}

/// One step of a batch.
#[derive(Clone, Debug)]
pub struct StepOutput {
    /// Log-probabilities of the next symbols.
    pub log_probs: LogProbs,
    /// What was attended to; none for models without attention.
    pub attention: Option<Attention>,
}

/// A model that predicts the next symbol of several sequences at once.
pub trait StepModel {
    /// Where the model stands, for a batch of sequences.
    type State;

    /// Reads a batch of sources.
    fn start(&self, sources: &[&SourceIds]) -> Self::State;

    /// Reads the last symbol of each sequence and predicts the next.
    fn step(&self, state: &mut Self::State, last: &[u32]) -> StepOutput;

    /// Keeps the given rows of a state, in that order; a row may come several times or not at all.
    fn select(&self, state: &mut Self::State, rows: &[usize]);
}
