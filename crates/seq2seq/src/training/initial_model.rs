//! Warm start: training goes on from a trained model on other pairs, which may have new symbols.

use std::path::Path;

use burn::tensor::Device;

use crate::ModelFileError;
use crate::config::{ConfigError, Recipe};
use crate::layers::Growth;
use crate::layers::parameters::Parameters;
use crate::storage::Weights;
use crate::text::Codec;
use crate::{Model, Provenance};

/// A trained model that training starts from (warm start).
#[derive(Clone, Debug)]
pub struct InitialModel {
    /// How it reads and writes texts.
    pub codec: Codec,
    /// What it keeps of the pairs that it was trained on.
    pub provenance: Provenance,
    weights: Weights,
}

impl InitialModel {
    /// Reads it from a model file, or from the folder of a run.
    ///
    /// # Errors
    /// If there is none, or the file is not a whole and consistent model.
    pub fn load(path: &Path) -> Result<Self, ModelFileError> {
        let model = Model::load(path)?;
        Ok(Self {
            codec: (**model.codec()).clone(),
            provenance: model.provenance().clone(),
            weights: model.weights().clone(),
        })
    }

    /// Its weights for a network with the vocabularies of `codec`, which extends that of the base;
    /// those of new symbols are drawn.
    pub(super) fn parameters(&self, codec: &Codec, seed: u64, device: &Device) -> Parameters {
        let source = self.codec.source.vocabulary.len();
        let growth = Growth {
            source,
            new_in_source: codec.source.vocabulary.len() - source,
        };
        Parameters::grown(self.weights.clone(), growth, seed, device)
    }
}

impl Recipe {
    /// Settings to go on from a trained model: its network and treatment of texts, with training
    /// settings for so many pairs.
    ///
    /// # Errors
    /// If the model was written by another version, whose recipes have other keys.
    pub fn going_on(model: &Model, path: &Path, pairs: usize) -> Result<Self, ConfigError> {
        let base = Self::of_model(model)?;
        let mut recipe = Self {
            text: base.text.clone(),
            model: base.model.clone(),
            decoding: base.decoding.clone(),
            ..Self::for_size(pairs, base.model.architecture)
        };
        recipe.training.label_smoothing = base.training.label_smoothing;
        recipe.training.from = Some(path.to_owned());
        recipe.data.features_column = base.data.features_column;
        Ok(recipe)
    }
}
