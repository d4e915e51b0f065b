//! Joint n-gram models: they learn, answer like any other model, and are read from files with nothing taken
//! on trust.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use seq2seq::config::Mixing;
use seq2seq::data::questions;
use seq2seq::decoding::{Constraint, Method, SearchOptions};
use seq2seq::evaluation::{evaluate, free_running};
use seq2seq::storage::{Array, Values};
use seq2seq::training::{ExistingRun, Learner, RunFolder, Task, TrainingError};
use seq2seq::{Model, Pair, PredictOptions};
use seq2seq_runtime::model::ModelParts;
use support::letters;

const NGRAM: &str = "model.architecture=ngram";

/// Words of a language whose `c` is soft before `e` and `i`, whose `h` is silent, and whose `x` is two sounds.
fn words() -> Vec<Pair> {
    let letters = ['a', 'c', 'e', 'h', 'i', 'x'];
    let word = |n: usize| -> String {
        let letter = |place: u32| letters[n / 6_usize.pow(place) % 6];
        (0..4).map(letter).collect()
    };
    let words = (0..1296).step_by(5).map(word);
    words
        .map(|word| Pair::from((word.as_str(), sounds(&word).as_str())))
        .collect()
}

fn sounds(word: &str) -> String {
    let letters: Vec<char> = word.chars().collect();
    let sound = |(place, letter): (usize, &char)| match (letter, letters.get(place + 1)) {
        ('c', Some('e' | 'i')) => vec!["S"],
        ('c', _) => vec!["K"],
        ('h', _) => vec![],
        ('x', _) => vec!["K", "S"],
        ('a', _) => vec!["A"],
        ('e', _) => vec!["E"],
        _ => vec!["I"],
    };
    letters
        .iter()
        .enumerate()
        .flat_map(sound)
        .collect::<Vec<_>>()
        .join(" ")
}

fn task(settings: &[&str], pairs: Vec<Pair>) -> Task {
    let base = [
        NGRAM,
        "text.source=characters",
        "text.target=spaces",
        "data.validation=0.2",
    ];
    Task::from_pairs(support::recipe(&base, settings), pairs).expect("a task")
}

fn train(settings: &[&str], pairs: Vec<Pair>) -> Result<Model, TrainingError> {
    Ok(Learner::new(task(settings, pairs), None)?
        .run(&mut ())?
        .model)
}

fn model() -> Model {
    train(&[], words()).expect("a model")
}

#[test]
fn rules_of_pronunciation_are_learned() {
    let task = task(&[], words());
    let dev = task.dev.clone();
    let outcome = Learner::new(task, None)
        .expect("a run")
        .run(&mut ())
        .expect("a model");
    let figures = outcome.validation.expect("figures");
    assert!(figures.exact_match > 0.95, "{figures:?}");
    assert!(figures.loss < 0.1, "{figures:?}");
    let free = free_running(&outcome.model, &questions(&dev)).expect("figures");
    assert_eq!(free.exact_match, figures.exact_match);
    let settings = &outcome.model.settings().model.ngram;
    assert!((1..=8).contains(&settings.order), "{settings:?}");
    assert!(outcome.model.provenance().calibration.is_some());
}

#[test]
fn answers_do_not_depend_on_the_batch() {
    let model = model();
    let options = PredictOptions {
        search: SearchOptions {
            method: Method::Beam { size: 4 },
            nbest: 3,
            ..SearchOptions::default()
        },
        confidence: true,
        align: true,
        ..PredictOptions::default()
    };
    let predictor = model.predictor(options).expect("options");
    let words = ["", "ace", "x", "hhhh", "cicexhaceixxachie", "aqe", "q"];
    let together = predictor.predict(&words);
    for (word, answer) in words.iter().zip(&together) {
        assert_eq!(&predictor.predict(&[word])[0], answer, "{word}");
    }
    assert_eq!(together[1].best().text, "A S E");
    let alignment = together[2].best().alignment.as_ref().expect("an alignment");
    assert_eq!(alignment.spans, vec![Some(0..=0), Some(0..=0)]);
    // A letter that training has not seen is read, and most likely silent.
    assert_eq!(together[5].unknown.len(), 1);
    assert_eq!(together[5].best().text, "A E");
}

#[test]
fn constraints_allow_what_no_unit_writes() {
    let model = model();
    let side = &model.codec().target;
    let allowed = ["I I I I I", "S"];
    let (constraint, _) =
        Constraint::list(&allowed, side, model.codec().normalization).expect("a constraint");
    let options = PredictOptions {
        search: SearchOptions {
            constraint: Some(constraint.into()),
            ..SearchOptions::default()
        },
        ..PredictOptions::default()
    };
    let predictor = model.predictor(options).expect("options");
    for answer in predictor.predict(&["a", "xxx", ""]) {
        assert!(allowed.contains(&answer.best().text.as_str()));
        assert!(answer.best().log_probability.is_finite());
    }
}

