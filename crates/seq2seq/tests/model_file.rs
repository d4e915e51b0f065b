//! A model file is a whole and consistent model, or it is refused with a reason; never a panic,
//! never memory beyond a small multiple of the file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may fail by panicking

mod support;

use std::sync::OnceLock;

use proptest::prelude::*;
use seq2seq::decoding::LengthLimit;
use seq2seq::storage::Precision;
use seq2seq::training::{InitialModel, Task, Trainer};
use seq2seq::{Damage, Model, ModelFileError, Pair, PredictOptions};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn trained() -> Model {
    let settings = [
        "model.encoder_units=4",
        "model.embedding=3",
        "training.epochs=1",
        "data.validation=0",
        "text.source=characters",
        "text.target=characters",
        "data.dev=private/folder/dev.tsv",
    ];
    let recipe = support::recipe(&settings, &[]);
    let pairs = ["ab", "ba", "aab", "bb"].map(|word| Pair {
        source: word.to_owned(),
        target: word.chars().rev().collect(),
        features: None,
    });
    let task = Task::from_pairs(recipe, pairs).unwrap();
    let outcome = Trainer::new(task, None).unwrap().run(&mut ()).unwrap();
    outcome.model
}

/// The bytes of a small model.
fn model() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        trained().save(&path).unwrap();
        std::fs::read(path).unwrap()
    })
}

fn load(bytes: &[u8]) -> Result<Model, ModelFileError> {
    Model::from_bytes(bytes, "m")
}

fn refusal(bytes: &[u8]) -> String {
    load(bytes).expect_err("it was accepted").to_string()
}

fn damage(bytes: &[u8]) -> Damage {
    match load(bytes) {
        Err(ModelFileError::Damaged { damage, .. }) => damage,
        other => panic!("{other:?}"),
    }
}

fn split(bytes: &[u8]) -> (String, &[u8]) {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = std::str::from_utf8(&bytes[8..8 + length]).unwrap();
    (header.to_owned(), &bytes[8 + length..])
}

/// A file with this header and data whose checksum is right, as a hostile writer would make it.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let mut header = header.to_owned();
    let mut digest = |zeros: bool| {
        if let Some(place) = header.find("sha256:") {
            let place = place + 7;
            let digits = if zeros {
                "0".repeat(64)
            } else {
                let length = (header.len() as u64).to_le_bytes();
                let hash = Sha256::digest([&length, header.as_bytes(), data].concat());
                hash.iter().map(|byte| format!("{byte:02x}")).collect()
            };
            header.replace_range(place..place + 64, &digits);
        }
    };
    digest(true);
    digest(false);
    let length = (header.len() as u64).to_le_bytes();
    [&length, header.as_bytes(), data].concat()
}

/// The small model with its header changed and its checksum made right.
fn with_header(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let (header, data) = split(model());
    let mut header: Value = serde_json::from_str(&header).unwrap();
    change(&mut header);
    file(&header.to_string(), data)
}

fn with_metadata(key: &str, change: impl FnOnce(&str) -> String) -> Vec<u8> {
    with_header(|header| {
        let value = &mut header["__metadata__"][key];
        *value = change(value.as_str().unwrap()).into();
    })
}

#[test]
fn equal_models_give_equal_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("again");
    load(model()).unwrap().save(&path).unwrap();
    assert!(std::fs::read(&path).unwrap() == model());
}

#[test]
fn the_helper_makes_acceptable_files() {
    assert!(load(&with_header(|_| ())).is_ok());
}

#[test]
fn other_readers_of_safetensors_open_it() {
    let file = safetensors::SafeTensors::deserialize(model()).unwrap();
    let names: Vec<&str> = file.names();
    assert!(names.len() > 5, "{names:?}");
}

#[test]
fn paths_of_the_data_stay_private() {
    let (header, _) = split(model());
    assert!(header.contains("dev.tsv"));
    assert!(!header.contains("private/folder"));
}

