//! What the network sees of a batch of pairs: sources, decoder inputs, expected outputs.

use super::loss::{Expected, PADDING};
use crate::data::{Example, Padded, SourceIds};
use crate::model::SourceBatch;

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
        let decoder_input = Padded::new(&read);
        let expected = Padded::new(&predicted);
        let mut ids = expected.ids;
        for (column, &length) in expected.lengths.iter().enumerate() {
            for step in length..expected.time {
                ids[step * examples.len() + column] = PADDING;
            }
        }
        Self {
            source: SourceBatch::new(&sources),
            decoder_input,
            expected: Expected::new(ids),
        }
    }
}

/// The target without its last symbol, after the begin symbol if there is one.
fn shifted(target: &[u32], begin: Option<u32>) -> Vec<u32> {
    let known = target.split_last().map_or(&[][..], |(_, known)| known);
    begin.into_iter().chain(known.iter().copied()).collect()
}