#[test]
fn samples_follow_the_probabilities() {
    let model = model();
    let options = PredictOptions {
        search: SearchOptions {
            method: Method::Sample {
                temperature: 1.0,
                top_k: None,
                top_p: 1.0,
                seed: 3,
            },
            nbest: 200,
            ..SearchOptions::default()
        },
        ..PredictOptions::default()
    };
    let answers = model.predictor(options).expect("options").predict(&["ac"]);
    let best = answers[0].best();
    let share = answers[0]
        .hypotheses
        .iter()
        .filter(|h| h.text == best.text)
        .count();
    let expected = 200.0 * best.log_probability.exp();
    assert!(
        (share as f64 - expected).abs() < 25.0,
        "{share} and not {expected}"
    );
}

#[test]
fn empty_targets_and_pairs_that_cannot_be_aligned() {
    let mut pairs = words();
    pairs.push(Pair::from(("hhhh", "")));
    pairs.push(Pair::from(("a", "A A A A A")));
    pairs.push(Pair::from(("", "")));
    let model = train(&["data.validation=0"], pairs.clone()).expect("a model");
    let answers = model.predictor(PredictOptions::default()).expect("options");
    assert_eq!(answers.predict(&["hhhh"])[0].best().text, "");
    // Every pair has a probability, whether it can be aligned or not.
    let figures = evaluate(&model, &pairs).expect("figures");
    assert!(figures.teacher_forced.loss.is_finite());
    let error =
        train(&["data.validation=0"], vec![Pair::from(("a", "A A A"))]).expect_err("refused");
    assert!(
        error
            .to_string()
            .contains("none of the 1 training pairs can be aligned"),
        "{error}"
    );
    // One pair is enough.
    let one = train(&["data.validation=0"], vec![Pair::from(("ab", "A B"))]).expect("a model");
    let answers = one.predictor(PredictOptions::default()).expect("options");
    assert_eq!(answers.predict(&["ab"])[0].best().text, "A B");
}

#[test]
fn an_order_can_be_asked_for() {
    for (settings, order, span) in [
        (["model.ngram.order=2", "model.ngram.source_span=2"], 2, 2),
        (["model.ngram.order=1", "model.ngram.source_span=1"], 1, 1),
    ] {
        let model = train(&settings, words()).expect("a model");
        let chosen = &model.settings().model.ngram;
        assert_eq!((chosen.order, chosen.source_span), (order, span));
    }
}

#[test]
fn a_run_that_is_resumed_comes_to_the_same_bits() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("words.tsv");
    let lines = words()
        .into_iter()
        .map(|pair| format!("{}\t{}\n", pair.source, pair.target));
    std::fs::write(&file, lines.collect::<String>()).expect("a file");
    let out = folder.path().join("run");
    let mut recipe = support::recipe(&[NGRAM, "data.validation=0.2"], &[]);
    recipe.data.train = Some(file);
    let task = Task::prepare(recipe).expect("a task");
    let run = Learner::new(task, Some((&out, ExistingRun::Refuse))).expect("a run");
    run.run(&mut ()).expect("a model");
    let before = std::fs::read(out.join("model.safetensors")).expect("a model");
    let (run, recipe) = RunFolder::open(&out).expect("a run");
    let task = Task::prepare(recipe).expect("a task");
    Learner::resume(task, run)
        .expect("a run")
        .run(&mut ())
        .expect("a model");
    let after = std::fs::read(out.join("model.safetensors")).expect("a model");
    assert!(before == after);
    let loaded = Model::load(&out).expect("a model");
    assert_eq!(loaded.to_bytes(), after);
}

#[test]
fn it_goes_together_with_a_network() {
    let network = letters::train(&["training.epochs=1"]);
    let counts = {
        let settings = [NGRAM, "data.validation=0.1", "text.source=characters"];
        let recipe = support::recipe(&settings, &["text.target=characters"]);
        let task = Task::from_pairs(recipe, letters::pairs()).expect("a task");
        Learner::new(task, None)
            .expect("a run")
            .run(&mut ())
            .expect("a model")
            .model
    };
    for mixing in [Mixing::Arithmetic, Mixing::LogLinear] {
        let both =
            Model::ensemble(&[network.clone(), counts.clone()], mixing).expect("an ensemble");
        let loaded = Model::from_bytes(&both.to_bytes(), "both").expect("a model");
        let answers = loaded
            .predictor(PredictOptions::default())
            .expect("options");
        assert_eq!(answers.predict(&["abca"])[0].best().text, "bcdb");
    }
}

