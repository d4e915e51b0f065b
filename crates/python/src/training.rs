//! Training.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use seq2seq::config::{ConfigError, Override};
use seq2seq::training::{
    BatchReport, Changes, Comparison, EpochRecord, ExistingRun, Learner, LoadedPairs, NgramReport,
    NoBaseline, Observer, Outcome, RunFolder, Task, TrainingData, TrainingError, TrainingRequest,
    Validation,
};
use seq2seq::{Pair, Recipe};

use crate::errors::OrRaise;
use crate::inputs::pairs;
use crate::model::{Model, json};
use crate::watched::{Caller, watch};

/// How often progress within an epoch is told.
const TELL: Duration = Duration::from_millis(100);

/// What is to be trained, as Python gives it.
#[derive(FromPyObject)]
pub struct Asked<'py> {
    /// A file of training pairs.
    file: Option<PathBuf>,
    /// Training pairs in memory.
    pairs: Option<Vec<Bound<'py, PyAny>>>,
    /// A file of validation pairs.
    dev_file: Option<PathBuf>,
    /// Validation pairs in memory.
    dev: Option<Vec<Bound<'py, PyAny>>>,
    recipe: Option<PathBuf>,
    start: Option<PathBuf>,
    teacher: Option<PathBuf>,
    settings: Vec<String>,
    seed: Option<u64>,
    budget: Option<f64>,
    source_column: Option<usize>,
    target_column: Option<usize>,
    features_column: Option<usize>,
    header: bool,
    out: Option<PathBuf>,
    overwrite: bool,
    resume: bool,
}

/// What training needs of that.
pub struct Job {
    recipe: Option<Recipe>,
    data: TrainingData,
    from: Option<PathBuf>,
    changes: Changes,
    /// Single settings.
    pub set: Vec<Override>,
    out: Option<PathBuf>,
    existing: ExistingRun,
    resume: bool,
}

impl Asked<'_> {
    pub fn job(self, py: Python<'_>) -> PyResult<Job> {
        let memory = |items: Option<Vec<Bound<'_, PyAny>>>| -> PyResult<Option<Vec<Pair>>> {
            items.map(|items| pairs(&items)).transpose()
        };
        let (train, dev) = (memory(self.pairs)?, memory(self.dev)?);
        let data = match (train, self.file) {
            (Some(train), _) => TrainingData::Memory(Box::new(LoadedPairs {
                dev,
                ..LoadedPairs::from_memory(train)
            })),
            (None, Some(file)) => TrainingData::File(file),
            (None, None) => TrainingData::OfRecipe,
        };
        let settings = self.settings.iter().map(|setting| setting.parse());
        Ok(Job {
            recipe: self
                .recipe
                .as_deref()
                .map(Recipe::read)
                .transpose()
                .or_raise(py)?,
            data,
            from: self.start,
            changes: Changes {
                dev: self.dev_file,
                teacher: self.teacher,
                seed: self.seed,
                budget: self.budget,
                source_column: self.source_column,
                target_column: self.target_column,
                features_column: self.features_column,
                header: self.header,
            },
            set: settings
                .collect::<Result<Vec<Override>, ConfigError>>()
                .or_raise(py)?,
            out: self.out,
            existing: match self.overwrite {
                true => ExistingRun::Overwrite,
                false => ExistingRun::Refuse,
            },
            resume: self.resume,
        })
    }
}

impl Job {
    /// The recipe of the job, and its pairs where they are in memory.
    pub fn recipe_and_pairs(self) -> Result<(Recipe, Option<LoadedPairs>), TrainingError> {
        let pairs = match &self.data {
            TrainingData::Memory(loaded) => Some((**loaded).clone()),
            _ => None,
        };
        let (task, _) = self.request().task()?;
        Ok((task.recipe, pairs))
    }

    fn request(self) -> TrainingRequest<impl Fn(&mut Recipe)> {
        TrainingRequest {
            recipe: self.recipe,
            data: self.data,
            from: self.from,
            target_is_given: self.changes.target_column.is_some(),
            change: move |recipe: &mut Recipe| self.changes.clone().make(recipe),
            set: self.set,
        }
    }

    /// The run, and what there is to say before it starts.
    pub fn learner(mut self) -> Result<(Learner, Begin), TrainingError> {
        let (learner, base) = match (self.resume, self.out.take()) {
            (true, Some(path)) => {
                let (folder, recipe) = RunFolder::open(&path)?;
                let recipe = recipe.with_overrides(&self.set)?;
                let task = match self.data {
                    TrainingData::Memory(loaded) => Task::new(recipe, *loaded)?,
                    _ => Task::prepare(recipe)?,
                };
                let base = task.recipe.clone();
                (Learner::resume(task, folder)?, base)
            }
            (_, out) => {
                let existing = self.existing;
                let (task, base) = self.request().task()?;
                let folder = out.as_deref().map(|path| (path, existing));
                (Learner::new(task, folder)?, base)
            }
        };
        let begin = Begin::of(&base, &learner);
        Ok((learner, begin))
    }
}

/// What is known before training starts.
#[derive(serde::Serialize)]
pub struct Begin {
    origin: String,
    pairs: usize,
    sources: usize,
    dev: usize,
    epochs: usize,
    budget_seconds: f64,
    epochs_done: usize,
    warnings: Vec<String>,
}

