//! Training batch by batch or epoch by epoch, for whoever wants to look in between.

use super::{Trainer, TrainingError};
use crate::training::observer::{Ending, Observer, Outcome};
use crate::training::run::history::EpochRecord;

/// Figures of one batch.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// Number of the epoch, from 1.
    pub epoch: usize,
    /// Number of the batch in it, from 1.
    pub batch: usize,
    /// Pairs in the batch.
    pub pairs: usize,
    /// Mean loss of a symbol of the batch, in nats.
    pub loss: f64,
    /// Share of its symbols predicted right.
    pub accuracy: f64,
    /// The figures of the epoch, if this was its last batch.
    pub closed: Option<EpochRecord>,
}

impl Trainer {
    /// Trains on the next batch. After the last batch of an epoch, the epoch is closed as in a
    /// [run](Self::run): validated, and written down.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn train_batch(&mut self) -> Result<StepReport, TrainingError> {
        self.begin_run()?;
        self.fit_baseline(&mut ());
        let order = self.order();
        let members = order.from(self.position.batch).next();
        // A resumed run may have done all batches of its epoch.
        let members = members.map_or(Vec::new(), |(_, members)| members.to_vec());
        let before = self.position.clone();
        let mut begun = std::time::Instant::now();
        if !members.is_empty() {
            self.step(&members)?;
            self.position.batch += 1;
        }
        let epoch = self.position.epoch + 1;
        let batch = self.position.batch;
        let symbols = self.position.symbols - before.symbols;
        let share = |now: f64, before: f64| (now - before) / symbols.max(1) as f64;
        let loss = share(self.position.loss, before.loss);
        let accuracy = share(self.position.correct as f64, before.correct as f64);
        let seconds = self.lap(&mut begun);
        let closed = match batch >= order.len() {
            true => self.close_epoch(epoch, members.len() as f64 / seconds.max(1e-9), &())?,
            false => None,
        };
        Ok(StepReport {
            epoch,
            batch,
            pairs: members.len(),
            loss,
            accuracy,
            closed,
        })
    }

    /// Trains for what is left of an epoch, and closes it. Nothing if the observer wanted to stop before.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn train_epoch(
        &mut self,
        observer: &mut dyn Observer,
    ) -> Result<Option<EpochRecord>, TrainingError> {
        self.begin_run()?;
        self.fit_baseline(observer);
        let before = self.history.len();
        self.epoch(observer)?;
        Ok(self.history.get(before).cloned())
    }

    /// The epochs so far.
    pub fn history(&self) -> &[EpochRecord] {
        &self.history
    }

    /// Ends training where it stands: saves a checkpoint if there is a folder, and gives the best model, or the
    /// last, mixed with a joint n-gram model where the recipe asks for that and it is better.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn end(mut self) -> Result<Outcome, TrainingError> {
        self.begin_run()?;
        self.fit_baseline(&mut ());
        self.checkpoint()?;
        self.finish(Ending::Finished, &mut ())
    }
}
