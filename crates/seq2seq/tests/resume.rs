//! A run that is interrupted anywhere and resumed is the run that nobody interrupted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may fail by panicking

#[path = "../../../fuzz/harness.rs"]
#[allow(dead_code)] // only the checksum is needed here
mod harness;
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use seq2seq::training::{
    Ending, EpochRecord, ExistingRun, Observer, RunFolder, Task, Trainer, TrainingError,
};
use seq2seq::{Model, PredictOptions, Recipe};
use support::StopAfter;

/// Training pairs and runs in a folder of their own.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lines: String = (0..60)
            .map(|n| format!("{n:03}\t{:03}\n", 999 - n * 7))
            .collect();
        fs::write(folder.path().join("pairs.tsv"), lines).unwrap();
        Self { folder }
    }

    fn pairs(&self) -> PathBuf {
        self.folder.path().join("pairs.tsv")
    }

    fn run(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self, name: &str, settings: &[&str]) -> Trainer {
        let base = [
            "model.encoder_units=6",
            "model.embedding=4",
            "training.epochs=4",
            "training.batch_size=10",
            "training.learning_rate=0.02",
            "training.teacher_forcing=0.9",
            "training.schedule=cosine",
            "training.monitor=loss",
            "data.validation=0.2",
        ];
        let mut recipe = support::recipe(&base, settings);
        recipe.data.train = Some(self.pairs());
        let task = Task::prepare(recipe).unwrap();
        Trainer::new(task, Some((&self.run(name), ExistingRun::Refuse))).unwrap()
    }

    fn resume(&self, name: &str) -> Result<Trainer, TrainingError> {
        self.resume_with(name, &[])
    }

    fn resume_with(&self, name: &str, settings: &[&str]) -> Result<Trainer, TrainingError> {
        let settings = support::overrides(settings);
        let (folder, recipe) = RunFolder::open(&self.run(name))?;
        Trainer::resume(Task::prepare(recipe.with_overrides(&settings)?)?, folder)
    }

    fn model(&self, name: &str) -> Vec<u8> {
        fs::read(self.run(name).join("model.safetensors")).unwrap()
    }

    fn checkpoints(&self, name: &str) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = fs::read_dir(self.run(name).join("checkpoints"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        paths
    }

    /// The metrics but for what depends on the clock.
    fn metrics(&self, name: &str) -> Vec<EpochRecord> {
        let text = fs::read_to_string(self.run(name).join("metrics.jsonl")).unwrap();
        let timeless = |line| EpochRecord {
            seconds: 0.0,
            pairs_per_second: 0.0,
            ..serde_json::from_str(line).unwrap()
        };
        text.lines().map(timeless).collect()
    }

    /// The reference: a run that nobody interrupts.
    fn whole(&self) -> Vec<u8> {
        self.start("whole", &[]).run(&mut ()).unwrap();
        self.model("whole")
    }
}

/// 5 batches an epoch, 4 epochs; one run is interrupted after every single batch.
#[test]
fn interrupted_after_every_batch() {
    let bench = Bench::new();
    let whole = bench.whole();
    let outcome = bench.start("part", &[]).run(&mut StopAfter(1)).unwrap();
    assert_eq!(outcome.ending, Ending::Interrupted);
    for step in 2..=20 {
        let outcome = bench
            .resume("part")
            .unwrap()
            .run(&mut StopAfter(1))
            .unwrap();
        assert_eq!(outcome.ending, Ending::Interrupted, "step {step}");
    }
    let outcome = bench.resume("part").unwrap().run(&mut ()).unwrap();
    assert_eq!(outcome.ending, Ending::Finished);
    assert!(bench.model("part") == whole, "the models differ");
    assert_eq!(bench.metrics("part"), bench.metrics("whole"));
}

/// Wants to stop when it is asked for the given time, whether after a batch, within a validation or after an
/// epoch.
struct StopWhenAsked(std::cell::Cell<usize>);

impl Observer for StopWhenAsked {
    fn wants_to_stop(&self) -> bool {
        self.0.set(self.0.get().saturating_sub(1));
        self.0.get() == 0
    }
}

