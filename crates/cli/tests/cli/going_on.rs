//! Going on with a run: what is given again must be what the run began with, and what was lost is said.

use std::fs;

use crate::support::{QUICK, folder_with_words, run};

#[test]
fn a_run_goes_on_with_its_own_input_only() {
    let folder = folder_with_words();
    let folder = folder.path();
    fs::write(
        folder.join("r.toml"),
        "[training]\nepochs = 2\npatience = 0\n",
    )
    .unwrap();
    fs::write(folder.join("other.toml"), "[training]\nepochs = 5\n").unwrap();
    let begun = run(folder, "train r.toml --train words.tsv --out run --quiet");
    assert!(begun.starts_with("exit code: 0"), "{begun}");
    for (arguments, code, message) in [
        ("train r.toml --resume run", 0, "going on after epoch 2"),
        ("train words.tsv --resume run", 0, "going on after epoch 2"),
        (
            "train r.toml --resume run --set training.epochs=3",
            0,
            "going on after epoch 2",
        ),
        (
            "train r.toml --resume run",
            1,
            "differ: training.epochs = 2 and 3",
        ),
        (
            "train other.toml --resume run --set training.patience=1",
            1,
            "differ",
        ),
        ("train elsewhere.tsv --resume run", 1, "was not begun with"),
    ] {
        let output = run(folder, arguments);
        assert!(
            output.starts_with(&format!("exit code: {code}")),
            "{arguments}: {output}"
        );
        assert!(output.contains(message), "{arguments}: {output}");
    }
}

#[test]
fn lost_checkpoints_are_named() {
    let folder = folder_with_words();
    let folder = folder.path();
    let settings = "--set training.checkpoint_epochs=1 --set training.patience=0";
    let begin = format!("train words.tsv --out run {QUICK} --set training.epochs=3 {settings}");
    assert!(run(folder, &begin).starts_with("exit code: 0"));
    let checkpoints = || -> Vec<_> {
        let entries = fs::read_dir(folder.join("run/checkpoints")).unwrap();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let newest = checkpoints().pop().unwrap();
    fs::write(&newest, b"no longer what it was").unwrap();
    let resumed = run(folder, "train --resume run");
    assert!(resumed.starts_with("exit code: 0"), "{resumed}");
    assert!(
        resumed.contains("a checkpoint is damaged, so the one before is taken"),
        "{resumed}"
    );
    assert!(resumed.contains("going on after epoch 2"), "{resumed}");

    checkpoints()
        .into_iter()
        .for_each(|path| fs::remove_file(path).unwrap());
    let resumed = run(folder, "train --resume run");
    assert!(
        resumed.contains("there is no checkpoint yet: starting from the beginning"),
        "{resumed}"
    );
}

/// `--overwrite` replaces a run once the new one begins, not before.
#[test]
fn a_run_is_overwritten_only_by_one_that_begins() {
    let folder = folder_with_words();
    let folder = folder.path();
    let train = format!("train words.tsv --out run --quiet {QUICK} --set training.epochs=1");
    assert!(run(folder, &train).starts_with("exit code: 0"));
    let model = || fs::read(folder.join("run/model.safetensors")).unwrap();
    let before = model();
    let overwrite = "train words.tsv --out run --overwrite --quiet";
    for failing in [
        "--distill /dev/null",
        "--from run --set model.encoder_units=5",
        "--set training.teacher=words.tsv",
        "--set training.from=words.tsv",
    ] {
        let output = run(folder, &format!("{overwrite} {failing}"));
        assert!(output.starts_with("exit code: 1"), "{output}");
        assert!(model() == before, "{failing}");
    }
    let output = run(folder, &format!("{train} --overwrite --seed 2"));
    assert!(output.starts_with("exit code: 0"), "{output}");
    assert!(model() != before);
}

/// Messages that nobody reads, or that there is no room for, end no run.
#[test]
#[cfg(target_os = "linux")]
fn messages_without_a_reader_do_no_harm() {
    let folder = folder_with_words();
    let arguments = format!("train words.tsv --out run {QUICK} --set training.epochs=2");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let status = std::process::Command::new(assert_cmd::cargo::cargo_bin("seq2seq"))
        .args(arguments.split_whitespace())
        .current_dir(folder.path())
        .stdout(std::process::Stdio::null())
        .stderr(full)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(folder.path().join("run/model.safetensors").exists());
}
