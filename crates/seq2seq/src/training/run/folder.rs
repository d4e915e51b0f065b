//! The folder of a run: settings, metrics, best model, checkpoints, plot.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::checkpoint::Checkpoint;
use super::curves::history;
use super::history::EpochRecord;
use crate::charts::picture;
use crate::config::Recipe;
use crate::data::{OnBadLine, STDIN, SkippedLines};
use crate::storage::atomic::{self, LockError};
use crate::training::error::TrainingError;
use crate::training::task::Task;
use crate::{MODEL_NAME, write_atomically};

const RECIPE_NAME: &str = "recipe.toml";
pub(in crate::training) const METRICS_NAME: &str = "metrics.jsonl";
const PLOT_NAME: &str = "history.svg";
const SKIPPED_NAME: &str = "skipped_lines.tsv";
const CHECKPOINTS_NAME: &str = "checkpoints";

/// The files of a run, but for its checkpoints.
const FILES: [&str; 5] = [
    // It makes the folder a run.
    RECIPE_NAME,
    METRICS_NAME,
    MODEL_NAME,
    PLOT_NAME,
    SKIPPED_NAME,
];

/// What to do about an output folder that already holds a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExistingRun {
    /// Refuse.
    #[default]
    Refuse,
    /// Start over.
    Overwrite,
}

/// The folder of a run. While it exists, no other process can work in the same folder.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Damaged checkpoints that were set aside, under their new names.
    set_aside: Vec<PathBuf>,
    /// The system gives the lock back when the process ends, however it ends.
    _lock: Arc<File>,
}

impl RunFolder {
    /// Makes the folder for a new run and takes its lock. A run that it holds stays as it is until
    /// the new one [begins](Self::begin).
    ///
    /// # Errors
    /// If it already holds a run and may not be overwritten, another process works in it, or it
    /// cannot be written to.
    pub fn create(path: &Path, existing: ExistingRun) -> Result<Self, TrainingError> {
        if path.is_file() {
            let problem = io::Error::other("there is a file of this name; give another folder");
            return Err(unwritable(path, problem));
        }
        fs::create_dir_all(path).map_err(|error| unwritable(path, error))?;
        let checkpoints = path.join(CHECKPOINTS_NAME);
        fs::create_dir_all(&checkpoints).map_err(|error| unwritable(&checkpoints, error))?;
        let run = Self::locked(path)?;
        if existing == ExistingRun::Refuse && run.holds_run()? {
            return Err(TrainingError::RunExists(path.to_owned()));
        }
        Ok(run)
    }

    /// Begins a new run: what the folder held goes, and the settings are written.
    ///
    /// The settings are safe on the disk, under another name, before anything goes. A process that
    /// is killed here leaves either run or none, never a mixture: the recipe makes it a run, so the
    /// old one goes first and the new one comes last.
    ///
    /// # Errors
    /// If the system refuses; while there is no room for the settings, the old run stays.
    pub fn begin(&self, recipe: &Recipe) -> Result<(), TrainingError> {
        self.check_regular()?;
        let path = self.path.join(RECIPE_NAME);
        let text = absolute(recipe).to_toml();
        let settings = atomic::prepare(&path, &[text.as_bytes()]);
        let settings = settings.map_err(|error| unwritable(&path, error))?;
        for name in FILES {
            self.remove(&self.path.join(name))?;
        }
        for checkpoint in self.checkpoints()? {
            self.remove(&checkpoint)?;
        }
        settings
            .put_in_place()
            .map_err(|error| unwritable(&path, error))
    }

    /// Refuses to go on where somebody has deleted the folder: what is saved there would lie in another one,
    /// which holds no run.
    fn check_there(&self) -> Result<(), TrainingError> {
        match atomic::has_lock(&self.path) {
            true => Ok(()),
            false => Err(TrainingError::FolderGone(self.path.clone())),
        }
    }

