//! What only some networks ask of their settings.

use super::check::{MOST_DROPOUT, at_least, at_most, conflict, layers, units, within};
use super::{
    Architecture, DecoderInput, Embedding, FeatureUse, MOST_ORDER, MOST_WEIGHT, ModelSettings,
    MonotonicSettings, PositionKind, Protocol, Settings, SettingsError, TransformerSettings,
};
use crate::text::LONGEST_TEXT;

/// Settings of `[model]` that recurrent networks do not look at.
const SECTIONS: &[&str] = &["transformer", "monotonic", "ngram", "ensemble"];

/// Those that a Transformer looks at.
const OF_TRANSFORMER: &[&str] = &[
    "architecture",
    "transformer",
    "features",
    "copy",
    "protocol",
    "decoder_input",
];

/// Those that hard monotonic attention looks at.
pub const OF_MONOTONIC: &[&str] = &[
    "architecture",
    "monotonic",
    "cell",
    "encoder_units",
    "decoder_units",
    "embedding",
    "features",
    "copy",
    "protocol",
    "decoder_input",
];

/// Those that an n-gram model looks at.
const OF_NGRAM: &[&str] = &["architecture", "ngram", "protocol", "decoder_input"];

impl Settings {
    /// Refuses settings of the chosen architecture that cannot work.
    pub(super) fn check_architecture(&self) -> Result<(), SettingsError> {
        let model = &self.model;
        match model.architecture {
            Architecture::Recurrent => Ok(()),
            Architecture::Transformer => {
                model.reads_targets("transformer")?;
                model.transformer.check()
            }
            Architecture::Monotonic => {
                model.reads_targets("monotonic")?;
                if matches!(model.embedding, Embedding::Named(_)) {
                    return conflict(
                        "model.architecture = \"monotonic\" needs learned vectors: give \
                         model.embedding a size, such as 64",
                    );
                }
                model.monotonic.check()
            }
            Architecture::Ngram => {
                model.reads_targets("ngram")?;
                at_most("model.ngram.order", model.ngram.order, MOST_ORDER)?;
                at_most("model.ngram.source_span", model.ngram.source_span, 2)?;
                self.check_ngram()
            }
            Architecture::Ensemble => self.check_members(),
        }
    }

    /// Refuses texts that an n-gram model cannot read or write.
    fn check_ngram(&self) -> Result<(), SettingsError> {
        let instead = "use another model.architecture, such as \"monotonic\"";
        let name = "model.architecture = \"ngram\"";
        if self.feature_use() != FeatureUse::None {
            return conflict(format!(
                "{name} reads no features: remove data.features_column, or {instead}"
            ));
        }
        if self.model.protocol == Protocol::FirstSymbol {
            return conflict(format!(
                "{name} writes the first target symbol, too: remove model.protocol, or {instead}"
            ));
        }
        if self.text.reverse_source {
            return conflict(format!(
                "{name} reads source and target from left to right: remove text.reverse_source, or \
                 {instead}"
            ));
        }
        if !self.text.target_end_mark {
            return conflict(format!(
                "{name} must know where targets end: remove text.target_end_mark, or {instead}"
            ));
        }
        Ok(())
    }

    fn check_members(&self) -> Result<(), SettingsError> {
        let members = &self.model.ensemble.members;
        if members.is_empty() {
            return conflict(
                "model.architecture = \"ensemble\" has no members: train models one by one and \
                 join them",
            );
        }
        let weights = &self.model.ensemble.weights;
        if !weights.is_empty() && weights.len() != members.len() {
            return conflict(format!(
                "model.ensemble.weights has {} weights for {} members: give one for each, or none",
                weights.len(),
                members.len()
            ));
        }
        for &weight in weights {
            within("model.ensemble.weights", weight, 0.0, MOST_WEIGHT)?;
        }
        if !weights.is_empty() && weights.iter().all(|&weight| weight == 0.0) {
            return conflict("model.ensemble.weights are all 0: at least one member must count");
        }
        members.iter().try_for_each(|member| {
            let mut settings = self.clone();
            settings.model = member.clone();
            settings.check_model()
        })
    }
}

