//! Search for settings: many short trainings of drawn settings, of which the best go on longer.
//!
//! Successive halving (Jamieson and Talwalkar 2016): every round gets the same share of the time,
//! and a third of its settings, those with the best validation figures, go into the next. Trials are
//! written down as they end, so that a search goes on where it was interrupted.

mod range;
mod trial;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

pub use range::{Range, RangeError};
pub use trial::Trial;

use crate::MODEL_NAME;
use crate::config::{ConfigError, MixtureChoice, Override, Recipe};
use crate::training::{Ending, Learner, LoadedPairs, Observer, Outcome, Task, TrainingError};
use trial::Trials;

/// Of the settings of a round, one in so many goes into the next.
const KEPT: usize = 3;

/// What is not varied, and why.
const FIXED: &[(&str, &str)] = &[
    ("training.seed", "a lucky seed does not help on other data"),
    (
        "training.epochs",
        "each trial trains for its share of the time, however many epochs that is",
    ),
    (
        "training.budget_seconds",
        "the time of all trials together is shared out between them",
    ),
];

/// Draws for each of the settings that are asked for, after which there are no other ones.
const DRAWS: usize = 20;

/// How settings are searched for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// The best third of each round trains three times as long in the next.
    #[default]
    Halving,
    /// All settings train equally long.
    Random,
}

/// A search.
#[derive(Clone, Debug)]
pub struct Search {
    /// The settings that are not varied, and the data.
    pub recipe: Recipe,
    /// Settings that count for every trial, also where its share of the time asks for others (a falling
    /// learning rate, no early stopping).
    pub set: Vec<Override>,
    /// What is varied: keys such as `training.learning_rate`, and their ranges.
    pub ranges: Vec<(String, Range)>,
    /// Settings that are tried in the first round.
    pub trials: usize,
    /// Seconds of all trainings together.
    pub seconds: f64,
    /// How the time is shared out.
    pub strategy: Strategy,
    /// Where trials and the best model are kept.
    pub folder: PathBuf,
}

/// Why a search cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TuningError {
    /// There is nothing to search for.
    #[error(
        "no setting is varied: give ranges with --vary, such as --vary \
         training.learning_rate=0.0003..0.003, or in the recipe under [tune]"
    )]
    NothingVaried,
    /// What cannot be varied.
    #[error("{key} is no setting to be varied: {reason}")]
    NotVaried {
        /// The setting.
        key: String,
        /// Why.
        reason: &'static str,
    },
    /// What would make no difference.
    #[error("{0}, whatever is drawn: leave it out")]
    NeverUsed(String),
    /// Another process searches there.
    #[error(
        "{0} is in use by another process: wait until it is done, or choose another folder with --out"
    )]
    Busy(PathBuf),
    /// Without validation pairs no settings are better than others.
    #[error("there are no validation pairs to compare settings by: give --dev FILE")]
    NoValidation,
    /// A setting that cannot be.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What must hold for every trial does not.
    #[error(transparent)]
    Training(#[from] TrainingError),
    /// No trial came to an end.
    #[error("none of the trials worked; the last one: {0}")]
    AllFailed(String),
    /// The trials of another search are in the folder.
    #[error(
        "{0} holds the trials of another search: choose another folder with --out, or remove it"
    )]
    AnotherSearch(PathBuf),
    /// A line of the file of trials cannot be read.
    #[error(
        "{path}, line {line}, is no trial of this version of seq2seq ({reason}): choose another \
         folder with --out, or remove the file"
    )]
    NoTrial {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Hears of a search, and may end it.
pub trait SearchObserver {
    /// A trial is done; one that was done before the search was interrupted is told of again.
    fn trial_done(&mut self, trial: &Trial);
    /// Asked after each batch.
    fn wants_to_stop(&self) -> bool;
}

/// Lets the observer of a search end a training.
struct Stop<'a>(&'a dyn SearchObserver);

impl Observer for Stop<'_> {
    fn wants_to_stop(&self) -> bool {
        self.0.wants_to_stop()
    }
}

impl Search {
    /// Runs it, or what is left of it. Returns all trials, the best one first, and whether they are
    /// complete; the best model is in the folder.
    ///
    /// # Errors
    /// If nothing is varied, there is nothing to compare by, a file cannot be used, or no trial works.
    pub fn run(
        &self,
        observer: &mut dyn SearchObserver,
    ) -> Result<(Vec<Trial>, bool), TuningError> {
        self.run_with(None, observer)
    }

