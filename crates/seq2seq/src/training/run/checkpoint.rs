//! All that a run needs to go on to the same bits, in one file.
//!
//! Since the best model so far is part of the checkpoint, a kill between writing a better model and
//! the next checkpoint changes nothing: the resumed run starts from the pair that belongs together.

use std::path::Path;
use std::time::Instant;

use seq2seq_runtime::model::{unreadable, unwritable};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::history::{EpochRecord, best_validation};
use crate::Provenance;
use crate::config::{Recipe, TrainingSettings};
use crate::storage::{Array, Metadata, TensorFile, Values, Weights, write};
use crate::training::error::TrainingError;
use crate::training::task::Task;

/// Metadata key and value by which a file is known to be a checkpoint.
const FORMAT: (&str, &str) = ("format", "seq2seq-checkpoint");
/// Version of the layout that is written.
const VERSION: &str = "1";
/// Name of the optimizer's state among the tensors.
const OPTIMIZER: &str = "optimizer";
/// How the names of the best model's weights begin.
const BEST: &str = "best/";
/// How the names of weights that are averaged begin.
const AVERAGE: &str = "average/";

/// Where training stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Epochs done.
    pub epoch: usize,
    /// Batches done in the epoch after those.
    pub batch: usize,
    /// Weight updates so far.
    pub step: usize,
    /// Learning rate of the last update.
    pub learning_rate: f64,
    /// Sum of the losses of the epoch's symbols so far.
    pub loss: f64,
    /// Symbols of the epoch predicted right so far.
    pub correct: usize,
    /// Symbols of the epoch so far.
    pub symbols: usize,
    /// Seconds of training so far.
    pub seconds: f64,
    /// Seconds of the run so far, validations included.
    #[serde(default)]
    pub elapsed: f64,
    /// Seconds of those that fitting a joint n-gram model beside the network took.
    #[serde(default)]
    pub prepared: f64,
    /// The figure that decides first (`training.monitor`), of the best validation so far; `history`
    /// has the others.
    pub best: Option<f64>,
    /// Validations since the best one.
    pub stale: usize,
    /// Drops of the learning rate since validation stood still.
    #[serde(default)]
    pub plateaus: usize,
    /// Fingerprint of the data.
    pub data: String,
}

/// Weight updates of the longest run: a thousand a second for ten days.
const MOST_STEPS: usize = 1_000_000_000;

impl Position {
    /// Whether a run of so many batches an epoch can stand there.
    fn is_possible(&self, batches: usize) -> bool {
        let most = (self.epoch.saturating_mul(batches)).saturating_add(self.batch);
        let numbers = [
            self.loss,
            self.seconds,
            self.elapsed,
            self.prepared,
            self.learning_rate,
        ];
        self.batch <= batches
            && self.step <= most.min(MOST_STEPS)
            && self.epoch <= MOST_STEPS
            && numbers.iter().all(|number| number.is_finite())
            && self.best.is_none_or(f64::is_finite)
    }
}

/// Where training stands and what it went through.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Where training stands.
    pub position: Position,
    /// The epochs so far.
    #[serde(default)]
    pub history: Vec<EpochRecord>,
}

/// The best model so far.
#[derive(Clone, Debug)]
pub struct Best {
    /// Its weights by name.
    pub weights: Weights,
    /// What it says of its training.
    pub provenance: Provenance,
}

/// All that is needed to go on. Random choices depend on the seed and the position alone.
#[derive(Debug)]
pub struct Checkpoint {
    /// The settings of the run.
    pub recipe: Recipe,
    /// Weights by name.
    pub weights: Weights,
    /// State of the optimizer, as Burn writes it; see
    /// `optimizer_state::record_for`.
    pub optimizer: Vec<u8>,
    /// What the average of the weights is made from.
    pub average: Weights,
    /// Where training stands and what it went through.
    pub state: State,
    /// The best model so far, if there is one.
    pub best: Option<Best>,
}

impl Checkpoint {
    /// Writes the checkpoint; the file is as it was if that fails.
    pub(in crate::training) fn save(self, path: &Path) -> Result<(), TrainingError> {
        let failed = |error| unwritable(path, error);
        let mut tensors = self.weights;
        tensors.insert(OPTIMIZER.to_owned(), Array::u8(self.optimizer));
        tensors.extend(prefixed(AVERAGE, self.average));
        let mut metadata = Metadata::from([
            (FORMAT.0.to_owned(), FORMAT.1.to_owned()),
            ("version".to_owned(), VERSION.to_owned()),
            ("recipe".to_owned(), self.recipe.to_toml()),
            ("state".to_owned(), toml(&self.state)),
        ]);
        if let Some(best) = self.best {
            metadata.insert("best".to_owned(), toml(&best.provenance));
            tensors.extend(prefixed(BEST, best.weights));
        }
        Ok(write(path, &tensors, &metadata).map_err(failed)?)
    }

    /// Reads a checkpoint.
    pub(in crate::training) fn load(path: &Path) -> Result<Self, TrainingError> {
        let file = TensorFile::open(path).map_err(|failure| unreadable(path, failure))?;
        Self::from_file(file).map_err(|reason| TrainingError::Checkpoint {
            path: path.to_owned(),
            reason,
        })
    }

