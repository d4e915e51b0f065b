//! The search for settings.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use std::path::Path;

use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use seq2seq::training::SelectionScore;
use seq2seq::tuning::{Range, Search, SearchObserver, Strategy, Trial};
use seq2seq::{Model, PredictOptions, Recipe};

#[test]
fn ranges_are_read() {
    let choice = |values: &[&str]| Range::Choice(values.iter().map(|&v| v.to_owned()).collect());
    for (text, range) in [
        ("64, 128", choice(&["64", "128"])),
        ("general", choice(&["general"])),
        ("32..512", Range::Whole(32, 512)),
        ("0.1 .. 0.5", Range::Real(0.1, 0.5)),
        ("1e-4..1e-2", Range::Real(1e-4, 1e-2)),
    ] {
        assert_eq!(text.parse(), Ok(range), "{text}");
    }
    for text in ["", "1,", "5..2", "a..b", "0.1..inf", ".."] {
        let error = text.parse::<Range>().expect_err("no range");
        assert!(error.to_string().contains("is no range"), "{error}");
    }
}

proptest! {
    #[test]
    fn drawn_values_are_in_the_range(seed: u64, low in 0_u64..50, more in 0_u64..500) {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let whole: u64 = Range::Whole(low, low + more).draw(rng).parse().expect("a number");
        prop_assert!((low..=low + more).contains(&whole));
        let (least, most) = (low as f64 / 7.0, (low + more) as f64 / 7.0);
        let real: f64 = Range::Real(least, most).draw(rng).parse().expect("a number");
        let widest = Range::Whole(low, u64::MAX).draw(rng).parse::<u64>();
        prop_assert!(widest.is_ok_and(|number| number >= low));
        // Three digits are kept.
        prop_assert!(real >= least * 0.99 && real <= most * 1.01 + 1e-9);
    }
}

/// Stops the search after a number of trials.
struct After(usize);

impl SearchObserver for After {
    fn trial_done(&mut self, _: &Trial) {
        self.0 = self.0.saturating_sub(1);
    }

    fn wants_to_stop(&self) -> bool {
        self.0 == 0
    }
}

/// Letters and their capitals, with learning rates of which one is far too small.
fn search(folder: &Path, rates: &str) -> Search {
    let lines: Vec<String> = ('a'..='z')
        .map(|letter| format!("{letter}{letter}\t{}\n", letter.to_ascii_uppercase()))
        .collect();
    let data = folder.join("pairs.tsv");
    std::fs::write(&data, lines.concat()).expect("written");
    let settings = [
        "model.encoder_units=16",
        "model.embedding=8",
        "training.batch_size=4",
        // It tells rates apart from the first epoch on, however busy the machine is.
        "training.monitor=loss",
        "text.source=characters",
        "text.target=characters",
    ];
    let mut recipe = support::recipe(&[], &settings);
    recipe.data.train = Some(data.clone());
    recipe.data.dev = Some(data);
    let rates = rates.parse().expect("a range");
    Search {
        recipe,
        set: Vec::new(),
        ranges: vec![("training.learning_rate".to_owned(), rates)],
        trials: 4,
        seconds: 6.0,
        strategy: Strategy::Halving,
        folder: folder.join("search"),
    }
}

/// The better rate wins, goes through all rounds, and its model is kept.
#[test]
fn better_settings_are_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let search = search(folder.path(), "1e-7, 2e-7, 3e-7, 0.02");
    let (trials, complete) = search.run(&mut After(100)).expect("trials");
    assert!(complete);
    // Four settings, two of them once more, one of these a third time.
    assert_eq!(trials.len(), 7);
    let best = &trials[0];
    assert_eq!(best.settings, ["training.learning_rate=0.02"]);
    let last = trials.iter().find(|trial| trial.round == 2);
    let last = last.expect("a last round");
    assert_eq!(last.settings, best.settings);
    let model = Model::load(&search.folder).expect("the best model");
    let answers = model
        .predictor(PredictOptions::default())
        .expect("options that work")
        .predict(&["kk"]);
    assert_eq!(answers.len(), 1);
    let figures = best.validation.expect("figures");
    let score = SelectionScore::new(search.recipe.training.monitor, &figures);
    assert_eq!(model.provenance().best, score.map(|score| score.figure()));

    let again = search.run(&mut After(100)).expect("trials");
    assert_eq!(again, (trials, true), "nothing is trained twice");
}

