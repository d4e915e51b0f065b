//! Training whose products read bf16: every architecture does, results repeat, and they are near those of single
//! precision.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use burn::tensor::{Device, Tensor, TensorData};
use rnn_kernels::Precision;
use seq2seq::ops::precision::with_precision;
use seq2seq::ops::product::product;
use seq2seq::training::{Task, Trainer};
use seq2seq::{Model, Pair};

fn pairs() -> Vec<Pair> {
    let word = |n: usize| "abcabdacb"[..1 + n % 8].to_owned();
    let pair = |n: usize| Pair {
        source: format!("{}{n}", word(n)),
        target: format!("{}{}", n, word(n / 3)),
        features: None,
    };
    (0..70).map(pair).collect()
}

/// A model after two epochs, with its loss on the pairs.
fn trained(settings: &[&str], threads: usize) -> (Model, f64) {
    let base = [
        "data.validation=0",
        "text.source=characters",
        "text.target=characters",
        "training.epochs=2",
        "training.batch_size=32",
        "training.seed=3",
    ];
    let recipe = support::recipe(&base, settings);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("threads");
    pool.install(|| {
        let task = Task::from_pairs(recipe, pairs()).expect("a task");
        let trainer = Trainer::new(task, None).expect("a trainer");
        let model = trainer.run(&mut ()).expect("training").model;
        let evaluation = seq2seq::evaluation::evaluate(&model, &pairs()).expect("an evaluation");
        (model, evaluation.teacher_forced.loss)
    })
}

/// All weights, by name.
fn weights(model: &Model) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model");
    model.save(&path).expect("it is saved");
    std::fs::read(path).expect("it is there")
}

#[test]
fn every_architecture_learns_in_bf16() {
    let architectures: [&[&str]; 4] = [
        &[
            "model.architecture=transformer",
            "model.transformer.model_size=16",
            "model.transformer.layers=1",
            "model.transformer.feed_forward=32",
        ],
        &[
            "model.architecture=monotonic",
            "model.encoder_units=12",
            "model.embedding=8",
        ],
        &[
            "model.attention=general",
            "model.encoder_units=12",
            "model.bidirectional=true",
        ],
        &["model.cell=gru", "model.encoder_units=12"],
    ];
    for settings in architectures {
        let bf16 = [settings, &["training.precision=bf16"]].concat();
        let (_, single) = trained(settings, 2);
        let (model, loss) = trained(&bf16, 2);
        assert!(loss != single, "{settings:?}: bf16 changes nothing");
        assert!(
            (loss - single).abs() < 0.02 * single,
            "{settings:?}: {loss} instead of {single}"
        );
        let alone = trained(&bf16, 1).0;
        assert!(weights(&alone) == weights(&model), "{settings:?}: threads");
    }
}

#[test]
fn gradients_are_in_the_precision_of_their_result() {
    let device = Device::flex().autodiff();
    let tensor = |rows: usize, columns: usize, seed: usize| {
        let number = |at: usize| ((at * 7919 + seed * 104_729) % 1009) as f32 / 504.5 - 1.0;
        let data = (0..rows * columns).map(number).collect::<Vec<f32>>();
        Tensor::<2>::from_data(TensorData::new(data, [rows, columns]), &device).require_grad()
    };
    let run = |precision| {
        let (left, right) = (tensor(19, 33, 1), tensor(33, 21, 2));
        let result = with_precision(precision, || product(left.clone(), right.clone()));
        // What follows is in single precision, and yet the gradients are those of the product.
        let gradients = (result.clone() * tensor(19, 21, 3)).sum().backward();
        let gradient = |tensor: &Tensor<2>| tensor.grad(&gradients).expect("a gradient");
        [result.inner(), gradient(&left), gradient(&right)]
            .map(|tensor| tensor.try_into_vec_as::<f32>().expect("numbers"))
    };
    let (single, bf16) = (run(Precision::Single), run(Precision::Bfloat16));
    for (single, bf16) in single.iter().zip(&bf16) {
        assert_ne!(single, bf16);
        for (a, b) in single.iter().zip(bf16) {
            assert!((a - b).abs() < 0.05, "{b} instead of {a}");
        }
    }
    assert_eq!(single, run(Precision::Single));
}