    fn from_file(file: TensorFile) -> Result<Self, String> {
        let text = |key: &str| {
            let text = file.metadata.get(key);
            text.ok_or_else(|| format!("it has no {key}"))
        };
        if text(FORMAT.0)? != FORMAT.1 || !file.checked {
            return Err("it is not a checkpoint".into());
        }
        if text("version")? != VERSION {
            return Err("another version of seq2seq wrote it; go on with that one".into());
        }
        let recipe = Recipe::parse(text("recipe")?, "its recipe").map_err(|e| e.to_string())?;
        let state: State = parsed(text("state")?)?;
        let provenance: Option<Provenance> = match file.metadata.get("best") {
            Some(text) => Some(parsed(text)?),
            None => None,
        };
        // What follows is compared with the figures of the best model.
        if provenance.is_some() && best_validation(&state.history).is_none() {
            return Err(
                "it has a best model, but not its validation figures: start another run".into(),
            );
        }
        let mut tensors = file.into_tensors();
        let optimizer = optimizer_of(&mut tensors)?;
        let best = taken(BEST, &mut tensors);
        let average = taken(AVERAGE, &mut tensors);
        Ok(Self {
            recipe,
            weights: tensors,
            optimizer,
            average,
            state,
            best: provenance.map(|provenance| Best {
                weights: best,
                provenance,
            }),
        })
    }

    /// Refuses to go on with data or settings with which the run would not be the same one.
    ///
    /// # Errors
    /// Names what has changed.
    pub(in crate::training) fn check_same(&self, task: &Task) -> Result<(), String> {
        if self.state.position.data != fingerprint(task) {
            return Err(
                "the training or validation data is not what the run began with: put the \
                        files back as they were, or start another run"
                    .into(),
            );
        }
        if let Some(setting) = changed_setting(&self.recipe, &task.recipe) {
            return Err(format!(
                "{setting} has changed since the run began, and a run cannot go on with another: \
                 change it back, or start another run"
            ));
        }
        let batches = task.train.len().div_ceil(task.recipe.training.batch_size);
        match self.state.position.is_possible(batches) {
            true => Ok(()),
            false => Err("it says that the run stands where no run can be".into()),
        }
    }
}

/// Weights under names that begin with `prefix`.
fn prefixed(prefix: &str, weights: Weights) -> impl Iterator<Item = (String, Array)> {
    let named = weights.into_iter();
    named.map(move |(name, data)| (format!("{prefix}{name}"), data))
}

/// Takes such weights out again.
fn taken(prefix: &str, tensors: &mut Weights) -> Weights {
    let is_taken = |name: &str| name.starts_with(prefix);
    let (taken, left): (Weights, Weights) = std::mem::take(tensors)
        .into_iter()
        .partition(|(name, _)| is_taken(name));
    *tensors = left;
    let named = taken.into_iter();
    named
        .filter_map(|(name, data)| Some((name.strip_prefix(prefix)?.to_owned(), data)))
        .collect()
}

/// TOML of a plain struct, which always has one. Unlike JSON here, its numbers are read as exactly
/// those that were written.
fn toml(value: &impl Serialize) -> String {
    ::toml::to_string(value).unwrap_or_default()
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    ::toml::from_str(text).map_err(|error| error.to_string())
}

fn optimizer_of(tensors: &mut Weights) -> Result<Vec<u8>, String> {
    match tensors.remove(OPTIMIZER).map(|array| array.values) {
        Some(Values::U8(bytes)) => Ok(bytes.to_vec()),
        _ => Err("it has no optimizer state".to_owned()),
    }
}

/// The first setting that differs and that the state of a run depends on.
fn changed_setting(before: &Recipe, now: &Recipe) -> Option<&'static str> {
    let (a, b) = (&before.training, &now.training);
    let same: [(&str, bool); 6] = [
        ("a setting of [model]", before.model == now.model),
        ("training.batch_size", a.batch_size == b.batch_size),
        ("training.seed", a.seed == b.seed),
        ("training.shuffle", a.shuffle == b.shuffle),
        ("training.optimizer", a.optimizer == b.optimizer),
        ("training.precision", a.precision == b.precision),
    ];
    same.iter()
        .find(|(_, same)| !same)
        .map(|(setting, _)| *setting)
}

/// Tells one set of data from another: SHA-256 of vocabularies, training pairs and validation pairs.
pub(in crate::training) fn fingerprint(task: &Task) -> String {
    let mut hasher = Sha256::new();
    hasher.update(serde_json::to_vec(&*task.codec).unwrap_or_default());
    for example in &task.train {
        let source = &example.source;
        let features = source.features.as_deref().unwrap_or_default();
        for ids in [&source.symbols, features, &example.target] {
            hasher.update((ids.len() as u64).to_le_bytes());
            ids.iter().for_each(|id| hasher.update(id.to_le_bytes()));
        }
    }
    for pair in &task.dev {
        hasher.update(format!("{pair:?}"));
    }
    let digits = hasher.finalize();
    digits.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// When the next checkpoint is due.
#[derive(Debug)]
pub(in crate::training) struct SavePlan {
    steps: usize,
    seconds: f64,
    epochs: usize,
    last_step: usize,
    last_time: Instant,
}

impl SavePlan {
    pub(in crate::training) fn new(settings: &TrainingSettings, step: usize) -> Self {
        Self {
            steps: settings.checkpoint_steps,
            seconds: settings.checkpoint_seconds,
            epochs: settings.checkpoint_epochs,
            last_step: step,
            last_time: Instant::now(),
        }
    }

    /// Whether one is due after this batch.
    pub(in crate::training) fn due(&self, step: usize) -> bool {
        let by_steps = self.steps > 0 && step - self.last_step >= self.steps;
        by_steps || (self.seconds > 0.0 && self.last_time.elapsed().as_secs_f64() >= self.seconds)
    }

    /// Whether one is due after this epoch.
    pub(in crate::training) fn due_after_epoch(&self, epoch: usize, step: usize) -> bool {
        (self.epochs > 0 && epoch.is_multiple_of(self.epochs)) || self.due(step)
    }

    /// One was written.
    pub(in crate::training) fn saved(&mut self, step: usize) {
        (self.last_step, self.last_time) = (step, Instant::now());
    }
}
