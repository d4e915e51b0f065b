//! Every setting, its meaning and its default, in one place.
//!
//! A [`Recipe`] is what a TOML recipe holds. Each field below is a setting of the section that the
//! struct stands for (`[model] encoder_units = 128`), the `Default` implementations are the only
//! place where a default is written, and [`Recipe::check`] refuses what cannot work before any
//! work starts.

#![warn(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic
)] // what strangers write is read here

mod check;
mod data;
mod load;
mod nearest;
mod removed;
mod training;
mod unused;

use std::collections::BTreeMap;
use std::path::PathBuf;

use seq2seq_runtime::Model;
use serde::{Deserialize, Serialize};

pub use data::{AdditionSettings, DataSettings};
pub use load::{ConfigError, Override};
pub use nearest::setting_named;
pub use seq2seq_runtime::settings::{
    Architecture, AttentionKind, BridgeKind, CellKind, Columns, DecoderInput, DecodingSettings,
    Embedding, EnsembleSettings, FeatureUse, LARGEST_BEAM, Mixing, ModelSettings,
    MonotonicSettings, NgramSettings, NormalizationChoice, OneHotName, PositionKind, Protocol,
    Settings, SettingsError, TextSettings, TokenizationChoice, TransformerSettings,
    VocabularyChoice,
};
pub use training::{
    MixtureChoice, Monitor, OptimizerKind, ScheduleKind, TrainingPrecision, TrainingSettings,
};

/// All settings of a training run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// Where the pairs come from.
    pub data: DataSettings,
    /// How a text becomes symbols.
    pub text: TextSettings,
    /// What the network looks like.
    pub model: ModelSettings,
    /// How it is trained.
    pub training: TrainingSettings,
    /// How outputs are produced.
    pub decoding: DecodingSettings,
    /// What `seq2seq tune` varies: quoted keys such as `"training.learning_rate"`, with values
    /// (`"64, 128, 256"`) or two ends (`"0.0003..0.003"`).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tune: BTreeMap<String, String>,
}

/// Pairs that a part of a batch has, unless the recipe says into how many parts it is cut.
const PAIRS_OF_PART: usize = 32;
/// The same for small recurrent networks, where what a part costs besides its arithmetic weighs more.
const PAIRS_OF_SMALL_PART: usize = 64;
/// Most units of those.
const FEW_UNITS: usize = 128;
/// Units beyond which layers share their work between threads well, and parts would only take more memory.
const MANY_UNITS: usize = 256;

impl Recipe {
    /// Parts into which a batch is cut, to be computed side by side.
    pub fn batch_parts(&self) -> usize {
        let TrainingSettings {
            batch_parts,
            batch_size,
            ..
        } = self.training;
        if batch_parts > 0 {
            return batch_parts;
        }
        match self.model.architecture {
            Architecture::Transformer | Architecture::Monotonic => batch_size / PAIRS_OF_PART,
            _ => match self.model.decoder_units() {
                units if units <= FEW_UNITS => batch_size / PAIRS_OF_SMALL_PART,
                units if units <= MANY_UNITS => batch_size / PAIRS_OF_PART,
                _ => 1,
            },
        }
        .max(1)
    }

    /// The settings that the trained model carries.
    pub fn settings(&self) -> Settings {
        Settings {
            text: self.text.clone(),
            model: self.model.clone(),
            decoding: self.decoding.clone(),
            columns: Columns {
                more_source_columns: self.data.more_source_columns.clone(),
                features_column: self.data.features_column,
            },
        }
    }

    /// Why a joint n-gram model cannot stand beside a network with these settings; none if it can. It reads
    /// and writes texts in one way only.
    pub fn no_ngrams_because(&self) -> Option<&'static str> {
        let (model, text) = (&self.model, &self.text);
        let reasons = [
            (model.counts(), "model.architecture is one itself"),
            (
                self.feature_use() != FeatureUse::None,
                "it reads no features (data.features_column)",
            ),
            (model.copy, "it copies no symbols (model.copy)"),
            (
                model.protocol == Protocol::FirstSymbol,
                "it is given no first symbol (model.protocol)",
            ),
            (
                model.decoder_input != DecoderInput::Target,
                "it reads the target so far (model.decoder_input)",
            ),
            (
                text.reverse_source,
                "it reads from left to right (text.reverse_source)",
            ),
            (
                !text.target_end_mark,
                "it must know where targets end (text.target_end_mark)",
            ),
        ];
        let first = reasons.into_iter().find(|(applies, _)| *applies);
        first.map(|(_, reason)| reason)
    }

    /// What features are to the network, once `auto` is decided.
    pub fn feature_use(&self) -> FeatureUse {
        self.settings().feature_use()
    }

    /// The recipe that a model was trained with.
    ///
    /// # Errors
    /// If the model was written by another version, whose recipes have other keys.
    pub fn of_model(model: &Model) -> Result<Self, ConfigError> {
        Self::parse_of_model(model.recipe(), "the model's recipe")
    }

    /// The recipe as a model keeps it: of the data's paths only the file names, so that a model tells
    /// nothing of the machine that it was trained on.
    pub(crate) fn without_folders(&self) -> Self {
        let mut recipe = self.clone();
        for file in recipe.files_mut() {
            if let Some(name) = file.file_name() {
                *file = PathBuf::from(name);
            }
        }
        recipe
    }
}
