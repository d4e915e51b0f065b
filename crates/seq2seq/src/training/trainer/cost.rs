//! What a run will take, measured on a few real steps before it starts.

use std::time::Instant;

use super::{Trainer, TrainingError};
use crate::encoding::{EpochOrder, Example};
use crate::evaluation::teacher_forced;
use crate::training::optimizer::optimizer;
use crate::training::schedule::Schedule;

/// Time after which no further step is measured.
const ENOUGH_SECONDS: f64 = 0.04;
/// Steps that are measured however long they take, besides the largest batch: the first ones touch memory
/// for the first time.
const FEWEST_STEPS: usize = 4;
/// Decoding freely takes about as long as so many passes over the true symbols.
const DECODING_PASSES: f64 = 2.0;

/// What an epoch takes on this machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Seconds of training in an epoch.
    pub training: f64,
    /// Seconds of one validation.
    pub validation: f64,
    /// Epochs that are left.
    pub epochs: usize,
    /// Validations in those epochs.
    pub validations: usize,
}

impl Cost {
    /// Seconds of all epochs that are left, if none is spared by early stopping.
    pub fn seconds(&self) -> f64 {
        self.training * self.epochs as f64 + self.validation * self.validations as f64
    }
}

impl Trainer {
    /// Trains a few batches to see how long they take, and puts everything back as it was.
    ///
    /// The first batch is the largest, so that the process has needed about as much memory after
    /// this as a training step will ever need.
    ///
    /// # Errors
    /// If a step fails, which it would in training, too.
    pub fn measure(&mut self) -> Result<Cost, TrainingError> {
        let settings = self.task.recipe.training.clone();
        let before = (self.network.clone(), self.position.clone());
        let optimizer_before = self.optimizer.to_record();
        let average_before = self.average.clone();

        let order = self.order();
        let seconds_per_symbol = self.time_steps(&order)?;
        let symbols: usize = order
            .from(0)
            .map(|(_, members)| self.padded_symbols(members))
            .sum();

        (self.network, self.position) = before;
        self.average = average_before;
        self.optimizer = optimizer(&settings).load_record(optimizer_before);
        self.schedule = Schedule::new(&settings, order.len(), self.position.step)?;

        let epochs = settings.epochs.saturating_sub(self.position.epoch);
        Ok(Cost {
            training: seconds_per_symbol * symbols as f64,
            validation: self.time_validation(),
            epochs,
            validations: epochs.div_ceil(settings.validate_every),
        })
    }

    /// Seconds of training for a symbol, padding included: those of the fastest step, since another
    /// process or a first touch of memory only ever makes one slower.
    fn time_steps(&mut self, order: &EpochOrder) -> Result<f64, TrainingError> {
        let largest = order
            .from(0)
            .max_by_key(|(_, members)| self.padded_symbols(members));
        let begun = Instant::now();
        let mut fastest = f64::INFINITY;
        for (count, (_, members)) in largest.into_iter().chain(order.from(0)).enumerate() {
            let step = Instant::now();
            match self.step(members) {
                // Training tells where it happens, if it does in the order of training.
                Err(TrainingError::NotFinite(_)) => break,
                result => result?,
            }
            let symbols = self.padded_symbols(members).max(1);
            fastest = fastest.min(step.elapsed().as_secs_f64() / symbols as f64);
            if count >= FEWEST_STEPS && begun.elapsed().as_secs_f64() > ENOUGH_SECONDS {
                break;
            }
        }
        Ok(if fastest.is_finite() { fastest } else { 0.0 })
    }

    /// Symbols of a batch on both sides, padding included: what a step's time goes with.
    fn padded_symbols(&self, members: &[usize]) -> usize {
        let longest = |length: fn(&Example) -> usize| {
            let lengths = members.iter().map(|&index| length(&self.task.train[index]));
            lengths.max().unwrap_or(0)
        };
        members.len() * (longest(|e| e.source.len()) + longest(|e| e.target.len()))
    }

    /// Seconds of one validation, from a pass over one batch of it.
    fn time_validation(&self) -> f64 {
        let batch: Vec<Example> = self
            .dev
            .iter()
            .take(self.task.recipe.decoding.batch_size)
            .cloned()
            .collect();
        if batch.is_empty() {
            return 0.0;
        }
        let share = batch.len() as f64 / self.dev.len() as f64;
        let Ok(model) = self.model() else {
            return 0.0;
        };
        let pass = || {
            let begun = Instant::now();
            teacher_forced(&model, &batch);
            begun.elapsed().as_secs_f64()
        };
        pass().min(pass()) * (1.0 + DECODING_PASSES) / share
    }
}
