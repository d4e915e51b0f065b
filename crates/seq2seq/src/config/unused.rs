//! Settings that were changed, but that nothing looks at: whoever gave them believes them to be at work.

use super::{AttentionKind, OptimizerKind, Recipe, ScheduleKind};

impl Recipe {
    /// The settings that are not at their default, and that the chosen optimizer, schedule, attention or
    /// source of pairs does not look at; each with what makes it meaningless.
    pub fn unused_settings(&self) -> Vec<String> {
        use AttentionKind::{Additive, Concat, MultiHead};
        use OptimizerKind::{Adam, AdamW, RmsProp, Sgd};
        use ScheduleKind::{Cosine, Exponential, Linear, Plateau, Step};
        let optimizer = |kinds: &[OptimizerKind]| kinds.contains(&self.training.optimizer);
        let schedule = |kinds: &[ScheduleKind]| kinds.contains(&self.training.schedule);
        let attention = |kinds: &[AttentionKind]| kinds.contains(&self.model.attention);
        let has_ngrams = self.model.ngrams.longest > 1;
        let from_file = self.data.addition.is_none();
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
            ("model.ngrams.min_count", has_ngrams, "model.ngrams.longest"),
            ("model.ngrams.discount", has_ngrams, "model.ngrams.longest"),
            ("data.source_column", from_file, "data.addition"),
            ("data.target_column", from_file, "data.addition"),
            ("data.more_source_columns", from_file, "data.addition"),
            ("data.features_column", from_file, "data.addition"),
            ("data.header", from_file, "data.addition"),
            ("data.on_bad_line", from_file, "data.addition"),
        ];
        let table = |recipe: &Self| toml::Table::try_from(recipe).unwrap_or_default();
        let (own, default) = (table(self), table(&Self::default()));
        let unused = rules
            .into_iter()
            .filter(|&(key, used, _)| !used && setting(&own, key) != setting(&default, key));
        let reason = |(key, _, cause): (&str, bool, &str)| match setting(&own, cause) {
            Some(value) if !value.is_table() => {
                format!("{key} means nothing with {cause} = {value}")
            }
            Some(_) => format!("{key} means nothing with {cause}"),
            None => format!("{key} means nothing without {cause}"),
        };
        unused.map(reason).collect()
    }
}

/// A setting's value, by its full name; none if it is not set.
fn setting<'a>(recipe: &'a toml::Table, name: &str) -> Option<&'a toml::Value> {
    let (table, key) = name.rsplit_once('.')?;
    let find = |table: &'a toml::Table, key| table.get(key)?.as_table();
    table.split('.').try_fold(recipe, find)?.get(key)
}
