//! Every architecture learns, and ensembles of them answer with the mean of their distributions.

#![allow(clippy::expect_used)] // a test may fail by panicking

use seq2seq::config::{Mixing, Override};
use seq2seq::decoding::StepModel;
use seq2seq::training::{Task, Trainer};
use seq2seq::{EnsembleError, Model, Pair, PredictOptions, Recipe};

const TRANSFORMER: &str = "model.architecture=transformer";
const MONOTONIC: &str = "model.architecture=monotonic";

/// Words over four letters; each letter becomes a capital, and `a` two of them.
fn pairs() -> Vec<Pair> {
    let letters = ['a', 'b', 'c', 'd'];
    let word = |n: usize| (0..4).map(move |place| letters[(n >> (2 * place)) & 3]);
    let spell = |letter| match letter {
        'a' => "AA",
        'b' => "B",
        'c' => "C",
        _ => "D",
    };
    let pair = |n| Pair {
        source: word(n).collect(),
        target: word(n).map(spell).collect(),
        features: None,
    };
    (0..256).map(pair).collect()
}

/// The same words; the answer is the word backwards.
fn reversals() -> Vec<Pair> {
    let pairs = pairs().into_iter();
    pairs
        .map(|pair| Pair {
            target: pair.source.chars().rev().collect(),
            ..pair
        })
        .collect()
}

fn recipe(settings: &[&str]) -> Recipe {
    let base = [
        "training.epochs=30",
        "training.batch_size=16",
        "training.learning_rate=0.005",
        // At a rate that stays high, the weights of the last epoch alone would be left to chance.
        "training.average_epochs=5",
        "data.validation=0",
        "text.source=characters",
        "text.target=characters",
    ];
    let transformer = [
        "model.transformer.layers=1",
        "model.transformer.model_size=32",
        "model.transformer.feed_forward=64",
        "model.transformer.heads=2",
    ];
    let recurrent = ["model.encoder_units=24", "model.embedding=16"];
    let sizes: &[&str] = match settings.first() {
        Some(&TRANSFORMER) => &transformer,
        Some(&"model.architecture=ensemble") => &[],
        _ => &recurrent,
    };
    let overrides: Vec<Override> = [&base[..], sizes, settings]
        .concat()
        .iter()
        .map(|text| text.parse().expect("an override"))
        .collect();
    let recipe = Recipe::default().with_overrides(&overrides);
    recipe.expect("valid settings")
}

fn train(settings: &[&str], pairs: Vec<Pair>) -> Model {
    let task = Task::from_pairs(recipe(settings), pairs).expect("a task");
    let trainer = Trainer::new(task, None).expect("a trainer");
    trainer.run(&mut ()).expect("training").model
}

/// Trains and demands that nearly every word comes out right.
fn learns(settings: &[&str], pairs: Vec<Pair>) {
    let model = train(settings, pairs.clone());
    let evaluation = seq2seq::evaluation::evaluate(&model, &pairs).expect("an evaluation");
    let share = evaluation.free_running.exact_match;
    assert!(share >= 0.95, "{settings:?}: only {share} are right");
}

#[test]
fn rotary_transformer_learns() {
    learns(&[TRANSFORMER], reversals());
}

#[test]
fn sinusoidal_transformer_learns() {
    let settings = [TRANSFORMER, "model.transformer.positions=sinusoidal"];
    learns(&settings, reversals());
}

#[test]
fn learned_positions_learn() {
    let settings = [TRANSFORMER, "model.transformer.positions=learned"];
    learns(&settings, reversals());
}

#[test]
fn first_order_monotonic_learns() {
    learns(&[MONOTONIC], pairs());
}

#[test]
fn zeroth_order_monotonic_learns() {
    let settings = [MONOTONIC, "model.monotonic.order=0"];
    learns(&settings, pairs());
}

/// Without monotonicity an alignment may run backwards.
#[test]
fn hard_attention_learns_to_run_backwards() {
    let settings = [
        MONOTONIC,
        "model.monotonic.monotonic=false",
        "training.epochs=40",
    ];
    learns(&settings, reversals());
}

