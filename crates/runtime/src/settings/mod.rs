//! The settings that a model carries: how texts become symbols, what its network looks like, how
//! outputs are produced.
//!
//! Each field is a setting of the section that the struct stands for (`[model] encoder_units = 128`).
//! The `Default` implementations are the only place where a default is written, and
//! [`Settings::check`] refuses what cannot work.

#![warn(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic
)] // what strangers write is read here

mod architecture;
pub mod check;
mod check_architecture;
mod decoding;
mod model;
pub mod removed;
mod text;

use serde::Deserialize;
use toml::de::DeTable;

pub use architecture::{
    Architecture, EnsembleSettings, MOST_ORDER, MOST_WEIGHT, Mixing, MonotonicSettings,
    NgramSettings, PositionKind, TransformerSettings,
};
pub use check_architecture::OF_MONOTONIC;
pub use decoding::{DecodingSettings, LARGEST_BEAM};
pub use model::{
    AttentionKind, BridgeKind, CellKind, DecoderInput, Embedding, FeatureUse, ModelSettings,
    OneHotName, Protocol,
};
pub use text::{
    CaseChoice, NormalizationChoice, TextSettings, TokenizationChoice, VocabularyChoice,
};

/// Sections of a recipe, of which a model reads some.
const SECTIONS: &[&str] = &["data", "text", "model", "training", "decoding", "tune"];

/// Why settings cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Not TOML, or a key or value that is not valid.
    #[error("{0}")]
    Invalid(String),
    /// A value that cannot work.
    #[error("{key} = {value}: {rule}")]
    Impossible {
        /// The setting.
        key: &'static str,
        /// What it was given.
        value: String,
        /// What it must be.
        rule: String,
    },
    /// Vectors of n-grams, which version 0.1 had.
    #[error("model.ngrams: n-gram vectors were removed: leave it out, or use version 0.1")]
    Removed,
    /// Settings that exclude each other.
    #[error("{0}")]
    Conflict(String),
}

/// The settings of a model.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// How a text becomes symbols.
    pub text: TextSettings,
    /// What the network looks like.
    pub model: ModelSettings,
    /// How outputs are produced.
    pub decoding: DecodingSettings,
    /// Which columns an input has.
    #[serde(rename = "data")]
    pub columns: Columns,
}

/// What an input line consists of, as far as a recipe's `[data]` says so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Columns {
    /// Columns of the source besides the first: the source is then all of them.
    pub more_source_columns: Vec<usize>,
    /// The column of features in the training data, if there was one.
    pub features_column: Option<usize>,
}

impl Settings {
    /// The settings of a model out of the recipe with which it was trained, which has other sections,
    /// too.
    ///
    /// # Errors
    /// If the text is not TOML, has an unknown key or a wrong value in these sections, or settings
    /// that cannot work.
    pub fn of_recipe(recipe: &str) -> Result<Self, SettingsError> {
        let invalid = |mut error: toml::de::Error| {
            error.set_input(Some(recipe));
            SettingsError::Invalid(error.to_string())
        };
        let mut table = DeTable::parse(recipe).map_err(invalid)?;
        if removed::take_out_ngrams(table.get_mut()) {
            return Err(SettingsError::Removed);
        }
        let mut keys = table.get_ref().keys().map(|key| &**key.get_ref());
        if let Some(key) = keys.find(|key| !SECTIONS.contains(key)) {
            return Err(SettingsError::Invalid(format!("unknown section `{key}`")));
        }
        let settings = Self::deserialize(toml::Deserializer::from(table)).map_err(invalid)?;
        settings.check()?;
        Ok(settings)
    }

    /// What features are to the network, once `auto` is decided.
    pub fn feature_use(&self) -> FeatureUse {
        match (self.model.features, self.columns.features_column) {
            (FeatureUse::Auto, Some(_)) => match self.model.architecture {
                // Its decoder reads no source symbols, and nothing is written from a feature.
                Architecture::Monotonic => FeatureUse::Encoder,
                _ => FeatureUse::Symbols,
            },
            (FeatureUse::Auto, None) => FeatureUse::None,
            (chosen, _) => chosen,
        }
    }
}