    /// Opens the folder of a run that has begun, and reads its settings.
    ///
    /// # Errors
    /// If there is no run, another process works on it, or its settings cannot be read.
    pub fn open(path: &Path) -> Result<(Self, Recipe), TrainingError> {
        let recipe = path.join(RECIPE_NAME);
        if !recipe.exists() {
            return Err(TrainingError::NoRun(path.to_owned()));
        }
        let run = Self::locked(path)?;
        Ok((run, Recipe::read(&recipe)?))
    }

    /// Takes the lock, then clears away what a killed process left half written.
    fn locked(path: &Path) -> Result<Self, TrainingError> {
        let file = atomic::lock(path).map_err(|error| match error {
            LockError::Busy => TrainingError::Busy(path.to_owned()),
            LockError::File(path, error) => unwritable(&path, error),
        })?;
        for folder in [path, &path.join(CHECKPOINTS_NAME)] {
            if folder.exists() {
                atomic::remove_partial(folder).map_err(|error| unwritable(folder, error))?;
            }
        }
        Ok(Self {
            path: path.to_owned(),
            set_aside: Vec::new(),
            _lock: Arc::new(file),
        })
    }

    /// Refuses to remove what is no file of a run, although it has the name of one.
    fn check_regular(&self) -> Result<(), TrainingError> {
        let files = FILES.iter().map(|name| self.path.join(name));
        for path in files.chain(self.checkpoints()?) {
            let about = match fs::symlink_metadata(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                about => about,
            };
            let regular = about.and_then(|about| atomic::check_regular(&about));
            regular.map_err(|error| unwritable(&path, error))?;
        }
        Ok(())
    }

    fn holds_run(&self) -> Result<bool, TrainingError> {
        let files = [RECIPE_NAME, METRICS_NAME, MODEL_NAME];
        let exists = |name: &&str| fs::symlink_metadata(self.path.join(name)).is_ok();
        let file = files.iter().any(exists);
        Ok(file || !self.checkpoints()?.is_empty())
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Damaged checkpoints that were set aside when the run was opened, under their new names.
    pub fn set_aside(&self) -> &[PathBuf] {
        &self.set_aside
    }

    /// Where the model is, or will be.
    pub fn model(&self) -> PathBuf {
        self.path.join(MODEL_NAME)
    }

    /// Writes the settings anew, after some were changed for a resumed run.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn update_recipe(&self, recipe: &Recipe) -> Result<(), TrainingError> {
        Ok(write_atomically(
            &self.path.join(RECIPE_NAME),
            absolute(recipe).to_toml().as_bytes(),
        )?)
    }

