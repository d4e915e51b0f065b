//! Help texts, which name every command and option.

use crate::support::run;

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
        "reproduce",
        "completions",
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
fn completions_know_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    let script = run(folder.path(), "completions bash");
    for word in ["reproduce", "--overwrite", "--temperature"] {
        assert!(script.contains(word), "{word} is not completed");
    }
}
