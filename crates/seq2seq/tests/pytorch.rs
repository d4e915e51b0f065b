//! Cells, layers, losses, optimizers, schedules and a whole Transformer against PyTorch's numbers, which
//! `pytorch/make.py` writes.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use rnn_kernels::{
    Cell, Direction, Input, Layout, Precision, Problem, backward, forward, layer_norm, log_softmax,
    softmax_cross_entropy,
};
use seq2seq::config::{Architecture, ModelSettings, OptimizerKind, PositionKind, ScheduleKind};
use seq2seq::config::{TrainingSettings, TransformerSettings};
use seq2seq::encoding::SourceIds;
use seq2seq::storage::{Array, Values, Weights};
use seq2seq::text::VocabularySizes;
use seq2seq::training::Schedule;
use seq2seq_runtime::networks;
use serde_json::Value;
use support::optimizing;

fn pytorch() -> Value {
    serde_json::from_str(include_str!("pytorch/numbers.json")).expect("JSON")
}

fn numbers(value: &Value) -> Vec<f64> {
    let numbers = value.as_array().expect("a list").iter();
    numbers.map(|x| x.as_f64().expect("a number")).collect()
}

fn singles(value: &Value) -> Vec<f32> {
    numbers(value).into_iter().map(|x| x as f32).collect()
}

fn size(value: &Value) -> usize {
    value.as_u64().expect("a whole number") as usize
}

fn assert_close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (a, b)) in found.iter().zip(expected).enumerate() {
        let close = (a - b).abs() <= tolerance * (1.0 + b.abs());
        assert!(close, "{what}[{at}]: {a} instead of {b}");
    }
}

fn widened(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&x| f64::from(x)).collect()
}

/// Forward and backward in double precision: output, final state, and the gradients of everything read.
#[test]
fn cells_are_those_of_pytorch() {
    let all = pytorch();
    for (name, cell) in [
        ("lstm", Cell::Lstm),
        ("gru", Cell::Gru { reset_after: true }),
        ("rnn", Cell::Rnn),
    ] {
        let case = &all[name];
        let of = |key: &str| numbers(&case[key]);
        let (input, recurrent, bias, initial) =
            (of("input"), of("recurrent"), of("bias"), of("initial"));
        let (time, batch, hidden) = (
            size(&case["time"]),
            size(&case["batch"]),
            size(&case["hidden"]),
        );
        let problem = Problem {
            cell,
            direction: Direction::Forward,
            time,
            batch,
            hidden,
            lengths: None,
            input: Input::Dense(&input),
            recurrent: &recurrent,
            bias: &bias,
            initial: Some(&initial),
            mask: None,
            precision: Precision::Single,
        };
        let (output, saved) = forward(&problem, Layout::Both);
        assert_close(name, &output, &of("output"), 1e-10);
        let d_output = of("d_output");
        let gradients = backward(&problem, Layout::Both, &output, saved.as_ref(), &d_output);
        for (part, found) in [
            ("d_recurrent", &gradients.recurrent),
            ("d_bias", &gradients.bias),
            ("d_initial", &gradients.initial),
        ] {
            assert_close(&format!("{name} {part}"), found, &of(part), 1e-9);
        }
        // The gradient of x is that of the input times the transposed kernel.
        let d_x = products(&gradients.input, &of("kernel"), cell.gates() * hidden);
        assert_close(&format!("{name} d_x"), &d_x, &of("d_x"), 1e-9);
    }
}

/// Rows of so many numbers times a transposed matrix `[columns, inner]`.
fn products(rows: &[f64], matrix: &[f64], inner: usize) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum();
    let of_row = |row| matrix.chunks(inner).map(move |column| dot(row, column));
    rows.chunks(inner).flat_map(of_row).collect()
}

#[test]
fn the_loss_is_that_of_pytorch() {
    let case = &pytorch()["loss"];
    let (scores, classes) = (singles(&case["scores"]), size(&case["classes"]));
    let ids: Vec<i32> = numbers(&case["ids"]).iter().map(|&id| id as i32).collect();
    let mut gradient = vec![0.0; scores.len()];
    let sums = softmax_cross_entropy(&scores, classes, &ids, 0.1, Some(&mut gradient));
    let expected = |key: &str| case[key].as_f64().expect("a number");
    assert_close("smoothed", &[sums.loss_sum], &[expected("smoothed")], 1e-6);
    assert_close("plain", &[sums.nll_sum], &[expected("plain")], 1e-6);
    assert_close(
        "gradient",
        &widened(&gradient),
        &numbers(&case["gradient"]),
        1e-6,
    );
}

