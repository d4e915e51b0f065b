//! Imported models held against what their own toolkits answer.
#![allow(dead_code)] // each test uses some

use std::fs;
use std::path::PathBuf;

use seq2seq_exchange::import::SymbolList;
use seq2seq_runtime::decoding::{LengthLimit, StepModel};
use seq2seq_runtime::{Model, PredictOptions};
use serde_json::Value;

/// By how much a number may differ.
const TOLERANCE: f64 = 1e-5;

/// A file of the models.
pub fn path(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/import");
    folder.join(name)
}

/// Its content.
pub fn file(name: &str) -> Vec<u8> {
    fs::read(path(name)).expect(name)
}

/// Symbols of a list.
pub fn list(symbols: &Value) -> SymbolList {
    let symbols = symbols.as_array().unwrap().iter();
    SymbolList(symbols.map(|it| it.as_str().unwrap().to_owned()).collect())
}

/// Holds probabilities or states against those that are expected.
pub fn close(found: &[f32], expected: &Value, what: &str) {
    let expected = expected.as_array().unwrap();
    assert_eq!(found.len(), expected.len(), "{what}");
    for (place, (&found, expected)) in found.iter().zip(expected).enumerate() {
        let difference = (f64::from(found) - expected.as_f64().unwrap()).abs();
        assert!(
            difference <= TOLERANCE,
            "{what}, number {place}: off by {difference}"
        );
    }
}

/// Holds encoder states, the probabilities of every step and the whole answers against the toolkit's.
pub fn check(model: &Model, case: &Value, limit: usize, name: &str) {
    for answer in case["answers"].as_array().unwrap() {
        let source = answer["source"].as_str().unwrap();
        let ids = model.codec().encode_source(source, None).ids;
        let mut state = model.start(&[&ids]);
        let states = state.highest().expect("a recurrent state");
        let expected = answer["states"].as_array().unwrap();
        assert_eq!(states.count(), expected.len(), "{name}: {source}");
        for (row, expected) in states.iter().zip(expected) {
            close(row, expected, &format!("{name}: state after {source}"));
        }
        let read = answer["read"].as_array().unwrap();
        for (step, (id, expected)) in read
            .iter()
            .zip(answer["probabilities"].as_array().unwrap())
            .enumerate()
        {
            let output = model.step(&mut state, &[id.as_u64().unwrap() as u32]);
            let probabilities: Vec<f32> = output.log_probs.row(0).iter().map(|p| p.exp()).collect();
            close(
                &probabilities,
                expected,
                &format!("{name}: {source}, step {step}"),
            );
        }
        if answer.get("written").is_some() {
            check_answer(model, answer, limit, name);
        }
    }
}

fn check_answer(model: &Model, answer: &Value, limit: usize, name: &str) {
    let source = answer["source"].as_str().unwrap();
    let first_symbol = model.needs_first_symbol();
    let limit = Some(LengthLimit {
        most: match first_symbol {
            true => 3,
            false => limit,
        },
        ..LengthLimit::default()
    });
    let options = PredictOptions {
        limit,
        ..PredictOptions::default()
    };
    let predictor = model.predictor(options).unwrap();
    let (answers, mut expected) = match first_symbol {
        true => {
            let first = answer["first"].as_str().unwrap();
            let id = model.codec().target.vocabulary.id(first).unwrap();
            (
                predictor.predict_from(&[source], &[id]),
                vec![first.to_owned()],
            )
        }
        false => (predictor.predict(&[source]), Vec::new()),
    };
    expected.extend(list(&answer["written"]).0);
    assert_eq!(answers[0].best().symbols, expected, "{name}: {source}");
    let finished = answer["finished"].as_bool().unwrap();
    assert_eq!(answers[0].best().finished, finished, "{name}: {source}");
}