impl ModelSettings {
    /// Refuses to train what is not trained as a whole, and settings that the architecture would not
    /// look at.
    ///
    /// # Errors
    /// If these are the settings of an ensemble, or have something that its networks lack.
    pub fn check_trainable(&self) -> Result<(), SettingsError> {
        let (name, used): (_, &[&str]) = match self.architecture {
            Architecture::Recurrent => return self.check_unused("recurrent", SECTIONS, false),
            Architecture::Transformer => ("transformer", OF_TRANSFORMER),
            Architecture::Monotonic => ("monotonic", OF_MONOTONIC),
            Architecture::Ngram => ("ngram", OF_NGRAM),
            Architecture::Ensemble => {
                return conflict(
                    "an ensemble is not trained as a whole: train its members one by one and join them",
                );
            }
        };
        self.check_unused(name, used, true)
    }

    /// Refuses settings that differ from the default and that the architecture does not look at:
    /// those on the list, or those that are `missing` from it.
    fn check_unused(&self, name: &str, keys: &[&str], missing: bool) -> Result<(), SettingsError> {
        let table = |settings: &Self| toml::Table::try_from(settings).unwrap_or_default();
        let (own, default) = (table(self), table(&Self::default()));
        let unused = own.iter().find(|(key, value)| {
            keys.contains(&key.as_str()) != missing && default.get(*key) != Some(value)
        });
        let Some((key, _)) = unused else {
            return Ok(());
        };
        let section = own.get(name).and_then(toml::Value::as_table);
        let instead = match section.is_some_and(|section| section.contains_key(key)) {
            true => format!("set model.{name}.{key} instead"),
            false => format!("remove model.{key}"),
        };
        conflict(format!(
            "model.{key} means nothing to model.architecture = \"{name}\": {instead}"
        ))
    }

    fn reads_targets(&self, name: &str) -> Result<(), SettingsError> {
        if self.decoder_input == DecoderInput::Target {
            return Ok(());
        }
        conflict(format!(
            "model.architecture = \"{name}\" reads the target so far: remove model.decoder_input, \
             or use model.architecture = \"recurrent\""
        ))
    }
}

impl TransformerSettings {
    fn check(&self) -> Result<(), SettingsError> {
        layers("model.transformer.layers", self.layers)?;
        layers("model.transformer.encoder_layers", self.encoder_layers())?;
        layers("model.transformer.decoder_layers", self.decoder_layers())?;
        units("model.transformer.model_size", self.model_size)?;
        units("model.transformer.feed_forward", self.feed_forward)?;
        at_least("model.transformer.heads", self.heads, 1)?;
        units(
            "model.transformer.learned_positions",
            self.learned_positions,
        )?;
        within("model.transformer.dropout", self.dropout, 0.0, MOST_DROPOUT)?;
        let (size, heads) = (self.model_size, self.heads);
        if !size.is_multiple_of(heads) {
            return conflict(format!(
                "model.transformer.model_size = {size} cannot be shared by \
                 model.transformer.heads = {heads}: make the size a multiple of the heads, such as {}",
                size.next_multiple_of(heads)
            ));
        }
        let each = size.checked_div(heads).unwrap_or(0);
        if self.positions == PositionKind::Rotary && !each.is_multiple_of(2) {
            return conflict(format!(
                "model.transformer.positions = \"rotary\" turns pairs of numbers, but {heads} heads \
                 share {size} numbers, {each} each: make that even, such as with \
                 model.transformer.model_size = {}",
                size.next_multiple_of(heads.saturating_mul(2))
            ));
        }
        Ok(())
    }
}

impl MonotonicSettings {
    fn check(&self) -> Result<(), SettingsError> {
        if self.order > 1 {
            return Err(SettingsError::Impossible {
                key: "model.monotonic.order",
                value: self.order.to_string(),
                rule: "must be 0 (the decoder's state alone) or 1 (the position before, too)"
                    .into(),
            });
        }
        at_least("model.monotonic.window", self.window, 1)?;
        at_most("model.monotonic.window", self.window, LONGEST_TEXT)?;
        layers("model.monotonic.encoder_layers", self.encoder_layers)?;
        layers("model.monotonic.decoder_layers", self.decoder_layers)?;
        if let Some(emission) = self.emission_units {
            units("model.monotonic.emission_units", emission)?;
        }
        within("model.monotonic.dropout", self.dropout, 0.0, MOST_DROPOUT)
    }
}