    /// The same on pairs in memory, instead of those that the recipe names.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_on(
        &self,
        pairs: &LoadedPairs,
        observer: &mut dyn SearchObserver,
    ) -> Result<(Vec<Trial>, bool), TuningError> {
        self.run_with(Some(pairs), observer)
    }

    fn run_with(
        &self,
        pairs: Option<&LoadedPairs>,
        observer: &mut dyn SearchObserver,
    ) -> Result<(Vec<Trial>, bool), TuningError> {
        self.check_ranges()?;
        let settings = self.settings()?;
        let monitor = self.recipe.training.monitor;
        let mut trials = Trials::open(&self.folder)?;
        let counts = self.counts(settings.len());
        let mut drawn: Vec<usize> = (0..settings.len()).collect();
        for (round, &count) in counts.iter().enumerate() {
            drawn.truncate(count);
            let seconds = self.seconds / (counts.len() * count) as f64;
            let mut results = Vec::with_capacity(count);
            for &number in &drawn {
                let place = [round, number];
                let settings = &settings[number];
                let trial = self.trial(&mut trials, place, settings, seconds, pairs, observer)?;
                let Some(trial) = trial else {
                    return Ok((trials.ranked(monitor), false));
                };
                observer.trial_done(&trial);
                results.push(trial);
            }
            results.sort_by(|a, b| a.order(b, monitor));
            drawn = results.iter().map(|trial| trial.number).collect();
        }
        let ranked = trials.ranked(monitor);
        match ranked.first() {
            Some(Trial {
                failure: Some(failure),
                ..
            }) => Err(TuningError::AllFailed(failure.clone())),
            _ => Ok((ranked, true)),
        }
    }

    /// Refuses to vary what a search decides on itself.
    fn check_ranges(&self) -> Result<(), TuningError> {
        let find = |&(key, reason): &(&str, &'static str)| {
            let varied = self.ranges.iter().any(|(name, _)| name == key);
            let key = key.to_owned();
            varied.then_some(TuningError::NotVaried { key, reason })
        };
        FIXED.iter().find_map(find).map_or(Ok(()), Err)
    }

    /// The settings of a trial that has so much time. What is set or drawn counts over what the time asks
    /// for, so that a trial is trained with the settings that it is told of.
    fn recipe_of(&self, drawn: &[Override], seconds: f64) -> Result<Recipe, ConfigError> {
        let mut recipe = self.recipe.clone();
        recipe.tune.clear();
        recipe.within_budget(seconds);
        // Settings of a network are compared by the network alone.
        recipe.training.mixture = MixtureChoice::Off;
        recipe.with_overrides(&self.set)?.with_overrides(drawn)
    }

    /// Refuses to vary what none of the trials looks at.
    fn check_used(&self, settings: &[Vec<Override>]) -> Result<(), TuningError> {
        let base = self.recipe_of(&[], self.seconds)?;
        let mut unused: Option<Vec<String>> = None;
        for drawn in settings {
            let of_trial = self.recipe_of(drawn, self.seconds)?.unused_settings(&base);
            match &mut unused {
                None => unused = Some(of_trial),
                Some(unused) => unused.retain(|message| of_trial.contains(message)),
            }
        }
        let message = unused.into_iter().flatten().next();
        message.map_or(Ok(()), |message| Err(TuningError::NeverUsed(message)))
    }

    /// The settings of each number, no two alike: the same in every run of the search. They are
    /// fewer than asked for if the ranges hold no more.
    ///
    /// All of them are tried on the recipe before the first training, which may take hours.
    fn settings(&self) -> Result<Vec<Vec<Override>>, TuningError> {
        if self.ranges.is_empty() {
            return Err(TuningError::NothingVaried);
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.recipe.training.seed);
        let mut seen = HashSet::new();
        let mut distinct = Vec::new();
        for _ in 0..self.trials.max(1).saturating_mul(DRAWS) {
            let ranges = self.ranges.iter();
            let drawn: Vec<String> = ranges
                .map(|(key, range)| format!("{key}={}", range.draw(&mut rng)))
                .collect();
            if !seen.insert(drawn.clone()) {
                continue;
            }
            let parsed = drawn.iter().map(|setting| setting.parse());
            let settings = parsed.collect::<Result<Vec<Override>, ConfigError>>()?;
            self.recipe_of(&settings, self.seconds)?;
            distinct.push(settings);
            if distinct.len() >= self.trials {
                break;
            }
        }
        self.check_used(&distinct)?;
        Ok(distinct)
    }

    /// How many settings each round has, if there are so many in the first.
    fn counts(&self, first: usize) -> Vec<usize> {
        match self.strategy {
            Strategy::Random => vec![first],
            Strategy::Halving => {
                std::iter::successors(Some(first), |&n| (n > 1).then_some(n.div_ceil(KEPT)))
                    .collect()
            }
        }
    }

    /// Runs a trial, unless it was done before; nothing if it was interrupted.
    fn trial(
        &self,
        trials: &mut Trials,
        [round, number]: [usize; 2],
        settings: &[Override],
        seconds: f64,
        pairs: Option<&LoadedPairs>,
        observer: &dyn SearchObserver,
    ) -> Result<Option<Trial>, TuningError> {
        let mut trial = Trial {
            round,
            number,
            seconds,
            settings: settings.iter().map(ToString::to_string).collect(),
            validation: None,
            failure: None,
        };
        if let Some(done) = trials.find(round, number) {
            if done.settings != trial.settings {
                return Err(TuningError::AnotherSearch(self.folder.clone()));
            }
            return Ok(Some(done.clone()));
        }
        let recipe = self.recipe_of(settings, seconds)?;
        match trained(recipe, pairs, &mut Stop(observer)) {
            Ok(outcome) if outcome.ending == Ending::Interrupted => return Ok(None),
            Ok(outcome) => {
                trial.validation = Some(outcome.validation.ok_or(TuningError::NoValidation)?);
                let monitor = self.recipe.training.monitor;
                match trial.score(monitor) {
                    Some(score) if trials.best(monitor).is_none_or(|best| score > best) => {
                        let path = self.folder.join(MODEL_NAME);
                        outcome.model.save(&path).map_err(TrainingError::from)?;
                    }
                    Some(_) => {}
                    None => {
                        trial.validation = None;
                        trial.failure = Some("validation gave NaN or an infinite figure".into());
                    }
                }
            }
            // Other settings may fare better.
            Err(error) => trial.failure = Some(error.to_string()),
        }
        trials.add(trial.clone())?;
        Ok(Some(trial))
    }
}

fn trained(
    recipe: Recipe,
    pairs: Option<&LoadedPairs>,
    observer: &mut dyn Observer,
) -> Result<Outcome, TrainingError> {
    let task = match pairs {
        Some(pairs) => Task::new(recipe, pairs.clone())?,
        None => Task::prepare(recipe)?,
    };
    Learner::new(task, None)?.run(observer)
}

fn unusable(path: &Path, source: std::io::Error) -> TuningError {
    TuningError::File {
        path: path.to_owned(),
        source,
    }
}