/// A little trained, so that the distributions are anything but certain.
fn member(settings: &[&str]) -> Model {
    let settings: Vec<&str> = settings
        .iter()
        .copied()
        .chain(["training.epochs=2"])
        .collect();
    train(&settings, pairs())
}

/// Log-probabilities of the first two steps of a word.
fn two_steps(model: &Model) -> Vec<Vec<f64>> {
    let ids = model.codec().encode_source("abcd", None).ids;
    let mut state = model.start(&[&ids]);
    let begin = model
        .codec()
        .target
        .vocabulary
        .begin()
        .expect("a begin mark");
    [begin, begin + 2]
        .map(|last| {
            let log_probs = model.step(&mut state, &[last]).log_probs;
            log_probs.values.iter().map(|&p| f64::from(p)).collect()
        })
        .to_vec()
}

fn assert_same(found: &[Vec<f64>], expected: &[Vec<f64>]) {
    for (a, b) in found.concat().iter().zip(expected.concat()) {
        assert!((a - b).abs() < 1e-5, "{a} instead of {b}");
    }
}

#[test]
fn ensemble_of_one_is_the_model() {
    let model = member(&[]);
    for mixing in [Mixing::Arithmetic, Mixing::LogLinear] {
        let ensemble = Model::ensemble(std::slice::from_ref(&model), mixing).expect("one model");
        assert_same(&two_steps(&ensemble), &two_steps(&model));
    }
}

/// The mean of three architectures, and the same again after a trip through a file.
#[test]
fn ensemble_is_the_mean_of_its_members() {
    let members = [member(&[]), member(&[TRANSFORMER]), member(&[MONOTONIC])];
    let steps = members.each_ref().map(two_steps);
    let mean = |step: usize, symbol: usize| {
        let shares = steps.iter().map(|steps| steps[step][symbol].exp());
        (shares.sum::<f64>() / 3.0).ln()
    };
    let symbols = steps[0][0].len();
    let expected: Vec<Vec<f64>> = (0..2)
        .map(|step| (0..symbols).map(|symbol| mean(step, symbol)).collect())
        .collect();
    let ensemble = Model::ensemble(&members, Mixing::Arithmetic).expect("an ensemble");
    assert_same(&two_steps(&ensemble), &expected);

    let log_linear = Model::ensemble(&members, Mixing::LogLinear).expect("an ensemble");
    let products = two_steps(&log_linear);
    let product = |symbol: usize| steps.iter().map(|steps| steps[0][symbol]).sum::<f64>() / 3.0;
    let total = (0..symbols)
        .map(|symbol| product(symbol).exp())
        .sum::<f64>()
        .ln();
    let expected: Vec<f64> = (0..symbols).map(|symbol| product(symbol) - total).collect();
    assert_same(&products[..1], &[expected]);

    let file = tempfile::tempdir().expect("a folder");
    let path = file.path().join("ensemble");
    ensemble.save(&path).expect("saved");
    let loaded = Model::load(&path).expect("loaded");
    let options = PredictOptions::default();
    let texts = ["abcd", "dddd", ""];
    assert_eq!(
        ensemble
            .predictor(options.clone())
            .expect("options that work")
            .predict(&texts),
        loaded
            .predictor(options.clone())
            .expect("options that work")
            .predict(&texts)
    );
    assert!(
        loaded
            .weights()
            .keys()
            .any(|name| name.starts_with("member.2."))
    );
}

/// Copying and features, which the recipe of an ensemble once forgot, so that its file was refused.
#[test]
fn members_that_copy_and_have_features_can_be_saved() {
    let pairs: Vec<Pair> = pairs()
        .into_iter()
        .map(|pair| Pair {
            target: pair.source.clone(),
            features: Some("SAME".into()),
            ..pair
        })
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    let recurrent = ["model.copy=true", "model.attention=general"];
    for settings in [&recurrent[..], &[MONOTONIC, "model.copy=true"]] {
        let common = ["data.features_column=3", "training.epochs=1"];
        let member = train(&[settings, &common[..]].concat(), pairs.clone());
        let ensemble = Model::ensemble(&[member.clone(), member], Mixing::Arithmetic);
        let path = folder.path().join("ensemble");
        ensemble.expect("an ensemble").save(&path).expect("saved");
        let loaded = Model::load(&path).expect("loaded");
        let line = loaded.line("abcd\tSAME");
        assert_eq!(line.features, Some("SAME"));
        assert_eq!(
            loaded
                .predictor(PredictOptions::default())
                .expect("options that work")
                .predict(&[line])
                .len(),
            1
        );
    }
}

