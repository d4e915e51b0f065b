//! SIGTERM and SIGINT end a run that can be resumed; a full disk and unusable folders end it with a
//! message and nothing half written.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test may fail by panicking

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use predicates::prelude::*;

const BINARY: fn() -> std::path::PathBuf = || assert_cmd::cargo::cargo_bin!("seq2seq").into();

fn pairs(folder: &Path) {
    let lines: String = (0..400).map(|n| format!("{n}\t{}\n", 1000 - n)).collect();
    std::fs::write(folder.join("pairs.tsv"), lines).unwrap();
}

/// A run that takes longer than any test waits.
fn long_run(folder: &Path) -> Child {
    Command::new(BINARY())
        .current_dir(folder)
        .args(["train", "pairs.tsv", "--out", "run", "--threads", "1"])
        .args([
            "--set",
            "training.epochs=100000",
            "--set",
            "training.patience=0",
        ])
        .args([
            "--set",
            "model.encoder_units=8",
            "--set",
            "data.validation=0",
        ])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn wait_for(path: &Path) {
    for _ in 0..600 {
        if path.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    unreachable!("{} did not appear", path.display());
}

fn send(signal: &str, child: &Child) {
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args([signal, &id])
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn a_signal_saves_and_says_how_to_go_on() {
    for signal in ["-INT", "-TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        pairs(folder);
        let child = long_run(folder);
        wait_for(&folder.join("run/metrics.jsonl"));
        send(signal, &child);
        let Output { status, stderr, .. } = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(130), "{stderr}");
        assert!(stderr.contains("everything is saved"), "{stderr}");
        assert!(stderr.contains("seq2seq train --resume run"), "{stderr}");
        // And that is how it goes on.
        let metrics = std::fs::read_to_string(folder.join("run/metrics.jsonl")).unwrap();
        let epochs = metrics.lines().count() + 1;
        assert_cmd::Command::new(BINARY())
            .current_dir(folder)
            .args(["train", "--resume", "run", "--quiet"])
            .args(["--set", &format!("training.epochs={epochs}")])
            .assert()
            .success();
        let metrics = std::fs::read_to_string(folder.join("run/metrics.jsonl")).unwrap();
        assert_eq!(metrics.lines().count(), epochs);
    }
}

#[test]
fn a_second_run_in_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    pairs(folder);
    let mut child = long_run(folder);
    wait_for(&folder.join("run/metrics.jsonl"));
    for arguments in [
        ["train", "--resume", "run", "--quiet"].as_slice(),
        &["train", "pairs.tsv", "--out", "run", "--overwrite"],
    ] {
        assert_cmd::Command::new(BINARY())
            .current_dir(folder)
            .args(arguments)
            .assert()
            .code(1)
            .stderr(predicate::str::contains("in use by another process"));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // A killed process leaves no lock behind.
    assert_cmd::Command::new(BINARY())
        .current_dir(folder)
        .args([
            "train",
            "--resume",
            "run",
            "--quiet",
            "--set",
            "training.epochs=1",
        ])
        .assert()
        .success();
}

/// The shell's limit on the size of files stands for a full disk.
#[test]
fn no_room_for_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    pairs(folder);
    let train = |limit: &str, arguments: &str| {
        let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" train {arguments}");
        let mut command = assert_cmd::Command::new("bash");
        command
            .current_dir(folder)
            .arg("-c")
            .arg(script)
            .arg(BINARY());
        command.assert()
    };
    let start = "pairs.tsv --out run --quiet --threads 1 --set training.epochs=2";
    train("40", start)
        .code(1)
        .stderr(predicate::str::contains("cannot write run/"))
        .stderr(predicate::str::contains("File too large"))
        .stderr(predicate::str::contains("seq2seq train --resume run"));
    for part in ["run", "run/checkpoints"] {
        let left: Vec<_> = std::fs::read_dir(folder.join(part))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with(".seq2seq-partial"))
            .collect();
        assert!(left.is_empty(), "{part}: {left:?}");
    }
    train("unlimited", "--resume run --quiet").success();
}

#[test]
fn folders_that_cannot_be_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    pairs(folder);
    for out in ["pairs.tsv", "pairs.tsv/run", "/proc/run"] {
        assert_cmd::Command::new(BINARY())
            .current_dir(folder)
            .args(["train", "pairs.tsv", "--out", out])
            .assert()
            .code(1)
            .stderr(predicate::str::contains(format!("cannot write {out}")));
    }
}
