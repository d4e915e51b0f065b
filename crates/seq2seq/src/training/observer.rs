//! What training tells while it runs, and what it gives in the end.

use super::baseline::{Comparison, NoBaseline};
use super::ngram::NgramReport;
use super::run::history::{EpochRecord, Validation};
use crate::Model;
use crate::data::Pair;

/// Figures of the epoch so far, after a batch.
#[derive(Clone, Copy, Debug)]
pub struct BatchReport {
    /// Batches done in this epoch.
    pub batch: usize,
    /// Pairs in the batch.
    pub pairs: usize,
    /// Mean loss of a symbol in this epoch.
    pub loss: f64,
    /// Share of symbols predicted right in this epoch.
    pub accuracy: f64,
}

/// Watches training, and may end it.
pub trait Observer {
    /// An epoch of so many batches and pairs begins.
    fn epoch_begins(&mut self, _epoch: usize, _batches: usize, _pairs: usize) {}
    /// A batch is done.
    fn batch_done(&mut self, _report: &BatchReport) {}
    /// An epoch is done.
    fn epoch_done(&mut self, _record: &EpochRecord) {}
    /// An n-gram model is fitted; the record has its figures.
    fn fitted(&mut self, _report: &NgramReport, _record: &EpochRecord) {}
    /// A joint n-gram model is fitted that the network must beat; figures on some of the validation pairs.
    fn baseline(&mut self, _report: &NgramReport, _validation: &Validation) {}
    /// The recipe asks for an n-gram model beside the network, but there is none.
    fn no_baseline(&mut self, _reason: &NoBaseline) {}
    /// Asked after each batch: whether to be shown the model as it is now.
    fn wants_model(&mut self) -> bool {
        false
    }
    /// The model after this batch, where it was wanted. Training goes on when this returns.
    fn model(&mut self, _model: Model) {}
    /// Asked after each batch: whether to save and stop.
    fn wants_to_stop(&self) -> bool {
        false
    }
}

/// Watches nothing.
impl Observer for () {}

/// How training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// After the last epoch.
    Finished,
    /// Since validation had not improved for so long.
    EarlyStopping,
    /// On request; the run can be resumed.
    Interrupted,
}

/// What training gave.
#[derive(Debug)]
pub struct Outcome {
    /// The best model, or the last one if none was chosen; mixed with an n-gram model where that is better.
    pub model: Model,
    /// Validation figures of this model, if it had a validation.
    pub validation: Option<Validation>,
    /// The network against an n-gram model and mixed with it, if the recipe asked for that.
    pub comparison: Option<Comparison>,
    /// The epochs.
    pub history: Vec<EpochRecord>,
    /// How training ended.
    pub ending: Ending,
    /// Wall time of the run in seconds, validations included, over all processes that took part.
    pub seconds: f64,
}

impl Outcome {
    /// Whether there were validations, and none of them had a single right answer.
    pub fn never_right(&self) -> bool {
        let mut validations = (self.history.iter())
            .filter_map(|epoch| epoch.validation)
            .peekable();
        validations.peek().is_some() && validations.all(|figures| figures.exact_match == 0.0)
    }
}

/// Pairs for the final evaluation and what they are: `test` or `validation`.
pub type FinalPairs = Option<(&'static str, Vec<Pair>)>;
