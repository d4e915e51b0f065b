//! Going on from a trained model on other pairs, with symbols that it has never seen.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use std::path::Path;

use seq2seq::config::Architecture;
use seq2seq::training::{ExistingRun, Task, Trainer};
use seq2seq::{Model, Pair, PredictOptions, Provenance, Recipe};
use support::overrides;

/// Words of two letters; the answer is each letter's capital.
fn pairs(letters: &str) -> Vec<Pair> {
    let words = letters
        .chars()
        .flat_map(|a| letters.chars().map(move |b| format!("{a}{b}")));
    words
        .map(|word| Pair {
            target: word.to_uppercase(),
            features: Some(if word.starts_with('a') { "X" } else { "Y" }.to_owned()),
            source: word,
        })
        .collect()
}

const SETTINGS: [&str; 8] = [
    "model.encoder_units=24",
    "model.embedding=8",
    "model.dropout=0",
    "training.batch_size=4",
    "training.learning_rate=0.01",
    "training.patience=0",
    "text.source=characters",
    "text.target=characters",
];

fn trained(recipe: Recipe, epochs: usize, pairs: Vec<Pair>, folder: Option<&Path>) -> Model {
    let mut recipe = recipe;
    recipe.data.validation = 0.0;
    recipe.training.epochs = epochs;
    let task = Task::from_pairs(recipe, pairs).expect("a task");
    let folder = folder.map(|folder| (folder, ExistingRun::Refuse));
    let trainer = Trainer::new(task, folder).expect("a trainer");
    trainer.run(&mut ()).expect("an outcome").model
}

fn answers(model: &Model, sources: &[&str]) -> Vec<String> {
    let answers = model
        .predictor(PredictOptions::default())
        .expect("options that work")
        .predict(sources);
    answers
        .into_iter()
        .map(|answer| answer.best().text.clone())
        .collect()
}

/// What was learned stays, and new symbols are learned.
fn goes_on(settings: &[&str], sees_features: bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("base");
    let mut base = Recipe::for_size(36, Architecture::Recurrent)
        .with_overrides(&overrides(&[&SETTINGS, settings].concat()))
        .expect("valid settings");
    base.data.features_column = sees_features.then_some(3);
    let before = trained(base, 60, pairs("abcd"), Some(&run));
    assert_eq!(
        answers(&before, &["ab", "dc"]),
        ["AB", "DC"],
        "{settings:?}"
    );

    let recipe = Recipe::going_on(&before, &run, 36).expect("a recipe");
    let recipe = recipe.with_overrides(&overrides(&SETTINGS[3..6]));
    let recipe = recipe.expect("valid settings");
    let after = trained(recipe, 60, pairs("abcdxy"), None);
    assert_eq!(
        answers(&after, &["xy", "ay", "dc"]),
        ["XY", "AY", "DC"],
        "{settings:?}"
    );
    let count = |model: &Model| model.codec().target.vocabulary.len();
    assert_eq!(count(&after), count(&before) + 2);
}

#[test]
fn new_symbols_are_learned() {
    goes_on(&[], false);
}

#[test]
fn one_hot_symbols_are_learned() {
    goes_on(&["model.embedding=one-hot", "model.attention=none"], false);
}

/// Features among the source's symbols have the numbers after them: these move.
#[test]
fn features_among_the_symbols_keep_their_vectors() {
    goes_on(&["model.features=symbols"], true);
}

/// The stored numbers are where their symbols are now.
#[test]
fn stored_vectors_move_with_their_symbols() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("base");
    let mut base = Recipe::for_size(36, Architecture::Recurrent)
        .with_overrides(&overrides(&SETTINGS))
        .expect("valid settings");
    base.data.features_column = Some(3);
    let before = trained(base, 1, pairs("abcd"), Some(&run));
    let mut recipe = Recipe::going_on(&before, &run, 36).expect("a recipe");
    recipe.training.learning_rate = 1e-30;
    let after = trained(recipe, 1, pairs("abcdxy"), None);
    let file = |model: &Model, name: &str| {
        let path = folder.path().join(name);
        model.save(&path).expect("saved");
        std::fs::read(path).expect("read")
    };
    let [old, new] = [(&before, "old"), (&after, "new")].map(|(model, name)| {
        let bytes = file(model, name);
        let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("tensors");
        let table = tensors.tensor("source_embedding").expect("a table");
        let numbers = table.data().chunks(4 * 8).map(<[u8]>::to_vec);
        numbers.collect::<Vec<_>>()
    });
    let rows = before.codec().source.vocabulary.len();
    assert_eq!(new.len(), old.len() + 2);
    assert_eq!(new[..rows], old[..rows], "symbols");
    assert_eq!(new[rows + 2..], old[rows..], "features");
}

/// Short new pairs do not make long inputs unusual, nor outputs short.
#[test]
fn lengths_of_the_first_training_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("base");
    let base = Recipe::for_size(36, Architecture::Recurrent)
        .with_overrides(&overrides(&SETTINGS))
        .expect("valid settings");
    let before = trained(base, 1, pairs("abcd"), Some(&run))
        .provenance()
        .clone();
    let short = ["x", "y"].map(|letter| Pair {
        source: letter.to_owned(),
        target: letter.to_uppercase(),
        features: None,
    });
    let recipe =
        Recipe::going_on(&Model::load(&run).expect("the model"), &run, 2).expect("a recipe");
    let after = trained(recipe, 1, short.to_vec(), None)
        .provenance()
        .clone();
    let lengths = |provenance: &Provenance| (provenance.longest_source, provenance.longest_target);
    assert_eq!(lengths(&after), lengths(&before));
}

/// A model that is not there is an error before any work starts.
#[test]
fn a_missing_model_is_named() {
    let mut recipe = Recipe::default();
    recipe.training.from = Some("nowhere/model.safetensors".into());
    let error = Task::from_pairs(recipe, pairs("abcd")).expect_err("no such model");
    assert!(
        error.to_string().contains("nowhere/model.safetensors"),
        "{error}"
    );
}
