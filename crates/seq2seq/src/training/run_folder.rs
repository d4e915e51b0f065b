//! The folder of a run: settings, metrics, best model, checkpoint, plot.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use burn::optim::OptimizerRecord;
use burn::tensor::{Bytes, TensorData};
use serde::{Deserialize, Serialize};

use super::history::EpochRecord;
use super::trainer::TrainingError;
use crate::config::Recipe;
use crate::model::parameters::Weights;
use crate::model_file::{MODEL_NAME, read_metadata, read_weights, write_atomically, write_tensors};

const CHECKPOINT_NAME: &str = "checkpoint.safetensors";
const RECIPE_NAME: &str = "recipe.toml";
const METRICS_NAME: &str = "metrics.jsonl";
const PLOT_NAME: &str = "history.svg";
/// Name of the optimizer's state among the tensors of a checkpoint.
const OPTIMIZER: &str = "optimizer";

/// What to do about an output folder that already holds a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Refuse.
    #[default]
    Refuse,
    /// Start over.
    Overwrite,
}

/// Where training stands; with weights and optimizer state, all that is needed to go on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Epochs done.
    pub epoch: usize,
    /// Batches done in the epoch after those.
    pub batch: usize,
    /// Weight updates so far.
    pub step: usize,
    /// Sum of the losses of the epoch's symbols so far.
    pub loss: f64,
    /// Symbols of the epoch predicted right so far.
    pub correct: usize,
    /// Symbols of the epoch so far.
    pub symbols: usize,
    /// Seconds of training so far.
    pub seconds: f64,
    /// Best figure of a validation so far.
    pub best: Option<f64>,
    /// Validations since then.
    pub stale: usize,
    /// Fingerprint of the training pairs.
    pub data: u64,
}

/// All that a checkpoint holds.
pub struct Checkpoint {
    /// Weights by name.
    pub weights: Weights,
    /// State of the optimizer.
    pub optimizer: OptimizerRecord,
    /// Where training stands.
    pub position: Position,
}

