//! A training run of any architecture: by gradients, or by counting.

use std::path::{Path, PathBuf};

use super::error::TrainingError;
use super::ngram::NgramRun;
use super::observer::{FinalPairs, Observer, Outcome};
use super::run::checkpoint::Position;
use super::run::folder::{ExistingRun, RunFolder};
use super::task::Task;
use super::trainer::{Cost, Trainer};
use crate::config::{Architecture, Recipe};

/// A training run.
pub enum Learner {
    /// Of a network.
    Network(Box<Trainer>),
    /// Of a joint n-gram model.
    Ngram(Box<NgramRun>),
}

impl Learner {
    /// A run from the beginning; with a folder, everything is kept there.
    ///
    /// # Errors
    /// If the folder cannot be used or the settings cannot work.
    pub fn new(task: Task, folder: Option<(&Path, ExistingRun)>) -> Result<Self, TrainingError> {
        Ok(match task.recipe.model.architecture {
            Architecture::Ngram => Self::Ngram(Box::new(NgramRun::new(task, folder)?)),
            _ => Self::Network(Box::new(Trainer::new(task, folder)?)),
        })
    }

    /// Continues the run in a folder; one of an n-gram model starts again.
    ///
    /// # Errors
    /// If the checkpoints are damaged, or the data or network is another.
    pub fn resume(task: Task, folder: RunFolder) -> Result<Self, TrainingError> {
        Ok(match task.recipe.model.architecture {
            Architecture::Ngram => Self::Ngram(Box::new(NgramRun::resume(task, folder)?)),
            _ => Self::Network(Box::new(Trainer::resume(task, folder)?)),
        })
    }

    /// The settings of the run.
    pub fn recipe(&self) -> &Recipe {
        match self {
            Self::Network(trainer) => trainer.recipe(),
            Self::Ngram(run) => run.recipe(),
        }
    }

    /// What is trained on.
    pub fn task(&self) -> &Task {
        match self {
            Self::Network(trainer) => trainer.task(),
            Self::Ngram(run) => run.task(),
        }
    }

    /// Where a network's training stands.
    pub fn position(&self) -> Option<&Position> {
        match self {
            Self::Network(trainer) => Some(trainer.position()),
            Self::Ngram(_) => None,
        }
    }

    /// Damaged checkpoints that were passed over when the run was resumed, under their new names.
    pub fn set_aside(&self) -> &[PathBuf] {
        match self {
            Self::Network(trainer) => trainer.set_aside(),
            Self::Ngram(_) => &[],
        }
    }

    /// What the model is evaluated on when training is over: test pairs, else validation pairs.
    pub fn final_pairs(&self) -> FinalPairs {
        match self {
            Self::Network(trainer) => trainer.final_pairs(),
            Self::Ngram(run) => run.final_pairs(),
        }
    }

    /// What training a network will take on this machine; counting takes seconds.
    ///
    /// # Errors
    /// If a step fails, which it would in training, too.
    pub fn measure(&mut self) -> Result<Option<Cost>, TrainingError> {
        match self {
            Self::Network(trainer) => trainer.measure().map(Some),
            Self::Ngram(_) => Ok(None),
        }
    }

    /// Trains to the end, or until the observer wants to stop.
    ///
    /// # Errors
    /// If training fails, or a file cannot be written.
    pub fn run(self, observer: &mut dyn Observer) -> Result<Outcome, TrainingError> {
        match self {
            Self::Network(trainer) => trainer.run(observer),
            Self::Ngram(run) => run.run(observer),
        }
    }
}
