//! Averages of weights.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use std::path::Path;

use seq2seq::config::TrainingSettings;
use seq2seq::encoding::PairCodec;
use seq2seq::storage::{Array, Weights};
use seq2seq::training::{Ending, ExistingRun, RunFolder, Task, Trainer, WeightAverage};
use seq2seq::{Model, Pair};
use support::StopAfter;
use support::letters::{pairs, recipe, train};

fn weights(value: f32) -> Weights {
    let array = Array::f32(vec![2], vec![value, 2.0 * value]);
    Weights::from([("layer.kernel".to_owned(), array)])
}

fn numbers(weights: Option<Weights>) -> Vec<f32> {
    let array = weights.and_then(|mut weights| weights.remove("layer.kernel"));
    array.map_or_else(Vec::new, |array| array.as_f32().expect("floats").to_vec())
}

fn last_epochs(count: usize) -> WeightAverage {
    WeightAverage::new(&TrainingSettings {
        average_epochs: count,
        ..TrainingSettings::default()
    })
}

fn exponential(decay: f64) -> WeightAverage {
    WeightAverage::new(&TrainingSettings {
        weight_average: decay,
        ..TrainingSettings::default()
    })
}

#[test]
fn last_epochs_are_averaged() {
    let mut average = last_epochs(2);
    assert!(average.weights().is_none());
    for (value, expected) in [(1.0, [1.0, 2.0]), (3.0, [2.0, 4.0]), (7.0, [5.0, 10.0])] {
        average.after_step(1, || weights(100.0));
        average.after_epoch(|| weights(value));
        assert_eq!(numbers(average.weights()), expected);
    }
}

/// The first weights make the mean; then each step moves it by one less the memory, which is short
/// at first.
#[test]
fn running_mean_follows_its_formula() {
    let mut average = exponential(0.5);
    let mut expected = 1.0;
    average.after_step(1, || weights(1.0));
    for step in 2..9 {
        let memory = f64::min(0.5, (1.0 + f64::from(step)) / (10.0 + f64::from(step)));
        expected = memory * expected + (1.0 - memory) * f64::from(step);
        average.after_step(step as usize, || weights(step as f32));
        average.after_epoch(|| weights(100.0));
        assert!((f64::from(numbers(average.weights())[0]) - expected).abs() < 1e-5);
    }
}

#[test]
fn nothing_is_averaged_unless_asked() {
    for mut average in [last_epochs(0), last_epochs(1)] {
        average.after_step(1, || panic!("weights are read for nothing"));
        average.after_epoch(|| panic!("weights are read for nothing"));
        assert!(average.weights().is_none());
        assert!(average.state().is_empty());
    }
}

/// A restored average goes on as the one that was saved.
#[test]
fn state_is_complete() {
    for fresh in [last_epochs(3), exponential(0.9)] {
        let mut average = fresh.clone();
        for value in 1..12 {
            average.after_step(value, || weights(value as f32));
            average.after_epoch(|| weights(value as f32));
        }
        let mut restored = fresh;
        let state = average.state();
        restored
            .restore(state.clone(), &weights(1.0))
            .expect("its own");
        let other = Weights::from([("other".to_owned(), Array::f32(vec![1], vec![1.0]))]);
        assert!(restored.clone().restore(state, &other).is_err());
        for average in [&mut average, &mut restored] {
            average.after_step(12, || weights(12.0));
            average.after_epoch(|| weights(12.0));
        }
        assert_eq!(numbers(average.weights()), numbers(restored.weights()));
    }
}

fn write_pairs(path: &Path) {
    let line = |pair: Pair| format!("{}\t{}\n", pair.source, pair.target);
    let lines: Vec<String> = pairs().into_iter().map(line).collect();
    std::fs::write(path, lines.concat()).expect("written");
}

/// An interrupted run with averaged weights ends in the same file as one that was not interrupted.
#[test]
fn resuming_keeps_the_average() {
    for setting in ["training.average_epochs=2", "training.weight_average=0.95"] {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("pairs.tsv");
        write_pairs(&data);
        let start = |name: &str| {
            let mut recipe = recipe(&[setting]);
            recipe.data.train = Some(data.clone());
            let out = folder.path().join(name);
            let task = Task::prepare(recipe).expect("a task");
            let trainer = Trainer::new(task, Some((&out, ExistingRun::Refuse)));
            (trainer.expect("a trainer"), out)
        };
        let (whole, whole_folder) = start("whole");
        whole.run(&mut ()).expect("training");
        let (part, part_folder) = start("part");
        let outcome = part.run(&mut StopAfter(13)).expect("training");
        assert_eq!(outcome.ending, Ending::Interrupted);
        let (run, recipe) = RunFolder::open(&part_folder).expect("the run");
        let task = Task::prepare(recipe).expect("a task");
        let resumed = Trainer::resume(task, run).expect("resumed");
        resumed.run(&mut ()).expect("training");
        let read =
            |folder: &Path| std::fs::read(folder.join(seq2seq::MODEL_NAME)).expect("a model");
        assert!(
            read(&whole_folder) == read(&part_folder),
            "{setting}: the two models differ"
        );
    }
}

/// The model is the average, not the last weights.
#[test]
fn the_model_has_the_averaged_weights() {
    let plain = train(&["training.keep_best=false"]);
    let averaged = train(&["training.keep_best=false", "training.average_epochs=3"]);
    let loss = |model: &Model| {
        let examples: Vec<_> = pairs()
            .iter()
            .map(|pair| model.codec().encode(pair))
            .collect();
        seq2seq::evaluation::teacher_forced(model, &examples).loss
    };
    assert!((loss(&plain) - loss(&averaged)).abs() > 1e-4);
}

#[test]
fn averages_exclude_each_other() {
    let settings = ["training.average_epochs=2", "training.weight_average=0.9"];
    let message = recipe(&settings).check().expect_err("both").to_string();
    assert!(message.contains("remove one"), "{message}");
    let message = recipe(&["training.weight_average=1"]).check();
    let message = message.expect_err("too much").to_string();
    assert!(message.contains("must lie between"), "{message}");
}
