//! Models as ONNX: what is written and what is refused. The files are left in the target folder, where
//! `.ci/onnx` has the real runtimes answer with them.
#![allow(clippy::expect_used, clippy::unwrap_used)] // a test may fail by panicking

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use seq2seq_exchange::onnx::{export, openutau};
use seq2seq_runtime::decoding::LengthLimit;
use seq2seq_runtime::layers::WeightError;
use seq2seq_runtime::model::ModelParts;
use seq2seq_runtime::settings::{
    Architecture, AttentionKind, BridgeKind, CellKind, DecoderInput, Embedding, ModelSettings,
    PositionKind, TransformerSettings,
};
use seq2seq_runtime::storage::{Array, Precision};
use seq2seq_runtime::text::{Codec, Vocabulary};
use seq2seq_runtime::{Model, PredictOptions};
use serde_json::json;

fn stored(name: &str) -> Model {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../runtime/tests/files");
    Model::load(&folder.join(name).with_extension("safetensors")).expect("a model")
}

/// A generator of numbers that are the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        self.0 >> 33
    }

    /// From -0.8 to 0.8.
    fn weight(&mut self) -> f32 {
        (self.next() % 16_001) as f32 / 10_000.0 - 0.8
    }
}

/// The stored recurrent model with other settings and any weights.
fn with_settings(change: impl FnOnce(&mut ModelSettings)) -> Model {
    of_codec(Codec::clone(stored("recurrent").codec()), change)
}

