//! Which model is kept, when training stops and when the learning rate drops: decided by exact match,
//! then by finer figures.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use proptest::prelude::*;
use seq2seq::config::Monitor;
use seq2seq::training::{
    Ending, FEW_QUESTIONS, LoadedPairs, Outcome, SelectionScore, Task, Trainer, Validation,
};
use seq2seq::{Pair, PredictOptions, Recipe};

const MONITORS: [Monitor; 4] = [
    Monitor::ExactMatch,
    Monitor::SymbolErrorRate,
    Monitor::Loss,
    Monitor::Accuracy,
];

fn validation([exact_match, symbol_error_rate, loss, accuracy]: [f64; 4]) -> Validation {
    Validation {
        loss,
        accuracy,
        exact_match,
        symbol_error_rate,
        questions: 500,
        best: false,
    }
}

fn score(monitor: Monitor, figures: [f64; 4]) -> SelectionScore {
    SelectionScore::new(monitor, &validation(figures)).expect("finite figures")
}

/// Figures: exact match, symbol error rate, loss, accuracy. The first of each two is better.
#[test]
fn equal_exact_match_is_decided_by_symbol_error_rate_then_loss() {
    let better = |monitor, a, b| assert!(score(monitor, a) > score(monitor, b), "{monitor:?}");
    let exact = Monitor::ExactMatch;
    better(exact, [0.2, 0.9, 3.0, 0.1], [0.1, 0.1, 0.1, 0.9]);
    better(exact, [0.0, 0.4, 3.0, 0.1], [0.0, 0.5, 0.1, 0.9]);
    better(exact, [0.0, 0.5, 1.27, 0.1], [0.0, 0.5, 3.13, 0.9]);
    let symbols = Monitor::SymbolErrorRate;
    better(symbols, [0.1, 0.4, 3.0, 0.1], [0.2, 0.5, 0.1, 0.9]);
    better(symbols, [0.2, 0.5, 3.0, 0.1], [0.1, 0.5, 0.1, 0.9]);
    better(symbols, [0.2, 0.5, 1.0, 0.1], [0.2, 0.5, 2.0, 0.9]);
    better(Monitor::Loss, [0.0, 0.9, 1.0, 0.1], [0.9, 0.1, 1.5, 0.9]);
    better(Monitor::Loss, [0.0, 0.9, 1.0, 0.2], [0.9, 0.1, 1.0, 0.1]);
    better(
        Monitor::Accuracy,
        [0.0, 0.9, 2.0, 0.6],
        [0.9, 0.1, 1.0, 0.5],
    );
    better(
        Monitor::Accuracy,
        [0.0, 0.9, 1.0, 0.5],
        [0.9, 0.1, 2.0, 0.5],
    );
}

/// Of 50 questions one right answer more is chance where many more symbols are wrong; of 500, and
/// where symbols are hardly worse, it decides.
#[test]
fn one_answer_of_few_is_outweighed_by_symbols() {
    let of = |questions, figures| {
        let validation = Validation {
            questions,
            ..validation(figures)
        };
        SelectionScore::new(Monitor::ExactMatch, &validation).expect("finite figures")
    };
    let (luckier, closer) = ([0.52, 0.30, 1.0, 0.5], [0.50, 0.20, 1.0, 0.5]);
    assert!(of(50, luckier) < of(50, closer));
    assert!(of(FEW_QUESTIONS - 1, luckier) < of(FEW_QUESTIONS - 1, closer));
    assert!(of(FEW_QUESTIONS, luckier) > of(FEW_QUESTIONS, closer));
    assert!(of(50, [0.52, 0.21, 1.0, 0.5]) > of(50, closer));
    // Ties: loss. The figure is exact match, whatever it was compared by.
    assert!(of(50, [0.5, 0.2, 0.9, 0.5]) > of(50, closer));
    assert_eq!(of(50, closer).figure(), 0.5);
}

/// A model whose figures are no numbers is never chosen, whichever of them it is.
#[test]
fn figures_that_are_not_finite_are_never_best() {
    for place in 0..4 {
        for broken in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut figures = [0.5; 4];
            figures[place] = broken;
            for monitor in MONITORS {
                assert!(SelectionScore::new(monitor, &validation(figures)).is_none());
            }
        }
    }
}