/// Where the ranges hold fewer settings than are asked for, none is tried twice.
#[test]
fn settings_are_distinct() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut search = search(folder.path(), "0.01, 0.02");
    search.strategy = Strategy::Random;
    search.seconds = 1.0;
    let (trials, complete) = search.run(&mut After(100)).expect("trials");
    assert!(complete);
    let mut settings: Vec<_> = trials.iter().map(|trial| &trial.settings).collect();
    settings.sort();
    settings.dedup();
    assert_eq!((trials.len(), settings.len()), (2, 2));
}

/// An interrupted search goes on; one for other settings does not start in its folder.
#[test]
fn search_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let search = Search {
        seconds: 2.0,
        ..search(folder.path(), "0.001, 0.02")
    };
    let (trials, complete) = search.run(&mut After(2)).expect("trials");
    assert!(!complete);
    assert_eq!(trials.len(), 2);
    let (all, complete) = search.run(&mut After(100)).expect("trials");
    assert!(complete);
    assert!(trials.iter().all(|trial| all.contains(trial)));

    let other = Search {
        ranges: vec![("training.batch_size".to_owned(), Range::Whole(2, 8))],
        ..search.clone()
    };
    let error = other.run(&mut After(100)).expect_err("another search");
    assert!(error.to_string().contains("another search"), "{error}");
}

/// While no answer is right, symbol error rate and loss tell good settings from bad ones.
#[test]
fn equal_exact_match_of_trials_is_decided_by_symbol_error_rate() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut search = search(folder.path(), "1e-9, 1e-8, 0.001");
    // Too large a batch for an answer to come right in the time.
    search.recipe.training.batch_size = 26;
    search.recipe.model.encoder_units = 2;
    search.strategy = Strategy::Random;
    search.trials = 3;
    search.seconds = 1.5;
    let (trials, complete) = search.run(&mut After(100)).expect("trials");
    assert!(complete);
    let figures = |trial: &Trial| trial.validation.expect("figures");
    assert!(trials.iter().all(|trial| figures(trial).exact_match == 0.0));
    assert_eq!(trials[0].settings, ["training.learning_rate=0.001"]);
    let scores = trials
        .iter()
        .map(|trial| (figures(trial).symbol_error_rate, figures(trial).loss));
    assert!(scores.is_sorted_by(|a, b| a <= b));
    let model = Model::load(&search.folder).expect("the best model");
    assert!(model.recipe().contains("learning_rate = 0.001"));
}

/// Trials are compared by figures that an earlier version did not write down.
#[test]
fn trials_without_their_figures_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let search = search(folder.path(), "0.001, 0.02");
    std::fs::create_dir_all(&search.folder).expect("a folder");
    let line = r#"{"round":0,"number":0,"seconds":1.0,"settings":[],"figure":0.5}"#;
    std::fs::write(search.folder.join("trials.jsonl"), format!("{line}\n")).expect("written");
    let error = search
        .run(&mut After(100))
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains("trials.jsonl, line 1, is no trial"),
        "{error}"
    );
    assert!(error.contains("--out"), "{error}");
}

#[test]
fn impossible_searches_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = search(folder.path(), "0.01");
    let refused = |search: &Search| {
        let error = search.run(&mut After(100)).expect_err("refused");
        error.to_string()
    };
    let nothing = Search {
        ranges: Vec::new(),
        ..good.clone()
    };
    assert!(refused(&nothing).contains("no setting is varied"));
    let unknown = Search {
        ranges: vec![("training.learning_rat".to_owned(), Range::Real(0.1, 0.2))],
        ..good.clone()
    };
    assert!(refused(&unknown).contains("learning_rate"));
    let negative = Search {
        ranges: vec![(
            "training.learning_rate".to_owned(),
            Range::Choice(vec!["-1".to_owned()]),
        )],
        folder: folder.path().join("negative"),
        ..good
    };
    let message = refused(&negative);
    assert!(message.contains("none of the trials worked"), "{message}");
}

