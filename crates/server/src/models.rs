//! The models that a service answers with, by name.

use std::path::{Path, PathBuf};

use axum::http::StatusCode;
use seq2seq_runtime::{Model, ModelFileError};
use serde::Serialize;
use thiserror::Error;
use utoipa::ToSchema;

use crate::refusal::Refusal;

/// Models by name; the first is that of requests that name none.
#[derive(Clone, Debug)]
pub struct Models(Vec<(String, Model)>);

/// Why models cannot be served. All are loaded before the first request is taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModelsError {
    /// A file is no model.
    #[error("model {name:?} ({}) cannot be loaded: {source}", path.display())]
    Load {
        /// The name that it was to have.
        name: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Box<ModelFileError>,
    },
    /// Two models with one name.
    #[error("two models are called {0:?}: give each a name of its own with --model NAME=FILE")]
    Twice(String),
    /// A name that is hard to type or to print.
    #[error(
        "{0:?} is no name for a model: give 1 to 64 letters, digits, dots, hyphens and underscores"
    )]
    Name(String),
}

/// What there is to know of a model before asking it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ModelInfo {
    /// The name under which requests ask for it.
    pub name: String,
    /// Whether it answers requests that name no model.
    pub default: bool,
    /// Kind of network.
    pub architecture: String,
    /// Weights.
    pub parameters: usize,
    /// Whether `align` and `coverage_penalty` are possible.
    pub attention: bool,
    /// Whether inputs have features after a tab.
    pub features: bool,
    /// Whether confidences are calibrated.
    pub calibrated: bool,
    /// Symbols of inputs.
    pub source_symbols: usize,
    /// Symbols of outputs.
    pub target_symbols: usize,
    /// Longest input in training, in symbols.
    pub longest_source: usize,
    /// Beam of requests that give none.
    pub beam: usize,
}

impl Models {
    /// Loads all models, each with its name.
    ///
    /// # Errors
    /// If one cannot be loaded, or has no name of its own: names it.
    pub fn load(files: &[(String, PathBuf)]) -> Result<Self, ModelsError> {
        let mut models: Vec<(String, Model)> = Vec::with_capacity(files.len());
        for (name, path) in files {
            if !is_name(name) {
                return Err(ModelsError::Name(name.clone()));
            }
            if models.iter().any(|(other, _)| other == name) {
                return Err(ModelsError::Twice(name.clone()));
            }
            models.push((name.clone(), load(name, path)?));
        }
        Ok(Self(models))
    }

    /// Names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The model of a name, or the first; with its name.
    ///
    /// # Errors
    /// If there is none of this name: names those that there are.
    pub fn get(&self, name: Option<&str>) -> Result<(&str, &Model), Refusal> {
        let found = match name {
            None => self.0.first(),
            Some(name) => self.0.iter().find(|(known, _)| known == name),
        };
        let missing = || {
            let names: Vec<&str> = self.names().collect();
            let asked = name.unwrap_or("");
            let message = format!(
                "there is no model {asked:?}; there are: {}",
                names.join(", ")
            );
            Refusal::new(StatusCode::NOT_FOUND, "unknown_model", message)
        };
        let (name, model) = found.ok_or_else(missing)?;
        Ok((name, model))
    }

    /// What there is to know of each.
    pub fn infos(&self) -> Vec<ModelInfo> {
        let info = |(place, (name, model)): (usize, &(String, Model))| {
            let settings = model.settings();
            let architecture = serde_json::to_value(settings.model.architecture);
            let architecture = architecture
                .ok()
                .and_then(|it| it.as_str().map(str::to_owned));
            ModelInfo {
                name: name.clone(),
                default: place == 0,
                architecture: architecture.unwrap_or_default(),
                parameters: model
                    .parameters()
                    .map(|(_, shape)| shape.iter().product::<usize>())
                    .sum(),
                attention: model.has_attention(),
                features: model.codec().features.is_some(),
                calibrated: model.provenance().calibration.is_some(),
                source_symbols: model.codec().source.vocabulary.len(),
                target_symbols: model.codec().target.vocabulary.len(),
                longest_source: model.provenance().longest_source,
                beam: settings.decoding.beam,
            }
        };
        self.0.iter().enumerate().map(info).collect()
    }
}

fn load(name: &str, path: &Path) -> Result<Model, ModelsError> {
    Model::load(path).map_err(|source| ModelsError::Load {
        name: name.to_owned(),
        path: path.to_owned(),
        source: Box::new(source),
    })
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (1..=64).contains(&name.len()) && name.chars().all(plain)
}
