//! `seq2seq ensemble` from the command line: join, evaluate, predict, explain, look into.

#![allow(clippy::expect_used)] // a test may fail by panicking

use std::path::Path;

use assert_cmd::Command;
use predicates::str::contains;

fn seq2seq(arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("seq2seq"));
    command.args(arguments);
    command
}

fn train(pairs: &Path, out: &Path, settings: &[&str]) {
    let mut command = seq2seq(&["train", "--quiet", "--train"]);
    command.arg(pairs).arg("--out").arg(out);
    let base = [
        "training.epochs=1",
        "model.encoder_units=8",
        "data.validation=0",
    ];
    for setting in base.iter().chain(settings) {
        command.args(["--set", setting]);
    }
    command.assert().success();
}

#[test]
fn ensembles_are_models() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let pairs: Vec<String> = (0..40)
        .map(|n| format!("{n:02}\t{:02}\n", 99 - n))
        .collect();
    std::fs::write(at("pairs.tsv"), pairs.concat()).expect("written");
    train(&at("pairs.tsv"), &at("a"), &[]);
    let monotonic = ["model.architecture=monotonic"];
    train(&at("pairs.tsv"), &at("b"), &monotonic);

    let join = || {
        let mut command = seq2seq(&["ensemble"]);
        command.arg(at("a")).arg(at("b")).arg("-o").arg(at("m"));
        command
    };
    join().assert().success().stderr(contains("2 models in"));
    join().assert().failure().stderr(contains("--overwrite"));
    join()
        .args(["--overwrite", "--log-linear"])
        .assert()
        .success();

    let model = at("m");
    let (model, pairs) = (model.to_str().expect("text"), at("pairs.tsv"));
    seq2seq(&["eval", model]).arg(pairs).assert().success();
    seq2seq(&["predict", model])
        .write_stdin("12\n34\n")
        .assert()
        .success();
    seq2seq(&["explain", model, "12"])
        .assert()
        .success()
        .stdout(contains("step"));
    seq2seq(&["inspect", model, "--settings"])
        .assert()
        .success()
        .stdout(contains("member.1.alignment"))
        .stdout(contains("mixing = \"log-linear\""));
}

#[test]
fn one_model_is_no_ensemble() {
    seq2seq(&["ensemble", "a", "-o", "m"]).assert().failure();
}

#[test]
fn weights_are_fitted_on_validation_pairs() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let pairs: Vec<String> = (0..90)
        .map(|n| format!("{n:02}\t{:02}\n", 99 - n))
        .collect();
    std::fs::write(at("pairs.tsv"), pairs[..60].concat()).expect("written");
    std::fs::write(at("dev.tsv"), pairs[60..].concat()).expect("written");
    train(&at("pairs.tsv"), &at("a"), &[]);
    let mut counts = seq2seq(&["train", "--quiet", "--set", "model.architecture=ngram"]);
    let counts = counts.args(["--set", "data.validation=0"]);
    counts
        .arg(at("pairs.tsv"))
        .arg("--out")
        .arg(at("b"))
        .assert()
        .success();
    let join = |more: &[&str]| {
        let mut command = seq2seq(&["ensemble", "--overwrite"]);
        command.arg(at("a")).arg(at("b")).arg("-o").arg(at("m"));
        command.arg("--dev").arg(at("dev.tsv")).args(more);
        command
    };
    join(&[])
        .assert()
        .success()
        .stdout(contains("loss of a target without it"));
    join(&["--log-linear", "--arithmetic"]).assert().failure();
    join(&["--arithmetic"])
        .assert()
        .success()
        .stdout(contains("exact match"));
    seq2seq(&["inspect"]).arg(at("m")).assert().success();
}