/// 5 batches an epoch; the sixth and seventh time are within a validation.
#[test]
fn interrupted_within_validations() {
    let settings = ["training.average_epochs=2", "training.patience=3"];
    let bench = Bench::new();
    bench.start("whole", &settings).run(&mut ()).unwrap();
    for asked in 6..=8 {
        let name = format!("part-{asked}");
        let stop = || StopWhenAsked(asked.into());
        let mut outcome = bench.start(&name, &settings).run(&mut stop()).unwrap();
        assert_eq!(outcome.ending, Ending::Interrupted);
        assert_eq!(outcome.history.len(), asked.saturating_sub(7), "{asked}");
        while outcome.ending == Ending::Interrupted {
            outcome = bench.resume(&name).unwrap().run(&mut stop()).unwrap();
        }
        assert!(
            bench.model(&name) == bench.model("whole"),
            "the models differ"
        );
        assert_eq!(bench.metrics(&name), bench.metrics("whole"));
    }
}

/// Exact match stays at 0, so finer figures choose the model, hold the rate and stop training: they
/// are what they were when the run goes on.
#[test]
fn equal_exact_match_is_decided_alike_after_an_interruption() {
    let bench = Bench::new();
    let settings = [
        "training.monitor=exact-match",
        "training.schedule=plateau",
        "training.decay_epochs=1",
        "training.patience=3",
        "training.epochs=12",
    ];
    bench.start("whole", &settings).run(&mut ()).unwrap();
    let mut outcome = bench
        .start("part", &settings)
        .run(&mut StopAfter(3))
        .unwrap();
    while outcome.ending == Ending::Interrupted {
        outcome = bench
            .resume("part")
            .unwrap()
            .run(&mut StopAfter(3))
            .unwrap();
    }
    assert!(
        bench.model("part") == bench.model("whole"),
        "the models differ"
    );
    let metrics = bench.metrics("whole");
    assert_eq!(bench.metrics("part"), metrics);
    let validations = || metrics.iter().filter_map(|epoch| epoch.validation);
    assert!(validations().all(|figures| figures.exact_match == 0.0));
    assert!(validations().filter(|figures| figures.best).count() > 2);
}

/// Figures of one kind are not held against those of another.
#[test]
fn a_run_that_goes_on_may_have_another_monitor() {
    let bench = Bench::new();
    bench.start("part", &[]).run(&mut StopAfter(12)).unwrap();
    let settings = ["training.monitor=accuracy"];
    let outcome = bench
        .resume_with("part", &settings)
        .unwrap()
        .run(&mut ())
        .unwrap();
    let history = bench.metrics("part");
    // After two epochs chosen by loss, two by accuracy: the kept one has the highest of those.
    let all: Vec<_> = history
        .iter()
        .filter_map(|epoch| epoch.validation)
        .collect();
    let kept = all[..2].iter().rfind(|figures| figures.best).unwrap();
    let compared = [kept.accuracy, all[2].accuracy, all[3].accuracy];
    let highest = compared.into_iter().fold(0.0, f64::max);
    assert_eq!(outcome.validation.unwrap().accuracy, highest);
}

/// Every optimizer and schedule goes on where it was.
#[test]
fn optimizers_and_schedules_go_on() {
    for (index, settings) in [
        ["training.optimizer=rmsprop", "training.schedule=step"],
        ["training.optimizer=sgd", "training.momentum=0.9"],
        ["training.optimizer=adamw", "training.schedule=linear"],
        ["training.clip_norm=0.5", "training.schedule=exponential"],
        ["training.optimizer=adam", "training.keep_best=false"],
        ["training.warmup_steps=8", "training.schedule=noam"],
    ]
    .iter()
    .enumerate()
    {
        let bench = Bench::new();
        bench.start("whole", settings).run(&mut ()).unwrap();
        let outcome = bench.start("part", settings).run(&mut StopAfter(3 + index));
        assert_eq!(outcome.unwrap().ending, Ending::Interrupted);
        bench.resume("part").unwrap().run(&mut ()).unwrap();
        assert!(bench.model("part") == bench.model("whole"), "{settings:?}");
    }
}

