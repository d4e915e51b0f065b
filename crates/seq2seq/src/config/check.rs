//! What a recipe asks for beyond the settings of the model is held against each other here, before
//! any work starts.

use seq2seq_runtime::settings::check::{
    MOST_STEPS, above_zero, at_least, at_most, conflict, within,
};

use super::{
    Architecture, ConfigError, DecoderInput, FeatureUse, OptimizerKind, Recipe, ScheduleKind,
    SettingsError,
};

/// Parts of a batch, at most: each needs a copy of all gradients.
const MOST_PARTS: usize = 256;

/// Epochs whose weights are kept to be averaged, at most: each takes as much memory as the network.
const MOST_AVERAGED: usize = 100;

impl Recipe {
    /// Refuses settings that cannot work.
    ///
    /// # Errors
    /// Names the first setting (or pair of settings) at fault, what it was given, and how to fix it.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_paths()?;
        self.check_data()?;
        self.settings().check()?;
        self.check_training()?;
        Ok(self.check_schedule()?)
    }

    fn check_data(&self) -> Result<(), SettingsError> {
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
        if data.symbols.is_some() && self.training.from.is_some() {
            return conflict(
                "data.symbols gives a table of target symbols, but training.from goes on from a model, \
                 which has its own: leave data.symbols out",
            );
        }
        within("data.validation", data.validation, 0.0, 0.99)?;
        if data.source_column == data.target_column {
            return conflict(format!(
                "data.source_column and data.target_column are both {}: a model that reads its own \
                 answer learns nothing; give two different columns",
                data.source_column
            ));
        }
        if data.replay.is_some() && self.training.from.is_none() {
            return conflict(
                "data.replay mixes in pairs that a trained model knows, but training.from names no such \
                 model: give it (--from MODEL), or add the pairs to the training pairs",
            );
        }
        if data.replay.is_some() && data.addition.is_some() {
            return conflict(
                "data.replay goes with training pairs from a file, but data.addition generates them: \
                 remove one of the two",
            );
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
                .map_err(|error| SettingsError::Conflict(format!("data.addition: {error}")))?;
        }
        Ok(())
    }

    fn check_features(&self) -> Result<(), SettingsError> {
        let (column, uses) = (self.data.features_column, self.model.features);
        let wanted = matches!(uses, FeatureUse::Symbols | FeatureUse::Encoder);
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
        Ok(())
    }

    fn check_training(&self) -> Result<(), SettingsError> {
        let training = &self.training;
        if self.model.architecture == Architecture::Ngram {
            let given = [
                ("training.from", training.from.is_some()),
                ("training.teacher", training.teacher.is_some()),
            ];
            if let Some((key, _)) = given.iter().find(|(_, given)| *given) {
                return conflict(format!(
                    "model.architecture = \"ngram\" counts the training pairs and goes on from no model: \
                     remove {key}, and give all pairs together"
                ));
            }
        }
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

    fn check_schedule(&self) -> Result<(), SettingsError> {
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
