//! Reading recipes: TOML, `KEY=VALUE` overrides, and errors that name the nearest valid key.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use seq2seq_runtime::settings::{Architecture, OF_MONOTONIC};
use serde::Deserialize;
use toml::de::DeTable;

use super::nearest::nearest;
use super::unused::setting;
use super::{Recipe, ScheduleKind, SettingsError, removed};

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The recipe could not be read.
    #[error("cannot read the recipe {path}: {source}")]
    Unreadable {
        /// The recipe.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A path that no recipe can hold.
    #[error("the path {0:?} is not UTF-8, which paths in a recipe are: rename the file or folder")]
    NotUtf8(PathBuf),
    /// The recipe is not valid TOML, or a key or value in it is not valid.
    #[error("{origin}: {message}")]
    Invalid {
        /// The recipe or the override.
        origin: String,
        /// What is wrong, with the line and the nearest valid key.
        message: String,
    },
    /// An override without `=`.
    #[error("`{0}` is not of the form KEY=VALUE, such as training.epochs=5")]
    NotAnOverride(String),
    /// A setting of an earlier version, which asks for what this one does not have.
    #[error("{origin}: {setting}: {feature} were removed: leave it out, or use version 0.1")]
    Removed {
        /// The recipe or the override.
        origin: String,
        /// The setting.
        setting: &'static str,
        /// What it brought.
        feature: &'static str,
    },
    /// Settings that cannot work.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// A setting given as `section.key=value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    path: Vec<String>,
    value: toml::Value,
    text: String,
}

impl Override {
    /// Section and key.
    pub(super) fn path(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// The setting that it changes, as `section.key`.
    pub fn key(&self) -> String {
        self.path.join(".")
    }

    /// Whether its value is a whole number.
    fn is_number(&self) -> bool {
        self.value.is_integer()
    }

    /// Whether it says what kind of network there is.
    fn names_architecture(&self) -> bool {
        self.path() == ["model", "architecture"]
    }

    /// Whether it is a setting that only an n-gram model has.
    fn is_of_ngram(&self) -> bool {
        matches!(self.path()[..], ["model", "ngram", ..])
    }

    /// Whether it means nothing to hard monotonic attention, as `model.attention` does, or is a value
    /// that this cannot have.
    fn needs_recurrence(&self) -> bool {
        match self.path()[..] {
            ["model", "embedding"] => !self.is_number(),
            ["model", "decoder_input"] => true,
            ["model", key, ..] => !OF_MONOTONIC.contains(&key),
            _ => false,
        }
    }
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Override {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let (key, value) = text
            .split_once('=')
            .filter(|(key, _)| !key.trim().is_empty())
            .ok_or_else(|| ConfigError::NotAnOverride(text.to_owned()))?;
        Ok(Self {
            path: key.trim().split('.').map(str::to_owned).collect(),
            value: parse_value(value.trim()),
            text: text.to_owned(),
        })
    }
}

/// A TOML value; whatever is not one is taken as a string, so that quotes are not needed.
fn parse_value(text: &str) -> toml::Value {
    let parsed = toml::from_str::<toml::Table>(&format!("value = {text}"));
    parsed
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

impl Recipe {
    /// Reads a recipe; relative paths in it start from its folder.
    ///
    /// # Errors
    /// If the file cannot be read or a key or value in it is not valid. Values are not checked
    /// against each other yet, since overrides may follow: see [`Recipe::check`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = read_text(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let mut recipe = Self::parse(&text, &path.display().to_string())?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for file in recipe.files_mut() {
            if file != Path::new(crate::data::STDIN) && !crate::data::is_table_name(file) {
                *file = folder.join(&file);
            }
        }
        Ok(recipe)
    }

