//! Names and shapes of a model's weights.

use seq2seq_runtime::Model;
use serde::Serialize;

/// The weights of a model, and the sizes that they come from.
#[derive(Clone, Debug, Serialize)]
pub struct Weights {
    /// The weights, in the order of the layers.
    pub weights: Vec<Weight>,
    /// Numbers in all of them together.
    pub total: usize,
    /// Symbols of inputs.
    pub source_symbols: usize,
    /// Symbols of outputs.
    pub target_symbols: usize,
    /// Longest input in training, in symbols.
    pub longest_source: usize,
    /// Longest output in training, in symbols.
    pub longest_target: usize,
}

/// A weight.
#[derive(Clone, Debug, Serialize)]
pub struct Weight {
    /// Its name in the model's file.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Numbers in it.
    pub count: usize,
}

impl Weights {
    /// The weights of a model.
    pub fn new(model: &Model) -> Self {
        let weights: Vec<Weight> = (model.parameters())
            .map(|(name, shape)| Weight {
                name: name.to_owned(),
                shape: shape.to_vec(),
                count: shape.iter().product(),
            })
            .collect();
        Self {
            total: weights.iter().map(|weight| weight.count).sum(),
            weights,
            source_symbols: model.codec().source.vocabulary.len(),
            target_symbols: model.codec().target.vocabulary.len(),
            longest_source: model.provenance().longest_source,
            longest_target: model.provenance().longest_target,
        }
    }
}
