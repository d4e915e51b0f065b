//! Quantized models answer as the models of single precision that have the rounded weights, to the last bit.

#![allow(clippy::expect_used)] // a test may fail by panicking

use std::fs;
use std::path::{Path, PathBuf};

use seq2seq_runtime::model::ModelParts;
use seq2seq_runtime::storage::{Array, Precision, Values};
use seq2seq_runtime::{Answer, Model, PredictOptions, QuantizeError};

const NARROW: [Precision; 2] = [Precision::Bf16, Precision::Int8];

fn file(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files");
    folder.join(name)
}

fn stored(name: &str) -> Model {
    Model::load(&file(&format!("{name}.safetensors"))).expect("a model")
}

/// Every kind of network, with inputs for it.
fn models() -> impl Iterator<Item = (&'static str, Model, Vec<String>)> {
    let names = [
        ("recurrent", "words"),
        ("transformer", "words"),
        ("monotonic", "words"),
        ("ensemble", "words"),
        ("features", "features"),
        ("notebook", "notebook"),
    ];
    names.into_iter().map(|(name, inputs)| {
        let inputs = fs::read_to_string(file(&format!("{inputs}.txt"))).expect("the inputs");
        // Enough for packed weights, and for sequences that begin alike.
        let lines: Vec<String> = inputs.lines().map(str::to_owned).collect();
        let lines = lines.iter().cycle().take(4 * lines.len()).cloned();
        (name, stored(name), lines.collect())
    })
}

/// Best answers and the bits of their probabilities.
fn answers(model: &Model, lines: &[String]) -> Vec<(String, u64)> {
    let predictor = model.predictor(PredictOptions::of(model));
    let predictor = predictor.expect("options that work");
    let lines: Vec<_> = lines.iter().map(|line| model.line(line)).collect();
    let found = |answer: &Answer| {
        let best = answer.best();
        (best.text.clone(), best.log_probability.to_bits())
    };
    predictor.predict(&lines).iter().map(found).collect()
}

/// The model of single precision whose weights are those that a quantized one stands for.
fn widened(model: &Model) -> Model {
    let weights = model.dequantized_weights();
    let parts = model.parts().clone();
    Model::new(ModelParts { weights, ..parts }).expect("the same shapes")
}

#[test]
fn answers_are_those_of_the_rounded_weights() {
    for (name, model, lines) in models() {
        for precision in NARROW {
            let quantized = model.quantized(precision).expect("matrices");
            assert_eq!(quantized.precision(), precision, "{name}");
            let widened = widened(&quantized);
            assert_eq!(widened.precision(), Precision::F32, "{name}");
            let all = answers(&widened, &lines);
            assert_eq!(answers(&quantized, &lines), all, "{name} {precision}");
            // One at a time reads the weights where they lie.
            for (line, expected) in lines.iter().zip(all) {
                let alone = answers(&quantized, std::slice::from_ref(line));
                assert_eq!(alone, [expected], "{name} {precision}");
            }
        }
    }
}

#[test]
fn files_are_small_and_come_back() {
    for (name, model, _) in models() {
        let plain = model.to_bytes();
        let header = String::from_utf8_lossy(&plain);
        assert!(header.contains(r#""version":"1""#), "{name}");
        for precision in NARROW {
            let quantized = model.quantized(precision).expect("matrices");
            let bytes = quantized.to_bytes();
            assert!(bytes.len() < plain.len(), "{name} {precision}");
            let header = String::from_utf8_lossy(&bytes);
            assert!(header.contains(r#""version":"2""#), "{name} {precision}");
            let again = Model::from_bytes(&bytes, "again").expect("a model");
            assert!(again.to_bytes() == bytes, "{name} {precision}");
            assert_eq!(again.weights(), quantized.weights());
            // Names and shapes are those of single precision: scales are not weights of the network.
            let parameters = |model: &Model| -> Vec<(String, Vec<usize>)> {
                let parameters = model.parameters();
                let owned = |(name, shape): (&str, &[usize])| (name.to_owned(), shape.to_vec());
                parameters.map(owned).collect()
            };
            assert_eq!(parameters(&quantized), parameters(&model));
        }
    }
}

#[test]
fn matrices_are_rounded_to_the_nearest_and_vectors_stay() {
    for (name, model, _) in models() {
        for precision in NARROW {
            let quantized = model.quantized(precision).expect("matrices");
            let widened = quantized.dequantized_weights();
            let mut rounded = 0;
            for (weights, array) in model.weights() {
                let before = array.as_f32().expect("single precision");
                let after = widened[weights].as_f32().expect("single precision");
                let stored = &quantized.weights()[weights];
                let is_vector = array.shape.len() == 1 || array.shape[1] == 1;
                if is_vector {
                    assert_eq!(stored, array, "{name} {weights}");
                    continue;
                }
                rounded += 1;
                let scale = |place: usize| match &stored.values {
                    Values::I8(_) => {
                        let scales = &quantized.weights()[&format!("{weights}.scales")];
                        let columns = array.shape[1];
                        let place = match scales.shape[0] == 1 {
                            true => place % columns,
                            false => place / columns,
                        };
                        scales.as_f32().expect("single precision")[place]
                    }
                    _ => before[place].abs() / 128.0,
                };
                for (place, (before, after)) in before.iter().zip(after.iter()).enumerate() {
                    let most = scale(place) * 0.5001;
                    assert!(
                        (before - after).abs() <= most,
                        "{name} {weights}: {before} became {after}"
                    );
                }
            }
            assert!(rounded > 3, "{name} {precision}");
        }
    }
}

#[test]
fn what_cannot_be_quantized_is_refused() {
    let model = stored("recurrent");
    for first in NARROW {
        let quantized = model.quantized(first).expect("matrices");
        for second in NARROW {
            let error = quantized.quantized(second).expect_err("it is already");
            assert_eq!(error, QuantizeError::Quantized(first));
        }
    }
    let counts = stored("ngram").quantized(Precision::Int8);
    assert_eq!(counts.expect_err("no matrices"), QuantizeError::NoMatrices);
    // Beyond the range of bf16.
    let mut parts = model.parts().clone();
    let (name, array) = (parts.weights.iter())
        .find(|(_, array)| array.shape.len() == 2 && array.shape[1] > 1)
        .expect("a matrix");
    let mut values = array.as_f32().expect("single precision").to_vec();
    values[0] = f32::MAX;
    let array = Array::f32(array.shape.clone(), values);
    let name = name.clone();
    parts.weights.insert(name.clone(), array);
    let large = Model::new(parts).expect("finite weights");
    let error = large.quantized(Precision::Bf16).expect_err("infinite");
    assert!(error.to_string().contains(&name), "{error}");
    assert!(large.quantized(Precision::Int8).is_ok());
}

/// An n-gram model in an ensemble keeps its tables; the others are quantized.
#[test]
fn members_without_matrices_stay_as_they_are() {
    let members = [stored("recurrent"), stored("ngram")];
    let joined = Model::ensemble(&members, Default::default()).expect("members that agree");
    let quantized = joined.quantized(Precision::Int8).expect("matrices");
    for (name, array) in joined.weights() {
        if name.starts_with("member.1.") {
            assert_eq!(&quantized.weights()[name], array, "{name}");
        }
    }
    let lines = ["abc".to_owned(), "seashell".to_owned()];
    assert_eq!(
        answers(&quantized, &lines),
        answers(&widened(&quantized), &lines)
    );
}