/// The same with another codec.
fn of_codec(codec: Codec, change: impl FnOnce(&mut ModelSettings)) -> Model {
    let base = stored("recurrent");
    let codec = Arc::new(codec);
    let mut settings = base.settings().clone();
    settings.model.encoder_units = 6;
    change(&mut settings.model);
    let mut weights = BTreeMap::new();
    let mut numbers = Numbers(7);
    loop {
        let parts = ModelParts {
            settings: settings.clone(),
            recipe: base.recipe().to_owned(),
            codec: codec.clone(),
            provenance: base.provenance().clone(),
            weights: weights.clone(),
        };
        match Model::new(parts) {
            Ok(model) => return model,
            Err(WeightError::Missing(name)) => {
                weights.insert(name, Array::f32(vec![1, 1, 1], vec![0.0]));
            }
            Err(WeightError::Shape { name, expected, .. }) => {
                let count = expected.iter().product();
                // A Transformer is normalised as a trained one, so that its answers depend on the words.
                let trained = settings.model.architecture == Architecture::Transformer;
                let [scale, shift] = match name.rsplit_once("norm.") {
                    Some((_, "gain")) if trained => [0.2, 1.0],
                    Some(_) if trained => [0.1, 0.0],
                    _ => [1.0, 0.0],
                };
                let value = |_| scale * numbers.weight() + shift;
                let values: Vec<f32> = (0..count).map(value).collect();
                weights.insert(name, Array::f32(expected, values));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Every kind of cell, attention and connection at least once.
fn models() -> Vec<(&'static str, Model)> {
    vec![
        ("trained", stored("recurrent")),
        ("trained-transformer", stored("transformer")),
        ("trained-monotonic", stored("monotonic")),
        ("lstm", with_settings(|_| {})),
        (
            "gru",
            with_settings(|model| {
                model.cell = CellKind::Gru;
                model.attention = AttentionKind::Additive;
                model.attention_units = Some(5);
                model.encoder_layers = 2;
                model.decoder_layers = 3;
                model.layer_norm = true;
                model.residual = true;
            }),
        ),
        (
            "gru-original",
            with_settings(|model| {
                model.cell = CellKind::GruOriginal;
                model.attention = AttentionKind::MultiHead;
                model.attention_units = Some(8);
                model.attention_heads = 2;
                model.bridge = BridgeKind::Tanh;
                model.decoder_units = Some(7);
                model.tied_embeddings = true;
            }),
        ),
        (
            "rnn",
            with_settings(|model| {
                model.cell = CellKind::Rnn;
                model.attention = AttentionKind::Concat;
                model.bidirectional = false;
                model.input_feeding = true;
                model.tied_embeddings = true;
            }),
        ),
        (
            "dot-fed",
            with_settings(|model| {
                model.attention = AttentionKind::Dot;
                model.decoder_units = Some(12);
                model.input_feeding = true;
                model.layer_norm = true;
            }),
        ),
        (
            "one-hot",
            with_settings(|model| {
                model.attention = AttentionKind::None;
                model.embedding = Embedding::Named(seq2seq_runtime::settings::OneHotName::OneHot);
                model.bridge = BridgeKind::Linear;
                model.encoder_layers = 3;
            }),
        ),
        (
            "transformer",
            with_settings(|model| {
                transformer(model, PositionKind::Rotary);
                model.transformer.encoder_layers = Some(3);
            }),
        ),
        (
            "transformer-sinusoidal",
            with_settings(|model| {
                transformer(model, PositionKind::Sinusoidal);
                model.transformer.tied_output = false;
            }),
        ),
        (
            "transformer-learned",
            with_settings(|model| {
                transformer(model, PositionKind::Learned);
                model.transformer.learned_positions = 5;
                model.transformer.heads = 1;
            }),
        ),
        (
            "monotonic",
            with_settings(|model| {
                model.architecture = Architecture::Monotonic;
                model.monotonic.encoder_layers = 2;
                model.monotonic.decoder_layers = 2;
                model.monotonic.window = 2;
            }),
        ),
        (
            "monotonic-free",
            with_settings(|model| {
                model.architecture = Architecture::Monotonic;
                model.cell = CellKind::Gru;
                model.monotonic.monotonic = false;
                model.monotonic.summary = false;
                model.monotonic.emission_units = Some(5);
            }),
        ),
        (
            "monotonic-zeroth",
            with_settings(|model| {
                model.architecture = Architecture::Monotonic;
                model.monotonic.order = 0;
            }),
        ),
        (
            "copying",
            copying(|model| {
                model.attention = AttentionKind::General;
                model.input_feeding = true;
            }),
        ),
        (
            "copying-one-hot",
            copying(|model| {
                model.attention = AttentionKind::Additive;
                model.embedding = Embedding::ONE_HOT;
            }),
        ),
        (
            "copying-transformer",
            copying(|model| transformer(model, PositionKind::Sinusoidal)),
        ),
        (
            "copying-monotonic",
            copying(|model| model.architecture = Architecture::Monotonic),
        ),
    ]
}

/// A model that copies, whose target has some letters of the source and an unknown symbol.
fn copying(change: impl FnOnce(&mut ModelSettings)) -> Model {
    let base = stored("recurrent");
    let letters = ('a'..='m').map(String::from);
    let marks = ["<s>", "</s>", "<unk>"].map(str::to_owned);
    let symbols = marks.into_iter().chain(letters).collect();
    let mut codec = Codec::clone(base.codec());
    codec.target.vocabulary = Vocabulary::from_parts(symbols, Some(0), Some(1), Some(2)).unwrap();
    codec.copy = true;
    of_codec(codec, |model| {
        model.copy = true;
        change(model);
    })
}

/// A small Transformer.
fn transformer(model: &mut ModelSettings, positions: PositionKind) {
    model.architecture = Architecture::Transformer;
    model.transformer = TransformerSettings {
        layers: 2,
        model_size: 8,
        heads: 2,
        feed_forward: 12,
        positions,
        ..TransformerSettings::default()
    };
}

/// A thousand words of letters that the models know.
fn words() -> Vec<String> {
    let mut numbers = Numbers(3);
    let base = stored("recurrent");
    let known = |c: &char| base.codec().source.vocabulary.id(&c.to_string()).is_some();
    let letters: Vec<char> = ('a'..='z').filter(known).collect();
    let mut word = || {
        let length = 1 + numbers.next() as usize % 12;
        (0..length)
            .map(|_| letters[numbers.next() as usize % letters.len()])
            .collect()
    };
    (0..1000).map(|_| word()).collect()
}

/// Symbols after which answers are cut.
const LIMIT: usize = 20;

/// Writes each model with the runtime's answers beside it.
#[test]
fn models_are_written_for_the_runtimes_of_others() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("onnx");
    drop(fs::remove_dir_all(&out));
    let words = words();
    for (name, model) in models() {
        let folder = out.join(name);
        fs::create_dir_all(&folder).unwrap();
        let files = export(&model).expect("a model that can be exported");
        let names: Vec<&str> = files.iter().map(|file| file.name).collect();
        let architecture = model.settings().model.architecture;
        let stepwise =
            model.settings().model.input_feeding || architecture == Architecture::Monotonic;
        let expected = [
            "encoder.onnx",
            "step.onnx",
            "next.onnx",
            "metadata.json",
            "README.md",
        ];
        let expected: Vec<&str> = (expected.into_iter())
            .filter(|name| *name != "next.onnx" || !stepwise)
            .collect();
        assert_eq!(names, expected);
        for file in files {
            fs::write(folder.join(file.name), file.bytes).unwrap();
        }
        match openutau::export(&model, "known  K N\n") {
            Ok(pack) => fs::write(folder.join("openutau.zip"), pack).unwrap(),
            Err(error) => {
                let refused = stepwise || model.settings().model.copy;
                assert!(refused && error.to_string().starts_with("model."));
            }
        }
        let limit = Some(LengthLimit {
            most: LIMIT,
            ratio: 1000.0,
            extra: 1000,
        });
        let options = PredictOptions {
            limit,
            ..PredictOptions::default()
        };
        let mut words = words.clone();
        if model.settings().model.copy {
            // Letters that nobody knows, which are copied as they are.
            let unknown = words.iter().take(100).map(|word| format!("ä{word}ñ"));
            words = words.iter().cloned().chain(unknown).collect();
        }
        let answers = model.predictor(options).unwrap().predict(&words);
        let answers: Vec<_> = (words.iter().zip(&answers))
            .map(|(word, answer)| {
                let best = answer.best();
                json!([word, best.symbols, best.log_probability])
            })
            .collect();
        let cut = json!({"limit": LIMIT, "answers": answers});
        fs::write(folder.join("answers.json"), cut.to_string()).unwrap();
    }
}

/// The same model gives the same bytes.
#[test]
fn an_export_is_always_the_same() {
    let model = stored("recurrent");
    assert_eq!(export(&model), export(&model));
}

#[test]
fn what_no_graph_is_written_for_is_named() {
    for (name, setting) in [
        ("ngram", "model.architecture = \"ngram\""),
        ("ensemble", "model.architecture = \"ensemble\""),
        ("features", "model.features = \"encoder\""),
    ] {
        let refused = export(&stored(name)).expect_err(name).to_string();
        assert!(refused.starts_with(setting), "{refused}");
    }
    assert_eq!(
        stored("recurrent").settings().model.architecture,
        Architecture::Recurrent
    );
    for input in [DecoderInput::OwnSoftmax, DecoderInput::EncoderOutput] {
        let model = with_settings(|model| {
            model.decoder_input = input;
            model.attention = AttentionKind::None;
        });
        let refused = export(&model).expect_err("no export").to_string();
        assert!(refused.starts_with("model.decoder_input"), "{refused}");
    }
}

/// Runtimes of ONNX get single precision: the numbers that the weights of fewer bits stand for.
#[test]
fn a_quantized_model_is_written_in_single_precision() {
    for precision in [Precision::Bf16, Precision::Int8] {
        let quantized = stored("recurrent").quantized(precision).unwrap();
        let weights = quantized.dequantized_weights();
        let parts = quantized.parts().clone();
        let widened = Model::new(ModelParts { weights, ..parts }).unwrap();
        assert_eq!(export(&quantized), export(&widened), "{precision}");
        let packs = [&quantized, &widened].map(|model| openutau::export(model, ""));
        assert_eq!(packs[0], packs[1], "{precision}");
    }
}
