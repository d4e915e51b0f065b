//! What is known of an epoch once it is over.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::folder::METRICS_NAME;
use crate::Model;
use crate::data::Question;
use crate::encoding::Example;
use crate::evaluation::{TeacherForced, free_running, teacher_forced};
use crate::metrics::{FreeRunning, ScoreError};
use crate::storage::atomic::open_regular;

/// A line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Number of the epoch, from 1.
    pub epoch: usize,
    /// Weight updates so far.
    pub step: usize,
    /// Learning rate of the last update.
    pub learning_rate: f64,
    /// Mean training loss of a symbol, measured while the weights changed, as Keras does.
    pub loss: f64,
    /// Share of training symbols predicted right, likewise.
    pub accuracy: f64,
    /// Training pairs a second.
    pub pairs_per_second: f64,
    /// Seconds of training so far.
    pub seconds: f64,
    /// Figures of the validation set, if this epoch had a validation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
}

/// Figures of the validation set.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Teacher-forced loss of a symbol.
    pub loss: f64,
    /// Teacher-forced share of symbols predicted right.
    pub accuracy: f64,
    /// Free-running share of questions answered right.
    pub exact_match: f64,
    /// Free-running edits for each symbol of the reference.
    pub symbol_error_rate: f64,
    /// Questions that were answered; 0 in what versions wrote that did not say.
    #[serde(default)]
    pub questions: usize,
    /// Whether it was the best so far.
    pub best: bool,
}

impl Validation {
    /// The figures of a model that nobody has compared with others yet.
    pub(in crate::training) fn new(forced: TeacherForced, free: &FreeRunning) -> Self {
        Self {
            loss: forced.loss,
            accuracy: forced.accuracy,
            exact_match: free.exact_match,
            symbol_error_rate: free.symbol_error_rate,
            questions: free.questions,
            best: false,
        }
    }

    /// The figures of a model that is the best, as it is the only one.
    ///
    /// # Errors
    /// If there are no questions, or the model's options cannot work.
    pub(in crate::training) fn measured(
        model: &Model,
        examples: &[Example],
        questions: &[Question],
    ) -> Result<Self, ScoreError> {
        let forced = teacher_forced(model, examples);
        let free = free_running(model, questions)?;
        Ok(Self {
            best: true,
            ..Self::new(forced, &free)
        })
    }
}

/// The figures of the best model so far.
pub(in crate::training) fn best_validation(history: &[EpochRecord]) -> Option<&Validation> {
    let mut newest_first = history
        .iter()
        .rev()
        .filter_map(|epoch| epoch.validation.as_ref());
    newest_first.find(|validation| validation.best)
}

/// The epochs that a run's `metrics.jsonl` holds so far; none if there is no such file. Lines that
/// cannot be read, such as one that is just being written, are left out.
pub fn read_history(folder: &Path) -> Vec<EpochRecord> {
    let file = open_regular(&folder.join(METRICS_NAME));
    let text = file.and_then(std::io::read_to_string).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}
