//! The one place where settings are held against each other, before any work starts.

use super::{
    BridgeKind, ConfigError, DecoderInput, Embedding, OptimizerKind, Protocol, Recipe,
    ScheduleKind, VocabularyChoice,
};

/// Units beyond which a single weight matrix would take more than 16 GiB.
const MOST_UNITS: usize = 32_768;

impl Recipe {
    /// Refuses settings that cannot work.
    ///
    /// # Errors
    /// Names the first setting (or pair of settings) at fault, what it was given, and how to fix it.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_data()?;
        self.check_model()?;
        self.check_training()?;
        self.check_schedule()?;
        at_least("decoding.batch_size", self.decoding.batch_size, 1)
    }

    fn check_data(&self) -> Result<(), ConfigError> {
        let data = &self.data;
        at_least("data.source_column", data.source_column, 1)?;
        at_least("data.target_column", data.target_column, 1)?;
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

    fn check_model(&self) -> Result<(), ConfigError> {
        let model = &self.model;
        units("model.encoder_units", model.encoder_units)?;
        units("model.decoder_units", model.decoder_units())?;
        if let Embedding::Size(size) = model.embedding {
            units("model.embedding", size)?;
        }
        if model.bridge == BridgeKind::Copy && model.encoder_units != model.decoder_units() {
            return conflict(format!(
                "model.bridge = \"copy\" hands the encoder's state over as it is, but the encoder \
                 has {} units and the decoder {}: make them equal, or set model.bridge = \"linear\" \
                 to learn the way from one to the other",
                model.encoder_units,
                model.decoder_units()
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

    fn check_training(&self) -> Result<(), ConfigError> {
        let training = &self.training;
        at_least("training.epochs", training.epochs, 1)?;
        at_least("training.batch_size", training.batch_size, 1)?;
        at_least("training.validate_every", training.validate_every, 1)?;
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
        within("training.clip_norm", training.clip_norm, 0.0, f64::MAX)?;
        within("training.clip_value", training.clip_value, 0.0, f64::MAX)?;
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
        if training.schedule == ScheduleKind::Noam && training.warmup_steps == 0 {
            return conflict(
                "training.schedule = \"noam\" needs training.warmup_steps, such as 400",
            );
        }
        Ok(())
    }
}

fn conflict(message: impl Into<String>) -> Result<(), ConfigError> {
    Err(ConfigError::Conflict(message.into()))
}

fn at_least(key: &'static str, value: usize, least: usize) -> Result<(), ConfigError> {
    if value >= least {
        return Ok(());
    }
    Err(ConfigError::Impossible {
        key,
        value: value.to_string(),
        rule: format!("must be at least {least}"),
    })
}

fn units(key: &'static str, value: usize) -> Result<(), ConfigError> {
    at_least(key, value, 1)?;
    if value <= MOST_UNITS {
        return Ok(());
    }
    Err(ConfigError::Impossible {
        key,
        value: value.to_string(),
        rule: format!("must be at most {MOST_UNITS}"),
    })
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

fn within(key: &'static str, value: f64, low: f64, high: f64) -> Result<(), ConfigError> {
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
