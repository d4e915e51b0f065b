//! Help texts, which name every command and option.

use crate::support::{run, seq2seq};

/// The help of a command, or of the whole program.
fn help(command: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let arguments = format!("{command} --help");
    run(folder.path(), arguments.trim_start())
}

#[test]
fn help_of_the_program() {
    insta::assert_snapshot!(help(""));
}

#[test]
fn help_of_every_command() {
    for command in [
        "train",
        "tune",
        "eval",
        "predict",
        "explain",
        "interactive",
        "generate",
        "generate addition",
        "inspect",
        "compare",
        "audit",
        "ensemble",
        "quantize",
        "bench",
        "serve",
        "reproduce",
        "completions",
        "manual",
        "lexicon",
        "import",
    ] {
        insta::assert_snapshot!(format!("help {command}").replace(' ', "_"), help(command));
    }
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(run(folder.path(), "train --epocs 5"));
    insta::assert_snapshot!(run(folder.path(), "train"));
    insta::assert_snapshot!(run(folder.path(), "predict"));
    insta::assert_snapshot!(run(folder.path(), "translate"));
}

#[test]
fn the_version_has_its_revision_and_vector_instructions() {
    let folder = tempfile::tempdir().unwrap();
    let version = seq2seq(folder.path()).arg("--version").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    for part in [
        "seq2seq 0.1.0\n",
        "revision: ",
        "target: ",
        "vector instructions: ",
    ] {
        assert!(version.contains(part), "{part} is missing: {version}");
    }
    let short = seq2seq(folder.path()).arg("-V").output().unwrap();
    assert_eq!(short.stdout, b"seq2seq 0.1.0\n");
}

#[test]
fn every_command_has_a_man_page() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), "manual").contains(".TH seq2seq 1"));
    run(folder.path(), "manual --out man");
    let read = |page: &str| std::fs::read_to_string(folder.path().join("man").join(page)).unwrap();
    assert!(read("seq2seq-train.1").contains("\\-\\-overwrite"));
    assert!(read("seq2seq-generate-addition.1").contains("\\-\\-digits"));
}

#[test]
fn completions_know_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    let script = run(folder.path(), "completions bash");
    for word in ["reproduce", "--overwrite", "--temperature"] {
        assert!(script.contains(word), "{word} is not completed");
    }
}
