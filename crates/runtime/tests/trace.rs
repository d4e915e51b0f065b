//! Traces write what greedy decoding writes, and forced symbols are followed.

#![allow(clippy::expect_used)] // a test may fail by panicking

use std::path::Path;

use seq2seq_runtime::{Model, PredictOptions};

fn model(name: &str) -> Model {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/files")
        .join(name);
    Model::load(&file.with_extension("safetensors")).expect("a model")
}

fn written(model: &Model, input: &str, forced: &[u32]) -> String {
    let trace = model.trace(&model.line(input), forced);
    let ids: Vec<u32> = (trace.first.into_iter())
        .chain(trace.steps.iter().map(|step| step.written))
        .collect();
    model.codec().decode_target(&ids)
}

#[test]
fn traces_write_what_greedy_decoding_writes() {
    for (name, inputs) in [
        ("recurrent", ["hello", "abandon", "zzz"]),
        ("transformer", ["hello", "abandon", "zzz"]),
        ("monotonic", ["hello", "abandon", "zzz"]),
        ("ensemble", ["hello", "abandon", "zzz"]),
        ("notebook", ["12+3", "1+99", "7+7"]),
    ] {
        let model = model(name);
        let predictor = model.predictor(PredictOptions::default()).expect("options");
        for input in inputs {
            let answers = predictor.predict(&[model.line(input)]);
            let best = answers[0].best();
            if best.finished {
                assert_eq!(written(&model, input, &[]), best.text, "{name}: {input}");
            }
        }
    }
}

#[test]
fn forced_symbols_are_written_and_change_what_follows() {
    let model = model("recurrent");
    let vocabulary = &model.codec().target.vocabulary;
    let trace = model.trace(&"hello", &[]);
    let first = trace.steps[0].written;
    let mut others = (0..vocabulary.len() as u32).filter(|&id| id != first);
    let other = others.find(|&id| Some(id) != vocabulary.begin() && Some(id) != vocabulary.end());
    let other = other.expect("another symbol");
    let forced = model.trace(&"hello", &[other]);
    assert_eq!(forced.steps[0].written, other);
    assert!(forced.steps[0].forced && !forced.steps[1].forced);
    assert_eq!(forced.steps[0].probabilities, trace.steps[0].probabilities);
    assert_ne!(forced.steps[1].probabilities, trace.steps[1].probabilities);
    // A symbol that the model does not have.
    assert_eq!(model.trace(&"hello", &[9999]).steps.len(), 1);
}

#[test]
fn states_follow_from_the_gates() {
    let model = model("notebook");
    let trace = model.trace(&"12+3", &[]);
    assert_eq!(trace.encoder.len(), trace.source.ids.len());
    let mut before = trace.initial.clone().expect("a state");
    for step in &trace.steps {
        let gates = step.gates.as_ref().expect("gates of an LSTM");
        let after = step.state.clone().expect("a state");
        let old = before.c.expect("c");
        let cell = after.c.as_ref().expect("c");
        for unit in 0..old.len() {
            let c = gates.forget[unit] * old[unit] + gates.input[unit] * gates.candidate[unit];
            assert!((c - cell[unit]).abs() < 1e-5);
            assert!((gates.output[unit] * c.tanh() - after.h[unit]).abs() < 1e-5);
        }
        let sum: f32 = step.probabilities.iter().sum();
        assert!((sum - 1.0).abs() < 1e-4);
        before = after;
    }
    // The decoder starts where the encoder ends.
    let initial = trace.initial.expect("a state").h;
    assert_eq!(trace.encoder.last(), Some(&initial));
}

#[test]
fn attention_is_on_the_symbols_of_the_text() {
    let model = model("recurrent");
    let trace = model.trace(&"hello", &[]);
    for step in &trace.steps {
        let attention = step.attention.as_ref().expect("attention");
        assert_eq!(attention.len(), 5);
        assert!(attention.iter().sum::<f32>() <= 1.0 + 1e-4);
    }
}
