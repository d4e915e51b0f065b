//! `seq2seq generate`.

use crate::support::{run, seq2seq};

fn generate(arguments: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &format!("generate addition {arguments}"))
}

#[test]
fn addition_as_in_the_notebook() {
    insta::assert_snapshot!(generate("--terms 2 --digits 3 --count 5 --seed 1"));
    insta::assert_snapshot!(generate(
        "--terms 2 --digits 3 --count 5 --seed 1 --reverse"
    ));
}

#[test]
fn addition_as_in_the_keras_example() {
    insta::assert_snapshot!(generate(
        "--digits 3 --count 5 --draw digit-length --unique --align left --reverse"
    ));
}

#[test]
fn impossible_wishes() {
    insta::assert_snapshot!(generate("--terms 1"));
    insta::assert_snapshot!(generate("--digits 1 --count 100 --unique"));
}

#[test]
fn questions_of_a_file_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let one_digit = |more: &[&str]| {
        let arguments = ["generate", "addition", "--digits", "1"];
        let command = seq2seq(folder.path()).args(arguments).args(more).output();
        String::from_utf8(command.unwrap().stdout).unwrap()
    };
    let taken = one_digit(&["--unique", "--count", "30"]);
    std::fs::write(folder.path().join("taken.tsv"), &taken).unwrap();
    let rest = one_digit(&["--unique", "--count", "25", "--exclude", "taken.tsv"]);
    assert_eq!(rest.lines().count(), 25);
    assert!(rest.lines().all(|line| !taken.contains(line)));
}