/// What a trial is told of is what it is trained with: the schedule and patience that a share of the
/// time asks for give way.
#[test]
fn drawn_settings_count_over_those_of_the_budget() {
    let folder = tempfile::tempdir().expect("a folder");
    for (varied, drawn) in [
        ("training.schedule", "constant"),
        ("training.schedule", "linear"),
        ("training.patience", "4"),
    ] {
        let search = Search {
            ranges: vec![(varied.to_owned(), drawn.parse().expect("a range"))],
            set: support::overrides(&["training.validate_every=2"]),
            seconds: 0.3,
            folder: folder.path().join(drawn),
            ..search(folder.path(), "0.01")
        };
        let (trials, _) = search.run(&mut After(100)).expect("trials");
        assert_eq!(trials[0].settings, [format!("{varied}={drawn}")]);
        let model = Model::load(&search.folder).expect("the best model");
        let recipe = model.recipe();
        let value = drawn
            .parse::<u64>()
            .map_or(format!("{drawn:?}"), |n| n.to_string());
        let key = varied.split_once('.').expect("a key").1;
        assert!(recipe.contains(&format!("{key} = {value}\n")), "{recipe}");
        assert_eq!(
            Recipe::of_model(&model)
                .expect("its recipe")
                .training
                .validate_every,
            2
        );
    }
}

/// Settings of which no trial would take notice are refused before the first.
#[test]
fn settings_without_an_effect_are_not_varied() {
    let folder = tempfile::tempdir().expect("a folder");
    for (key, range, message) in [
        ("training.seed", "1..9", "lucky seed"),
        ("training.epochs", "5..50", "share of the time"),
        ("training.budget_seconds", "5..50", "shared out"),
        (
            "training.decay_epochs",
            "1..9",
            "training.decay_epochs means nothing with training.schedule = \"cosine\", whatever",
        ),
        ("training.momentum", "0.1..0.5", "none of the trials worked"),
    ] {
        let search = Search {
            ranges: vec![(key.to_owned(), range.parse().expect("a range"))],
            folder: folder.path().join(key),
            ..search(folder.path(), "0.01")
        };
        let error = search
            .run(&mut After(100))
            .expect_err("refused")
            .to_string();
        assert!(error.contains(message), "{error}");
    }
    // Each of them makes a difference to some trials.
    let either = Search {
        ranges: vec![
            (
                "training.optimizer".to_owned(),
                "sgd, adam".parse().expect("a range"),
            ),
            (
                "training.beta_1".to_owned(),
                Range::Choice(vec!["0.8".to_owned()]),
            ),
        ],
        seconds: 0.3,
        strategy: Strategy::Random,
        ..search(folder.path(), "0.01")
    };
    assert_eq!(either.run(&mut After(100)).expect("trials").0.len(), 2);
}

/// Two processes would mix their trials.
#[test]
fn a_search_has_its_folder_for_itself() {
    struct Another(Search, Option<String>);
    impl SearchObserver for Another {
        fn trial_done(&mut self, _: &Trial) {
            let error = self.0.run(&mut After(100)).expect_err("refused");
            self.1 = Some(error.to_string());
        }

        fn wants_to_stop(&self) -> bool {
            false
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let search = Search {
        seconds: 0.2,
        ..search(folder.path(), "0.01")
    };
    let mut another = Another(search.clone(), None);
    search.run(&mut another).expect("trials");
    let refusal = another.1.expect("a trial");
    assert!(refusal.contains("in use by another process"), "{refusal}");
    // A line that a crash cut short, and what it left half written, are cleared away.
    let trials = search.folder.join("trials.jsonl");
    let whole = std::fs::read_to_string(&trials).expect("trials");
    std::fs::write(&trials, format!("{whole}{{\"round\":")).expect("written");
    let left = search.folder.join(".seq2seq-partial-x");
    std::fs::write(&left, "half").expect("written");
    search.run(&mut After(100)).expect("trials");
    assert_eq!(std::fs::read_to_string(&trials).expect("trials"), whole);
    assert!(!left.exists());
}
