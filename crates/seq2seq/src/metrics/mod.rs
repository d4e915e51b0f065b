//! How good a model's answers are.

mod edit_distance;
mod free_running;

pub use edit_distance::edit_distance;
pub use free_running::{FreeRunning, ScoreError, score};
