//! Every number of a recipe at values that nobody means: they are refused, or training works.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};

use seq2seq::Pair;
use seq2seq::config::Override;
use seq2seq::training::{Task, Trainer};
use support::StopAfter;

const VALUES: &[&str] = &[
    "0",
    "1",
    "-1",
    "4294967296",
    "4611686018427387904",
    "9223372036854775807",
    "18446744073709551615",
    "1e30",
    "1e300",
    "1e-300",
    "-1e30",
    "nan",
    "inf",
];

/// Settings that are left out unless somebody gives them.
const OPTIONAL: &[&str] = &[
    "model.decoder_units",
    "model.attention_units",
    "model.transformer.encoder_layers",
    "model.transformer.decoder_layers",
    "model.monotonic.emission_units",
    "data.features_column",
    "data.addition.terms",
    "data.addition.digits",
    "data.addition.count",
    "data.addition.test_count",
];

/// A small network that looks at the setting.
fn base(key: &str) -> Vec<&'static str> {
    let mut base = vec!["training.batch_size=2", "data.validation=0"];
    base.extend(match key.split('.').nth(1) {
        Some("transformer") => vec![
            "model.architecture=transformer",
            "model.transformer.model_size=4",
            "model.transformer.heads=1",
            "model.transformer.feed_forward=2",
            "model.transformer.layers=1",
        ],
        Some("monotonic") => vec![
            "model.architecture=monotonic",
            "model.encoder_units=2",
            "model.embedding=2",
        ],
        _ => vec![
            "model.attention=general",
            "model.encoder_units=2",
            "model.embedding=2",
        ],
    });
    base
}

/// The names of all settings that are numbers.
fn numbers(prefix: &str, table: &toml::Table) -> Vec<String> {
    let of_entry = |(key, value): (&String, &toml::Value)| {
        let name = format!("{prefix}{key}");
        match value {
            toml::Value::Table(inner) => numbers(&format!("{name}."), inner),
            toml::Value::Integer(_) | toml::Value::Float(_) => vec![name],
            _ => Vec::new(),
        }
    };
    table.iter().flat_map(of_entry).collect()
}

/// Trains two batches with the settings, if they are not refused; whether they are.
fn is_refused(key: &str, change: &Override) -> bool {
    let recipe = support::recipe(&base(key), &[]);
    let Ok(recipe) = recipe.with_overrides(std::slice::from_ref(change)) else {
        return true;
    };
    if recipe.data.addition.is_some() {
        return recipe.check().is_err();
    }
    let pair = |(source, target)| Pair::from((source, target));
    let pairs = [("ab", "ba"), ("b", "b"), ("aab", "baa")].map(pair);
    let Ok(task) = Task::from_pairs(recipe, pairs) else {
        return true;
    };
    match Trainer::new(task, None) {
        Ok(trainer) => {
            // A loss that becomes infinite is an error, not a panic.
            drop(trainer.run(&mut StopAfter(2)));
            false
        }
        Err(_) => true,
    }
}

#[test]
fn extreme_settings_are_refused_or_work() {
    let default = toml::Table::try_from(seq2seq::Recipe::default()).expect("a table");
    let mut keys = numbers("", &default);
    keys.extend(OPTIONAL.iter().map(|&key| key.to_owned()));
    assert!(keys.len() > 70, "{keys:?}");
    let mut refused = 0;
    for key in &keys {
        for value in VALUES {
            let setting = format!("{key}={value}");
            let change: Override = setting.parse().expect("an override");
            let outcome = catch_unwind(AssertUnwindSafe(|| is_refused(key, &change)));
            let is_refused = outcome.unwrap_or_else(|_| panic!("{setting} panics"));
            refused += usize::from(is_refused);
        }
    }
    let all = keys.len() * VALUES.len();
    assert!(
        (all / 2..all * 4 / 5).contains(&refused),
        "{refused} of {all}"
    );
}

/// Arithmetic that overflows ends a test, and so would be found.
#[test]
#[cfg(debug_assertions)]
fn overflow_is_an_error_in_tests() {
    assert!(catch_unwind(|| black_box(u8::MAX) + black_box(1)).is_err());
}