#[test]
fn every_truncation_is_known_as_one() {
    for length in 0..model().len() {
        match damage(&model()[..length]) {
            Damage::Truncated { expected, found } => {
                assert_eq!(found, length as u64);
                assert!(expected > found && expected <= model().len() as u64);
            }
            Damage::SomethingElse(_) => assert!(length < 9, "{length}"),
            Damage::Corrupted(reason) => panic!("{length} bytes: {reason}"),
        }
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    for place in 0..model().len() {
        let mut bytes = model().to_vec();
        bytes[place] ^= 1 << (place % 8);
        assert!(load(&bytes).is_err(), "byte {place}");
    }
}

#[test]
fn more_bytes_at_the_end_are_noticed() {
    let bytes = [model(), b"x"].concat();
    assert_eq!(
        damage(&bytes),
        Damage::Corrupted("1 bytes follow its end".into())
    );
}

#[test]
fn other_files_are_told_apart() {
    let texts: [&[u8]; 4] = [b"", b"abc", b"a\tb\nc\td\ne\tf\n", &[0xFF; 100]];
    for bytes in texts {
        let damage = damage(bytes);
        assert!(matches!(damage, Damage::SomethingElse(_)), "{damage:?}");
    }
    let foreign = file(
        r#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        &[0; 4],
    );
    assert!(matches!(load(&foreign), Err(ModelFileError::Foreign(_))));
    let later = with_metadata("version", |_| "3".into());
    assert!(refusal(&later).contains("use a newer version"));
}

#[test]
fn a_header_that_lies_is_refused() {
    let cases = [
        (
            r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
            "does not lie",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
            "does not lie",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}}"#,
            "does not lie",
        ),
        (
            r#"{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}"#,
            "not F32, U32, BF16, U8 or I8",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
            "does not lie",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#,
            "does not lie",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
            "twice",
        ),
        (r#"{"__metadata__":{"a":"1","a":"2"}}"#, "twice"),
        (r#"{"__metadata__":{"a":1}}"#, "string"),
        (r#"{"a":{"dtype":"F32"}}"#, "missing field"),
        (r#"{"a":"#, "EOF"),
    ];
    for (header, reason) in cases {
        let message = refusal(&file(header, &[0; 8]));
        assert!(message.contains(reason), "{header}: {message}");
    }
    let deep = format!(r#"{{"a":{}"#, "[".repeat(100_000));
    assert!(load(&file(&deep, &[])).is_err());
}

/// A header may claim any length; nothing is allocated before the file is known to be that long.
#[test]
fn a_huge_header_is_refused() {
    for length in [1 << 20, 1 << 26, 1 << 40, u64::MAX] {
        let bytes = [&length.to_le_bytes()[..], b"{}"].concat();
        assert!(load(&bytes).is_err(), "{length}");
    }
}

/// The shapes in the file decide, not the sizes that its recipe asks for.
#[test]
fn a_recipe_cannot_ask_for_more_than_the_file_holds() {
    for (from, to) in [
        ("encoder_units = 4", "encoder_units = 32768"),
        ("embedding = 3", "embedding = 32768"),
    ] {
        let message = refusal(&with_metadata("recipe", |recipe| {
            assert!(recipe.contains(from), "{recipe}");
            recipe.replace(from, to)
        }));
        assert!(message.contains("have the shape"), "{message}");
    }
}

#[test]
fn settings_and_vocabularies_must_agree() {
    let codec = |from: &str, to: &str| {
        refusal(&with_metadata("codec", |codec| {
            assert!(codec.contains(from), "{codec}");
            codec.replacen(from, to, 1)
        }))
    };
    let width = codec(r#""source_width":0"#, r#""source_width":1000000000000"#);
    assert!(width.contains("text.source_width"), "{width}");
    let cut = codec(
        r#""tokenization":"characters""#,
        r#""tokenization":"spaces""#,
    );
    assert!(cut.contains("text.source"), "{cut}");
    let symbol = codec(r#""a","b""#, r#""a","b","c""#);
    assert!(symbol.contains("have the shape"), "{symbol}");
    let twice = codec(r#""a","b""#, r#""a","a""#);
    assert!(twice.contains("listed twice"), "{twice}");
    let many = codec(
        r#""a","b""#,
        &(0..5000)
            .map(|n| format!(r#""s{n}""#))
            .collect::<Vec<_>>()
            .join(","),
    );
    assert!(many.contains("symbols cannot share"), "{many}");
    let first = refusal(&with_metadata("provenance", |text| {
        text.replacen("first_symbols = [", "first_symbols = [99, ", 1)
    }));
    assert!(first.contains("first symbol 99"), "{first}");
    let unknown = refusal(&with_metadata("recipe", |text| {
        format!("wings = 2\n{text}")
    }));
    assert!(unknown.contains("wings"), "{unknown}");
}

#[test]
fn weights_must_be_those_of_the_network() {
    let (header, data) = split(model());
    let header: Value = serde_json::from_str(&header).unwrap();
    let mut more = header.clone();
    more["extra"] =
        json!({"dtype": "F32", "shape": [1], "data_offsets": [data.len(), data.len() + 4]});
    let message = refusal(&file(&more.to_string(), &[data, &[0; 4]].concat()));
    assert!(message.contains("`extra`"), "{message}");
    let mut nan = data.to_vec();
    nan[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    let message = refusal(&file(&header.to_string(), &nan));
    assert!(message.contains("finite"), "{message}");
}

/// A small quantized model, its checksum made right after a change of its header and data.
fn quantized_with(precision: Precision, change: impl FnOnce(&mut Value, &mut Vec<u8>)) -> Vec<u8> {
    let bytes = trained().quantized(precision).unwrap().to_bytes();
    let (header, data) = split(&bytes);
    let (mut header, mut data) = (serde_json::from_str(&header).unwrap(), data.to_vec());
    change(&mut header, &mut data);
    file(&header.to_string(), &data)
}

#[test]
fn quantized_files_are_held_against_the_network() {
    const KERNEL: &str = "encoder.layers.0.forward.recurrent_kernel";
    let scales = format!("{KERNEL}.scales");
    let begin = |header: &Value, name: &str| {
        usize::try_from(header[name]["data_offsets"][0].as_u64().unwrap()).unwrap()
    };
    let message = |precision, change: &dyn Fn(&mut Value, &mut Vec<u8>)| {
        refusal(&quantized_with(precision, change))
    };
    for precision in [Precision::Bf16, Precision::Int8] {
        assert!(load(&quantized_with(precision, |_, _| ())).is_ok());
        let older = message(precision, &|header, _| {
            header["__metadata__"]["version"] = "1".into();
        });
        assert!(older.contains("which format 1 lacks"), "{older}");
        let later = message(precision, &|header, _| {
            header["__metadata__"]["version"] = "3".into();
        });
        assert!(later.contains("reads formats 1 and 2"), "{later}");
        let unknown = message(precision, &|header, _| {
            header[KERNEL]["dtype"] = "F8_E4M3".into();
        });
        assert!(
            unknown.contains("not F32, U32, BF16, U8 or I8"),
            "{unknown}"
        );
    }
    let infinite = message(Precision::Bf16, &|header, data| {
        let place = begin(header, KERNEL);
        data[place..place + 2].copy_from_slice(&0x7f80_u16.to_le_bytes());
    });
    assert!(infinite.contains("are not all finite"), "{infinite}");
    for wrong in [f32::NAN, f32::INFINITY, -0.5] {
        let scale = message(Precision::Int8, &|header, data| {
            let place = begin(header, &scales);
            data[place..place + 4].copy_from_slice(&wrong.to_le_bytes());
        });
        let expected = format!("the scales `{scales}` are not all finite numbers of at least 0");
        assert!(scale.contains(&expected), "{scale}");
    }
    let shape = message(Precision::Int8, &|header, _| {
        header[&scales]["shape"] = json!([16, 1]);
    });
    assert!(shape.contains("have the shape [16, 1]"), "{shape}");
    let missing = message(Precision::Int8, &|header, _| {
        let header = header.as_object_mut().unwrap();
        let entry = header.remove(&scales).unwrap();
        header.insert("other".into(), entry);
    });
    assert!(
        missing.contains(&format!("`{scales}` are missing")),
        "{missing}"
    );
    // A vector of whole numbers, which would need scales.
    let vector = message(Precision::Int8, &|header, _| {
        let bias = "encoder.layers.0.forward.bias";
        header[bias]["dtype"] = "I8".into();
        header[bias]["shape"] = json!([64]);
    });
    assert!(
        vector.contains("are stored as I8") || vector.contains("have the shape"),
        "{vector}"
    );
}

#[test]
fn every_changed_byte_of_a_quantized_model_is_noticed() {
    let bytes = trained().quantized(Precision::Int8).unwrap().to_bytes();
    for place in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[place] ^= 1 << (place % 8);
        assert!(load(&bytes).is_err(), "byte {place}");
    }
}

#[test]
fn training_does_not_go_on_from_a_quantized_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    trained()
        .quantized(Precision::Bf16)
        .unwrap()
        .save(&path)
        .unwrap();
    let error = InitialModel::load(&path).unwrap_err().to_string();
    assert!(
        error.contains("give the model that it was made from"),
        "{error}"
    );
}

/// Files of every version that was ever released load and answer as they did. How that of
/// version 1 was made is in `fixtures/make_version_1.py`.
#[test]
fn old_files_load() {
    let version_1 = include_bytes!("fixtures/version-1.safetensors");
    let model = load(version_1).unwrap();
    let answers = model
        .predictor(PredictOptions::default())
        .expect("options that work")
        .predict(&["abcd", "ddab", "ca"]);
    let texts: Vec<&str> = answers
        .iter()
        .map(|answer| answer.best().text.as_str())
        .collect();
    assert_eq!(texts, ["dcba", "badd", "acd"]);
}

/// Version 0.1 wrote these files and printed these log-probabilities. Their recipes have n-gram vectors
/// turned off; the single model learned from pairs by analogy, too, which its answers do not need.
#[test]
fn files_with_removed_settings_answer_as_before() {
    let single = include_bytes!("fixtures/removed-settings-off.safetensors");
    let ensemble = include_bytes!("fixtures/removed-settings-off-ensemble.safetensors");
    let cases: [(&[u8], [f64; 3]); 2] = [
        (single, [-0.652_047_76, -0.643_231_29, -1.062_857_31]),
        (ensemble, [-2.730_545_92, -2.382_171_85, -4.929_206_85]),
    ];
    for (bytes, expected) in cases {
        assert!(String::from_utf8_lossy(bytes).contains("ngrams]"));
        let answers = load(bytes)
            .unwrap()
            .predictor(PredictOptions::default())
            .expect("options that work")
            .predict(&["abcd", "ddab", "abcdabc"]);
        let texts: Vec<&str> = answers
            .iter()
            .map(|answer| answer.best().text.as_str())
            .collect();
        assert_eq!(texts, ["ABCD", "DDAB", "ABCDABC"]);
        for (answer, expected) in answers.iter().zip(expected) {
            let found = answer.best().log_probability;
            assert!(
                (found - expected).abs() < 1e-4,
                "{found} instead of {expected}"
            );
        }
    }
}

#[test]
fn files_with_ngram_vectors_are_refused() {
    let bytes = include_bytes!("fixtures/ngrams.safetensors");
    let expected = "m has n-gram vectors, which this version no longer has: train it again, or use version 0.1";
    assert_eq!(refusal(bytes), expected);
    // The weights tell, whatever the recipe says.
    let (header, data) = split(bytes);
    let hidden = header.replace("longest = 3", "longest = 1");
    assert_eq!(refusal(&file(&hidden, data)), expected);
    let claimed = with_metadata("recipe", |recipe| {
        format!("{recipe}\n[model.ngrams]\nlongest = 3\n")
    });
    assert_eq!(refusal(&claimed), expected);
}

#[test]
fn paths_that_are_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let message = Model::load(folder.path()).unwrap_err().to_string();
    assert!(message.contains("there is no model at"), "{message}");
    #[cfg(unix)]
    {
        let message = Model::load("/dev/zero".as_ref()).unwrap_err().to_string();
        assert!(message.contains("not a regular file"), "{message}");
    }
}

/// What a loaded model answers to anything is an answer.
fn answers(model: &Model) {
    let options = PredictOptions {
        limit: Some(LengthLimit {
            most: 5,
            ..LengthLimit::default()
        }),
        ..PredictOptions::default()
    };
    assert_eq!(
        model
            .predictor(options.clone())
            .expect("options that work")
            .predict(&["ab", "", "xyz"])
            .len(),
        3
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Damage to the header that a right checksum hides: refused, or a model that answers.
    #[test]
    fn hidden_damage_is_refused_or_harmless(place: prop::sample::Index, byte: u8) {
        let (header, data) = split(model());
        let mut header = header.into_bytes();
        let place = place.index(header.len());
        header[place] = byte;
        if let Ok(header) = String::from_utf8(header)
            && let Ok(model) = load(&file(&header, data))
        {
            answers(&model);
        }
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(load(&bytes).is_err());
        let length = (bytes.len() as u64 + 1).to_le_bytes();
        let header = [&length[..], b"{", &bytes].concat();
        prop_assert!(load(&header).is_err());
    }
}
