//! Settings that were changed, but that nothing looks at: whoever gave them believes them to be at work.

use crate::data::SplitMethod;

use super::{Architecture, AttentionKind, OptimizerKind, PositionKind, Recipe, ScheduleKind};

impl Recipe {
    /// The settings that differ from those of `base`, and that the chosen optimizer, schedule, attention,
    /// source of pairs or validation does not look at; each with what makes it meaningless. The base is
    /// what nobody had to ask for: the defaults, or the settings that suit the pairs.
    pub fn unused_settings(&self, base: &Self) -> Vec<String> {
        use AttentionKind::{Additive, Concat, MultiHead};
        use OptimizerKind::{Adam, AdamW, RmsProp, Sgd};
        use ScheduleKind::{Cosine, Exponential, Linear, Plateau, Step};
        let optimizer = |kinds: &[OptimizerKind]| kinds.contains(&self.training.optimizer);
        let schedule = |kinds: &[ScheduleKind]| kinds.contains(&self.training.schedule);
        let attention = |kinds: &[AttentionKind]| kinds.contains(&self.model.attention);
        let from_file = self.data.addition.is_none();
        let splits = self.data.dev.is_none();
        let holds_out = self.data.validation_split != SplitMethod::Training;
        let validates = !splits || self.data.validation > 0.0;
        let (transformer, monotonic) = (&self.model.transformer, &self.model.monotonic);
        let rules = [
            (
                "training.beta_1",
                optimizer(&[Adam, AdamW]),
                "training.optimizer",
            ),
            (
                "training.beta_2",
                optimizer(&[Adam, AdamW]),
                "training.optimizer",
            ),
            ("training.epsilon", !optimizer(&[Sgd]), "training.optimizer"),
            ("training.rho", optimizer(&[RmsProp]), "training.optimizer"),
            (
                "training.weight_decay",
                optimizer(&[AdamW]),
                "training.optimizer",
            ),
            (
                "training.final_learning_rate",
                schedule(&[Linear, Cosine]),
                "training.schedule",
            ),
            (
                "training.decay",
                schedule(&[Exponential, Step, Plateau]),
                "training.schedule",
            ),
            (
                "training.decay_epochs",
                schedule(&[Step, Plateau]),
                "training.schedule",
            ),
            (
                "training.teacher_weight",
                self.training.teacher.is_some(),
                "training.teacher",
            ),
            ("training.hidden_symbols", self.model.copy, "model.copy"),
            (
                "model.attention_units",
                attention(&[Concat, Additive, MultiHead]),
                "model.attention",
            ),
            (
                "model.attention_heads",
                attention(&[MultiHead]),
                "model.attention",
            ),
            ("data.format", from_file, "data.addition"),
            ("data.keys", from_file, "data.addition"),
            ("data.source_column", from_file, "data.addition"),
            ("data.target_column", from_file, "data.addition"),
            ("data.more_source_columns", from_file, "data.addition"),
            ("data.features_column", from_file, "data.addition"),
            ("data.header", from_file, "data.addition"),
            ("data.symbols", from_file, "data.addition"),
            ("data.on_bad_line", from_file, "data.addition"),
            (
                "data.validation",
                splits || self.data.validation == 0.0,
                "data.dev",
            ),
            ("data.validation", holds_out, "data.validation_split"),
            (
                "data.keep_sources_apart",
                holds_out,
                "data.validation_split",
            ),
            ("data.validation_split", splits, "data.dev"),
            ("data.keep_sources_apart", splits, "data.dev"),
            ("data.validation_split", validates, "data.validation"),
            ("data.keep_sources_apart", validates, "data.validation"),
            ("training.monitor", validates, "data.validation"),
            ("training.mixture", validates, "data.validation"),
            (
                "training.patience",
                validates || self.training.patience == 0,
                "data.validation",
            ),
            ("training.validate_every", validates, "data.validation"),
            (
                "training.validation_questions",
                validates,
                "data.validation",
            ),
            (
                "text.source_align",
                self.text.source_width > 0,
                "text.source_width",
            ),
            (
                "text.feature_separator",
                self.data.features_column.is_some(),
                "data.features_column",
            ),
            (
                "model.monotonic.window",
                monotonic.order > 0,
                "model.monotonic.order",
            ),
            (
                "model.transformer.learned_positions",
                transformer.positions == PositionKind::Learned,
                "model.transformer.positions",
            ),
            (
                "decoding.max_length_extra",
                self.decoding.max_length_ratio > 0.0,
                "decoding.max_length_ratio",
            ),
        ];
        let table = |recipe: &Self| toml::Table::try_from(recipe).unwrap_or_default();
        let (own, base) = (table(self), table(base));
        let unused = rules
            .into_iter()
            .filter(|&(key, used, _)| !used && setting(&own, key) != setting(&base, key));
        let reason = |(key, _, cause): (&str, bool, &str)| match setting(&own, cause) {
            Some(value) if !value.is_table() => {
                format!("{key} means nothing with {cause} = {value}")
            }
            Some(_) => format!("{key} means nothing with {cause}"),
            None => format!("{key} means nothing without {cause}"),
        };
        let mut reasons: Vec<String> = unused.map(reason).collect();
        reasons.extend(self.unused_by_counts(&own, &base));
        reasons
    }

    /// The settings of training that differ and that an n-gram model, which counts, does not look at.
    fn unused_by_counts(&self, own: &toml::Table, base: &toml::Table) -> Vec<String> {
        if self.model.architecture != Architecture::Ngram {
            return Vec::new();
        }
        let training = own.get("training").and_then(toml::Value::as_table);
        let keys = training.into_iter().flat_map(toml::Table::keys);
        let names = keys.map(|key| format!("training.{key}"));
        let read = |name: &&String| COUNTS_READ.contains(&name.as_str());
        names
            .filter(|name| !read(&name) && setting(own, name) != setting(base, name))
            .map(|name| format!("{name} means nothing with model.architecture = \"ngram\""))
            .collect()
    }
}

/// Settings of training that an n-gram model looks at.
const COUNTS_READ: &[&str] = &[
    "training.seed",
    "training.monitor",
    "training.validation_questions",
];

/// A setting's value, by its full name; none if it is not set.
pub(super) fn setting<'a>(recipe: &'a toml::Table, name: &str) -> Option<&'a toml::Value> {
    let (table, key) = name.rsplit_once('.')?;
    let find = |table: &'a toml::Table, key| table.get(key)?.as_table();
    table.split('.').try_fold(recipe, find)?.get(key)
}
