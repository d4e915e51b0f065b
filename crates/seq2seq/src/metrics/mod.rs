//! How good a model's answers are.

mod bleu;
mod bootstrap;
mod breakdown;
mod calibration;
mod chrf;
mod edit_alignment;
mod free_running;

pub use crate::decoding::edit_distance;
pub use bleu::{Bleu, BleuTokenizer, bleu};
pub use bootstrap::{
    Interval, PairedDifference, Part, RESAMPLES, bootstrap_interval, mcnemar, paired_bootstrap,
};
pub use breakdown::{Breakdown, ByFeature, ByLength, BySymbol, Confusion};
pub use calibration::{
    Answered, BINS, Bin, Calibration, answered, expected_calibration_error, fit_calibration,
    reliability,
};
pub use chrf::{Chrf, chrf};
pub use edit_alignment::{Edit, edit_alignment, nearest_reference};
pub use free_running::{FreeRunning, ScoreError, score};
