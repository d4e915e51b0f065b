//! The training loop.
//!
//! The loop is ours rather than burn-train's: a run must continue in the middle of an epoch to the
//! same bits, validation decodes freely, and a small model takes a step in under two milliseconds,
//! so the loop itself must cost nothing. Optimizers, schedules and gradients are Burn's.

mod beside;
mod cost;
mod step;
mod stepwise;
mod validation;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::tensor::Device;

use super::averaging::WeightAverage;
use super::budget::Budget;
use super::distillation::Teacher;
use super::error::TrainingError;
use super::loss::SymbolMetrics;
use super::memory::{check_memory, pair_bytes};
use super::new_model::new_model;
use super::not_finite::{NotFinite, Quantity};
use super::observer::{BatchReport, Ending, FinalPairs, Observer, Outcome};
use super::optimizer::optimizer;
use super::optimizer_state::record_for;
use super::pace::Pace;
use super::run::checkpoint::{Best, Checkpoint, Position, SavePlan, State, fingerprint};
use super::run::folder::{ExistingRun, RunFolder};
use super::run::history::{EpochRecord, Validation, best_validation};
use super::schedule::Schedule;
use super::selection::SelectionScore;
use super::task::{Task, TaskError};
use crate::Model;
use crate::config::{Monitor, Recipe};
use crate::data::Question;
use crate::encoding::{EpochOrder, Example, PairCodec};
use crate::evaluation::begin_symbol;
use crate::layers::parameters::{Parameters, weights_of};
use crate::networks::Network;
use crate::storage::{Weights, first_not_finite};
use seq2seq_runtime::layers::WeightError;
use seq2seq_runtime::networks;

use beside::Beside;

pub use cost::Cost;
pub use stepwise::StepReport;

/// A training run.
pub struct Trainer {
    task: Task,
    questions: Vec<Question>,
    dev: Vec<Example>,
    network: Network,
    teacher: Option<Teacher>,
    optimizer: ModuleOptimizer,
    average: WeightAverage,
    schedule: Schedule,
    position: Position,
    history: Vec<EpochRecord>,
    best: Option<Model>,
    best_score: Option<SelectionScore>,
    /// The model at the end of the last epoch, for a run without a best one.
    last_good: Option<Model>,
    /// The joint n-gram model that the network is compared and mixed with.
    beside: Beside,
    folder: Option<RunFolder>,
    /// Whether the folder holds this run, and nothing of one before.
    begun: bool,
    save_plan: SavePlan,
    budget: Budget,
    pace: Pace,
    /// The batches of an epoch, and of which.
    order: Option<(usize, Arc<EpochOrder>)>,
}

/// What a better model has to surpass, where validations ask so many questions.
fn best_score(
    history: &[EpochRecord],
    monitor: Monitor,
    questions: usize,
) -> Option<SelectionScore> {
    let figures = *best_validation(history)?;
    SelectionScore::new(
        monitor,
        &Validation {
            questions,
            ..figures
        },
    )
}

impl Trainer {
    /// A run from fresh weights; with a folder, everything is kept there. A run that the folder
    /// holds is overwritten only when this one [runs](Self::run).
    ///
    /// # Errors
    /// If the folder cannot be used or the settings cannot work.
    pub fn new(task: Task, folder: Option<(&Path, ExistingRun)>) -> Result<Self, TrainingError> {
        check_memory(&task)?;
        let folder = folder
            .map(|(path, existing)| RunFolder::create(path, existing))
            .transpose()?;
        Self::fresh(task, folder)
    }

    fn fresh(task: Task, folder: Option<RunFolder>) -> Result<Self, TrainingError> {
        let (seed, device) = (task.recipe.training.seed, Device::flex().autodiff());
        let mut params = match &task.initial {
            Some(initial) => initial.parameters(&task.codec, seed, &device),
            None => Parameters::fresh(seed, &device),
        };
        let mut state = State::default();
        state.position.data = fingerprint(&task);
        state.position.learning_rate = task.recipe.training.learning_rate;
        Self::start(task, &mut params, state, folder)
    }

