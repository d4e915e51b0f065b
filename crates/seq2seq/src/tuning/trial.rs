//! Trials, and the file that they are written to as they end.

use std::cmp::Ordering;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{TuningError, unusable};
use crate::config::Monitor;
use crate::storage::atomic::{self, LockError};
use crate::storage::write_atomically;
use crate::training::{SelectionScore, Validation};

/// Name of the file, with a JSON object a line.
const NAME: &str = "trials.jsonl";

/// One training of a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// Round, from 0.
    pub round: usize,
    /// Number of the settings, from 0.
    pub number: usize,
    /// Seconds that it had.
    pub seconds: f64,
    /// What was set, as `KEY=VALUE`.
    pub settings: Vec<String>,
    /// Validation figures of its model; none if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Trial {
    /// The better one first; of equally good ones, the one drawn first.
    pub(super) fn order(&self, other: &Self, monitor: Monitor) -> Ordering {
        let by_score = other.score(monitor).cmp(&self.score(monitor));
        by_score.then(self.number.cmp(&other.number))
    }

    /// Whether its model answered no validation question right.
    pub fn never_right(&self) -> bool {
        self.validation
            .is_none_or(|figures| figures.exact_match == 0.0)
    }

    /// How good its model is; none, which is less than any, if it failed.
    pub(super) fn score(&self, monitor: Monitor) -> Option<SelectionScore> {
        SelectionScore::new(monitor, self.validation.as_ref()?)
    }
}

/// The trials in a folder. While they are open, no other process can search there.
pub(super) struct Trials {
    path: PathBuf,
    done: Vec<Trial>,
    /// The system gives the lock back when the process ends, however it ends.
    _lock: File,
}

impl Trials {
    pub fn open(folder: &Path) -> Result<Self, TuningError> {
        fs::create_dir_all(folder).map_err(|source| unusable(folder, source))?;
        let lock = atomic::lock(folder).map_err(|error| match error {
            LockError::Busy => TuningError::Busy(folder.to_owned()),
            LockError::File(path, source) => unusable(&path, source),
        })?;
        atomic::remove_partial(folder).map_err(|source| unusable(folder, source))?;
        let path = folder.join(NAME);
        let text = match atomic::open_regular(&path).and_then(std::io::read_to_string) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(unusable(&path, source)),
        };
        // A crash may have cut the last line short: that trial is run again.
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        let parse = |(index, line)| {
            serde_json::from_str(line).map_err(|error| TuningError::NoTrial {
                path: path.clone(),
                line: index + 1,
                reason: error.to_string(),
            })
        };
        let done = whole.lines().enumerate().map(parse);
        let done = done.collect::<Result<_, _>>()?;
        if whole.len() < text.len() {
            write_atomically(&path, &[whole.as_bytes()])
                .map_err(|source| unusable(&path, source))?;
        }
        Ok(Self {
            path,
            done,
            _lock: lock,
        })
    }

    pub fn find(&self, round: usize, number: usize) -> Option<&Trial> {
        let mut done = self.done.iter();
        done.find(|trial| trial.round == round && trial.number == number)
    }

    /// The score of the best one so far.
    pub fn best(&self, monitor: Monitor) -> Option<SelectionScore> {
        let scores = self.done.iter().filter_map(|trial| trial.score(monitor));
        scores.max()
    }

    pub fn add(&mut self, trial: Trial) -> Result<(), TuningError> {
        let line = serde_json::to_string(&trial).unwrap_or_default();
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path);
        let written = file.and_then(|mut file| {
            writeln!(file, "{line}")?;
            file.sync_all()
        });
        written.map_err(|source| unusable(&self.path, source))?;
        self.done.push(trial);
        Ok(())
    }

    /// All of them, the best one first.
    pub fn ranked(&self, monitor: Monitor) -> Vec<Trial> {
        let mut ranked = self.done.clone();
        ranked.sort_by(|a, b| a.order(b, monitor));
        ranked
    }
}
