//! What network pairs get without a recipe.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use seq2seq::config::{Architecture, AttentionKind, CellKind, ScheduleKind};
use seq2seq::training::{Task, Trainer};
use seq2seq::{Pair, PredictOptions, Recipe};

fn pairs(source: &str, target: impl Fn(usize) -> String, features: Option<&str>) -> Vec<Pair> {
    let pair = |number| Pair {
        source: format!("{source}{}", number % 10),
        target: target(number),
        features: features.map(str::to_owned),
    };
    (0..1000).map(pair).collect()
}

fn words() -> Vec<Pair> {
    pairs("walk", |_| "walked".into(), None)
}

fn suiting(pairs: &[Pair], settings: &[&str]) -> Recipe {
    let reading = support::recipe(&[], settings);
    Recipe::suiting(pairs, &reading, &support::overrides(settings))
}

#[test]
fn short_pairs_get_hard_monotonic_attention() {
    let model = Recipe::for_pairs(&words()).model;
    assert_eq!(model.architecture, Architecture::Monotonic);
    assert_eq!(model.cell, CellKind::Gru);
    assert!(!model.copy, "only inflection copies");
}

#[test]
fn forms_with_features_are_copied_from_lemmas() {
    let inflected = pairs("walk", |_| "walked".into(), Some("V;PST"));
    assert!(Recipe::for_pairs(&inflected).model.copy);
    let other_letters = pairs("walk", |_| "ХОДИТЬ".into(), Some("V;PST"));
    assert!(!Recipe::for_pairs(&other_letters).model.copy);
}

#[test]
fn sentences_and_large_vocabularies_get_attention() {
    let sentences = pairs("Is that so?", |_| "Est-ce vraiment ainsi ?".into(), None);
    let words = pairs(
        "a",
        |number| format!("word{number} and word{}", number / 2),
        None,
    );
    let by_letters = ["text.source=characters", "text.target=characters"];
    let by_words = ["text.target=spaces"];
    for (pairs, settings) in [(sentences, &by_letters[..]), (words, &by_words)] {
        let model = suiting(&pairs, settings).model;
        assert_eq!(model.architecture, Architecture::Recurrent);
        assert_eq!(model.attention, AttentionKind::General);
    }
}

/// One long pair decides how much memory its batch takes.
#[test]
fn a_single_long_pair_brings_attention() {
    let mut pairs = words();
    pairs[7].source = "walk".repeat(50);
    pairs[7].target = "walked".repeat(50);
    let model = Recipe::for_pairs(&pairs).model;
    assert_eq!(model.architecture, Architecture::Recurrent);
}

/// A phoneme between blanks is one symbol, however many letters it has.
#[test]
fn lengths_are_counted_in_symbols() {
    let phonemes = pairs("abcdefghi", |_| ["AA1"; 15].join(" "), None);
    let architecture = |settings: &[&str]| suiting(&phonemes, settings).model.architecture;
    assert_eq!(architecture(&[]), Architecture::Monotonic);
    let by_letter = ["text.target=characters"];
    assert_eq!(architecture(&by_letter), Architecture::Recurrent);
}

#[test]
fn settings_of_a_network_bring_that_network() {
    let architecture = |setting: &str| suiting(&words(), &[setting]).model.architecture;
    for recurrent in [
        "model.attention=none",
        "model.layer_norm=true",
        "model.embedding=one-hot",
        "model.decoder_input=own-softmax",
        "model.architecture=recurrent",
    ] {
        assert_eq!(
            architecture(recurrent),
            Architecture::Recurrent,
            "{recurrent}"
        );
    }
    for either in [
        "model.cell=lstm",
        "model.embedding=32",
        "model.monotonic.dropout=0.1",
        "training.epochs=3",
    ] {
        assert_eq!(architecture(either), Architecture::Monotonic, "{either}");
    }
    assert_eq!(
        architecture("model.architecture=transformer"),
        Architecture::Transformer
    );
}

/// A large lexicon gets a smaller network and a planned end; sentences do not.
#[test]
fn a_hundred_thousand_words_get_a_learning_rate_that_falls_to_nothing() {
    let chosen = |pairs, architecture| {
        let recipe = Recipe::for_size(pairs, architecture);
        (recipe.model.encoder_units, recipe.training.schedule)
    };
    let few = (256, ScheduleKind::Plateau);
    assert_eq!(chosen(100_000, Architecture::Monotonic), few);
    let many = (160, ScheduleKind::Cosine);
    assert_eq!(chosen(100_001, Architecture::Monotonic), many);
    assert_eq!(chosen(100_001, Architecture::Recurrent), few);
}

/// Texts that have no symbols, or nothing in common, are no reason to fail.
#[test]
fn odd_pairs_can_be_trained_on() {
    let empty = pairs("", |_| String::new(), None);
    for pairs in [empty, words()] {
        let mut recipe = Recipe::for_pairs(&pairs);
        recipe.training.epochs = 1;
        recipe.model.encoder_units = 8;
        let task = Task::from_pairs(recipe, pairs).expect("a task");
        let outcome = Trainer::new(task, None).expect("a trainer").run(&mut ());
        let model = outcome.expect("training").model;
        assert_eq!(
            model
                .predictor(PredictOptions::default())
                .expect("options that work")
                .predict(&["", "walk1"])
                .len(),
            2
        );
    }
}
