//! Training: from settings to a [`Task`], from a task through the [`Trainer`] to a model.

mod adam;
mod averaging;
mod batch;
mod budget;
mod defaults;
mod distillation;
mod error;
#[cfg(test)]
mod fault_tests;
mod hidden_symbols;
mod initial_model;
mod loaded_pairs;
mod loss;
mod memory;
mod not_finite;
mod observer;
mod optimizer;
mod optimizer_state;
mod pace;
mod reading;
pub(crate) mod run;
mod schedule;
mod scheduled_sampling;
mod seen;
mod selection;
mod task;
mod trainer;

pub use averaging::WeightAverage;
pub use batch::TrainingBatch;
pub use distillation::{Teacher, TeacherError};
pub use error::TrainingError;
pub use initial_model::InitialModel;
pub use loaded_pairs::{LoadedPairs, read_options};
pub use loss::{Expected, Losses, PADDING, SymbolMetrics};
pub use not_finite::{KeptModel, NotFinite, Quantity};
pub use observer::{BatchReport, Ending, FinalPairs, Observer, Outcome};
pub use optimizer::{clip_global_norm, optimizer};
pub use reading::{ChosenTokenization, Decomposed, Guessed};
pub use run::checkpoint::{Best, Checkpoint, Position, State};
pub use run::folder::{ExistingRun, RunFolder};
pub use run::history::{EpochRecord, Validation, read_history};
pub use schedule::Schedule;
pub use selection::{FEW_QUESTIONS, SelectionScore};
pub use task::{DataReport, Task, TaskError};
pub use trainer::{Cost, Trainer};