/// Killed before the first checkpoint: the run begins again.
#[test]
fn without_a_checkpoint_the_run_begins_again() {
    let bench = Bench::new();
    let whole = bench.whole();
    bench.start("part", &[]).run(&mut StopAfter(3)).unwrap();
    for path in bench.checkpoints("part") {
        fs::remove_file(path).unwrap();
    }
    fs::write(bench.run("part").join("metrics.jsonl"), "{\"epoch\":1,\"st").unwrap();
    bench.resume("part").unwrap().run(&mut ()).unwrap();
    assert!(bench.model("part") == whole);
    assert_eq!(bench.metrics("part"), bench.metrics("whole"));
}

/// Killed after epochs, and a better model, that the checkpoint knows nothing of.
#[test]
fn what_came_after_the_checkpoint_changes_nothing() {
    let bench = Bench::new();
    let whole = bench.whole();
    bench.start("part", &[]).run(&mut StopAfter(7)).unwrap();
    let folder = bench.run("part");
    let before = bench.model("part");
    // As a run leaves it that is killed after two more epochs.
    fs::write(folder.join("model.safetensors"), &whole).unwrap();
    let metrics = fs::read_to_string(bench.run("whole").join("metrics.jsonl")).unwrap();
    fs::write(folder.join("metrics.jsonl"), &metrics[..metrics.len() - 40]).unwrap();
    let partial = [".seq2seq-partial-x", "checkpoints/.seq2seq-partial-y"];
    let partial = partial.map(|name| folder.join(name));
    partial
        .iter()
        .for_each(|path| fs::write(path, "half").unwrap());

    let resumed = bench.resume("part").unwrap();
    assert_eq!((resumed.position().epoch, resumed.position().batch), (1, 2));
    assert!(
        bench.model("part") == before,
        "the best model is that of the checkpoint"
    );
    assert_eq!(bench.metrics("part").len(), 1);
    assert!(!partial.iter().any(|path| path.exists()));
    resumed.run(&mut ()).unwrap();
    assert!(bench.model("part") == whole);
    assert_eq!(bench.metrics("part"), bench.metrics("whole"));
}

#[test]
fn the_newest_checkpoints_are_kept() {
    let bench = Bench::new();
    let settings = ["training.checkpoint_steps=3", "training.keep_checkpoints=4"];
    bench.start("steps", &settings).run(&mut ()).unwrap();
    let steps: Vec<usize> = bench
        .checkpoints("steps")
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().parse().unwrap())
        .collect();
    assert_eq!(steps, [12, 15, 18, 20]);
    let settings = [
        "training.checkpoint_epochs=2",
        "training.keep_checkpoints=9",
    ];
    bench.start("epochs", &settings).run(&mut ()).unwrap();
    let names = bench.checkpoints("epochs");
    assert_eq!(names.len(), 2, "{names:?}");
}

/// Bytes that changed on the disk cost time, not the run.
#[test]
fn a_damaged_checkpoint_is_set_aside() {
    let bench = Bench::new();
    let whole = bench.whole();
    let settings = ["training.checkpoint_steps=1"];
    bench
        .start("part", &settings)
        .run(&mut StopAfter(8))
        .unwrap();
    let paths = bench.checkpoints("part");
    let newest = paths.last().unwrap();
    let mut bytes = fs::read(newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(newest, bytes).unwrap();
    let resumed = bench.resume("part").unwrap();
    assert_eq!(resumed.position().step, 7);
    resumed.run(&mut ()).unwrap();
    assert!(newest.with_extension("damaged").exists());
    // The interval is a setting, which the model file tells; the rest is the same.
    let weights = |bytes: &[u8]| {
        let model = Model::from_bytes(bytes, "m").unwrap();
        format!(
            "{:?}",
            model
                .predictor(PredictOptions::default())
                .expect("options that work")
                .predict(&["001", "030"])
        )
    };
    assert_eq!(weights(&bench.model("part")), weights(&whole));

    for path in bench.checkpoints("part") {
        fs::write(path, "rubbish").unwrap();
    }
    let error = bench.resume("part").map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("cannot be used"), "{error}");
}

