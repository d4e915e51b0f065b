//! From a model to outputs. The algorithms know no layer: they run any [`StepModel`].

mod generate;
mod sampling;

pub use generate::{Choice, Generation, Hypothesis, Step, generate};
pub use sampling::SamplingError;

/// Log-probabilities of the next symbol, for a batch of sequences.
#[derive(Clone, Debug)]
pub struct LogProbs {
    /// Symbols of the vocabulary.
    pub classes: usize,
    /// `[batch, classes]`.
    pub values: Vec<f32>,
}

impl LogProbs {
    /// The log-probabilities of each sequence.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.classes)
    }
}

/// A model that predicts the next symbol of several sequences at once.
pub trait StepModel {
    /// Where the model stands, for a batch of sequences.
    type State;

    /// Reads a batch of sources.
    fn start(&self, sources: &[&[u32]]) -> Self::State;

    /// Reads the last symbol of each sequence and predicts the next.
    fn step(&self, state: &mut Self::State, last: &[u32]) -> LogProbs;

    /// The state of the given rows, in that order; a row may come several times or not at all.
    fn select(&self, state: &Self::State, rows: &[usize]) -> Self::State;
}