    /// Writes a checkpoint. Only when it is safe on the disk do older ones go, but for the `keep`
    /// newest.
    ///
    /// # Errors
    /// If the system refuses; those before are then still there.
    pub fn save_checkpoint(&self, saved: Checkpoint, keep: usize) -> Result<(), TrainingError> {
        self.check_there()?;
        let folder = self.path.join(CHECKPOINTS_NAME);
        fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, error))?;
        let name = format!("{:012}.safetensors", saved.state.position.step);
        saved.save(&folder.join(name))?;
        for old in self.checkpoints()?.iter().rev().skip(keep.max(1)) {
            self.remove(old)?;
        }
        Ok(())
    }

    /// Reads the newest checkpoint; `None` if the run has not come to its first.
    ///
    /// One that is damaged is set aside under another name, and the one before is taken: that only
    /// costs time, since a run that is continued earlier comes to the same result.
    ///
    /// # Errors
    /// If all are damaged, or the newest is of another version.
    pub fn load_checkpoint(&mut self) -> Result<Option<Checkpoint>, TrainingError> {
        let mut damaged = Vec::new();
        let mut failure = None;
        for path in self.checkpoints()?.into_iter().rev() {
            match Checkpoint::load(&path) {
                Ok(checkpoint) => {
                    self.put_aside(&damaged)?;
                    return Ok(Some(checkpoint));
                }
                Err(TrainingError::File(error)) => {
                    damaged.push(path);
                    failure.get_or_insert(TrainingError::File(error));
                }
                Err(other) => return Err(other),
            }
        }
        failure.map_or(Ok(None), Err)
    }

    /// Gives damaged checkpoints another name. Where no other one is whole they keep theirs, so that
    /// a run whose checkpoints are lost does not look like one that has none yet.
    fn put_aside(&mut self, damaged: &[PathBuf]) -> Result<(), TrainingError> {
        for path in damaged {
            let aside = path.with_extension("damaged");
            fs::rename(path, &aside).map_err(|error| unwritable(path, error))?;
            self.set_aside.push(aside);
        }
        Ok(())
    }

    /// The checkpoints, oldest first.
    fn checkpoints(&self) -> Result<Vec<PathBuf>, TrainingError> {
        let folder = self.path.join(CHECKPOINTS_NAME);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unwritable(&folder, error)),
        };
        let mut paths: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| is_checkpoint(path))
            .collect();
        paths.sort();
        Ok(paths)
    }

    /// Adds an epoch to the metrics.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn append_metrics(&self, record: &EpochRecord) -> Result<(), TrainingError> {
        self.check_there()?;
        let path = self.path.join(METRICS_NAME);
        let line = json(record) + "\n";
        atomic::append(&path, line.as_bytes()).map_err(|error| unwritable(&path, error))
    }

    /// Writes the metrics anew: the epochs up to a checkpoint, without those that a killed run
    /// went through after it, and which a resumed run goes through again.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn rewrite_metrics(&self, records: &[EpochRecord]) -> Result<(), TrainingError> {
        let lines: String = records.iter().map(|record| json(record) + "\n").collect();
        Ok(write_atomically(
            &self.path.join(METRICS_NAME),
            lines.as_bytes(),
        )?)
    }

    /// Begins the run of a task: its settings and, where that is asked for, the lines that were left out.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub(in crate::training) fn begin_task(&self, task: &Task) -> Result<(), TrainingError> {
        self.begin(&task.recipe)?;
        let skipped = &task.report.skipped;
        if task.recipe.data.on_bad_line == OnBadLine::Report && skipped.count > 0 {
            self.save_skipped(skipped)?;
        }
        Ok(())
    }

    /// Lists the lines that were left out of the data.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn save_skipped(&self, skipped: &SkippedLines) -> Result<(), TrainingError> {
        let mut table = String::from("file\tline\tcolumn\treason\ttext\n");
        for line in &skipped.first {
            table += &line.row();
        }
        let more = skipped.count.saturating_sub(skipped.first.len());
        if more > 0 {
            table += &format!("\t\t\tand {more} more lines\t\n");
        }
        Ok(write_atomically(
            &self.path.join(SKIPPED_NAME),
            table.as_bytes(),
        )?)
    }

    /// Writes the plot of the history.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn save_plot(&self, records: &[EpochRecord]) -> Result<(), TrainingError> {
        let path = self.path.join(PLOT_NAME);
        let plot = picture(&history(records));
        Ok(write_atomically(&path, plot.as_bytes())?)
    }

    fn remove(&self, path: &Path) -> Result<(), TrainingError> {
        atomic::remove(path).map_err(|error| unwritable(path, error))
    }
}

fn is_checkpoint(path: &Path) -> bool {
    let numbered = path
        .file_stem()
        .is_some_and(|stem| stem.as_encoded_bytes().iter().all(u8::is_ascii_digit));
    numbered && path.extension().is_some_and(|e| e == "safetensors")
}

fn unwritable(path: &Path, source: io::Error) -> TrainingError {
    TrainingError::Unwritable {
        path: path.to_owned(),
        source,
    }
}

/// The recipe with paths that are good from anywhere.
fn absolute(recipe: &Recipe) -> Recipe {
    let mut recipe = recipe.clone();
    for file in recipe.files_mut() {
        if file != Path::new(STDIN)
            && let Ok(path) = std::path::absolute(&*file)
        {
            *file = path;
        }
    }
    recipe
}

/// JSON of a plain struct with string keys, which always has a JSON form.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
