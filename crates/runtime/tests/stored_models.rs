//! Model files of every released format load, and answer as the version that wrote them.

#![allow(clippy::expect_used)] // a test may fail by panicking

use std::fs;
use std::path::{Path, PathBuf};

use seq2seq_runtime::decoding::{Method, SearchOptions};
use seq2seq_runtime::{Model, PredictOptions};
use serde_json::Value;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/files")
        .join(name)
}

/// Holds the answers of a stored model against the stored ones.
fn answers_as_stored(name: &str, inputs: &str, beam: usize, nbest: usize) {
    let model = Model::load(&file(&format!("{name}.safetensors"))).expect("a model");
    let options = PredictOptions {
        search: SearchOptions {
            method: Method::Beam { size: beam },
            nbest,
            ..SearchOptions::default()
        },
        confidence: true,
        ..PredictOptions::default()
    };
    let predictor = model.predictor(options).expect("options that work");
    let inputs = fs::read_to_string(file(inputs)).expect("the inputs");
    let lines: Vec<_> = inputs.lines().map(|line| model.line(line)).collect();
    let stored = fs::read_to_string(file(&format!("{name}.json"))).expect("the answers");
    let stored: Vec<Value> = stored
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(stored.len(), lines.len());
    for (answer, stored) in predictor.predict(&lines).iter().zip(&stored) {
        let best = answer.best();
        assert_eq!(best.text, stored["text"], "{name}");
        assert_eq!(best.finished, stored["finished"], "{name}");
        for (value, key) in [
            (best.log_probability, "log_probability"),
            (best.score, "score"),
            (best.confidence.expect("a confidence"), "confidence"),
        ] {
            let expected = stored[key].as_f64().expect("a number");
            assert!(
                (value - expected).abs() < 2e-5,
                "{name}, {key}: {value}, not {expected}"
            );
        }
    }
}

#[test]
fn recurrent() {
    answers_as_stored("recurrent", "words.txt", 3, 2);
}

#[test]
fn transformer() {
    answers_as_stored("transformer", "words.txt", 3, 2);
}

#[test]
fn hard_monotonic_attention() {
    answers_as_stored("monotonic", "words.txt", 3, 2);
}

#[test]
fn joint_ngrams() {
    answers_as_stored("ngram", "words.txt", 3, 2);
}

#[test]
fn ensemble() {
    answers_as_stored("ensemble", "words.txt", 3, 2);
}

#[test]
fn recurrent_with_features_and_copying() {
    answers_as_stored("features", "features.txt", 3, 2);
}

#[test]
fn quantized() {
    answers_as_stored("ensemble-bf16", "words.txt", 3, 2);
    answers_as_stored("ensemble-int8", "words.txt", 3, 2);
    answers_as_stored("features-int8", "features.txt", 3, 2);
    answers_as_stored("notebook-int8", "notebook.txt", 1, 1);
}

#[test]
fn first_symbol_given() {
    answers_as_stored("notebook", "notebook.txt", 1, 1);
}
