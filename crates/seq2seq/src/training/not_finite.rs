//! Training that diverged: numbers that are NaN or infinite.

use std::fmt;
use std::path::PathBuf;

/// What is NaN or infinite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// The loss of a batch.
    Loss,
    /// A weight of the network.
    Weights,
}

/// The loss or a weight became NaN or infinite, so that training cannot go on.
#[derive(Clone, Debug, PartialEq)]
pub struct NotFinite {
    /// What it is.
    pub quantity: Quantity,
    /// Epoch, from 1.
    pub epoch: usize,
    /// Batch of the epoch, from 1.
    pub batch: usize,
    /// `training.learning_rate` of the run.
    pub learning_rate: f64,
    /// `training.clip_norm` of the run; 0 is off.
    pub clip_norm: f64,
    /// The last good model of the run, if there is one.
    pub kept: Option<KeptModel>,
}

/// The model that is left of a run that diverged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptModel {
    /// Its file.
    pub path: PathBuf,
    /// Epochs that it was trained for.
    pub epochs: usize,
}

impl std::error::Error for NotFinite {}

impl fmt::Display for NotFinite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quantity = match self.quantity {
            Quantity::Loss => "Loss",
            Quantity::Weights => "Weights",
        };
        let Self {
            epoch,
            batch,
            learning_rate,
            clip_norm,
            ..
        } = self;
        write!(
            formatter,
            "{quantity} became NaN or infinite at epoch {epoch}, batch {batch}. \
             Lower training.learning_rate (now {learning_rate}) or "
        )?;
        match *clip_norm > 0.0 {
            true => write!(formatter, "training.clip_norm (now {clip_norm}).")?,
            false => write!(formatter, "set training.clip_norm (now 0, which is off).")?,
        }
        match &self.kept {
            Some(KeptModel { path, epochs: 0 }) => {
                write!(formatter, " {} holds the last good model.", path.display())
            }
            Some(KeptModel { path, epochs }) => write!(
                formatter,
                " {} holds the last good model, of epoch {epochs}.",
                path.display()
            ),
            None => write!(formatter, " No model was saved."),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may fail by panicking
mod tests {
    use std::sync::Arc;

    use burn::tensor::{Device, TensorData};

    use crate::config::Recipe;
    use crate::data::Pair;
    use crate::model::Network;
    use crate::model::parameters::{Parameters, weights_of};
    use crate::model_file::ModelFileError;
    use crate::trained_model::Model;
    use crate::training::{Task, Trainer};

    /// A model whose output bias has one number that is infinite.
    fn broken() -> (String, Model) {
        let pairs = ["ab", "ba", "cab", "bc"].map(|text| Pair {
            source: text.to_owned(),
            target: text.to_owned(),
            features: None,
        });
        let task = Task::from_pairs(Recipe::default(), pairs).unwrap();
        let model = Trainer::new(task, None).unwrap().model().unwrap();
        let mut weights = weights_of(model.network());
        let name = weights.keys().next_back().unwrap().clone();
        let data = weights.get_mut(&name).unwrap();
        let mut values: Vec<f32> = data.clone().try_into_vec_as().unwrap();
        values[1] = f32::INFINITY;
        *data = TensorData::new(values, data.shape().to_vec());
        let mut params = Parameters::stored(weights, &Device::flex());
        let network = Network::new(&model.recipe.model, model.codec.sizes(), &mut params).unwrap();
        let provenance = model.provenance.clone();
        let codec = Arc::clone(&model.codec);
        (name, Model::new(model.recipe, codec, provenance, network))
    }

    #[test]
    fn a_model_with_an_infinite_weight_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        std::fs::write(&path, "before").unwrap();
        let (expected, model) = broken();
        let error = model.save(&path).unwrap_err();
        let message = error.to_string();
        let ModelFileError::NotFinite { name, .. } = error else {
            panic!("{error:?}")
        };
        assert_eq!(name, expected);
        assert!(message.contains(&format!("`{expected}`")), "{message}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before");
    }
}