    /// Continues the run in a folder from its newest checkpoint, or from the beginning if it has
    /// not come to its first; `task` must be what its recipe prepares.
    ///
    /// # Errors
    /// If the checkpoints are damaged, or the data or network is another.
    pub fn resume(task: Task, mut folder: RunFolder) -> Result<Self, TrainingError> {
        let Some(saved) = folder.load_checkpoint()? else {
            check_memory(&task)?;
            return Self::fresh(task, Some(folder));
        };
        saved
            .check_same(&task)
            .map_err(|reason| TrainingError::Checkpoint {
                path: folder.path().to_owned(),
                reason,
            })?;
        let best = saved.best.map(|best| {
            let codec = Arc::clone(&task.codec);
            new_model(&task.recipe, codec, best.provenance, best.weights)
        });
        let mut params = Parameters::stored(saved.weights, &Device::flex().autodiff());
        let path = folder.path().to_owned();
        let foreign = |reason| TrainingError::Checkpoint {
            path: path.clone(),
            reason,
        };
        let mut trainer = Self::start(task, &mut params, saved.state, Some(folder))?;
        let (network, steps) = (&trainer.network, trainer.position.step);
        let optimizer = record_for(network, steps, saved.optimizer).map_err(&foreign)?;
        trainer.optimizer = trainer.optimizer.load_record(optimizer);
        let weights = weights_of(&trainer.network);
        let average = trainer.average.restore(saved.average, &weights);
        average.map_err(foreign)?;
        let best = best.transpose()?;
        if let Some(folder) = &trainer.folder {
            folder.update_recipe(&trainer.task.recipe)?;
            folder.rewrite_metrics(&trainer.history)?;
        }
        trainer.begun = true;
        if let Some(best) = best {
            // A killed run may have found a better one after this checkpoint; it will again.
            trainer.keep(best)?;
        }
        Ok(trainer)
    }

    /// Writes down that the run exists, unless it goes on from a checkpoint. From here on, a run
    /// that the folder held before is gone.
    fn begin_run(&mut self) -> Result<(), TrainingError> {
        if let Some(folder) = self.folder.as_ref().filter(|_| !self.begun) {
            folder.begin_task(&self.task)?;
        }
        self.begun = true;
        Ok(())
    }

    /// Damaged checkpoints that were passed over when the run was resumed, under their new names.
    pub fn set_aside(&self) -> &[PathBuf] {
        self.folder.as_ref().map_or(&[], RunFolder::set_aside)
    }

    fn start(
        task: Task,
        params: &mut Parameters,
        State { position, history }: State,
        folder: Option<RunFolder>,
    ) -> Result<Self, TrainingError> {
        let network = Network::new(&task.recipe.model, task.codec.sizes(), params)?;
        let settings = &task.recipe.training;
        let batches = task.train.len().div_ceil(settings.batch_size);
        let questions = task.validation_questions();
        let mut budget = Budget::new(settings.budget_seconds, position.elapsed);
        budget.prepared(position.prepared);
        Ok(Self {
            dev: task
                .dev
                .iter()
                .map(|pair| task.codec.encode(pair))
                .collect(),
            network,
            teacher: Teacher::of(&task)?,
            optimizer: optimizer(settings),
            average: WeightAverage::new(settings),
            schedule: Schedule::new(settings, batches, position.step)?,
            save_plan: SavePlan::new(settings, position.step),
            position,
            best_score: best_score(&history, settings.monitor, questions.len()),
            questions,
            history,
            best: None,
            last_good: None,
            beside: Beside::default(),
            folder,
            begun: false,
            budget,
            pace: Pace::default(),
            order: None,
            task,
        })
    }

    /// Where training stands; after [`resume`](Self::resume), where it goes on.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// What the run started from.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// The settings of the run.
    pub fn recipe(&self) -> &Recipe {
        &self.task.recipe
    }

    /// What the model is evaluated on when training is over: test pairs, else validation pairs.
    pub fn final_pairs(&self) -> FinalPairs {
        self.task.final_pairs()
    }

    /// Trains to the end, or until the observer wants to stop.
    ///
    /// # Errors
    /// If the loss or a weight becomes NaN or infinite, or a file cannot be written. The folder then
    /// holds the last good model, if there was one.
    pub fn run(mut self, observer: &mut dyn Observer) -> Result<Outcome, TrainingError> {
        self.begin_run()?;
        self.fit_baseline(observer);
        if self.best.is_none() && self.position.step > 0 {
            self.last_good = Some(self.model()?);
        }
        match self.train(observer) {
            Ok(ending) => self.finish(ending, observer),
            Err(TrainingError::NotFinite(mut found)) => {
                found.kept = self.keep_last_good()?;
                Err(TrainingError::NotFinite(found))
            }
            Err(error) => Err(error),
        }
    }

    /// Trains until the end of all epochs, or until something ends it before, and saves a checkpoint.
    fn train(&mut self, observer: &mut dyn Observer) -> Result<Ending, TrainingError> {
        let mut ending = Ending::Finished;
        while (self.position.step == 0 || !self.is_over()) && ending == Ending::Finished {
            if self.is_stale() {
                ending = Ending::EarlyStopping;
            } else if !self.epoch(observer)? {
                ending = Ending::Interrupted;
            }
        }
        self.checkpoint()?;
        Ok(ending)
    }

