//! A model from what it was trained on and its weights.

use std::sync::Arc;

use seq2seq_runtime::layers::WeightError;
use seq2seq_runtime::model::ModelParts;

use super::task::Task;
use crate::config::Recipe;
use crate::storage::Weights;
use crate::text::Codec;
use crate::{Model, Provenance};

impl Task {
    /// What a model keeps of these pairs, after so many epochs.
    pub(super) fn provenance(&self, epochs: usize) -> Provenance {
        let report = &self.report;
        let mut first_symbols: Vec<u32> = (self.train.iter())
            .filter_map(|example| example.target.first().copied())
            .collect();
        // A model that goes on from another still answers what that one did.
        let before = self
            .initial
            .as_ref()
            .map(|initial| initial.model.provenance());
        let longest = |now: usize, before: Option<usize>| now.max(before.unwrap_or(0));
        first_symbols.extend(before.iter().flat_map(|before| &before.first_symbols));
        first_symbols.sort_unstable();
        first_symbols.dedup();
        Provenance {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pairs: self.train.len(),
            shortest_source: match before {
                Some(before) => report.shortest_source.min(before.shortest_source),
                None => report.shortest_source,
            },
            longest_source: longest(report.longest_source, before.map(|b| b.longest_source)),
            longest_target: longest(report.longest_target, before.map(|b| b.longest_target)),
            source_numbers: match before {
                Some(before) => (report.source_numbers.zip(before.source_numbers))
                    .map(|(now, before)| now.joined(before)),
                None => report.source_numbers,
            },
            length_bound: match before {
                Some(before) => (report.length_bound.zip(before.length_bound))
                    .map(|(now, before)| now.above(before)),
                None => report.length_bound,
            },
            first_symbols,
            epochs,
            best: None,
            calibration: None,
            mixture: None,
        }
    }
}

/// A model that was trained by a recipe.
pub(super) fn new_model(
    recipe: &Recipe,
    codec: Arc<Codec>,
    provenance: Provenance,
    weights: Weights,
) -> Result<Model, WeightError> {
    Model::new(ModelParts {
        settings: recipe.settings(),
        recipe: recipe.without_folders().to_toml(),
        codec,
        provenance,
        weights,
    })
}
