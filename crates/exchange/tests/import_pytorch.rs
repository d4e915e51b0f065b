//! PyTorch's weights become models of ours and answer as PyTorch does. tests/import/make_pytorch.py made the
//! files.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::indexing_slicing)] // a test may fail by panicking

mod imported;

use std::fs;

use imported::{check, file, list, path};
use seq2seq_exchange::import::pytorch::{EXAMPLE, Mapping, import, listing};
use seq2seq_exchange::import::{ImportRequest, Marks};
use seq2seq_runtime::Model;
use serde_json::Value;

fn expected() -> Value {
    serde_json::from_slice(&file("pytorch.json")).unwrap()
}

fn request(expected: &Value) -> ImportRequest {
    let mark = |symbol: &str| Some(symbol.to_owned());
    ImportRequest {
        source: list(&expected["source_symbols"]),
        target: list(&expected["target_symbols"]),
        marks: Marks {
            begin: mark("<sos>"),
            end: mark("<eos>"),
            ..Marks::default()
        },
        ..ImportRequest::default()
    }
}

#[test]
fn imported_models_answer_as_pytorch_does() {
    let expected = expected();
    let limit = expected["limit"].as_u64().unwrap() as usize;
    let models = expected["models"].as_array().unwrap();
    assert_eq!(models.len(), 3);
    for case in models {
        let name = case["file"].as_str().unwrap();
        let mapping = Mapping::parse(case["mapping"].as_str().unwrap()).unwrap();
        let model = import(&path(name), &file(name), &mapping, &request(&expected)).expect(name);
        check(&model, case, limit, name);
        let again = Model::from_bytes(&model.to_bytes(), name).expect(name);
        check(&again, case, limit, name);
    }
}

/// A mapping, and what is wrong with it.
#[test]
fn what_does_not_fit_is_named() {
    let expected = expected();
    let refused = |name: &str, mapping: &str| {
        let mapping = Mapping::parse(mapping).unwrap();
        let error = import(&path(name), &file(name), &mapping, &request(&expected));
        error.expect_err(name).to_string()
    };
    for (from, to, message) in [
        (
            "decoder.rnn",
            "decoder.lstm",
            "\"decoder.lstm.weight_hh_l0\" are missing",
        ),
        (
            "decoder.fc_out",
            "decoder.fc",
            "\"decoder.fc.weight\" are missing",
        ),
        (
            "source_embedding = \"encoder.embedding\"\n",
            "",
            "weights \"encoder.embedding.weight\"",
        ),
        (
            "encoder.embedding",
            "encoder.rnn",
            "\"encoder.rnn.weight\" are missing",
        ),
        (
            "decoder.rnn",
            "encoder.rnn",
            "\"encoder.rnn.weight_hh_l0\" are missing",
        ),
    ] {
        let changed = EXAMPLE.replacen(from, to, 1);
        assert_ne!(changed, EXAMPLE);
        let error = refused("lstm.pt", &changed);
        assert!(error.contains(message), "{error}");
    }
    // Two directions and no bridge.
    let error = refused("gru.safetensors", EXAMPLE);
    assert!(
        error.contains("no use of the weights \"encoder.fc_h.bias\" and 1 more"),
        "{error}"
    );
    let ignored = format!("{EXAMPLE}ignore = [\"encoder.fc_h.bias\", \"encoder.fc_h.weight\"]\n");
    let error = refused("gru.safetensors", &ignored);
    assert!(error.contains("gives 16 units"), "{error}");
    let two = format!("{EXAMPLE}bridge = [\"encoder.fc_h\", \"encoder.fc_h\"]\n");
    let error = refused("gru.safetensors", &two);
    assert!(
        error.contains("bridge names 2 layers, but a decoder of this kind has 1 state"),
        "{error}"
    );

    let error = Mapping::parse("encoder = \"a\"\ndekoder = \"b\"").unwrap_err();
    assert!(error.contains("unknown field `dekoder`"), "{error}");
}

#[test]
fn weights_are_listed_for_those_who_write_a_mapping() {
    let text = listing(&path("lstm.pt"), &file("lstm.pt")).unwrap();
    assert!(
        text.contains("  encoder.rnn.weight_hh_l1 [36, 9]\n"),
        "{text}"
    );
}

#[test]
fn damage_is_named() {
    let expected = expected();
    let mapping = Mapping::parse(EXAMPLE).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let refused = |bytes: &[u8]| {
        let path = folder.path().join("model");
        fs::write(&path, bytes).unwrap();
        let error = import(&path, bytes, &mapping, &request(&expected));
        error.expect_err("no model").to_string()
    };
    for (name, message) in [
        ("lstm.pt", "the PyTorch file"),
        ("gru.safetensors", "cannot be read"),
    ] {
        let whole = file(name);
        for cut in [0, 9, 200, whole.len() / 2, whole.len() - 1] {
            let error = refused(&whole[..cut]);
            assert!(error.contains(message), "{name}, {cut}: {error}");
        }
    }
    // What a program would be run by: a pickle that calls os.system.
    let error = refused(b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00trueq\x00\x85q\x01Rq\x02.");
    assert!(error.contains("the PyTorch file cannot be read"), "{error}");
}

/// Any bytes of the file may be wrong: there is a model or a message, soon.
#[test]
fn no_change_of_a_file_is_fatal() {
    let expected = expected();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let request = request(&expected);
    for (place, case) in expected["models"].as_array().unwrap().iter().enumerate() {
        let whole = file(case["file"].as_str().unwrap());
        let mapping = Mapping::parse(case["mapping"].as_str().unwrap()).unwrap();
        let mut number = place as u64;
        for _ in 0..500 {
            let mut bytes = whole.clone();
            for _ in 0..3 {
                number = number
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let place = (number >> 33) as usize % bytes.len().min(6000);
                bytes[place] = (number >> 20) as u8;
            }
            fs::write(&path, &bytes).unwrap();
            drop(import(&path, &bytes, &mapping, &request));
        }
    }
}