#[test]
fn layer_normalisation_is_that_of_pytorch() {
    let case = &pytorch()["layer_norm"];
    let of = |key: &str| singles(&case[key]);
    let found = layer_norm(&of("input"), &of("gain"), &of("bias"), 1e-5);
    assert_close(
        "output",
        &widened(&found.output),
        &numbers(&case["output"]),
        1e-5,
    );
}

#[test]
fn optimizers_are_those_of_pytorch() {
    let all = &pytorch()["optimizers"];
    let settings = |optimizer| TrainingSettings {
        optimizer,
        epsilon: 1e-7,
        momentum: 0.0,
        weight_decay: 0.05,
        rho: 0.9,
        ..TrainingSettings::default()
    };
    for (name, settings) in [
        ("adam", settings(OptimizerKind::Adam)),
        ("adamw", settings(OptimizerKind::AdamW)),
        ("sgd", settings(OptimizerKind::Sgd)),
        (
            "sgd_momentum",
            TrainingSettings {
                momentum: 0.9,
                ..settings(OptimizerKind::Sgd)
            },
        ),
        ("rmsprop", settings(OptimizerKind::RmsProp)),
    ] {
        for precision in [burn::tensor::DType::F32, burn::tensor::DType::F64] {
            let found = optimizing::trained(&settings, precision);
            assert_close(name, &found, &numbers(&all[name]), 1e-5);
        }
    }
}

/// Eight steps, one an epoch.
#[test]
fn schedules_are_those_of_pytorch() {
    let all = &pytorch()["schedules"];
    let base = TrainingSettings {
        epochs: 8,
        learning_rate: 0.01,
        warmup_steps: 0,
        ..TrainingSettings::default()
    };
    for (name, settings) in [
        (
            "exponential",
            TrainingSettings {
                schedule: ScheduleKind::Exponential,
                decay: 0.9,
                ..base.clone()
            },
        ),
        (
            "step",
            TrainingSettings {
                schedule: ScheduleKind::Step,
                decay: 0.5,
                decay_epochs: 3,
                ..base.clone()
            },
        ),
        (
            "linear",
            TrainingSettings {
                schedule: ScheduleKind::Linear,
                final_learning_rate: 0.001,
                ..base.clone()
            },
        ),
        (
            "cosine",
            TrainingSettings {
                schedule: ScheduleKind::Cosine,
                final_learning_rate: 0.001,
                ..base.clone()
            },
        ),
    ] {
        let mut schedule = Schedule::new(&settings, 1, 0).expect("a schedule");
        let rates: Vec<f64> = (0..8).map(|_| schedule.next_rate(0)).collect();
        assert_close(name, &rates, &numbers(&all[name]), 1e-9);
    }
}

/// Encoder and decoder of two layers with sines as positions, normalised before each part: the
/// log-probabilities of every symbol after each target symbol.
#[test]
fn a_transformer_is_that_of_pytorch() {
    let case = &pytorch()["transformer"];
    let model = ModelSettings {
        architecture: Architecture::Transformer,
        transformer: TransformerSettings {
            layers: size(&case["layers"]),
            model_size: size(&case["size"]),
            heads: size(&case["heads"]),
            feed_forward: size(&case["inner"]),
            positions: PositionKind::Sinusoidal,
            tied_output: true,
            ..TransformerSettings::default()
        },
        ..ModelSettings::default()
    };
    let stored = case["weights"].as_object().expect("weights");
    let array = |value: &Value| Array {
        shape: numbers(&value["shape"])
            .iter()
            .map(|&n| n as usize)
            .collect(),
        values: Values::F32(singles(&value["values"]).into()),
    };
    let weights: Weights = (stored.iter())
        .map(|(name, value)| (name.clone(), array(value)))
        .collect();
    let sizes = VocabularySizes {
        source: 6,
        features: 0,
        target: 7,
    };
    let network = networks::Network::new(&model, sizes, weights).expect("weights that fit");
    let ids = |key: &str| -> Vec<u32> { numbers(&case[key]).iter().map(|&n| n as u32).collect() };
    let source = SourceIds {
        symbols: ids("source"),
        ..SourceIds::default()
    };
    let mut state = network.encode(&[&source]);
    let mut found = Vec::new();
    for symbol in ids("target") {
        let mut scores = network.step(&mut state, &[symbol]).scores;
        log_softmax(&mut scores.values, sizes.target);
        found.extend(scores.values);
    }
    let expected = numbers(&case["log_probabilities"]);
    assert_close("log-probabilities", &widened(&found), &expected, 1e-4);
}
