//! A batch that is computed in parts: the same gradient as of the whole, whatever number of threads.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use seq2seq::training::{Task, Trainer};
use seq2seq::{Model, Pair};

/// Pairs of different lengths, so that parts have different numbers of symbols.
fn pairs() -> Vec<Pair> {
    let word = |n: usize| "abcabdacb"[..1 + n % 8].to_owned();
    let pair = |n: usize| Pair {
        source: format!("{}{n}", word(n)),
        target: format!("{}{}", n, word(n / 3)),
        features: None,
    };
    (0..70).map(pair).collect()
}

/// A model after two epochs of batches of 32, with so many threads.
fn trained(settings: &[&str], threads: usize) -> Model {
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
        trainer.run(&mut ()).expect("training").model
    })
}

/// Everything that its file would have.
fn bytes(model: &Model) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model");
    model.save(&path).expect("it is saved");
    std::fs::read(path).expect("it is there")
}

const TRANSFORMER: [&str; 5] = [
    "model.architecture=transformer",
    "model.transformer.model_size=16",
    "model.transformer.layers=1",
    "model.transformer.feed_forward=32",
    "model.copy=true",
];

const MONOTONIC: [&str; 3] = [
    "model.architecture=monotonic",
    "model.encoder_units=12",
    "model.embedding=8",
];

const RECURRENT: [&str; 5] = [
    "model.attention=general",
    "model.bidirectional=true",
    "model.encoder_units=12",
    "model.embedding=8",
    "model.dropout=0.2",
];

fn with<'a>(settings: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [settings, more].concat()
}

/// Dropout, hidden symbols and own predictions are drawn part by part, so they do not depend on who
/// computes a part either.
#[test]
fn threads_change_nothing() {
    let parts = ["training.batch_parts=3", "training.teacher_forcing=0.7"];
    for settings in [&TRANSFORMER[..], &MONOTONIC, &RECURRENT] {
        let settings = with(settings, &parts);
        let alone = bytes(&trained(&settings, 1));
        for threads in [2, 3, 5] {
            let same = bytes(&trained(&settings, threads)) == alone;
            assert!(same, "{threads} threads");
        }
    }
}

/// Without chance, parts give the gradient of the whole batch but for rounding.
#[test]
fn parts_add_up_to_the_whole() {
    let sure = [
        "model.transformer.dropout=0",
        "training.hidden_symbols=0",
        "training.optimizer=sgd",
        "training.learning_rate=0.1",
        "training.label_smoothing=0.1",
    ];
    let loss = |parts| {
        let model = trained(&with(&with(&TRANSFORMER, &sure), &[parts]), 2);
        let evaluation = seq2seq::evaluation::evaluate(&model, &pairs()).expect("an evaluation");
        evaluation.teacher_forced.loss
    };
    let whole = loss("training.batch_parts=1");
    for parts in ["training.batch_parts=2", "training.batch_parts=7"] {
        let found = loss(parts);
        assert!(
            (found - whole).abs() < 1e-5,
            "{parts}: {found} instead of {whole}"
        );
    }
}
