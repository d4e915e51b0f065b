//! Ensembles whose weights are fitted on validation pairs.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use seq2seq::config::{Mixing, Recipe};
use seq2seq::evaluation::evaluate;
use seq2seq::settings::Settings;
use seq2seq::training::{Learner, MixtureError, Task, fit_mixture};
use seq2seq::{Model, Pair};
use support::letters;

/// An n-gram model of the words that the networks learn.
fn counted(pairs: Vec<Pair>) -> Model {
    let settings = [
        "model.architecture=ngram",
        "data.validation=0.1",
        "text.source=characters",
        "text.target=characters",
    ];
    let task = Task::from_pairs(support::recipe(&settings, &[]), pairs).expect("a task");
    let outcome = Learner::new(task, None).expect("a run").run(&mut ());
    outcome.expect("a model").model
}

fn loss(model: &Model) -> f64 {
    let evaluation = evaluate(model, &letters::pairs()).expect("figures");
    evaluation.teacher_forced.loss
}

#[test]
fn what_helps_is_kept_and_what_does_not_is_dropped() {
    let networks: Vec<Model> = ["1", "2"]
        .iter()
        .map(|seed| letters::train(&["training.epochs=3", &format!("training.seed={seed}")]))
        .collect();
    let untrained = letters::train(&["training.epochs=1", "training.learning_rate=1e-9"]);
    let models = [networks[0].clone(), networks[1].clone(), untrained];
    for mixing in [Mixing::LogLinear, Mixing::Arithmetic] {
        let mixture = fit_mixture(&models, Some(mixing), &letters::pairs()).expect("a mixture");
        assert!(!mixture.kept.contains(&2), "{mixing:?}");
        assert_eq!(mixture.kept.len() + mixture.dropped.len(), 3);
        let together = loss(&mixture.model);
        assert!((together - mixture.validation.loss).abs() < 1e-6);
        for network in &networks {
            assert!(together < loss(network) + 1e-6, "{mixing:?}");
        }
        let loaded = Model::from_bytes(&mixture.model.to_bytes(), "mixture").expect("a model");
        assert_eq!(loaded.provenance().mixture, mixture.evidence);
        assert_eq!(loss(&loaded), together);
    }
}

/// The weights have the least loss: others, a little apart, have more.
#[test]
fn weights_are_the_best_ones() {
    let networks: Vec<Model> = ["1", "2"]
        .iter()
        .map(|seed| letters::train(&["training.epochs=3", &format!("training.seed={seed}")]))
        .collect();
    for mixing in [Mixing::LogLinear, Mixing::Arithmetic] {
        let mixture = fit_mixture(&networks, Some(mixing), &letters::pairs()).expect("a mixture");
        let Some(evidence) = mixture.evidence else {
            continue;
        };
        assert!(
            evidence
                .members
                .iter()
                .all(|m| m.loss_without > 2.0 * m.standard_error)
        );
        let weights = &mixture.model.settings().model.ensemble.weights;
        for change in [0.8, 1.25] {
            let other = vec![weights[0] * change, weights[1]];
            let other = Model::weighted_ensemble(&networks, mixing, other).expect("an ensemble");
            assert!(
                loss(&other) >= loss(&mixture.model) - 1e-5,
                "{mixing:?}, {change}"
            );
        }
    }
}

#[test]
fn the_same_model_twice_is_one() {
    let network = letters::train(&["training.epochs=2"]);
    let models = [network.clone(), network.clone()];
    let mixture = fit_mixture(&models, Some(Mixing::Arithmetic), &letters::pairs());
    let mixture = mixture.expect("a mixture");
    assert_eq!(mixture.kept.len(), 1);
    assert_eq!(mixture.model.to_bytes(), network.to_bytes());
    assert!(mixture.evidence.is_none());
}

#[test]
fn counts_and_a_network_go_together() {
    let network = letters::train(&["training.epochs=3"]);
    // It has seen few pairs, so that it errs.
    let few: Vec<Pair> = letters::pairs().into_iter().step_by(3).collect();
    let counts = counted(few);
    let models = [network.clone(), counts.clone()];
    let mixture = fit_mixture(&models, None, &letters::pairs()).expect("a mixture");
    let best = mixture
        .alone
        .iter()
        .map(|alone| alone.loss)
        .fold(f64::INFINITY, f64::min);
    assert!(
        mixture.validation.loss <= best + 1e-6,
        "{:?}",
        mixture.validation
    );
}

#[test]
fn what_does_not_go_together_is_refused() {
    let network = letters::train(&["training.epochs=1"]);
    let words = (1..=20).map(|n| Pair::from(("x".repeat(n), "X".repeat(n))));
    let other = counted(words.collect());
    let error =
        fit_mixture(&[network.clone(), other], None, &letters::pairs()).expect_err("refused");
    assert!(error.to_string().contains("vocabularies differ"), "{error}");
    let error = fit_mixture(&[], None, &letters::pairs()).expect_err("refused");
    assert!(matches!(error, MixtureError::Ensemble(_)));
    let error = fit_mixture(&[network], None, &[]).expect_err("refused");
    assert!(matches!(error, MixtureError::Score(_)));
}

/// Settings come with a file from a stranger.
#[test]
fn impossible_weights_are_refused() {
    let member = "[[model.ensemble.members]]\n";
    for (weights, message) in [
        ("[1.0]", "1 weights for 2 members"),
        ("[nan, 1.0]", "model.ensemble.weights = NaN"),
        ("[-0.5, 1.0]", "model.ensemble.weights = -0.5"),
        ("[inf, 1.0]", "model.ensemble.weights = inf"),
        ("[0.0, 0.0]", "are all 0"),
    ] {
        let recipe = format!(
            "[model]\narchitecture = \"ensemble\"\n[model.ensemble]\nweights = {weights}\n{member}{member}"
        );
        let error = Settings::of_recipe(&recipe).expect_err(weights).to_string();
        assert!(error.contains(message), "{weights}: {error}");
        let recipe = Recipe::parse(&recipe, "a recipe").expect("a recipe");
        assert!(recipe.check().is_err());
    }
}