#[test]
fn other_data_or_settings_are_refused() {
    let bench = Bench::new();
    bench.start("part", &[]).run(&mut StopAfter(7)).unwrap();
    for (settings, reason) in [
        (
            ["model.encoder_units=7"],
            "a setting of [model] has changed",
        ),
        (["training.batch_size=9"], "training.batch_size has changed"),
        (["training.optimizer=sgd"], "training.optimizer has changed"),
        (["training.shuffle=false"], "training.shuffle has changed"),
        (
            ["training.precision=bf16"],
            "training.precision has changed",
        ),
        (
            ["data.validation=0.3"],
            "data is not what the run began with",
        ),
    ] {
        let error = bench.resume_with("part", &settings).map(|_| ());
        let error = error.unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    let more = format!("{}9\t9\n", fs::read_to_string(bench.pairs()).unwrap());
    fs::write(bench.pairs(), more).unwrap();
    let error = bench.resume("part").map(|_| ()).unwrap_err().to_string();
    assert!(
        error.contains("data is not what the run began with"),
        "{error}"
    );
}

/// A run may be told to go on for longer.
#[test]
fn a_finished_run_can_be_extended() {
    let bench = Bench::new();
    bench
        .start("run", &["training.schedule=constant"])
        .run(&mut ())
        .unwrap();
    let longer = bench.resume_with("run", &["training.epochs=6"]).unwrap();
    longer.run(&mut ()).unwrap();
    assert_eq!(bench.metrics("run").len(), 6);
    // Resuming a finished run changes nothing.
    let model = bench.model("run");
    bench.resume("run").unwrap().run(&mut ()).unwrap();
    assert!(bench.model("run") == model);
}

#[test]
fn two_processes_cannot_share_a_run() {
    let bench = Bench::new();
    bench.start("run", &[]).run(&mut StopAfter(1)).unwrap();
    let first = bench.resume("run").unwrap();
    let error = RunFolder::open(&bench.run("run")).map(|_| ()).unwrap_err();
    assert!(matches!(error, TrainingError::Busy(_)), "{error}");
    assert!(error.to_string().contains("in use by another process"));
    for existing in [ExistingRun::Refuse, ExistingRun::Overwrite] {
        let error = RunFolder::create(&bench.run("run"), existing);
        assert!(matches!(error, Err(TrainingError::Busy(_))));
    }
    drop(first);
    assert!(RunFolder::open(&bench.run("run")).is_ok());
}

#[test]
fn a_folder_with_a_run_is_not_taken() {
    let bench = Bench::new();
    bench.start("run", &[]).run(&mut StopAfter(7)).unwrap();
    let create = |existing| RunFolder::create(&bench.run("run"), existing);
    let error = create(ExistingRun::Refuse).unwrap_err().to_string();
    assert!(
        error.contains("--resume") && error.contains("--overwrite"),
        "{error}"
    );
    let before = list(&bench.run("run"));
    let run = create(ExistingRun::Overwrite).unwrap();
    assert_eq!(list(&bench.run("run")), before);
    run.begin(&Recipe::default()).unwrap();
    let left: Vec<_> = list(&bench.run("run"));
    assert_eq!(left, [".lock", "checkpoints", "recipe.toml"]);
    assert!(bench.checkpoints("run").is_empty());
    drop(run);
    let none = RunFolder::open(bench.folder.path())
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(none, TrainingError::NoRun(_)));
}

/// A run that may overwrite another, but fails before its first step, leaves the other as it was.
#[test]
fn a_run_that_cannot_start_overwrites_nothing() {
    let bench = Bench::new();
    let model = bench.whole();
    let files = list(&bench.run("whole"));
    let overwrite = |settings: &[&str]| {
        let mut recipe = support::recipe(&["model.encoder_units=6"], settings);
        recipe.data.train = Some(bench.pairs());
        let task = Task::prepare(recipe)?;
        Trainer::new(task, Some((&bench.run("whole"), ExistingRun::Overwrite)))
    };
    let no_model = format!("training.teacher={}", bench.pairs().display());
    let from = format!("training.from={}", bench.run("whole").display());
    for settings in [&[no_model.as_str()][..], &[&from, "model.encoder_units=5"]] {
        assert!(overwrite(settings).is_err(), "{settings:?}");
    }
    drop(overwrite(&[]).unwrap());
    assert_eq!(list(&bench.run("whole")), files);
    assert!(bench.model("whole") == model);
    overwrite(&["training.epochs=1"])
        .unwrap()
        .run(&mut ())
        .unwrap();
    assert!(bench.model("whole") != model);
    assert_eq!(bench.metrics("whole").len(), 1);
}