/// What each setting that an n-gram model cannot have is refused with.
#[test]
fn settings_that_mean_nothing_are_refused() {
    for (setting, message) in [
        ("data.features_column=3", "reads no features"),
        (
            "model.protocol=first-symbol",
            "writes the first target symbol",
        ),
        ("model.decoder_input=own-softmax", "reads the target"),
        ("text.reverse_source=true", "from left to right"),
        ("text.target_end_mark=false", "where targets end"),
        ("model.ngram.order=17", "must be at most 16"),
        ("model.ngram.source_span=3", "must be at most 2"),
        ("training.from=other", "goes on from no model"),
        ("training.teacher=other", "goes on from no model"),
    ] {
        let error = support::recipe(&[NGRAM], &[setting])
            .check()
            .expect_err(setting)
            .to_string();
        assert!(error.contains(message), "{setting}: {error}");
    }
    for setting in [
        "model.encoder_units=3",
        "model.copy=true",
        "model.monotonic.order=0",
    ] {
        let recipe = support::recipe(&[NGRAM], &[setting]);
        let error = recipe
            .model
            .check_trainable()
            .expect_err(setting)
            .to_string();
        assert!(
            error.contains("means nothing to model.architecture = \"ngram\""),
            "{error}"
        );
    }
    let recipe = support::recipe(&[NGRAM], &["training.epochs=3", "training.seed=7"]);
    let unused = recipe.unused_settings(&support::recipe(&[], &[]));
    assert_eq!(
        unused,
        ["training.epochs means nothing with model.architecture = \"ngram\""]
    );
}

/// A model whose table has another number at a place.
fn with_number(model: &Model, table: &str, change: &dyn Fn(&mut Values)) -> Option<String> {
    let mut parts: ModelParts = model.parts().clone();
    let array = parts
        .weights
        .get_mut(&format!("ngram.{table}"))
        .expect(table);
    change(&mut array.values);
    Model::new(parts).err().map(|error| error.to_string())
}

#[test]
fn hostile_numbers_are_refused() {
    let model = model();
    let integer = |table: &str, place: usize, number: u32| {
        let change = |values: &mut Values| {
            if let Values::U32(values) = values {
                let mut changed = values.to_vec();
                let place = place.min(changed.len() - 1);
                changed[place] = number;
                *values = changed.into();
            }
        };
        with_number(&model, table, &change)
    };
    let float = |table: &str, place: usize, number: f32| {
        let change = |values: &mut Values| {
            if let Values::F32(values) = values {
                let mut changed = values.to_vec();
                changed[place] = number;
                *values = changed.into();
            }
        };
        with_number(&model, table, &change)
    };
    for table in ["marks", "units", "unit", "children"] {
        for place in [0, 1, 5, usize::MAX] {
            for number in [u32::MAX - 1, 1 << 20] {
                assert!(
                    integer(table, place, number).is_some(),
                    "{table}, {place}: {number}"
                );
            }
        }
    }
    for table in ["probability", "backoff", "noise"] {
        for number in [0.0, -0.5, f32::NAN, f32::INFINITY, 2.0, 1e-30] {
            assert!(float(table, 1, number).is_some(), "{table}: {number}");
        }
    }
    // Tables of other lengths and types, missing ones, and those that are left over.
    for table in [
        "marks",
        "units",
        "unit",
        "children",
        "probability",
        "backoff",
        "noise",
    ] {
        for array in [
            Array::u32(vec![0], vec![]),
            Array::f32(vec![1], vec![0.5]),
            Array::u8(vec![1]),
        ] {
            let mut parts = model.parts().clone();
            parts.weights.insert(format!("ngram.{table}"), array);
            assert!(Model::new(parts).is_err(), "{table}");
        }
        let mut parts = model.parts().clone();
        parts.weights.remove(&format!("ngram.{table}"));
        assert!(Model::new(parts).is_err(), "{table}");
    }
    let mut parts = model.parts().clone();
    parts
        .weights
        .insert("ngram.more".into(), Array::f32(vec![1], vec![0.5]));
    assert!(Model::new(parts).is_err());
    // Two n-grams exchanged are no sorted tree.
    let exchange = |values: &mut Values| {
        if let Values::U32(values) = values {
            let mut changed = values.to_vec();
            let last = changed.len() - 1;
            changed.swap(0, last);
            *values = changed.into();
        }
    };
    assert!(with_number(&model, "unit", &exchange).is_some());
    assert!(with_number(&model, "units", &exchange).is_some());
}
