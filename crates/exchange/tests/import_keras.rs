//! Keras models become ours and answer as Keras does. tests/import/make_keras.py made the files.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::indexing_slicing)] // a test may fail by panicking

mod imported;

use std::io::{Cursor, Read, Write};

use imported::{check, close, file, list};
use seq2seq_exchange::import::{ImportError, ImportRequest, Marks, SymbolList, keras};
use seq2seq_runtime::settings::TextSettings;
use seq2seq_runtime::{Model, PredictOptions};
use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

fn expected() -> Value {
    serde_json::from_slice(&file("keras.json")).unwrap()
}

fn letters(symbols: &str) -> SymbolList {
    SymbolList(symbols.chars().map(String::from).collect())
}

fn request(case: &Value) -> ImportRequest {
    let target = list(&case["target_symbols"]);
    let first_symbols = match case["begin"] {
        Value::Null => Some(target.0.iter().filter(|it| *it != "\n").cloned().collect()),
        _ => None,
    };
    ImportRequest {
        source: list(&case["source_symbols"]),
        target,
        marks: Marks {
            first_symbols,
            ..Marks::default()
        },
        text: TextSettings {
            reverse_source: case["reverse"].as_bool().unwrap(),
            source_width: case["width"].as_u64().unwrap() as usize,
            ..TextSettings::default()
        },
        ..ImportRequest::default()
    }
}

#[test]
fn imported_models_answer_as_keras_does() {
    let expected = expected();
    let limit = expected["limit"].as_u64().unwrap() as usize;
    let mut files = 0;
    for case in expected["models"].as_array().unwrap() {
        for name in list(&case["files"]).0 {
            let model = keras::import(&file(&name), &request(case)).expect(&name);
            check(&model, case, limit, &name);
            // What is written is a whole model file, which is read with nothing taken on trust.
            let again = Model::from_bytes(&model.to_bytes(), &name).expect(&name);
            check(&again, case, limit, &name);
            files += 1;
        }
    }
    assert_eq!(files, 9);
}

/// Keras 2, with which the notebook was written, connects layers and names weights in another way.
#[test]
fn models_of_keras_2_answer_as_they_did() {
    let expected: Value = serde_json::from_slice(&file("keras2.json")).unwrap();
    let request = ImportRequest {
        source: list(&expected["source_symbols"]),
        target: list(&expected["target_symbols"]),
        ..ImportRequest::default()
    };
    let mut files = 0;
    for case in expected["models"].as_array().unwrap() {
        for name in list(&case["files"]).0 {
            let model = keras::import(&file(&name), &request).expect(&name);
            check(&model, case, 0, &name);
            files += 1;
        }
    }
    assert_eq!(files, 3);
}

/// The addition example of Keras: the encoder's output at every step, targets of one length.
#[test]
fn a_repeated_encoder_output_is_imported() {
    let case = &expected()["repeated"];
    let request = ImportRequest {
        source: list(&case["symbols"]),
        target: list(&case["symbols"]),
        text: TextSettings {
            source_width: 5,
            source_align: seq2seq_runtime::text::Align::Left,
            ..TextSettings::default()
        },
        ..ImportRequest::default()
    };
    let model = keras::import(&file(case["file"].as_str().unwrap()), &request).unwrap();
    let model = Model::from_bytes(&model.to_bytes(), "addition").unwrap();
    let predictor = model.predictor(PredictOptions::default()).unwrap();
    for answer in case["answers"].as_array().unwrap() {
        let source = answer["source"].as_str().unwrap();
        let trace = model.trace(&source, &[]);
        let steps = answer["probabilities"].as_array().unwrap();
        assert_eq!(trace.steps.len(), steps.len());
        for (step, expected) in trace.steps.iter().zip(steps) {
            close(&step.probabilities, expected, source);
        }
        let best = &predictor.predict(&[source])[0];
        assert_eq!(best.best().symbols, list(&answer["written"]).0);
    }
    let marked = ImportRequest {
        marks: Marks {
            end: Some(" ".to_owned()),
            ..Marks::default()
        },
        ..request
    };
    let error = keras::import(&file("addition.keras"), &marked).unwrap_err();
    assert!(
        error.to_string().contains("so --end means nothing"),
        "{error}"
    );
}

