//! The one place where settings are held against each other, before any work starts.

use super::{
    Architecture, AttentionKind, BridgeKind, ConfigError, DecoderInput, Embedding, FeatureUse,
    LARGEST_BEAM, OptimizerKind, Protocol, Recipe, ScheduleKind, VocabularyChoice,
};

use crate::data::LONGEST_TEXT;

/// Dropout beyond which next to nothing is left to learn from.
const MOST_DROPOUT: f64 = 0.95;

/// Parts of a batch, at most: each needs a copy of all gradients.
const MOST_PARTS: usize = 256;

/// Epochs whose weights are kept to be averaged, at most: each takes as much memory as the network.
const MOST_AVERAGED: usize = 100;

/// Layers beyond which a network is a slip of the finger.
const MOST_LAYERS: usize = 1000;

/// Epochs and steps, at most: so many that no run comes to an end, and few enough to be multiplied.
const MOST_STEPS: usize = 1_000_000_000;

/// Units beyond which a single weight matrix would take more than 16 GiB.
const MOST_UNITS: usize = 32_768;

impl Recipe {
    /// Refuses settings that cannot work.
    ///
    /// # Errors
    /// Names the first setting (or pair of settings) at fault, what it was given, and how to fix it.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_data()?;
        self.check_text()?;
        self.check_model()?;
        self.check_training()?;
        self.check_schedule()?;
        self.check_decoding()
    }

    fn check_data(&self) -> Result<(), ConfigError> {
        let data = &self.data;
        at_least("data.source_column", data.source_column, 1)?;
        at_least("data.target_column", data.target_column, 1)?;
        if let Some(column) = data.features_column {
            at_least("data.features_column", column, 1)?;
            if column == data.source_column || column == data.target_column {
                return conflict(format!(
                    "data.features_column is {column}, which is the column of the source or the \
                     target already: give the column that holds the features"
                ));
            }
        }
        for &column in &data.more_source_columns {
            at_least("data.more_source_columns", column, 1)?;
            let others = [
                Some(data.source_column),
                Some(data.target_column),
                data.features_column,
            ];
            if others.contains(&Some(column)) {
                return conflict(format!(
                    "data.more_source_columns has column {column}, which is the column of the \
                     source, the target or the features already: leave it out"
                ));
            }
        }
        self.check_features()?;
        within("data.validation", data.validation, 0.0, 0.99)?;
        if data.source_column == data.target_column {
            return conflict(format!(
                "data.source_column and data.target_column are both {}: a model that reads its own \
                 answer learns nothing; give two different columns",
                data.source_column
            ));
        }
        if data.train.is_some() && data.addition.is_some() {
            return conflict(
                "data.train and data.addition both give training pairs: remove one of them",
            );
        }
        if let Some(addition) = &data.addition {
            addition
                .generator(self.training.seed)
                .check()
                .map_err(|error| ConfigError::Conflict(format!("data.addition: {error}")))?;
        }
        Ok(())
    }

    fn check_text(&self) -> Result<(), ConfigError> {
        // A recipe may come with a model from a stranger.
        at_most("text.source_width", self.text.source_width, LONGEST_TEXT)?;
        at_most(
            "decoding.max_length",
            self.decoding.max_length,
            LONGEST_TEXT,
        )
    }

    pub(super) fn check_model(&self) -> Result<(), ConfigError> {
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

    fn check_features(&self) -> Result<(), ConfigError> {
        let (column, uses) = (self.data.features_column, self.model.features);
        let wanted = matches!(uses, FeatureUse::Symbols | FeatureUse::Encoder);
        if self.text.feature_separator.is_empty() {
            return Err(ConfigError::Impossible {
                key: "text.feature_separator",
                value: "\"\"".into(),
                rule: "must be what stands between two features, such as \";\"".into(),
            });
        }
        if wanted && self.data.train.is_some() && column.is_none() {
            return conflict(
                "model.features says what to do with features, but there are none: give their \
                 column with data.features_column, or remove model.features",
            );
        }
        if column.is_some() && uses == FeatureUse::None {
            return conflict(
                "data.features_column reads features that model.features = \"none\" does not use: \
                 remove one of the two",
            );
        }
        if self.model.shared_embeddings && self.feature_use() == FeatureUse::Symbols {
            return conflict(
                "model.shared_embeddings has no vectors for features among the source symbols: set \
                 model.features = \"encoder\", or remove model.shared_embeddings",
            );
        }
        Ok(())
    }

    fn check_attention(&self) -> Result<(), ConfigError> {
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

    fn check_embeddings(&self) -> Result<(), ConfigError> {
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
        if self.text.shared_vocabulary && self.text.vocabulary == VocabularyChoice::Notebook {
            return conflict(
                "text.shared_vocabulary makes one vocabulary from both sides of the data, but \
                 text.vocabulary = \"notebook\" is a fixed one: remove one of the two",
            );
        }
        Ok(())
    }

    fn check_training(&self) -> Result<(), ConfigError> {
        let training = &self.training;
        at_least("training.epochs", training.epochs, 1)?;
        at_most("training.epochs", training.epochs, MOST_STEPS)?;
        at_most("training.decay_epochs", training.decay_epochs, MOST_STEPS)?;
        at_most("training.warmup_steps", training.warmup_steps, MOST_STEPS)?;
        at_least("training.batch_size", training.batch_size, 1)?;
        within(
            "training.budget_seconds",
            training.budget_seconds,
            0.0,
            f64::MAX,
        )?;
        at_least("training.validate_every", training.validate_every, 1)?;
        at_least("training.keep_checkpoints", training.keep_checkpoints, 1)?;
        within(
            "training.checkpoint_seconds",
            training.checkpoint_seconds,
            0.0,
            1e9,
        )?;
        within(
            "training.label_smoothing",
            training.label_smoothing,
            0.0,
            0.9,
        )?;
        above_zero("training.learning_rate", training.learning_rate)?;
        above_zero("training.epsilon", training.epsilon)?;
        within("training.beta_1", training.beta_1, 0.0, 0.999_999)?;
        within("training.beta_2", training.beta_2, 0.0, 0.999_999)?;
        within("training.rho", training.rho, 0.0, 0.999_999)?;
        within("training.momentum", training.momentum, 0.0, 0.999_999)?;
        within("training.weight_decay", training.weight_decay, 0.0, 1.0)?;
        within(
            "training.teacher_forcing",
            training.teacher_forcing,
            0.0,
            1.0,
        )?;
        at_most("training.batch_parts", training.batch_parts, MOST_PARTS)?;
        within("training.hidden_symbols", training.hidden_symbols, 0.0, 1.0)?;
        within("training.clip_norm", training.clip_norm, 0.0, f64::MAX)?;
        within("training.clip_value", training.clip_value, 0.0, f64::MAX)?;
        within(
            "training.weight_average",
            training.weight_average,
            0.0,
            0.999_999,
        )?;
        at_most(
            "training.average_epochs",
            training.average_epochs,
            MOST_AVERAGED,
        )?;
        within("training.teacher_weight", training.teacher_weight, 0.0, 1.0)?;
        if training.weight_average > 0.0 && training.average_epochs > 0 {
            return conflict(
                "training.weight_average and training.average_epochs both average the weights: \
                 remove one of them",
            );
        }
        if training.momentum > 0.0 && training.optimizer != OptimizerKind::Sgd {
            return conflict(
                "training.momentum is for training.optimizer = \"sgd\": remove it, or change the \
                 optimizer",
            );
        }
        if training.teacher_forcing < 1.0 && self.model.decoder_input != DecoderInput::Target {
            return conflict(
                "training.teacher_forcing mixes target symbols with predictions, but \
                 model.decoder_input reads no target symbols: remove one of the two",
            );
        }
        Ok(())
    }

    fn check_decoding(&self) -> Result<(), ConfigError> {
        let decoding = &self.decoding;
        at_least("decoding.batch_size", decoding.batch_size, 1)?;
        at_most("decoding.batch_size", decoding.batch_size, MOST_STEPS)?;
        at_least("decoding.beam", decoding.beam, 1)?;
        if decoding.beam > LARGEST_BEAM {
            return Err(ConfigError::Impossible {
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

    fn check_schedule(&self) -> Result<(), ConfigError> {
        let training = &self.training;
        within(
            "training.final_learning_rate",
            training.final_learning_rate,
            0.0,
            training.learning_rate,
        )?;
        within("training.decay", training.decay, f64::MIN_POSITIVE, 1.0)?;
        at_least("training.decay_epochs", training.decay_epochs, 1)?;
        let stretches = matches!(
            training.schedule,
            ScheduleKind::Constant | ScheduleKind::Linear | ScheduleKind::Cosine
        );
        if training.budget_seconds > 0.0 && !stretches {
            return conflict(
                "training.budget_seconds stretches the schedule over a time that is not counted in \
                 steps: use training.schedule = \"constant\", \"linear\" or \"cosine\" with it",
            );
        }
        if training.schedule == ScheduleKind::Noam && training.warmup_steps == 0 {
            return conflict(
                "training.schedule = \"noam\" needs training.warmup_steps, such as 400",
            );
        }
        Ok(())
    }
}

pub(super) fn conflict(message: impl Into<String>) -> Result<(), ConfigError> {
    Err(ConfigError::Conflict(message.into()))
}

pub(super) fn at_least(key: &'static str, value: usize, least: usize) -> Result<(), ConfigError> {
    if value >= least {
        return Ok(());
    }
    Err(ConfigError::Impossible {
        key,
        value: value.to_string(),
        rule: format!("must be at least {least}"),
    })
}

pub(super) fn at_most(key: &'static str, value: usize, most: usize) -> Result<(), ConfigError> {
    if value <= most {
        return Ok(());
    }
    Err(ConfigError::Impossible {
        key,
        value: value.to_string(),
        rule: format!("must be at most {most}"),
    })
}

pub(super) fn layers(key: &'static str, value: usize) -> Result<(), ConfigError> {
    at_least(key, value, 1)?;
    at_most(key, value, MOST_LAYERS)
}

pub(super) fn units(key: &'static str, value: usize) -> Result<(), ConfigError> {
    at_least(key, value, 1)?;
    at_most(key, value, MOST_UNITS)
}

fn above_zero(key: &'static str, value: f64) -> Result<(), ConfigError> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(ConfigError::Impossible {
        key,
        value: value.to_string(),
        rule: "must be a number above 0".into(),
    })
}

pub(super) fn within(
    key: &'static str,
    value: f64,
    low: f64,
    high: f64,
) -> Result<(), ConfigError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    let rule = if high == f64::MAX {
        format!("must be at least {low}")
    } else {
        format!("must lie between {low} and {high}")
    };
    Err(ConfigError::Impossible {
        key,
        value: value.to_string(),
        rule,
    })
}
