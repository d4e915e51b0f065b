//! The models that a service answers with, by name.

use std::path::PathBuf;
use std::sync::Arc;

use axum::http::StatusCode;
use seq2seq_runtime::{Lexicon, LexiconTooLarge, Model, ModelFileError, PredictOptions};
use serde::Serialize;
use thiserror::Error;
use utoipa::ToSchema;

use crate::refusal::Refusal;

/// A model to serve.
#[derive(Clone, Debug, Default)]
pub struct ModelSource {
    /// The name under which requests ask for it.
    pub name: String,
    /// The model's file.
    pub file: PathBuf,
    /// Known words with their pronunciations, which go before the model's answers; a word may come several
    /// times.
    pub lexicon: Option<Vec<(String, String)>>,
}

/// A model with the lexicon that goes before it.
#[derive(Clone, Debug)]
pub struct ServedModel {
    /// The model.
    pub model: Model,
    /// Known words, if there is a lexicon.
    pub lexicon: Option<Arc<Lexicon>>,
}

/// Models by name; the first is that of requests that name none.
#[derive(Clone, Debug)]
pub struct Models(Vec<(String, ServedModel)>);

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
    /// A lexicon has too much text.
    #[error("the lexicon of model {name:?} cannot be used: {source}")]
    Lexicon {
        /// The model that it was for.
        name: String,
        /// Why not.
        source: LexiconTooLarge,
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
    /// Words that its lexicon answers; none without a lexicon.
    pub lexicon_words: Option<usize>,
}

impl Models {
    /// Loads all models, each with its name and lexicon.
    ///
    /// # Errors
    /// If one cannot be loaded, or has no name of its own: names it.
    pub fn load(sources: Vec<ModelSource>) -> Result<Self, ModelsError> {
        let mut models: Vec<(String, ServedModel)> = Vec::with_capacity(sources.len());
        for source in sources {
            let name = source.name.clone();
            if !is_name(&name) {
                return Err(ModelsError::Name(name));
            }
            if models.iter().any(|(other, _)| *other == name) {
                return Err(ModelsError::Twice(name));
            }
            models.push((name, load(source)?));
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
    pub fn get(&self, name: Option<&str>) -> Result<(&str, &ServedModel), Refusal> {
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
        let info = |(place, (name, served)): (usize, &(String, ServedModel))| {
            let model = &served.model;
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
                lexicon_words: served.lexicon.as_ref().map(|lexicon| lexicon.words()),
            }
        };
        self.0.iter().enumerate().map(info).collect()
    }
}

impl ServedModel {
    /// Whether the lexicon answers a line of input, and the model is not asked.
    pub fn is_known(&self, line: &str) -> bool {
        let options = PredictOptions {
            lexicon: self.lexicon.clone(),
            ..PredictOptions::default()
        };
        let predictor = self.model.predictor(options);
        predictor.is_ok_and(|predictor| predictor.is_known(&self.model.line(line)))
    }
}

fn load(source: ModelSource) -> Result<ServedModel, ModelsError> {
    let ModelSource {
        name,
        file,
        lexicon,
    } = source;
    let model = match Model::load(&file) {
        Ok(model) => model,
        Err(source) => {
            return Err(ModelsError::Load {
                name,
                path: file,
                source: Box::new(source),
            });
        }
    };
    let lexicon = lexicon.map(|pairs| Lexicon::new(&model, pairs)).transpose();
    let lexicon = lexicon.map_err(|source| ModelsError::Lexicon { name, source })?;
    Ok(ServedModel {
        model,
        lexicon: lexicon.map(Arc::new),
    })
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (1..=64).contains(&name.len()) && name.chars().all(plain)
}
