//! Warm start: training goes on from a trained model on other pairs, which may have new symbols.

use std::path::Path;

use burn::tensor::Device;

use crate::Model;
use crate::ModelFileError;
use crate::config::{ConfigError, Monitor, Recipe};
use crate::data::SplitMethod;
use crate::layers::Growth;
use crate::layers::parameters::Parameters;
use crate::storage::Precision;
use crate::text::Codec;

/// New pairs that are too few to hold some of them out.
const HANDFUL: usize = 50;
/// Most epochs for a handful of pairs.
const EPOCHS_OF_HANDFUL: usize = 400;

/// A trained model that training starts from (warm start).
#[derive(Clone, Debug)]
pub struct InitialModel {
    /// The model.
    pub model: Model,
    /// Whether it is the network of a mixture, whose n-gram model is left out.
    pub is_of_mixture: bool,
}

impl InitialModel {
    /// Reads it from a model file, or from the folder of a run. Of a mixture with an n-gram model, it is the
    /// network.
    ///
    /// # Errors
    /// If there is none, or the file is not a whole and consistent model, or it is quantized: learning goes on
    /// in steps that are smaller than what rounding took away.
    pub fn load(path: &Path) -> Result<Self, ModelFileError> {
        let model = Model::load(path)?;
        match model.precision() {
            Precision::F32 => {}
            precision => {
                let path = path.to_owned();
                return Err(ModelFileError::Quantized { path, precision });
            }
        }
        let network = model.network_of_mixture();
        Ok(Self {
            is_of_mixture: network.is_some(),
            model: network.unwrap_or(model),
        })
    }

    /// Its weights for a network with the vocabularies of `codec`, which extends that of the initial model;
    /// those of new symbols are drawn.
    pub(super) fn parameters(&self, codec: &Codec, seed: u64, device: &Device) -> Parameters {
        let source = self.model.codec().source.vocabulary.len();
        let growth = Growth {
            source,
            new_in_source: codec.source.vocabulary.len() - source,
        };
        Parameters::grown(self.model.weights().clone(), growth, seed, device)
    }
}

impl Recipe {
    /// Settings to go on from a trained model: its network and treatment of texts, with training
    /// settings for so many pairs. A handful of pairs are all trained and validated on: none can be
    /// spared, and they are to be learned.
    ///
    /// # Errors
    /// If the model was written by another version, whose recipes have other keys.
    pub fn going_on(model: &Model, path: &Path, pairs: usize) -> Result<Self, ConfigError> {
        let network = model.network_of_mixture();
        let base = Self::of_model(network.as_ref().unwrap_or(model))?;
        let mut recipe = Self {
            text: base.text.clone(),
            model: base.model.clone(),
            decoding: base.decoding.clone(),
            ..Self::for_size(pairs, base.model.architecture)
        };
        recipe.training.label_smoothing = base.training.label_smoothing;
        recipe.training.from = Some(path.to_owned());
        recipe.data.features_column = base.data.features_column;
        if pairs < HANDFUL {
            recipe.data.validation_split = SplitMethod::Training;
            // An epoch is a few steps only.
            recipe.training.epochs = EPOCHS_OF_HANDFUL;
            recipe.training.patience = EPOCHS_OF_HANDFUL / 8;
            // A handful of answers is too coarse a figure.
            recipe.training.monitor = Monitor::Loss;
        }
        Ok(recipe)
    }
}
