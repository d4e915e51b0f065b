//! Every single write of a run fails once, as on a full disk: the run must say so, leave nothing
//! half written, and be resumable to the same bits once there is room.

#![allow(clippy::unwrap_used, clippy::panic)] // a test may fail by panicking

use std::fs;
use std::path::Path;

use super::{ExistingRun, RunFolder, Task, Trainer, TrainingError};
use crate::Model;
use crate::config::{Override, Recipe};
use crate::data::Pair;
use crate::storage::atomic::faults;

fn task() -> Task {
    let settings = [
        "model.encoder_units=3",
        "model.embedding=2",
        "training.epochs=2",
        "training.batch_size=8",
        "training.monitor=loss",
        "training.checkpoint_steps=2",
        "training.keep_checkpoints=1",
        "data.validation=0.25",
    ];
    let settings: Vec<Override> = settings.iter().map(|s| s.parse().unwrap()).collect();
    let recipe = Recipe::default().with_overrides(&settings).unwrap();
    let pairs = (0..32).map(|n| Pair {
        source: format!("{n:02}"),
        target: format!("{:02}", 99 - n),
        features: None,
    });
    Task::from_pairs(recipe, pairs).unwrap()
}

fn start(folder: &Path) -> Result<(), TrainingError> {
    Trainer::new(task(), Some((folder, ExistingRun::Refuse)))?.run(&mut ())?;
    Ok(())
}

fn resume(folder: &Path) -> Result<(), TrainingError> {
    let (run, _) = RunFolder::open(folder)?;
    Trainer::resume(task(), run)?.run(&mut ())?;
    Ok(())
}

/// Runs with so many operations that succeed; whether more would have been needed.
fn with_room_for(
    operations: usize,
    work: impl FnOnce() -> Result<(), TrainingError>,
) -> Result<(), TrainingError> {
    faults::allow(Some(operations));
    let result = work();
    faults::allow(None);
    result
}

/// What lies in the folder is whole: nothing temporary, and every model and checkpoint loads.
fn assert_whole(folder: &Path, fault: usize) {
    let checkpoints = folder.join("checkpoints");
    for folder in [folder, &checkpoints].into_iter().filter(|f| f.exists()) {
        for entry in fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(!name.starts_with(".seq2seq-partial"), "fault {fault}");
        }
    }
    if folder.join("model.safetensors").exists() {
        Model::load(folder).unwrap();
    }
    if folder.join("recipe.toml").exists() {
        let (mut run, _) = RunFolder::open(folder).unwrap();
        run.load_checkpoint().unwrap();
    }
}

#[test]
fn every_write_fails_once() {
    let reference = tempfile::tempdir().unwrap();
    start(reference.path()).unwrap();
    let model = fs::read(reference.path().join("model.safetensors")).unwrap();
    let mut faults_met = 0;
    loop {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        match with_room_for(faults_met, || start(folder)) {
            Ok(()) => break,
            Err(error) => {
                let message = error.to_string();
                assert!(message.starts_with("cannot write"), "{message}");
            }
        }
        assert_whole(folder, faults_met);
        // There is room again: go on, or start where not even the settings were written.
        if folder.join("recipe.toml").exists() {
            resume(folder).unwrap();
        } else {
            start(folder).unwrap();
        }
        let resumed = fs::read(folder.join("model.safetensors")).unwrap();
        assert!(resumed == model, "fault {faults_met}");
        faults_met += 1;
    }
    println!("{faults_met} faults survived");
    assert!(faults_met > 60, "only {faults_met} operations were met");
}

/// The same while a run is resumed.
#[test]
fn every_write_of_a_resumed_run_fails_once() {
    let reference = tempfile::tempdir().unwrap();
    start(reference.path()).unwrap();
    let model = fs::read(reference.path().join("model.safetensors")).unwrap();
    let mut faults_met = 0;
    loop {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        with_room_for(40, || start(folder)).unwrap_err();
        if with_room_for(faults_met, || resume(folder)).is_ok() {
            break;
        }
        assert_whole(folder, faults_met);
        resume(folder).unwrap();
        let resumed = fs::read(folder.join("model.safetensors")).unwrap();
        assert!(resumed == model, "fault {faults_met}");
        faults_met += 1;
    }
    println!("{faults_met} faults survived");
    assert!(faults_met > 30, "only {faults_met} operations were met");
}

/// Whether a later model is better than the best one cannot be told without its figures.
#[test]
fn a_checkpoint_without_the_figures_of_its_best_model_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    start(folder.path()).unwrap();
    let (mut run, _) = RunFolder::open(folder.path()).unwrap();
    let mut checkpoint = run.load_checkpoint().unwrap().unwrap();
    checkpoint.state.history.clear();
    run.save_checkpoint(checkpoint, 1).unwrap();
    drop(run);
    let message = resume(folder.path()).unwrap_err().to_string();
    assert!(message.contains("not its validation figures"), "{message}");
}