proptest! {
    /// Figures of few steps, so that ties are common.
    #[test]
    fn scores_are_ordered_totally(
        figures in prop::collection::vec(prop::array::uniform4(0_u8..3), 3),
        monitor in prop::sample::select(&MONITORS[..]),
    ) {
        let scores: Vec<SelectionScore> = figures
            .iter()
            .map(|figures| score(monitor, figures.map(|step| f64::from(step) / 2.0)))
            .collect();
        let (a, b, c) = (&scores[0], &scores[1], &scores[2]);
        prop_assert_eq!(a.cmp(b), b.cmp(a).reverse());
        prop_assert_eq!(a == b, a.cmp(b).is_eq());
        if a <= b && b <= c {
            prop_assert!(a <= c);
        }
    }
}

/// Words whose targets have nothing in common with them, so that not one is guessed early.
fn five_words() -> Vec<Pair> {
    let words = [
        ("cat", "K AE T"),
        ("dog", "D AO G"),
        ("pig", "P IH G"),
        ("hen", "HH EH N"),
        ("cow", "K AW"),
    ];
    words.map(Pair::from).to_vec()
}

/// Trains on pairs and validates on the same ones.
fn trained(pairs: &[Pair], settings: &[&str]) -> Outcome {
    let recipe = Recipe::for_pairs(pairs)
        .with_overrides(&support::overrides(settings))
        .expect("valid settings");
    let loaded = LoadedPairs {
        dev: Some(pairs.to_vec()),
        ..LoadedPairs::from_memory(pairs.to_vec())
    };
    let task = Task::new(recipe, loaded).expect("a task");
    let trainer = Trainer::new(task, None).expect("a trainer");
    trainer.run(&mut ()).expect("an outcome")
}

/// Exact match stays at 0 for the first twenty epochs, which is longer than the patience.
#[test]
fn five_words_are_learned() {
    let outcome = trained(&five_words(), &[]);
    let early = &outcome.history[..20];
    let right = early.iter().filter_map(|epoch| epoch.validation);
    assert!(
        right
            .map(|figures| figures.exact_match)
            .all(|share| share == 0.0)
    );
    assert_eq!(outcome.validation.expect("figures").exact_match, 1.0);
    assert!(!outcome.never_right());
    let predictor = outcome.model.predictor(PredictOptions::default()).unwrap();
    for pair in five_words() {
        let answers = predictor.predict(&[&pair.source]);
        assert_eq!(answers[0].best().text, pair.target);
    }
}

/// With so small a rate, and answers of one symbol, no answer changes: the loss falls all the same, so
/// the last model is kept, the rate never drops, and training does not stop early.
#[test]
fn improvement_without_right_answers_counts() {
    let settings = [
        "training.learning_rate=0.00001",
        "training.epochs=12",
        "training.patience=3",
        "training.schedule=plateau",
        "training.decay_epochs=2",
        "decoding.max_length=1",
        "model.monotonic.dropout=0",
    ];
    let outcome = trained(&five_words(), &settings);
    assert_eq!(outcome.ending, Ending::Finished);
    assert_eq!(outcome.history.len(), 12);
    for epoch in &outcome.history {
        let figures = epoch.validation.expect("a validation every epoch");
        assert_eq!(figures.exact_match, 0.0);
        assert_eq!(epoch.learning_rate, 0.00001);
    }
    let last = outcome.history.last().and_then(|epoch| epoch.validation);
    assert_eq!(outcome.validation, last);
    assert!(last.is_some_and(|figures| figures.best));
    assert!(outcome.never_right());
    assert_eq!(outcome.model.provenance().epochs, 12);
    assert_eq!(outcome.model.provenance().best, Some(0.0));
}

/// The model of the last epoch was not chosen by a figure, and its own validation is told.
#[test]
fn the_last_model_has_its_own_figures() {
    let outcome = trained(
        &five_words(),
        &["training.keep_best=false", "training.epochs=4"],
    );
    assert_eq!(outcome.model.provenance().best, None);
    assert_eq!(outcome.model.provenance().epochs, 4);
    assert_eq!(outcome.validation, outcome.history[3].validation);
}

/// As versions wrote it that did not say how many questions there were.
#[test]
fn figures_without_the_number_of_questions_are_read() {
    let line =
        r#"{"loss":1.0,"accuracy":0.5,"exact_match":0.25,"symbol_error_rate":0.5,"best":true}"#;
    let figures: Validation = serde_json::from_str(line).expect("figures");
    assert_eq!(figures.questions, 0);
    let score = SelectionScore::new(Monitor::ExactMatch, &figures).expect("finite figures");
    assert!(score > self::score(Monitor::ExactMatch, [0.2, 0.1, 1.0, 0.5]));
}