    /// The files that are named, to change how.
    pub fn files_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let data = &mut self.data;
        let files = [
            &mut data.train,
            &mut data.dev,
            &mut data.test,
            &mut data.replay,
            &mut data.symbols,
        ];
        let models = [&mut self.training.from, &mut self.training.teacher];
        files.into_iter().chain(models).flatten()
    }

    /// Changes what must be changed to train for a given time: the learning rate falls to its end
    /// over that time, and training does not stop early.
    pub fn within_budget(&mut self, seconds: f64) {
        let training = &mut self.training;
        training.budget_seconds = seconds;
        training.patience = 0;
        if training.schedule != ScheduleKind::Linear {
            training.schedule = ScheduleKind::Cosine;
        }
    }

    /// Parses a recipe; `origin` names it in errors.
    ///
    /// # Errors
    /// If the text is not TOML, or has an unknown key or a value of the wrong type.
    pub fn parse(text: &str, origin: &str) -> Result<Self, ConfigError> {
        Self::parse_with(text, origin, removed::leave_out)
    }

    /// Parses the recipe that a model was trained with: how its training pairs were made does not matter
    /// any more.
    pub(crate) fn parse_of_model(text: &str, origin: &str) -> Result<Self, ConfigError> {
        Self::parse_with(text, origin, removed::leave_out_of_model)
    }

    fn parse_with(
        text: &str,
        origin: &str,
        leave_out_removed: fn(&mut DeTable, &str) -> Result<(), ConfigError>,
    ) -> Result<Self, ConfigError> {
        let invalid = |mut error: toml::de::Error| {
            error.set_input(Some(text));
            ConfigError::Invalid {
                origin: origin.to_owned(),
                message: with_nearest(&error.to_string(), error.message()),
            }
        };
        let mut table = DeTable::parse(text).map_err(invalid)?;
        leave_out_removed(table.get_mut(), origin)?;
        Self::deserialize(toml::Deserializer::from(table)).map_err(invalid)
    }

    /// Changes single settings.
    ///
    /// # Errors
    /// If a key does not exist (the nearest one is named) or a value has the wrong type.
    pub fn with_overrides(self, overrides: &[Override]) -> Result<Self, ConfigError> {
        self.check_paths()?;
        overrides.iter().try_fold(self, Self::with_override)
    }

    /// Refuses paths that cannot be written down.
    pub(super) fn check_paths(&self) -> Result<(), ConfigError> {
        let mut recipe = self.clone();
        match recipe.files_mut().find(|file| file.to_str().is_none()) {
            Some(file) => Err(ConfigError::NotUtf8(file.clone())),
            None => Ok(()),
        }
    }

    fn with_override(self, change: &Override) -> Result<Self, ConfigError> {
        removed::refuse(change)?;
        let invalid = |message: String| ConfigError::Invalid {
            origin: format!("`{}`", change.text),
            message,
        };
        let mut table = toml::Table::try_from(&self).map_err(|error| invalid(error.to_string()))?;
        if let [key] = &change.path[..]
            && let Some(full) = with_section(&table, key)
        {
            return Err(invalid(format!(
                "a setting is named with its section: did you mean `{full}`?"
            )));
        }
        set(&mut table, &change.path, change.value.clone()).map_err(invalid)?;
        table.try_into().map_err(|error: toml::de::Error| {
            invalid(with_nearest(error.message(), error.message()))
        })
    }

    /// The kind of network that overrides, applied already, ask for: the one that they name, an n-gram
    /// model if they have settings of one, or a recurrent one if they have settings that mean nothing to hard monotonic attention. None if they
    /// leave it open.
    pub fn architecture_asked_for(&self, overrides: &[Override]) -> Option<Architecture> {
        if overrides.iter().any(Override::names_architecture) {
            return Some(self.model.architecture);
        }
        if overrides.iter().any(Override::is_of_ngram) {
            return Some(Architecture::Ngram);
        }
        let recurrent = overrides.iter().any(Override::needs_recurrence);
        recurrent.then_some(Architecture::Recurrent)
    }

    /// The first setting that another recipe has otherwise, with its value here and there. Files count
    /// by where they are, however they are named, and what is `auto` here fits every choice there.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let flat = |recipe: &Self| {
            let mut recipe = recipe.clone();
            for file in recipe.files_mut() {
                *file = std::path::absolute(&*file).unwrap_or_else(|_| file.clone());
            }
            let table = toml::Table::try_from(recipe).unwrap_or_default();
            let mut settings = Vec::new();
            flatten("", &toml::Value::Table(table), &mut settings);
            settings
        };
        let (own, others) = (flat(self), flat(other));
        let shown = |settings: &[(String, String)], key: &str| {
            let found = settings.iter().find(|(name, _)| name == key);
            found.map_or("nothing".to_owned(), |(_, value)| value.clone())
        };
        let keys = own.iter().chain(&others).map(|(key, _)| key);
        let differs = |key: &&String| {
            let own = shown(&own, key);
            own != "\"auto\"" && own != shown(&others, key)
        };
        let mut differing = keys.filter(differs);
        let key = differing.next()?;
        Some(format!(
            "{key} = {} and {}",
            shown(&own, key),
            shown(&others, key)
        ))
    }

    /// A single setting as it is written, by its full name; none if it is not set.
    pub fn setting(&self, name: &str) -> Option<String> {
        let table = toml::Table::try_from(self).ok()?;
        setting(&table, name).map(toml::Value::to_string)
    }

    /// The recipe as TOML, every setting spelled out.
    pub fn to_toml(&self) -> String {
        // Serialization of these plain structs cannot fail; an empty text would be noticed at once.
        toml::to_string(self).unwrap_or_default()
    }
}