#[test]
fn members_must_share_their_symbols() {
    let other = train(&["training.epochs=1"], reversals());
    let error = Model::ensemble(&[member(&[]), other], Mixing::Arithmetic).expect_err("apart");
    let EnsembleError::Codec {
        number: 2,
        difference,
    } = &error
    else {
        panic!("another error: {error}");
    };
    assert!(difference.contains("target"), "{difference}");
    assert!(difference.contains("\"A\""), "{difference}");
    assert!(error.to_string().contains("same data"), "{error}");
}

#[test]
fn members_must_read_sources_alike() {
    let other = train(&["training.epochs=1", "text.reverse_source=true"], pairs());
    let error = Model::ensemble(&[member(&[]), other], Mixing::Arithmetic).expect_err("apart");
    assert!(
        error.to_string().contains("reverse_source is false"),
        "{error}"
    );
}

#[test]
fn nothing_is_no_ensemble() {
    let error = Model::ensemble(&[], Mixing::Arithmetic).expect_err("nothing");
    assert_eq!(error, EnsembleError::Empty);
}

/// What makes each setting of the architectures impossible, and what the message must name.
#[test]
fn impossible_settings_are_refused() {
    let cases: [(&[&str], &str); 15] = [
        (&[TRANSFORMER, "model.transformer.heads=5"], "such as 35"),
        (&[TRANSFORMER, "model.transformer.heads=0"], "heads"),
        (
            &[TRANSFORMER, "model.transformer.model_size=6"],
            "model_size = 8",
        ),
        (
            &[TRANSFORMER, "model.transformer.model_size=0"],
            "model_size",
        ),
        (&[TRANSFORMER, "model.transformer.layers=0"], "layers"),
        (
            &[TRANSFORMER, "model.transformer.encoder_layers=0"],
            "encoder_layers",
        ),
        (
            &[TRANSFORMER, "model.transformer.decoder_layers=0"],
            "decoder_layers",
        ),
        (
            &[TRANSFORMER, "model.transformer.feed_forward=0"],
            "feed_forward",
        ),
        (
            &[TRANSFORMER, "model.transformer.learned_positions=0"],
            "learned_positions",
        ),
        (
            &[TRANSFORMER, "model.decoder_input=own-softmax"],
            "decoder_input",
        ),
        (&[MONOTONIC, "model.embedding=one-hot"], "such as 64"),
        (&[MONOTONIC, "model.monotonic.order=2"], "must be 0"),
        (&[MONOTONIC, "model.monotonic.window=0"], "window"),
        (
            &[MONOTONIC, "model.monotonic.emission_units=0"],
            "emission_units",
        ),
        (&["model.architecture=ensemble"], "join them"),
    ];
    for (settings, named) in cases {
        let message = recipe(settings)
            .check()
            .expect_err("impossible")
            .to_string();
        assert!(message.contains(named), "{settings:?}: {message}");
    }
}

/// A member's settings are held to the same rules, and an ensemble is not trained as a whole.
#[test]
fn members_are_checked_and_not_trained_together() {
    let mut recipe = recipe(&["model.architecture=ensemble"]);
    recipe.model.ensemble.members = vec![self::recipe(&[]).model];
    recipe.check().expect("it can be used");
    let error = Task::from_pairs(recipe.clone(), pairs()).expect_err("no training");
    assert!(error.to_string().contains("one by one"), "{error}");
    recipe.model.ensemble.members[0].encoder_units = 0;
    assert!(recipe.check().is_err());
}
