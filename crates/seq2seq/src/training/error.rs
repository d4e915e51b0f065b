//! Why training cannot start or go on.

use std::path::PathBuf;

use super::distillation::TeacherError;
use super::not_finite::NotFinite;
use super::task::TaskError;
use crate::ModelFileError;
use crate::config::ConfigError;
use crate::shell::shell_quoted;
use seq2seq_runtime::layers::WeightError;

/// Why training stopped.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// It could not start.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// Settings that cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The loss or a weight became NaN or infinite.
    #[error(transparent)]
    NotFinite(Box<NotFinite>),
    /// The output folder holds a run.
    #[error(
        "{0} already holds a run: continue it with --resume {quoted}, replace it with --overwrite, or \
         choose another folder with --out",
        quoted = shell_quoted(.0)
    )]
    RunExists(PathBuf),
    /// The model to learn from cannot teach.
    #[error(transparent)]
    Teacher(#[from] TeacherError),
    /// Another process trains there.
    #[error(
        "{0} is in use by another process that trains there: wait until it is done, or choose \
         another folder with --out"
    )]
    Busy(PathBuf),
    /// Somebody deleted the folder.
    #[error(
        "{0} was deleted while training: there is nowhere to save to; train again, into a folder that stays"
    )]
    FolderGone(PathBuf),
    /// There is no run to resume.
    #[error("{0} holds no run that could be resumed (it has no recipe.toml)")]
    NoRun(PathBuf),
    /// The checkpoint cannot be used.
    #[error("cannot resume from {path}: {reason}")]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The system refused to write.
    #[error("cannot write {path}: {source}")]
    Unwritable {
        /// File or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A model or checkpoint file that cannot be read or written.
    #[error(transparent)]
    File(#[from] ModelFileError),
    /// Weights that are not those of the settings.
    #[error(transparent)]
    Weights(#[from] WeightError),
}

impl TrainingError {
    /// Whether the system refused to write, so that the run can go on once it does not.
    pub fn is_refused_write(&self) -> bool {
        matches!(
            self,
            Self::Unwritable { .. } | Self::File(ModelFileError::Unwritable { .. })
        )
    }
}
