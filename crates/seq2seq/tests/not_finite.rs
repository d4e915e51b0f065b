//! Training that diverges stops, says where and what to do, and leaves the last good model.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use std::fs;
use std::path::Path;

use seq2seq::training::{
    ExistingRun, NotFinite, Quantity, RunFolder, Task, Trainer, TrainingError,
};
use seq2seq::{Model, PredictOptions};
use support::letters;

/// A rate at which the first step of any network goes beyond all numbers.
const TOO_FAST: [&str; 3] = [
    "training.optimizer=sgd",
    "training.learning_rate=1e30",
    "training.clip_norm=0",
];

fn task(settings: &[&str]) -> Task {
    let task = Task::from_pairs(letters::recipe(settings), letters::pairs());
    task.expect("a task")
}

fn not_finite(result: Result<impl Sized, TrainingError>) -> NotFinite {
    match result.err() {
        Some(TrainingError::NotFinite(found)) => *found,
        other => panic!("{other:?} is not what happens when training diverges"),
    }
}

fn entries(folder: &Path) -> usize {
    fs::read_dir(folder).expect("a folder").count()
}

#[test]
fn training_that_diverges_stops_in_every_architecture() {
    for architecture in ["monotonic", "recurrent", "transformer"] {
        let architecture = format!("model.architecture={architecture}");
        let settings = [&TOO_FAST[..], &[&architecture]].concat();
        let folder = tempfile::tempdir().expect("a folder");
        let recipe = support::recipe(&["training.batch_size=8"], &settings);
        let task = Task::from_pairs(recipe, letters::pairs()).expect("a task");
        let trainer = Trainer::new(task, Some((folder.path(), ExistingRun::Refuse)));
        let error = trainer.expect("a trainer").run(&mut ());
        let found = not_finite(error);
        assert_eq!((found.epoch, found.kept.as_ref()), (1, None));
        assert!((1..=10).contains(&found.batch), "{found:?}");
        let message = found.to_string();
        let advice = "Lower training.learning_rate (now 1000000000000000000000000000000) or set \
                      training.clip_norm (now 0, which is off).";
        assert!(message.contains(advice), "{message}");
        assert!(!folder.path().join("model.safetensors").exists());
        assert_eq!(entries(&folder.path().join("checkpoints")), 0);
    }
}

/// A run of two good epochs that goes on too fast.
fn diverging(validation: &str) -> (tempfile::TempDir, Vec<u8>, NotFinite) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let good = [validation, "training.epochs=2", "training.optimizer=sgd"];
    let trainer = Trainer::new(task(&good), Some((path, ExistingRun::Refuse)));
    trainer.expect("a trainer").run(&mut ()).expect("training");
    let model = fs::read(path.join("model.safetensors")).expect("a model");
    let fast = [&[validation, "training.epochs=4"], &TOO_FAST[..]].concat();
    let (run, _) = RunFolder::open(path).expect("a run");
    let trainer = Trainer::resume(task(&fast), run).expect("a trainer");
    let found = not_finite(trainer.run(&mut ()));
    (folder, model, found)
}

#[test]
fn the_last_good_model_is_kept() {
    for validation in [
        "data.validation=0",
        "training.keep_best=false",
        "training.monitor=loss",
    ] {
        let (folder, model, found) = diverging(validation);
        let path = folder.path().join("model.safetensors");
        let kept = found.kept.as_ref().expect("a model");
        assert_eq!((&kept.path, kept.epochs), (&path, 2), "{validation}");
        assert!(found.epoch >= 3, "{found:?}");
        let ending = format!("{} holds the last good model, of epoch 2.", path.display());
        assert!(found.to_string().ends_with(&ending), "{found}");
        let now = Model::load(&path).expect("a model");
        let before = Model::from_bytes(&model, "before").expect("a model");
        let answers = |model: &Model| {
            let predictor = model.predictor(PredictOptions::default());
            let answers = predictor
                .expect("options that work")
                .predict(&["abca", "cc"]);
            let texts = answers.into_iter().map(|answer| answer.best().text.clone());
            texts.collect::<Vec<_>>()
        };
        assert_eq!(answers(&now), answers(&before), "{validation}");
        // The checkpoint is that of the last good epoch, so the run can go on.
        let (run, _) = RunFolder::open(folder.path()).expect("a run");
        let slower = [validation, "training.epochs=3", "training.optimizer=sgd"];
        let trainer = Trainer::resume(task(&slower), run).expect("a trainer");
        assert_eq!(trainer.position().epoch, 2);
        trainer.run(&mut ()).expect("training");
    }
}

/// The last batch of all is followed by no other, whose loss would tell.
#[test]
fn weights_that_the_last_batch_broke_are_not_saved() {
    let one_batch = ["training.epochs=1", "training.batch_size=1000"];
    let infinite = [
        "training.optimizer=sgd",
        "training.learning_rate=1e300",
        "data.validation=0",
    ];
    let settings = [&one_batch[..], &infinite].concat();
    let trainer = Trainer::new(task(&settings), None).expect("a trainer");
    let found = not_finite(trainer.run(&mut ()));
    assert_eq!(
        (found.quantity, found.epoch, found.batch),
        (Quantity::Weights, 1, 1)
    );
    let message = found.to_string();
    let begin = "Weights became NaN or infinite at epoch 1, batch 1. ";
    assert!(message.starts_with(begin), "{message}");
}
