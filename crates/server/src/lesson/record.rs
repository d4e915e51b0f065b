//! A training run with the models and figures along the way.

use std::collections::BTreeSet;

use seq2seq::Model;
use seq2seq::data::Pair;
use seq2seq::training::{BatchReport, EpochRecord, Observer, Trainer};
use serde::Serialize;

use super::figures::{Answered, ByPosition, Figures};
use super::run::Point;
use super::setup::{Prepared, Setup};

/// Moments that are kept besides the beginning. They lie closer together in the first epochs, in which more
/// changes.
const MOMENTS: usize = 10;

/// A run as it was recorded.
#[derive(Clone, Debug, Serialize)]
pub struct Recording {
    /// Its settings.
    pub setup: Setup,
    /// Figures after each epoch, and before the first.
    pub points: Vec<Point>,
    /// Moments whose models were kept.
    pub moments: Vec<Moment>,
    /// Training pairs a second, in the last epoch.
    pub pairs_per_second: f64,
}

/// A moment whose model was kept.
#[derive(Clone, Debug, Serialize)]
pub struct Moment {
    /// Epochs done.
    pub epoch: usize,
    /// Batches done.
    pub batches: u64,
    /// Training pairs seen, repeats included.
    pub pairs: u64,
    /// Held-out questions with the model's answers.
    pub answered: Vec<Answered>,
    /// Right symbols at each place of the answer.
    pub positions: ByPosition,
    /// The model's file.
    pub model: String,
}

/// Trains by these settings to the end. `keep` takes the model of a moment and gives the name of its file;
/// `told` hears of each moment.
///
/// # Errors
/// If training fails, or a model cannot be kept.
pub fn record<E: From<String>>(
    setup: Setup,
    keep: &mut dyn FnMut(usize, &Model) -> Result<String, E>,
    told: &mut dyn FnMut(&Moment, &Figures),
) -> Result<Recording, E> {
    let Prepared { task, held_out } = setup.prepare()?;
    let failed = |error: seq2seq::training::TrainingError| E::from(error.to_string());
    let mut recorder = Recorder {
        moments: moments(setup.epochs),
        held_out,
        epoch: 0,
        batches_of_epoch: 0,
        batches: 0,
        pairs: 0,
        ended: false,
        last: None,
        failed: None,
        keep,
        told,
        recording: Recording {
            setup,
            points: Vec::new(),
            moments: Vec::new(),
            pairs_per_second: 0.0,
        },
    };
    let trainer = Trainer::new(task, None).map_err(failed)?;
    recorder.model(trainer.model().map_err(failed)?);
    let outcome = trainer.run(&mut recorder);
    if let Some(error) = recorder.failed {
        return Err(error);
    }
    outcome.map_err(failed)?;
    Ok(recorder.recording)
}

/// The epochs after which a model is kept.
fn moments(epochs: usize) -> BTreeSet<usize> {
    let at = |place: usize| {
        let share = (place as f64 / MOMENTS as f64).powi(2);
        (share * epochs as f64).round() as usize
    };
    (0..=MOMENTS).map(at).collect()
}

/// Follows a run from within.
struct Recorder<'a, E> {
    moments: BTreeSet<usize>,
    held_out: Vec<Pair>,
    /// Epochs done.
    epoch: usize,
    batches_of_epoch: usize,
    batches: u64,
    pairs: u64,
    /// Whether an epoch has just ended.
    ended: bool,
    last: Option<BatchReport>,
    failed: Option<E>,
    keep: &'a mut dyn FnMut(usize, &Model) -> Result<String, E>,
    told: &'a mut dyn FnMut(&Moment, &Figures),
    recording: Recording,
}

impl<E> Recorder<'_, E> {
    fn look(&mut self, model: &Model) -> Result<(), E> {
        let (figures, answered) = Figures::of(model, &self.held_out);
        self.recording.points.push(Point {
            epoch: self.epoch as f64,
            batches: self.batches,
            figures,
            training_loss: self.last.map(|report| report.loss),
            training_accuracy: self.last.map(|report| report.accuracy),
        });
        if !self.moments.contains(&self.epoch) {
            return Ok(());
        }
        let moment = Moment {
            epoch: self.epoch,
            batches: self.batches,
            pairs: self.pairs,
            answered,
            positions: ByPosition::of(model, &self.held_out),
            model: (self.keep)(self.epoch, model)?,
        };
        (self.told)(&moment, &figures);
        self.recording.moments.push(moment);
        Ok(())
    }
}

impl<E> Observer for Recorder<'_, E> {
    fn epoch_begins(&mut self, _epoch: usize, batches: usize, _pairs: usize) {
        self.batches_of_epoch = batches;
    }

    fn batch_done(&mut self, report: &BatchReport) {
        self.batches = self.batches.saturating_add(1);
        self.pairs = self.pairs.saturating_add(report.pairs as u64);
        self.last = Some(*report);
        self.ended = report.batch == self.batches_of_epoch;
        self.epoch = self.epoch.saturating_add(usize::from(self.ended));
    }

    fn epoch_done(&mut self, record: &EpochRecord) {
        self.recording.pairs_per_second = record.pairs_per_second;
    }

    fn wants_model(&mut self) -> bool {
        self.ended
    }

    fn model(&mut self, model: Model) {
        self.failed = self.look(&model).err();
    }

    fn wants_to_stop(&self) -> bool {
        self.failed.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_go_from_beginning_to_end() {
        let all: Vec<usize> = moments(200).into_iter().collect();
        assert_eq!(all, [0, 2, 8, 18, 32, 50, 72, 98, 128, 162, 200]);
        assert_eq!(moments(2).into_iter().collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn what_cannot_be_kept_ends_the_recording() {
        let setup = Setup {
            pairs: 100,
            units: 4,
            digits: 1,
            epochs: 50,
            ..Setup::default()
        };
        let mut kept = Vec::new();
        let mut keep = |epoch: usize, _: &Model| {
            kept.push(epoch);
            match epoch {
                0..=5 => Ok(format!("{epoch}")),
                _ => Err("no room".to_owned()),
            }
        };
        let recorded = record(setup.clone(), &mut keep, &mut |_, _| {});
        assert_eq!(recorded.err().as_deref(), Some("no room"));
        assert_eq!(kept, [0, 1, 2, 5, 8]);
        let mut keep = |epoch: usize, _: &Model| Ok::<_, String>(format!("{epoch}"));
        let recorded = record(Setup { epochs: 2, ..setup }, &mut keep, &mut |_, _| {});
        let recording = recorded.ok();
        let recording = recording.as_ref();
        let moments = recording.map(|it| it.moments.iter().map(|moment| moment.pairs).collect());
        assert_eq!(moments, Some(vec![0, 100, 200]));
        assert_eq!(recording.map(|it| it.points.len()), Some(3));
    }
}