    /// Trains for what is left of an epoch; false if the observer wants to stop.
    fn epoch(&mut self, observer: &mut dyn Observer) -> Result<bool, TrainingError> {
        let number = self.position.epoch + 1;
        let order = self.order();
        observer.epoch_begins(number, order.len(), self.task.train.len());
        let (mut pairs_done, mut seconds) = (0, 0.0);
        let mut begun = Instant::now();
        for (index, members) in order.from(self.position.batch) {
            let started = Instant::now();
            match self.pace.is_alone() {
                true => rnn_kernels::with_threads(1, || self.step(members))?,
                false => self.step(members)?,
            }
            self.pace.took(started.elapsed());
            pairs_done += members.len();
            self.position.batch = index + 1;
            observer.batch_done(&self.batch_report(members.len()));
            if observer.wants_model() {
                observer.model(self.model()?);
            }
            if self.budget.is_spent() {
                break;
            }
            let stop = observer.wants_to_stop();
            if stop || self.save_plan.due(self.position.step) {
                seconds += self.lap(&mut begun);
                if stop {
                    return Ok(false);
                }
                self.checkpoint()?;
            }
        }
        seconds += self.lap(&mut begun);
        let speed = pairs_done as f64 / seconds.max(1e-9);
        let Some(record) = self.close_epoch(number, speed, observer)? else {
            return Ok(false);
        };
        observer.epoch_done(&record);
        Ok(!observer.wants_to_stop() || self.is_over())
    }

    /// The batches of the epoch that is under way, made once an epoch.
    fn order(&mut self) -> Arc<EpochOrder> {
        let (epoch, task) = (self.position.epoch, &self.task);
        if let Some((of, order)) = &self.order
            && *of == epoch
        {
            return Arc::clone(order);
        }
        let settings = &task.recipe.training;
        let order = EpochOrder::new(&task.train, settings, epoch, &pair_bytes(task));
        let order = Arc::new(order);
        self.order = Some((epoch, Arc::clone(&order)));
        order
    }

    /// Whether all epochs are done, or all of the time budget is used.
    fn is_over(&self) -> bool {
        if self.budget.is_limited() {
            self.budget.is_spent()
        } else {
            self.position.epoch >= self.task.recipe.training.epochs
        }
    }

    /// Seconds since the last lap, which are added to those of the run.
    fn lap(&mut self, begun: &mut Instant) -> f64 {
        let seconds = begun.elapsed().as_secs_f64();
        *begun = Instant::now();
        self.position.seconds += seconds;
        seconds
    }

    /// Adds a batch to the figures of the epoch.
    fn count(&mut self, figures: SymbolMetrics, symbols: usize) -> Result<(), TrainingError> {
        let loss = figures.cross_entropy;
        if !loss.is_finite() {
            return Err(self.not_finite(Quantity::Loss, self.position.batch + 1));
        }
        let position = &mut self.position;
        position.loss += loss * symbols as f64;
        position.correct += figures.correct;
        position.symbols += symbols;
        Ok(())
    }

    /// Refuses to go on with weights that are NaN or infinite, which the last batch has made so.
    fn check_weights(&self) -> Result<(), TrainingError> {
        match first_not_finite(&self.weights()) {
            None => Ok(()),
            Some(_) => Err(self.not_finite(Quantity::Weights, self.position.batch)),
        }
    }

    fn not_finite(&self, quantity: Quantity, batch: usize) -> TrainingError {
        let settings = &self.task.recipe.training;
        TrainingError::NotFinite(Box::new(NotFinite {
            quantity,
            epoch: self.position.epoch + 1,
            batch,
            learning_rate: settings.learning_rate,
            clip_norm: settings.clip_norm,
            kept: None,
        }))
    }

    fn batch_report(&self, pairs: usize) -> BatchReport {
        let symbols = self.position.symbols.max(1) as f64;
        BatchReport {
            batch: self.position.batch,
            pairs,
            loss: self.position.loss / symbols,
            accuracy: self.position.correct as f64 / symbols,
        }
    }