/// As long as no checkpoint is whole, a run is not begun anew over the model that it has.
#[test]
fn a_run_whose_checkpoints_are_all_damaged_does_not_begin_anew() {
    let bench = Bench::new();
    let model = bench.whole();
    for path in bench.checkpoints("whole") {
        fs::write(path, b"no longer what it was").unwrap();
    }
    let damaged = bench.checkpoints("whole");
    for _ in 0..2 {
        let error = bench.resume("whole").map(|_| ()).unwrap_err();
        assert!(matches!(error, TrainingError::File(_)), "{error}");
        assert_eq!(bench.checkpoints("whole"), damaged);
        assert!(bench.model("whole") == model);
    }
}

/// Checkpoints that somebody changed on purpose, with the checksum that they should have: they are refused,
/// or the run goes on, but nothing panics.
#[test]
fn changed_checkpoints_are_refused_or_work() {
    for settings in [
        &["training.optimizer=adam", "training.average_epochs=2"][..],
        &["training.optimizer=rmsprop", "training.weight_average=0.9"],
        &["training.optimizer=sgd", "training.momentum=0.9"],
    ] {
        let bench = Bench::new();
        bench.start("run", settings).run(&mut StopAfter(7)).unwrap();
        let path = bench.checkpoints("run").pop().unwrap();
        let whole = fs::read(&path).unwrap();
        let (mut refused, mut tried) = (0, 0);
        for place in (8..whole.len()).step_by(whole.len() / 100) {
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << (place % 8);
            fs::write(&path, harness::resealed(&bytes)).unwrap();
            tried += 1;
            match bench.resume("run") {
                Ok(trainer) => drop(trainer.run(&mut StopAfter(1))),
                Err(_) => refused += 1,
            }
            // What the run wrote belongs to another trial.
            for other in bench.checkpoints("run") {
                fs::remove_file(other).unwrap();
            }
        }
        assert!(refused > 5 && tried > refused, "{refused} of {tried}");
    }
}

/// Positions and states that no run comes to, each with the part of the checkpoint that tells.
#[test]
fn checkpoints_that_cannot_be_are_refused() {
    let bench = Bench::new();
    let settings = ["training.average_epochs=2"];
    bench
        .start("run", &settings)
        .run(&mut StopAfter(12))
        .unwrap();
    let path = bench.checkpoints("run").pop().unwrap();
    let whole = fs::read(&path).unwrap();
    for (from, to) in [
        ("\\nstep = 12\\n", "\\nstep = 99\\n"),
        ("\\nbatch = 2\\n", "\\nbatch = 9\\n"),
        ("average/0.", "average/x."),
        ("average/1.", "average/9."),
        (".moment_1", ".moment_3"),
    ] {
        let changed = replaced(&whole, from.as_bytes(), to.as_bytes());
        assert!(changed != whole, "there is no {from}");
        fs::write(&path, harness::resealed(&changed)).unwrap();
        match bench.resume("run") {
            Ok(trainer) => {
                // Of weights without a state a new one is begun, as at the start of a run.
                assert!(
                    from.starts_with(".moment") || from.ends_with("1."),
                    "{from}"
                );
                trainer.run(&mut StopAfter(1)).unwrap();
                for other in bench.checkpoints("run") {
                    fs::remove_file(other).unwrap();
                }
            }
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains("cannot resume"), "{from}: {error}");
            }
        }
    }
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for place in 0..bytes.len().saturating_sub(from.len()) {
        if bytes[place..].starts_with(from) {
            bytes[place..place + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

fn list(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
