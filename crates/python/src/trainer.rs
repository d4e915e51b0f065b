//! Training batch by batch or epoch by epoch.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use seq2seq::training::{self, Learner, TrainingError};

use crate::errors::{Kind, OrRaise, exception};
use crate::model::{Model, WeightTuple, json, weight_tuple};
use crate::training::{Asked, Begin, Reporter};
use crate::watched::watch;

/// A training run that goes on when it is told to.
#[pyclass(frozen, module = "seq2seq._native")]
pub struct Trainer {
    /// None once it has ended.
    run: Mutex<Option<training::Trainer>>,
    begin: Begin,
}

/// Epoch, batch, pairs, loss, accuracy, and the closed epoch as JSON.
type StepTuple = (usize, usize, usize, f64, f64, Option<String>);

#[pymethods]
impl Trainer {
    /// A run as [`train`](crate::training::train) begins it.
    #[new]
    fn new(py: Python<'_>, asked: Asked<'_>) -> PyResult<Self> {
        let job = asked.job(py)?;
        let (learner, begin) = watch(py, |_| job.learner())?.or_raise(py)?;
        let Learner::Network(run) = learner else {
            let message = "an n-gram model is counted, and not trained in steps: use seq2seq.train";
            return Err(exception(py, Kind::Invalid, message.into()));
        };
        Ok(Self {
            run: Mutex::new(Some(*run)),
            begin,
        })
    }

    /// What is known before training starts, as JSON.
    fn begin(&self, py: Python<'_>) -> PyResult<String> {
        json(py, &self.begin)
    }

    /// Trains on the next batch.
    fn step(&self, py: Python<'_>) -> PyResult<StepTuple> {
        let report = self.with(py, |run| run.train_batch())?;
        let closed = report.closed.as_ref().map(|record| json(py, record));
        Ok((
            report.epoch,
            report.batch,
            report.pairs,
            report.loss,
            report.accuracy,
            closed.transpose()?,
        ))
    }

    /// Trains for what is left of an epoch, as JSON; none if the watcher or Ctrl-C ended it before.
    fn epoch(&self, py: Python<'_>, watcher: Py<PyAny>) -> PyResult<Option<String>> {
        let watcher = Arc::new(watcher);
        let record = watch(py, |caller| {
            let mut slot = self.lock();
            let run = slot.as_mut()?;
            Some(run.train_epoch(&mut Reporter::new(caller, watcher)))
        })?;
        let record = record.ok_or_else(|| ended(py))?.or_raise(py)?;
        record.map(|record| json(py, &record)).transpose()
    }

    /// The weights of the moment.
    fn weights<'py>(&self, py: Python<'py>) -> PyResult<Vec<WeightTuple<'py>>> {
        let weights = self.with(py, |run| Ok(run.weights()))?;
        let tuples = weights
            .iter()
            .map(|(name, array)| weight_tuple(py, name, array));
        Ok(tuples.flatten().collect())
    }

    /// The model of the moment.
    fn model(&self, py: Python<'_>) -> PyResult<Model> {
        Ok(Model(self.with(py, |run| run.model())?))
    }

    /// Epochs done, batches done in the next one, weight updates.
    fn position(&self, py: Python<'_>) -> PyResult<(usize, usize, usize)> {
        let position = self.with(py, |run| Ok(run.position().clone()))?;
        Ok((position.epoch, position.batch, position.step))
    }

    /// The epochs so far, as JSON.
    fn history(&self, py: Python<'_>) -> PyResult<String> {
        let history = self.with(py, |run| Ok(run.history().to_vec()))?;
        json(py, &history)
    }

    /// Ends the run: gives the best model, or the last, and its epochs as JSON.
    fn end(&self, py: Python<'_>) -> PyResult<(Model, String)> {
        let ended_run = watch(py, |_| self.lock().take().map(training::Trainer::end))?;
        let outcome = ended_run.ok_or_else(|| ended(py))?.or_raise(py)?;
        Ok((Model(outcome.model), json(py, &outcome.history)?))
    }
}

impl Trainer {
    /// Work on the run, on the package's threads.
    fn with<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut training::Trainer) -> Result<R, TrainingError> + Send,
    ) -> PyResult<R> {
        let result = watch(py, |_| self.lock().as_mut().map(work))?;
        result.ok_or_else(|| ended(py))?.or_raise(py)
    }

    fn lock(&self) -> MutexGuard<'_, Option<training::Trainer>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ended(py: Python<'_>) -> PyErr {
    let message = "this training has ended: make another Trainer, or resume it from its folder";
    exception(py, Kind::Invalid, message.into())
}
