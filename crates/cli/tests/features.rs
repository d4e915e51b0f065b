//! Features with every architecture, every way of reading them and every flag of the search.

#![allow(clippy::expect_used)] // a test may fail by panicking

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;

/// Architectures, and whether they attend to the source. The first one copies; the others can be joined.
const ARCHITECTURES: &[(&str, bool)] = &[
    ("model.architecture=monotonic --set model.copy=true", true),
    ("model.architecture=monotonic --set model.copy=false", true),
    ("model.attention=none", false),
    ("model.attention=general", true),
    ("model.architecture=transformer", true),
];

const FEATURES: &[&str] = &["none", "symbols", "encoder"];

/// Flags of `predict` that every model takes.
const FLAGS: &[&str] = &[
    "",
    "--beam 3 --length-penalty 0.5",
    "--nbest 2 --confidence",
    "--json --nbest 2",
    "--beam 3 --mbr",
    "--sample --nbest 2 --top-k 3 --top-p 0.9 --temperature 0.8",
    "--max-length 3",
    "--max-length-ratio 1 --max-length-extra 1",
    "--pattern (a|b|s)*",
    "--allow allowed.txt",
    "--abstain 0.5",
];

/// Those that only a model with attention takes.
const OF_ATTENTION: &[&str] = &[
    "--align",
    "--json --align",
    "--nbest 2 --align",
    "--coverage-penalty 0.2 --beam 2",
    "--sample --align",
];

const INPUT: &str = "ab\tPL\nba\tSG\nab\n\tSG\nab\tUNSEEN\n";

fn seq2seq(folder: &Path, arguments: &str, input: &str) -> Output {
    let mut command = Command::cargo_bin("seq2seq").expect("the program");
    let command = command
        .current_dir(folder)
        .args(arguments.split_whitespace());
    command.write_stdin(input).output().expect("it runs")
}

fn answered(folder: &Path, arguments: &str, input: &str) -> String {
    let output = seq2seq(folder, arguments, input);
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}: {messages}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn trained(architecture: &str, features: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name, text| std::fs::write(folder.path().join(name), text).expect("written");
    write(
        "pairs.tsv",
        "ab\tSG\tab\nab\tPL\tabs\nba\tSG\tba\nba\tPL\tbas\n",
    );
    write("allowed.txt", "abs\nba\n");
    let sizes = match architecture {
        "model.architecture=transformer" => {
            "--set model.transformer.model_size=8 --set model.transformer.feed_forward=8 \
             --set model.transformer.layers=1"
        }
        _ => "--set model.encoder_units=4 --set model.embedding=4",
    };
    let column = match features {
        "none" => "",
        _ => "--features-column 2",
    };
    let arguments = format!(
        "train pairs.tsv --out run --quiet --target-column 3 {column} \
         --set model.features={features} --set {architecture} {sizes} \
         --set data.validation=0 --set training.epochs=1"
    );
    answered(folder.path(), &arguments, "");
    folder
}

/// Everything that decodes, with the model `run` of a folder.
fn check(folder: &Path, attends: bool, what: &str) {
    let lines = INPUT.lines().count();
    for flags in FLAGS.iter().chain(OF_ATTENTION.iter().filter(|_| attends)) {
        let answers = answered(folder, &format!("predict run {flags}"), INPUT);
        assert_eq!(answers.lines().count(), lines, "{what}, {flags}: {answers}");
    }
    for flags in OF_ATTENTION.iter().filter(|_| !attends) {
        let output = seq2seq(folder, &format!("predict run {flags}"), INPUT);
        let messages = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{what}, {flags}: {messages}");
        assert!(
            messages.contains("needs a model with attention"),
            "{messages}"
        );
    }
    answered(folder, "eval run pairs.tsv --report report --nbest 2", "");
    let report = std::fs::read_to_string(folder.join("report/index.html")).expect("a report");
    assert!(report.contains("ab"), "{what}");
    let asked = Command::cargo_bin("seq2seq")
        .expect("the program")
        .current_dir(folder)
        .args(["explain", "run", "ab\tPL", "abs"])
        .output()
        .expect("it runs");
    let explained = String::from_utf8_lossy(&asked.stdout);
    assert!(explained.contains("choice 3"), "{what}: {explained}");
    let answers = answered(folder, "interactive run", "ab\tPL\n?ab\tPL\nab\n?ab\n");
    assert_eq!(answers.matches("choice 3").count(), 2, "{what}: {answers}");
    answered(folder, "audit run pairs.tsv", "");
    answered(folder, "compare run run pairs.tsv", "");
}

#[test]
fn every_search_flag_works_with_every_architecture_and_use_of_features() {
    for features in FEATURES {
        let mut runs = Vec::new();
        for &(architecture, attends) in ARCHITECTURES {
            let folder = trained(architecture, features);
            check(
                folder.path(),
                attends,
                &format!("{architecture}, {features}"),
            );
            runs.push(folder);
        }
        let (first, others) = runs[1..].split_first().expect("runs");
        let members = others.iter().map(|run| run.path().join("run"));
        let members: Vec<String> = members.map(|path| path.display().to_string()).collect();
        let members = members.join(" ");
        std::fs::rename(first.path().join("run"), first.path().join("member")).expect("renamed");
        let join = format!("ensemble member {members} -o run");
        answered(first.path(), &join, "");
        check(first.path(), true, &format!("ensemble, {features}"));
    }
}