/// The folder of a run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder for a new run and writes its settings.
    ///
    /// # Errors
    /// If it already holds a run and may not be overwritten, or cannot be written to.
    pub fn create(path: &Path, recipe: &Recipe, existing: Existing) -> Result<Self, TrainingError> {
        let run = Self {
            path: path.to_owned(),
        };
        let holds_run = [RECIPE_NAME, MODEL_NAME, CHECKPOINT_NAME, METRICS_NAME];
        if existing == Existing::Refuse && holds_run.iter().any(|name| path.join(name).exists()) {
            return Err(TrainingError::RunExists(path.to_owned()));
        }
        fs::create_dir_all(path).map_err(|source| run.unwritable(path, source))?;
        for name in holds_run {
            run.remove(name)?;
        }
        let recipe = absolute(recipe);
        write_atomically(&path.join(RECIPE_NAME), recipe.to_toml().as_bytes())?;
        Ok(run)
    }

    /// Opens the folder of a run that has begun, and reads its settings.
    ///
    /// # Errors
    /// If there is no run, or its settings cannot be read.
    pub fn open(path: &Path) -> Result<(Self, Recipe), TrainingError> {
        let recipe = path.join(RECIPE_NAME);
        if !recipe.exists() {
            return Err(TrainingError::NoRun(path.to_owned()));
        }
        Ok((
            Self {
                path: path.to_owned(),
            },
            Recipe::read(&recipe)?,
        ))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the model is, or will be.
    pub fn model(&self) -> PathBuf {
        self.path.join(MODEL_NAME)
    }

    /// Writes the settings anew, after some were changed for a resumed run.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn update_recipe(&self, recipe: &Recipe) -> Result<(), TrainingError> {
        Ok(write_atomically(
            &self.path.join(RECIPE_NAME),
            absolute(recipe).to_toml().as_bytes(),
        )?)
    }

    /// Writes a checkpoint in place of the one before.
    ///
    /// # Errors
    /// If the system refuses; the one before is then still there.
    pub fn save_checkpoint(&self, checkpoint: Checkpoint) -> Result<(), TrainingError> {
        let path = self.path.join(CHECKPOINT_NAME);
        let mut tensors = checkpoint.weights;
        let optimizer = checkpoint
            .optimizer
            .into_bytes()
            .map_err(|error| self.unwritable(&path, std::io::Error::other(error.to_string())))?;
        let length = optimizer.len();
        tensors.insert(
            OPTIMIZER.to_owned(),
            TensorData::new(optimizer.to_vec(), [length]),
        );
        let position = serde_json::to_string(&checkpoint.position).unwrap_or_default();
        let metadata = HashMap::from([("position".to_owned(), position)]);
        Ok(write_tensors(&path, &tensors, metadata)?)
    }

    /// Reads the checkpoint.
    ///
    /// # Errors
    /// If there is none, or it is damaged.
    pub fn load_checkpoint(&self) -> Result<Checkpoint, TrainingError> {
        let path = self.path.join(CHECKPOINT_NAME);
        let damaged = |reason: &str| TrainingError::Checkpoint {
            path: path.clone(),
            reason: reason.to_owned(),
        };
        let bytes = fs::read(&path).map_err(|error| damaged(&error.to_string()))?;
        let metadata = read_metadata(&path, &bytes)?;
        let position = metadata
            .get("position")
            .ok_or_else(|| damaged("it has no position"))?;
        let position =
            serde_json::from_str(position).map_err(|error| damaged(&error.to_string()))?;
        let mut weights = read_weights(&path, &bytes)?;
        let optimizer = weights
            .remove(OPTIMIZER)
            .and_then(|data| data.try_into_vec::<u8>().ok())
            .ok_or_else(|| damaged("it has no optimizer state"))?;
        let optimizer = OptimizerRecord::from_bytes(Bytes::from_bytes_vec(optimizer))
            .map_err(|error| damaged(&error.to_string()))?;
        Ok(Checkpoint {
            weights,
            optimizer,
            position,
        })
    }

    /// Adds an epoch to the metrics.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn append_metrics(&self, record: &EpochRecord) -> Result<(), TrainingError> {
        let path = self.path.join(METRICS_NAME);
        let line = serde_json::to_string(record).unwrap_or_default();
        let append = || {
            let mut file = fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(&path)?;
            writeln!(file, "{line}")
        };
        append().map_err(|source| self.unwritable(&path, source))
    }

    /// Reads the metrics of the first `epochs` epochs and drops any later ones, which a resumed
    /// run goes through again.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn rewind_metrics(&self, epochs: usize) -> Result<Vec<EpochRecord>, TrainingError> {
        let path = self.path.join(METRICS_NAME);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let records: Vec<EpochRecord> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(|record: &EpochRecord| record.epoch <= epochs)
            .collect();
        let kept: String = records
            .iter()
            .filter_map(|record| serde_json::to_string(record).ok())
            .flat_map(|line| [line, "\n".to_owned()])
            .collect();
        write_atomically(&path, kept.as_bytes())?;
        Ok(records)
    }

    /// Writes the plot of the history.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn save_plot(&self, records: &[EpochRecord]) -> Result<(), TrainingError> {
        let path = self.path.join(PLOT_NAME);
        let plot = super::plot::history(records)
            .map_err(|error| self.unwritable(&path, std::io::Error::other(error)))?;
        Ok(write_atomically(&path, plot.as_bytes())?)
    }

    fn remove(&self, name: &str) -> Result<(), TrainingError> {
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(self.unwritable(&path, error))
            }
            _ => Ok(()),
        }
    }

    fn unwritable(&self, path: &Path, source: std::io::Error) -> TrainingError {
        TrainingError::Unwritable {
            path: path.to_owned(),
            source,
        }
    }
}

/// The recipe with paths that are good from anywhere.
fn absolute(recipe: &Recipe) -> Recipe {
    let mut recipe = recipe.clone();
    let data = &mut recipe.data;
    for file in [&mut data.train, &mut data.dev, &mut data.test]
        .into_iter()
        .flatten()
    {
        if let Ok(path) = std::path::absolute(&file) {
            *file = path;
        }
    }
    recipe
}