impl Begin {
    fn of(base: &Recipe, learner: &Learner) -> Self {
        let task = learner.task();
        let report = &task.report;
        let notes = report.notes.iter().filter(|note| !note.is_harmless());
        let mut warnings: Vec<String> = notes.map(ToString::to_string).collect();
        warnings.extend(
            task.recipe
                .unused_settings(base)
                .iter()
                .map(ToString::to_string),
        );
        warnings.extend(report.unseen.warnings("the validation pairs"));
        let damaged = learner.set_aside().iter().map(|damaged| {
            format!(
                "a checkpoint is damaged, so the one before is taken; it is now {}",
                damaged.display()
            )
        });
        warnings.extend(damaged);
        Self {
            origin: report.origin.clone(),
            pairs: task.train.len(),
            sources: report.sources,
            dev: task.dev.len(),
            epochs: task.recipe.training.epochs,
            budget_seconds: task.recipe.training.budget_seconds,
            epochs_done: learner.position().map_or(0, |position| position.epoch),
            warnings,
        }
    }
}

/// Tells a Python object what happens.
pub struct Reporter {
    caller: Caller,
    watcher: Arc<Py<PyAny>>,
    told: Instant,
}

impl Reporter {
    /// Tells `watcher`, by way of the thread that asked for the work.
    pub fn new(caller: Caller, watcher: Arc<Py<PyAny>>) -> Self {
        Self {
            caller,
            watcher,
            told: Instant::now(),
        }
    }

    fn begin(&self, begin: &Begin) {
        let watcher = Arc::clone(&self.watcher);
        let begin = serde_json::to_string(begin).unwrap_or_default();
        self.caller.ask(move |py| {
            watcher.call_method1(py, "begin", (begin,))?;
            Ok(true)
        });
    }
}

impl Reporter {
    /// Tells what network, n-gram model and mixture come to.
    fn compared(&self, comparison: &Comparison) {
        let exact = |figures: &Validation| figures.exact_match;
        let figures = (
            exact(&comparison.ngram),
            exact(&comparison.network),
            comparison.mixture.as_ref().map(exact),
        );
        let watcher = Arc::clone(&self.watcher);
        self.caller.ask(move |py| {
            watcher.call_method1(py, "compared", figures)?;
            Ok(true)
        });
    }
}

impl Observer for Reporter {
    fn baseline(&mut self, _: &NgramReport, validation: &Validation) {
        let watcher = Arc::clone(&self.watcher);
        let figures = (validation.exact_match, validation.questions);
        self.caller.ask(move |py| {
            watcher.call_method1(py, "baseline", figures)?;
            Ok(true)
        });
    }

    fn no_baseline(&mut self, reason: &NoBaseline) {
        let (watcher, reason) = (Arc::clone(&self.watcher), reason.to_string());
        self.caller.ask(move |py| {
            watcher.call_method1(py, "no_baseline", (reason,))?;
            Ok(true)
        });
    }

    fn epoch_begins(&mut self, epoch: usize, batches: usize, pairs: usize) {
        let watcher = Arc::clone(&self.watcher);
        self.caller.tell(move |py| {
            watcher.call_method1(py, "epoch_begins", (epoch, batches, pairs))?;
            Ok(true)
        });
    }

    fn batch_done(&mut self, report: &BatchReport) {
        if self.told.elapsed() < TELL {
            return;
        }
        self.told = Instant::now();
        let (watcher, report) = (Arc::clone(&self.watcher), *report);
        self.caller.tell(move |py| {
            let figures = (report.batch, report.loss, report.accuracy);
            watcher.call_method1(py, "batch_done", figures)?;
            Ok(true)
        });
    }

    fn epoch_done(&mut self, record: &EpochRecord) {
        let watcher = Arc::clone(&self.watcher);
        let record = serde_json::to_string(record).unwrap_or_default();
        self.caller.ask(move |py| {
            let more = watcher.call_method1(py, "epoch_done", (record,))?;
            more.is_truthy(py)
        });
    }

    fn wants_to_stop(&self) -> bool {
        self.caller.wants_to_stop()
    }
}

/// Trains. `watcher` is told what happens, on this thread; what it raises ends training, and so does a false
/// `epoch_done`. Gives the model and its epochs as JSON.
#[pyfunction]
pub fn train(py: Python<'_>, asked: Asked<'_>, watcher: Py<PyAny>) -> PyResult<(Model, String)> {
    let job = asked.job(py)?;
    let watcher = Arc::new(watcher);
    let work = |caller: Caller| -> Result<Outcome, TrainingError> {
        let (learner, begin) = job.learner()?;
        let mut reporter = Reporter::new(caller, watcher);
        reporter.begin(&begin);
        let outcome = learner.run(&mut reporter)?;
        if let Some(comparison) = &outcome.comparison {
            reporter.compared(comparison);
        }
        Ok(outcome)
    };
    let outcome: Result<Outcome, TrainingError> = watch(py, work)?;
    let outcome = outcome.or_raise(py)?;
    Ok((Model(outcome.model), json(py, &outcome.history)?))
}
