//! What the network sees of a batch of pairs: sources, decoder inputs, expected outputs.

use super::loss::{Expected, PADDING};
use crate::encoding::{Example, Padded, SourceBatch, SourceIds};

/// A batch ready for the network.
#[derive(Clone, Debug)]
pub struct TrainingBatch {
    /// Sources.
    pub source: SourceBatch,
    /// What the decoder reads: the targets shifted by one (teacher forcing).
    pub decoder_input: Padded,
    /// What it shall predict.
    pub expected: Expected,
}

impl TrainingBatch {
    /// Puts examples together.
    ///
    /// With a `begin` symbol the decoder reads it first and predicts every target symbol; without
    /// one it is given the first target symbol and predicts those after it (`y[:-1]` to `y[1:]`).
    pub fn new(examples: &[&Example], begin: Option<u32>) -> Self {
        let sources: Vec<&SourceIds> = examples.iter().map(|e| &e.source).collect();
        let read: Vec<Vec<u32>> = examples.iter().map(|e| shifted(&e.target, begin)).collect();
        let predicted: Vec<&[u32]> = examples
            .iter()
            .map(|e| {
                if begin.is_some() {
                    &e.target[..]
                } else {
                    e.target.get(1..).unwrap_or(&[])
                }
            })
            .collect();
        // As many steps are read as are predicted, and at least one, so that a batch of empty targets is a
        // batch of padding.
        let read_steps = read.iter().map(Vec::len).max().unwrap_or(0);
        let predicted_steps = predicted.iter().map(|ids| ids.len()).max().unwrap_or(0);
        let steps = read_steps.max(predicted_steps).max(1);
        let expected = Padded::filled(&predicted, |&id| id as i32, steps, PADDING);
        Self {
            source: SourceBatch::new(&sources),
            decoder_input: Padded::filled(&read, |&id| id as i32, steps, 0),
            expected: Expected::new(expected.ids),
        }
    }
}

/// The target without its last symbol, after the begin symbol if there is one.
fn shifted(target: &[u32], begin: Option<u32>) -> Vec<u32> {
    let known = target.split_last().map_or(&[][..], |(_, known)| known);
    begin.into_iter().chain(known.iter().copied()).collect()
}
