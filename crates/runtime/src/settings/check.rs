//! The one place where the settings of a model are held against each other.

use super::{
    Architecture, AttentionKind, BridgeKind, DecoderInput, Embedding, FeatureUse, LARGEST_BEAM,
    Protocol, Settings, SettingsError, VocabularyChoice,
};
use crate::text::LONGEST_TEXT;

/// Dropout beyond which next to nothing is left to learn from.
pub const MOST_DROPOUT: f64 = 0.95;

/// Layers beyond which a network is a slip of the finger.
const MOST_LAYERS: usize = 1000;

/// Epochs, steps and inputs, at most: so many that no work comes to an end, and few enough to be
/// multiplied.
pub const MOST_STEPS: usize = 1_000_000_000;

/// Units beyond which a single weight matrix would take more than 16 GiB.
const MOST_UNITS: usize = 32_768;

impl Settings {
    /// Refuses settings that cannot work.
    ///
    /// # Errors
    /// Names the first setting (or pair of settings) at fault, what it was given, and how to fix it.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.check_text()?;
        self.check_model()?;
        self.check_decoding()
    }

    fn check_text(&self) -> Result<(), SettingsError> {
        if self.text.feature_separator.is_empty() {
            return Err(SettingsError::Impossible {
                key: "text.feature_separator",
                value: "\"\"".into(),
                rule: "must be what stands between two features, such as \";\"".into(),
            });
        }
        // Settings may come with a model from a stranger.
        at_most("text.source_width", self.text.source_width, LONGEST_TEXT)?;
        at_most(
            "decoding.max_length",
            self.decoding.max_length,
            LONGEST_TEXT,
        )
    }

    pub(super) fn check_model(&self) -> Result<(), SettingsError> {
        let model = &self.model;
        self.check_architecture()?;
        units("model.encoder_units", model.encoder_units)?;
        units("model.decoder_units", model.decoder_units())?;
        if let Embedding::Size(size) = model.embedding {
            units("model.embedding", size)?;
        }
        layers("model.encoder_layers", model.encoder_layers)?;
        layers("model.decoder_layers", model.decoder_layers)?;
        within("model.dropout", model.dropout, 0.0, MOST_DROPOUT)?;
        within(
            "model.embedding_dropout",
            model.embedding_dropout,
            0.0,
            MOST_DROPOUT,
        )?;
        within(
            "model.recurrent_dropout",
            model.recurrent_dropout,
            0.0,
            MOST_DROPOUT,
        )?;
        self.check_attention()?;
        self.check_embeddings()?;
        let encoders = match self.feature_use() {
            FeatureUse::Encoder => 2,
            _ => 1,
        };
        let (given, needed) = (
            model.encoder_width().saturating_mul(encoders),
            model.decoder_units(),
        );
        if model.bridge == BridgeKind::Copy && given != needed {
            return conflict(format!(
                "model.bridge = \"copy\" hands the encoder's state over as it is, but the encoder \
                 gives {given} units (all directions and encoders together) and the decoder has \
                 {needed}: make them equal, or set model.bridge = \"linear\" to learn the way from \
                 one to the other"
            ));
        }
        if model.protocol == Protocol::FirstSymbol
            && model.decoder_input == DecoderInput::EncoderOutput
        {
            return conflict(
                "model.protocol = \"first-symbol\" gives the decoder the first target symbol, but \
                 model.decoder_input = \"encoder-output\" never reads a target symbol: use \
                 model.protocol = \"begin-of-sequence\"",
            );
        }
        if self.text.vocabulary == VocabularyChoice::Notebook && !self.text.target_end_mark {
            return conflict(
                "text.vocabulary = \"notebook\" ends every target with its end-of-line symbol, but \
                 text.target_end_mark is false: remove one of the two",
            );
        }
        if self.text.vocabulary == VocabularyChoice::Notebook
            && model.protocol == Protocol::BeginOfSequence
            && model.decoder_input != DecoderInput::EncoderOutput
        {
            return conflict(
                "text.vocabulary = \"notebook\" has no begin-of-sequence symbol: use \
                 model.protocol = \"first-symbol\", or text.vocabulary = \"from-data\"",
            );
        }
        Ok(())
    }

    fn check_attention(&self) -> Result<(), SettingsError> {
        let model = &self.model;
        units("model.attention_units", model.attention_units())?;
        at_least("model.attention_heads", model.attention_heads, 1)?;
        let (encoder, decoder) = (model.encoder_width(), model.decoder_units());
        match model.attention {
            AttentionKind::None if model.input_feeding => {
                return conflict(
                    "model.input_feeding gives attention's result to the next step, but \
                     model.attention = \"none\": set model.attention = \"general\", or remove \
                     model.input_feeding",
                );
            }
            AttentionKind::None if model.copy && model.architecture == Architecture::Recurrent => {
                return conflict(
                    "model.copy copies source symbols from where attention looks, but \
                     model.attention = \"none\": set model.attention = \"general\", or remove \
                     model.copy",
                );
            }
            AttentionKind::Dot if encoder != decoder => {
                return conflict(format!(
                    "model.attention = \"dot\" multiplies encoder states of {encoder} units (all \
                     directions together) by decoder states of {decoder}: set \
                     model.decoder_units = {encoder}, or model.attention = \"general\""
                ));
            }
            AttentionKind::MultiHead
                if !model
                    .attention_units()
                    .is_multiple_of(model.attention_heads) =>
            {
                return conflict(format!(
                    "model.attention_heads = {} does not divide the {} units of attention: set \
                     model.attention_units to a multiple of the heads",
                    model.attention_heads,
                    model.attention_units()
                ));
            }
            _ => {}
        }
        Ok(())
    }

    fn check_embeddings(&self) -> Result<(), SettingsError> {
        let model = &self.model;
        let one_hot = matches!(model.embedding, Embedding::Named(_));
        let of_source = [(model.embedding_dropout > 0.0, "model.embedding_dropout")];
        let of_target = [
            (model.tied_embeddings, "model.tied_embeddings"),
            (model.shared_embeddings, "model.shared_embeddings"),
        ];
        let mut all = of_source.iter().chain(&of_target);
        if let Some((_, setting)) = all.find(|(used, _)| one_hot && *used) {
            return conflict(format!(
                "{setting} needs embeddings, but model.embedding = \"one-hot\": give their size, such \
                 as model.embedding = 64, or remove {setting}"
            ));
        }
        let no_target = model.decoder_input == DecoderInput::EncoderOutput;
        if let Some((_, setting)) = of_target.iter().find(|(used, _)| no_target && *used) {
            return conflict(format!(
                "{setting} needs target embeddings, but model.decoder_input = \"encoder-output\" \
                 never reads a target symbol: remove one of the two"
            ));
        }
        if model.shared_embeddings && !self.text.shared_vocabulary {
            return conflict(
                "model.shared_embeddings uses the same vectors for source and target symbols, \
                 which needs text.shared_vocabulary = true",
            );
        }
        if model.shared_embeddings && self.feature_use() == FeatureUse::Symbols {
            return conflict(
                "model.shared_embeddings has no vectors for features among the source symbols: set \
                 model.features = \"encoder\", or remove model.shared_embeddings",
            );
        }
        if self.text.shared_vocabulary && self.text.vocabulary == VocabularyChoice::Notebook {
            return conflict(
                "text.shared_vocabulary makes one vocabulary from both sides of the data, but \
                 text.vocabulary = \"notebook\" is a fixed one: remove one of the two",
            );
        }
        Ok(())
    }

    fn check_decoding(&self) -> Result<(), SettingsError> {
        let decoding = &self.decoding;
        at_least("decoding.batch_size", decoding.batch_size, 1)?;
        at_most("decoding.batch_size", decoding.batch_size, MOST_STEPS)?;
        at_least("decoding.beam", decoding.beam, 1)?;
        if decoding.beam > LARGEST_BEAM {
            return Err(SettingsError::Impossible {
                key: "decoding.beam",
                value: decoding.beam.to_string(),
                rule: format!("must be at most {LARGEST_BEAM}"),
            });
        }
        for (key, value) in [
            ("decoding.length_penalty", decoding.length_penalty),
            ("decoding.coverage_penalty", decoding.coverage_penalty),
            ("decoding.max_length_ratio", decoding.max_length_ratio),
        ] {
            within(key, value, 0.0, f64::MAX)?;
        }
        if decoding.minimum_bayes_risk && decoding.beam == 1 {
            return conflict(
                "decoding.minimum_bayes_risk chooses among the outputs of a beam, but decoding.beam \
                 is 1: set decoding.beam = 5, or leave minimum_bayes_risk out",
            );
        }
        Ok(())
    }
}