/// The entries of a `.keras` file.
fn entries(name: &str) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(file(name))).unwrap();
    let mut entries = Vec::new();
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        entries.push((entry.name().unwrap().into_owned(), bytes));
    }
    entries
}

fn archive(entries: &[(String, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let options = SimpleFileOptions::default().compression_method(method);
        writer.start_file(name.as_str(), options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A `.keras` file with its configuration changed.
fn changed(name: &str, from: &str, to: &str) -> Vec<u8> {
    let mut entries = entries(name);
    for (entry, bytes) in &mut entries {
        if entry == "config.json" {
            let text = String::from_utf8(bytes.clone()).unwrap();
            assert!(text.contains(from), "{from}");
            *bytes = text.replacen(from, to, 1).into_bytes();
        }
    }
    archive(&entries, CompressionMethod::Stored)
}

fn refused(bytes: &[u8]) -> String {
    let request = ImportRequest {
        source: letters("abcdefghij"),
        target: letters("\t\nklmnopqrst"),
        ..ImportRequest::default()
    };
    keras::import(bytes, &request)
        .expect_err("no model")
        .to_string()
}

#[test]
fn what_there_is_no_layer_for_is_named() {
    let request = ImportRequest {
        source: letters("abcd"),
        target: letters("\t\nef"),
        ..ImportRequest::default()
    };
    let error = keras::import(&file("attention.keras"), &request).unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with("the layer \"joined\" (Concatenate) stands between the decoder"),
        "{message}"
    );
    let recurrent = r#""recurrent_activation": "sigmoid""#;
    for (from, to, message) in [
        (
            r#""class_name": "Functional""#,
            r#""class_name": "MyModel""#,
            "the model has the class \"MyModel\"",
        ),
        (
            r#""class_name": "LSTM""#,
            r#""class_name": "ConvLSTM1D""#,
            "(ConvLSTM1D) ",
        ),
        (
            r#""class_name": "Dense""#,
            r#""class_name": "Conv1D""#,
            "the layer \"scores\" (Conv1D) is the output",
        ),
        (
            r#""activation": "tanh""#,
            r#""activation": "relu""#,
            "has activation = \"relu\"",
        ),
        (
            recurrent,
            r#""recurrent_activation": "hard_sigmoid""#,
            "recurrent_activation = \"hard_sigmoid\"",
        ),
        (
            r#""go_backwards": false"#,
            r#""go_backwards": true"#,
            "(go_backwards)",
        ),
        (r#""stateful": false"#, r#""stateful": true"#, "(stateful)"),
        (
            r#""activation": "softmax""#,
            r#""activation": "sigmoid""#,
            "has the activation \"sigmoid\"",
        ),
        (
            r#""keras_history": ["source", 0, 0]"#,
            r#""keras_history": ["nowhere", 0, 0]"#,
            "\"nowhere\", which",
        ),
        (
            r#""keras_history": ["target", 0, 0]"#,
            r#""keras_history": ["lstm_1", 0, 0]"#,
            "in a circle",
        ),
        (
            r#""keras_history": ["lstm", 0, 2]"#,
            r#""keras_history": ["lstm", 0, 1]"#,
            "its state c comes from",
        ),
    ] {
        let error = refused(&changed("tutorial.keras", from, to));
        assert!(error.contains(message), "{to}: {error}");
    }
}

#[test]
fn symbols_and_marks_must_fit() {
    let bytes = file("tutorial.keras");
    let import = |source: &str, target: &str, marks: Marks| {
        let request = ImportRequest {
            source: letters(source),
            target: letters(target),
            marks,
            ..ImportRequest::default()
        };
        keras::import(&bytes, &request).map_err(|error| error.to_string())
    };
    let (source, target) = ("abcdefghij", "\t\nklmnopqrst");
    let named = |begin: &str| Marks {
        begin: Some(begin.to_owned()),
        ..Marks::default()
    };
    for (source, target, marks, message) in [
        (
            "abc",
            target,
            Marks::default(),
            "the list of source symbols has 3, but the encoder has 10",
        ),
        (
            source,
            "\t\nk",
            Marks::default(),
            "the list of target symbols has 3, but the output layer has 12",
        ),
        (
            source,
            "\tUklmnopqrst",
            Marks::default(),
            "no target symbol is known to end",
        ),
        (
            source,
            "U\nklmnopqrst",
            Marks::default(),
            "no target symbol is known to begin",
        ),
        (
            source,
            target,
            named("<s>"),
            "--begin: the target symbols have no \"<s>\"",
        ),
        (
            source,
            "\t\nkkmnopqrst",
            Marks::default(),
            "is listed twice",
        ),
        (source, target, named("\n"), "both have id 1"),
    ] {
        let error = import(source, target, marks).expect_err(message);
        assert!(error.contains(message), "{error}");
    }
    let unknown = Marks {
        unknown: Some("a".to_owned()),
        ..Marks::default()
    };
    let model = import(source, target, unknown).unwrap();
    assert_eq!(model.codec().source.vocabulary.unknown(), Some(0));
    assert_eq!(model.settings().decoding.max_length, 500);
}

#[test]
fn damage_is_named() {
    let whole = file("tutorial.keras");
    for cut in [0, 3, 100, whole.len() / 2, whole.len() - 1] {
        let error = refused(&whole[..cut]);
        assert!(
            error.contains("the zip archive cannot be read"),
            "{cut}: {error}"
        );
    }
    let mut parts = entries("tutorial.keras");
    parts.retain(|(name, _)| name != "config.json");
    let error = refused(&archive(&parts, CompressionMethod::Stored));
    assert!(
        error.contains("the zip archive has no config.json"),
        "{error}"
    );

    let h5 = file("simple-rnn.h5");
    for cut in [9, 100, 2000, h5.len() / 2, h5.len() - 1] {
        let error = refused(&h5[..cut]);
        assert!(error.contains("HDF5 file cannot be read"), "{cut}: {error}");
    }

    // A group of weights that is not there.
    let renamed = changed(
        "tutorial.keras",
        r#""class_name": "Dense""#,
        r#""class_name": "TimeDistributed""#,
    );
    let error = refused(&renamed);
    assert!(error.contains("inside, and no Dense"), "{error}");
}

/// A weight that is not a number, or infinite, is named.
#[test]
fn weights_that_are_no_numbers_are_refused() {
    let mut bytes = file("simple-rnn.h5");
    let request = ImportRequest {
        source: letters("abcdefghij"),
        target: letters("\t\nklmnopqrst"),
        ..ImportRequest::default()
    };
    let model = keras::import(&bytes, &request).unwrap();
    let first = model.weights()["output.bias"].as_f32().unwrap()[0];
    let place = bytes
        .windows(4)
        .position(|it| it == first.to_le_bytes())
        .unwrap();
    bytes[place..place + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    let error = keras::import(&bytes, &request)
        .expect_err("not a number")
        .to_string();
    assert!(
        error.contains("`output.bias` are not all finite"),
        "{error}"
    );
}

#[test]
fn a_zip_bomb_is_not_unpacked() {
    let mut parts = entries("tutorial.keras");
    // A packed file that is honest is read.
    let packed = archive(&parts, CompressionMethod::Deflated);
    let request = ImportRequest {
        source: letters("abcdefghij"),
        target: letters("\t\nklmnopqrst"),
        ..ImportRequest::default()
    };
    assert!(keras::import(&packed, &request).is_ok());
    for name in ["config.json", "model.weights.h5"] {
        for (part, bytes) in &mut parts {
            if part == name {
                bytes.resize(200 << 20, b' ');
            }
        }
        let bomb = archive(&parts, CompressionMethod::Deflated);
        assert!(bomb.len() < 1 << 20);
        let error = keras::import(&bomb, &request).unwrap_err();
        assert!(matches!(error, ImportError::TooLarge { .. }), "{error}");
        parts = entries("tutorial.keras");
    }
}

/// Any bytes of the file may be wrong: there is a model or a message, soon.
#[test]
fn no_change_of_a_file_is_fatal() {
    let request = ImportRequest {
        source: letters("abcdefghij"),
        target: letters("\t\nklmnopqrst"),
        ..ImportRequest::default()
    };
    for name in ["simple-rnn.h5", "tutorial.keras"] {
        let whole = file(name);
        let mut number: u64 = 1;
        for _ in 0..2000 {
            let mut bytes = whole.clone();
            for _ in 0..3 {
                number = number
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let place = (number >> 33) as usize % bytes.len();
                bytes[place] = (number >> 20) as u8;
            }
            drop(keras::import(&bytes, &request));
        }
    }
}
