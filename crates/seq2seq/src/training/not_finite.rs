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