/// Refuses settings that exclude each other.
///
/// # Errors
/// Always.
pub fn conflict(message: impl Into<String>) -> Result<(), SettingsError> {
    Err(SettingsError::Conflict(message.into()))
}

/// Refuses a value below `least`.
///
/// # Errors
/// Names the setting, what it was given, and the rule.
pub fn at_least(key: &'static str, value: usize, least: usize) -> Result<(), SettingsError> {
    if value >= least {
        return Ok(());
    }
    Err(SettingsError::Impossible {
        key,
        value: value.to_string(),
        rule: format!("must be at least {least}"),
    })
}

/// Refuses a value above `most`.
///
/// # Errors
/// Names the setting, what it was given, and the rule.
pub fn at_most(key: &'static str, value: usize, most: usize) -> Result<(), SettingsError> {
    if value <= most {
        return Ok(());
    }
    Err(SettingsError::Impossible {
        key,
        value: value.to_string(),
        rule: format!("must be at most {most}"),
    })
}

/// Refuses no layers, and more than anybody means.
///
/// # Errors
/// Names the setting, what it was given, and the rule.
pub fn layers(key: &'static str, value: usize) -> Result<(), SettingsError> {
    at_least(key, value, 1)?;
    at_most(key, value, MOST_LAYERS)
}

/// Refuses no units, and more than a matrix can have.
///
/// # Errors
/// Names the setting, what it was given, and the rule.
pub fn units(key: &'static str, value: usize) -> Result<(), SettingsError> {
    at_least(key, value, 1)?;
    at_most(key, value, MOST_UNITS)
}

/// Refuses everything but numbers above 0.
///
/// # Errors
/// Names the setting, what it was given, and the rule.
pub fn above_zero(key: &'static str, value: f64) -> Result<(), SettingsError> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(SettingsError::Impossible {
        key,
        value: value.to_string(),
        rule: "must be a number above 0".into(),
    })
}

/// Refuses values that are not between `low` and `high`.
///
/// # Errors
/// Names the setting, what it was given, and the rule.
pub fn within(key: &'static str, value: f64, low: f64, high: f64) -> Result<(), SettingsError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    let rule = if high == f64::MAX {
        format!("must be at least {low}")
    } else {
        format!("must lie between {low} and {high}")
    };
    Err(SettingsError::Impossible {
        key,
        value: value.to_string(),
        rule,
    })
}