/// Bytes of the longest recipe: more is none.
const LONGEST_RECIPE: u64 = 1 << 20;

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let most = LONGEST_RECIPE.saturating_add(1);
    let read = File::open(path)?.take(most).read_to_string(&mut text)?;
    if read as u64 > LONGEST_RECIPE {
        return Err(io::Error::other(
            "it has more than 1 MiB, so it is no recipe",
        ));
    }
    Ok(text)
}

/// All single settings beneath a value, with their full names.
pub(super) fn flatten(name: &str, value: &toml::Value, settings: &mut Vec<(String, String)>) {
    let toml::Value::Table(table) = value else {
        settings.push((name.to_owned(), value.to_string()));
        return;
    };
    for (key, value) in table {
        let full = match name {
            "" => key.clone(),
            section => format!("{section}.{key}"),
        };
        flatten(&full, value, settings);
    }
}

fn set(table: &mut toml::Table, path: &[String], value: toml::Value) -> Result<(), String> {
    match path {
        [] => Ok(()),
        [key] => {
            table.insert(key.clone(), value);
            Ok(())
        }
        [section, rest @ ..] => match table
            .entry(section.clone())
            .or_insert_with(|| toml::Value::Table(toml::Table::new()))
        {
            toml::Value::Table(inner) => set(inner, rest, value),
            _ => Err(format!("`{section}` is a single setting, not a section")),
        },
    }
}

/// A setting that is given without its section.
fn with_section(table: &toml::Table, key: &str) -> Option<String> {
    let holds = |value: &toml::Value| {
        value
            .as_table()
            .is_some_and(|table| table.contains_key(key))
    };
    let (section, _) = table.iter().find(|(_, value)| holds(value))?;
    Some(format!("{section}.{key}"))
}

/// Rust's names of types, as people say them.
fn in_plain_words(message: &str) -> String {
    message
        .replace("expected usize", "expected a whole number, at least 0")
        .replace("expected u64", "expected a whole number, at least 0")
        .replace("expected f64", "expected a number")
        .replace("expected a boolean", "expected true or false")
        .replace(
            "data did not match any variant of untagged enum Embedding",
            "expected \"one-hot\", or a size such as 64",
        )
}

/// Valid names that a message has room for.
const MANY: usize = 8;

/// Names the key or variant that was meant in a message about an unknown one, before the valid ones, which it
/// lists; those are left out where they are many.
fn with_nearest(shown: &str, message: &str) -> String {
    let shown = in_plain_words(shown.trim_end());
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let Some((given, valid)) = names
        .split_first()
        .filter(|_| message.starts_with("unknown"))
    else {
        return shown;
    };
    match (nearest(given, valid), shown.split_once(", expected ")) {
        (Some(name), Some((unknown, _))) if valid.len() > MANY => {
            format!("{unknown}: did you mean `{name}`?")
        }
        (Some(name), Some((unknown, expected))) => {
            format!("{unknown}: did you mean `{name}`? Expected {expected}")
        }
        _ => shown,
    }
}
