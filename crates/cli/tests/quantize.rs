//! `seq2seq quantize` from the command line: a stored model of each architecture is rounded, and its answers
//! are those that are stored.

#![allow(clippy::expect_used, clippy::panic)] // a test may fail by panicking

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use predicates::str::contains;

fn seq2seq(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("seq2seq"));
    command.current_dir(folder).args(arguments.split(' '));
    command
}

/// A stored file of the runtime's tests.
fn stored(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../runtime/tests/files")
        .join(name)
}

/// A folder with stored models.
fn folder_with(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in names {
        let file = format!("{name}.safetensors");
        fs::copy(stored(&file), folder.path().join(name)).expect("copied");
    }
    folder
}

/// The stored models of version 2 are what the command makes of those of version 1, byte by byte.
#[test]
fn models_are_rounded_as_stored() {
    let folder = folder_with(&["ensemble", "features", "notebook"]);
    for (name, to) in [
        ("ensemble", "bf16"),
        ("ensemble", "int8"),
        ("features", "int8"),
        ("notebook", "int8"),
    ] {
        let arguments = format!("quantize {name} --to {to} --out small --overwrite");
        seq2seq(folder.path(), &arguments).assert().success();
        let made = fs::read(folder.path().join("small")).expect("a file");
        let expected = stored(&format!("{name}-{to}.safetensors"));
        let expected = fs::read(expected).expect("a stored file");
        assert!(made == expected, "{name} {to}");
    }
}

/// The cells of a line of the table that the command prints.
fn row<'a>(output: &'a str, name: &str) -> Vec<&'a str> {
    let mut lines = output.lines();
    let line = lines.find_map(|line| line.strip_prefix(name));
    line.expect(name).split_whitespace().collect()
}

#[test]
fn validation_pairs_show_what_changes() {
    let folder = folder_with(&["recurrent"]);
    let path = folder.path();
    fs::write(path.join("dev.tsv"), "able\tEY B AH L\nbad\tB AE D\n").expect("written");
    let quantize = |more: &str| seq2seq(path, &format!("quantize recurrent --out small {more}"));
    let output = quantize("--to bf16 --dev dev.tsv").assert().success();
    let output = output.stderr(contains("bf16 weights in small"));
    let output = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    let number = |text: &str| text.parse::<f64>().expect("a number");
    match row(&output, "size")[..] {
        [before, "kB", after, "kB"] => assert!(number(after) < number(before), "{output}"),
        _ => panic!("{output}"),
    }
    for figure in ["exact match", "symbol error rate"] {
        assert_eq!(row(&output, figure).len(), 2, "{output}");
    }
    assert!(output.ends_with(" of 2 answers changed\n"), "{output}");
    quantize("--to int8")
        .assert()
        .failure()
        .stderr(contains("small exists: replace it with --overwrite"));
    let output = quantize("--to int8 --overwrite").assert().success();
    let output = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    assert_eq!(output.lines().count(), 2, "{output}");
    seq2seq(path, "inspect small")
        .assert()
        .success()
        .stdout(contains("precision of matrices: int8"));
    // As any other model.
    seq2seq(path, "eval small dev.tsv").assert().success();
    seq2seq(path, "compare recurrent small dev.tsv")
        .assert()
        .success();
    seq2seq(path, "export small --format onnx --out onnx")
        .assert()
        .success();
    seq2seq(path, "quantize small --to bf16 --out other")
        .assert()
        .failure()
        .stderr(contains("the weights are int8 already"));
    assert!(!path.join("other").exists());
}