    /// Validates, keeps the model if it is the best, and writes everything down. If the observer wants to stop
    /// while the model is validated, the epoch stays open: a resumed run validates it.
    fn close_epoch(
        &mut self,
        number: usize,
        speed: f64,
        observer: &dyn Observer,
    ) -> Result<Option<EpochRecord>, TrainingError> {
        self.check_weights()?;
        let report = self.batch_report(0);
        let before = (self.position.epoch, self.average.clone());
        self.position.epoch = number;
        let network = &self.network;
        self.average.after_epoch(|| weights_of(network));
        let due = number.is_multiple_of(self.task.recipe.training.validate_every) || self.is_over();
        let validation = if due && !self.dev.is_empty() {
            let validation = self.validate(observer)?;
            if validation.is_none() {
                (self.position.epoch, self.average) = before;
                return Ok(None);
            }
            validation
        } else {
            None
        };
        let record = EpochRecord {
            epoch: number,
            step: self.position.step,
            learning_rate: self.position.learning_rate,
            loss: report.loss,
            accuracy: report.accuracy,
            pairs_per_second: speed,
            seconds: self.position.seconds,
            validation,
        };
        let position = &mut self.position;
        (
            position.batch,
            position.loss,
            position.correct,
            position.symbols,
        ) = (0, 0.0, 0, 0);
        self.history.push(record.clone());
        if let Some(folder) = &self.folder {
            folder.append_metrics(&record)?;
        }
        if self.save_plan.due_after_epoch(number, self.position.step) {
            self.checkpoint()?;
        }
        if self.best.is_none() {
            self.last_good = Some(self.model()?);
        }
        Ok(Some(record))
    }

    fn finish(
        mut self,
        ending: Ending,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, TrainingError> {
        if self.best.is_none() {
            self.keep(self.model()?)?;
        }
        if let Some(folder) = &self.folder {
            folder.save_plot(&self.history)?;
        }
        let mut model = match self.best.take() {
            Some(model) => model,
            None => self.model()?,
        };
        let mut validation = self.final_validation();
        let mut comparison = None;
        if ending != Ending::Interrupted {
            (model, validation, comparison) = self.best_of_both(model, validation, observer);
            model = self.calibrated(&model);
            if let Some(folder) = &self.folder {
                model.save(&folder.model())?;
            }
        }
        Ok(Outcome {
            model,
            validation,
            comparison,
            history: self.history,
            ending,
            seconds: self.budget.elapsed(),
        })
    }

    /// The figures of the model that is kept, if it had a validation.
    fn final_validation(&self) -> Option<Validation> {
        let best = best_validation(&self.history).copied();
        match self.task.recipe.training.keep_best && best.is_some() {
            true => best,
            // Batches after the last validation have changed the weights.
            false if self.position.batch > 0 => None,
            false => self.history.last()?.validation,
        }
    }

    fn checkpoint(&mut self) -> Result<(), TrainingError> {
        self.check_weights()?;
        self.position.elapsed = self.budget.elapsed();
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let best = self.best.as_ref().map(|model| Best {
            weights: model.weights().clone(),
            provenance: model.provenance().clone(),
        });
        let checkpoint = Checkpoint {
            recipe: self.task.recipe.clone(),
            weights: self.weights(),
            optimizer: self.optimizer_state()?,
            average: self.average.state(),
            state: State {
                position: self.position.clone(),
                history: self.history.clone(),
            },
            best,
        };
        folder.save_checkpoint(checkpoint, self.task.recipe.training.keep_checkpoints)?;
        self.save_plan.saved(self.position.step);
        Ok(())
    }

    /// The optimizer's state as bytes.
    fn optimizer_state(&self) -> Result<Vec<u8>, TrainingError> {
        let bytes = self.optimizer.into_bytes();
        let bytes = bytes.map_err(|error| TaskError::Unusable(error.to_string()))?;
        Ok(bytes.to_vec())
    }

    /// The weights of the moment by name, as they are trained.
    pub fn weights(&self) -> Weights {
        weights_of(&self.network.valid())
    }

    /// The network of the moment as it runs.
    fn running(&self) -> Result<networks::Network, WeightError> {
        let (model, sizes) = (&self.task.recipe.model, self.task.codec.sizes());
        networks::Network::new(model, sizes, self.weights())
    }

    fn begin(&self) -> Option<u32> {
        begin_symbol(&self.task.recipe.model, &self.task.codec)
    }

    /// The network as it is now, ready to use.
    ///
    /// # Errors
    /// If weights are infinite or not a number.
    pub fn model(&self) -> Result<Model, TrainingError> {
        let provenance = self.task.provenance(self.position.epoch);
        let weights = self.average.weights().unwrap_or_else(|| self.weights());
        let codec = Arc::clone(&self.task.codec);
        Ok(new_model(&self.task.recipe, codec, provenance, weights)?)
    }
}
