//! Ctrl-C: finish the batch, save, say how to go on.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use crate::support::{QUICK, folder_with_words, run};

#[test]
fn interrupted_and_resumed() {
    let folder = folder_with_words();
    let arguments = format!("train words.tsv --out run --set training.epochs=100000 {QUICK}");
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("seq2seq"))
        .args(arguments.split_whitespace())
        .args(["--set", "training.patience=0"])
        .current_dir(folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut messages = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("epoch") {
        line.clear();
        assert!(
            messages.read_line(&mut line).unwrap() > 0,
            "it ended before the first epoch"
        );
    }
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let mut rest = String::new();
    messages.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(rest.contains("train --resume run"), "{rest}");

    let metrics = || std::fs::read_to_string(folder.path().join("run/metrics.jsonl")).unwrap();
    let done = metrics().lines().count();
    let more = format!(
        "train --resume run --quiet --set training.epochs={}",
        done + 2
    );
    let resumed = run(folder.path(), &more);
    assert!(resumed.starts_with("exit code: 0"), "{resumed}");
    assert_eq!(metrics().lines().count(), done + 2);
}
