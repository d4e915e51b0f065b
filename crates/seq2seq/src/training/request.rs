//! From what somebody asks for to a task: a recipe or settings that suit the pairs, then the changes that were
//! asked for one by one, then overrides.

use std::path::PathBuf;

use super::initial_model::InitialModel;
use super::loaded_pairs::LoadedPairs;
use super::task::{Task, TaskError};
use crate::config::{ConfigError, Override, Recipe};
use crate::data::{DataNote, Pair};

/// Where the training pairs come from.
#[derive(Clone, Debug, Default)]
pub enum TrainingData {
    /// What the recipe names or generates.
    #[default]
    OfRecipe,
    /// A file.
    File(PathBuf),
    /// Memory. The files that a recipe names are then left alone.
    Memory(Box<LoadedPairs>),
}

/// Changes to a recipe that were asked for one by one; what is left out stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Validation pairs.
    pub dev: Option<PathBuf>,
    /// A trained model to learn from.
    pub teacher: Option<PathBuf>,
    /// Start of every random choice.
    pub seed: Option<u64>,
    /// Seconds to train for, with a schedule that fits.
    pub budget: Option<f64>,
    /// Column of the source, counted from 1.
    pub source_column: Option<usize>,
    /// Column of the target, counted from 1.
    pub target_column: Option<usize>,
    /// Column of features, counted from 1.
    pub features_column: Option<usize>,
    /// Whether the first line names the columns.
    pub header: bool,
}

impl Changes {
    /// Makes them.
    pub fn make(self, recipe: &mut Recipe) {
        let data = &mut recipe.data;
        data.dev = self.dev.or(data.dev.take());
        data.source_column = self.source_column.unwrap_or(data.source_column);
        data.target_column = self.target_column.unwrap_or(data.target_column);
        data.features_column = self.features_column.or(data.features_column);
        data.header |= self.header;
        let training = &mut recipe.training;
        training.teacher = self.teacher.or(training.teacher.take());
        training.seed = self.seed.unwrap_or(training.seed);
        if let Some(budget) = self.budget {
            recipe.within_budget(budget);
        }
    }
}

/// A recipe with single settings.
///
/// # Errors
/// [`TaskError::Override`] where these name something wrongly, or make a recipe impossible that was not.
pub fn with_settings(recipe: Recipe, set: &[Override]) -> Result<Recipe, TaskError> {
    let worked = recipe.check().is_ok();
    let recipe = match recipe.with_overrides(set) {
        Err(error @ ConfigError::NotUtf8(_)) => return Err(error.into()),
        changed => changed.map_err(TaskError::Override)?,
    };
    match recipe.check() {
        Err(error) if worked => Err(TaskError::Override(error)),
        _ => Ok(recipe),
    }
}

/// What is to be trained. Without a recipe, settings suit the pairs, or the model to go on from.
pub struct TrainingRequest<F> {
    /// The recipe.
    pub recipe: Option<Recipe>,
    /// The training pairs.
    pub data: TrainingData,
    /// The trained model to go on from.
    pub from: Option<PathBuf>,
    /// Makes the changes that were asked for one by one.
    pub change: F,
    /// Whether the column of the target was asked for: it may then hold numbers beside a column of text.
    pub target_is_given: bool,
    /// Single settings, which count over everything else.
    pub set: Vec<Override>,
}

impl<F: Fn(&mut Recipe)> TrainingRequest<F> {
    /// The task, and the settings that nobody asked for, from which it started.
    ///
    /// # Errors
    /// If settings, files or split cannot work, or the file has numbers beside a column of text and no target
    /// column was asked for.
    pub fn task(mut self) -> Result<(Task, Recipe), TaskError> {
        let data = std::mem::take(&mut self.data);
        let recipe = match (self.recipe.take(), &data) {
            (Some(_), _) if self.from.is_some() => {
                let from = self.from.take().unwrap_or_default();
                return Err(TaskError::FromAndRecipe(from));
            }
            (Some(recipe), _) => self.changed(recipe, &data)?,
            (None, TrainingData::OfRecipe) => self.changed(Recipe::default(), &data)?,
            (None, _) => return self.task_for_pairs(data),
        };
        let task = match data {
            TrainingData::Memory(loaded) => Task::new(recipe, *loaded)?,
            _ => Task::prepare(recipe)?,
        };
        Ok((task, Recipe::default()))
    }

    /// Reads the pairs as the request says, and takes settings by what was read.
    fn task_for_pairs(&self, data: TrainingData) -> Result<(Task, Recipe), TaskError> {
        let initial = self.from.as_deref();
        let initial = initial
            .map(|path| Ok::<_, TaskError>((InitialModel::load(path)?.model, path)))
            .transpose()?;
        let settings = |pairs: &[Pair], reading: &Recipe| match &initial {
            Some((model, path)) => Recipe::going_on(model, path, pairs.len()),
            None => Ok(Recipe::suiting(pairs, reading, &self.set)),
        };
        // What is read does not depend on the pairs, but on the request.
        let reading = self.changed(settings(&[], &Recipe::default())?, &data)?;
        reading.check()?;
        let (loaded, data) = match data {
            TrainingData::Memory(loaded) => (*loaded, TrainingData::Memory(Box::default())),
            data => (LoadedPairs::load(&reading)?, data),
        };
        self.refuse_numbers(&loaded.notes)?;
        let suiting = settings(&loaded.train, &reading)?;
        let recipe = self.changed(suiting.clone(), &data)?;
        Ok((Task::new(recipe, loaded)?, suiting))
    }

    /// Refuses to learn numbers that stand beside a column of text, unless they were asked for.
    fn refuse_numbers(&self, notes: &[DataNote]) -> Result<(), TaskError> {
        let of_numbers = |note: &&DataNote| matches!(note, DataNote::NumbersAsTarget { .. });
        match notes.iter().find(of_numbers) {
            Some(note) if !self.target_is_given => Err(TaskError::Unusable(note.to_string())),
            _ => Ok(()),
        }
    }

    /// A recipe with everything that was asked for.
    fn changed(&self, mut recipe: Recipe, pairs: &TrainingData) -> Result<Recipe, TaskError> {
        let data = &mut recipe.data;
        match pairs {
            TrainingData::OfRecipe => {}
            TrainingData::File(train) => {
                (data.train, data.addition) = (Some(train.clone()), None);
            }
            TrainingData::Memory(_) => {
                (data.train, data.addition) = (None, None);
                (data.dev, data.test) = (None, None);
            }
        }
        (self.change)(&mut recipe);
        with_settings(recipe, &self.set)
    }
}
