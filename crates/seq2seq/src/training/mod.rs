//! Training: from settings to a [`Task`], from a task through the [`Trainer`] to a model.

mod batch;
mod history;
mod loss;
mod optimizer;
mod plot;
mod run_folder;
mod schedule;
mod scheduled_sampling;
mod task;
mod trainer;

pub use batch::TrainingBatch;
pub use history::{EpochRecord, Validation};
pub use loss::{Expected, PADDING, cross_entropy};
pub use optimizer::{clip_global_norm, optimizer};
pub use run_folder::{Checkpoint, Existing, Position, RunFolder};
pub use schedule::Schedule;
pub use task::{Chosen, DataReport, Task, TaskError, read_options};
pub use trainer::{BatchReport, Ending, FinalPairs, Observer, Outcome, Trainer, TrainingError};
