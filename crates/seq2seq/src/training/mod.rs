//! Training: from settings to a [`Task`], from a task through the [`Trainer`] to a model.

mod adam;
mod averaging;
mod base;
mod batch;
mod budget;
mod checkpoint;
mod defaults;
mod distillation;
mod error;
#[cfg(test)]
mod fault_tests;
mod gradient;
mod hidden_symbols;
mod history;
mod loaded_pairs;
mod loss;
mod memory;
mod not_finite;
mod observer;
mod optimizer;
mod optimizer_state;
mod pace;
pub(crate) mod plot;
mod reading;
mod run_folder;
mod schedule;
mod scheduled_sampling;
mod task;
mod trainer;

pub use averaging::WeightAverage;
pub use base::Base;
pub use batch::TrainingBatch;
pub use checkpoint::{Best, Checkpoint, Position, State};
pub use distillation::{Teacher, TeacherError};
pub use error::TrainingError;
pub use history::{EpochRecord, Validation, read_history};
pub use loaded_pairs::{LoadedPairs, read_options};
pub use loss::{Expected, Figures, Losses, PADDING};
pub use not_finite::{KeptModel, NotFinite, Quantity};
pub use observer::{BatchReport, Ending, FinalPairs, Observer, Outcome};
pub use optimizer::{clip_global_norm, optimizer};
pub use reading::{Chosen, Decomposed, Guessed};
pub use run_folder::{Existing, RunFolder};
pub use schedule::Schedule;
pub use task::{DataReport, Task, TaskError};
pub use trainer::{Cost, Trainer};
