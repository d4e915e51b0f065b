//! Commands on a trained model.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::support::{run, run_with_input, seq2seq, trained};

/// Answers of `predict`, one a line.
fn predict(arguments: &str, input: &str) -> (String, String) {
    let output = seq2seq(&trained())
        .args(["predict", "."])
        .args(arguments.split_whitespace())
        .write_stdin(input)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

#[test]
fn predict_answers_in_order() {
    let (answers, messages) = predict("", "abc\nddd\r\nbad\n");
    assert_eq!(
        (answers.as_str(), messages.as_str()),
        ("A B C\nD D D\nB A D\n", "")
    );
}

/// The last line may lack its line feed, and a blank one still gets its line.
#[test]
fn predict_gives_one_line_for_each() {
    let (answers, _) = predict("", "abc\n\nddd");
    let answers: Vec<&str> = answers.lines().collect();
    assert_eq!(
        (answers.len(), answers[0], answers[2]),
        (3, "A B C", "D D D")
    );
}

#[test]
fn predict_answers_texts_of_the_command_line() {
    assert_eq!(predict("--text abc ddd", "").0, "A B C\nD D D\n");
    let (answers, messages) = predict("--text word", "");
    assert_eq!(answers.lines().count(), 1);
    assert!(!messages.contains("names of columns"), "{messages}");
}

#[test]
fn answers_stand_beside_their_inputs() {
    assert_eq!(
        predict("--with-input", "abc\nddd\n").0,
        "abc\tA B C\nddd\tD D D\n"
    );
    let json: serde_json::Value = serde_json::from_str(&predict("--json", "abc\n").0).unwrap();
    assert_eq!(
        (&json["input"], &json["text"]),
        (&"abc".into(), &"A B C".into())
    );
}

#[test]
fn predict_reads_a_file() {
    let folder = trained();
    std::fs::write(folder.join("questions.txt"), "cab\n").unwrap();
    assert_eq!(predict("questions.txt", "").0, "C A B\n");
}

#[test]
fn unknown_symbols() {
    let folder = trained();
    let lenient = run_with_input(&folder, "predict .", "abc\naxc\n");
    assert!(lenient.starts_with("exit code: 0"), "{lenient}");
    assert!(
        lenient.contains("line 2") && lenient.contains("\"x\""),
        "{lenient}"
    );
    let strict = run_with_input(&folder, "predict . --strict", "abc\naxc\nabc\n");
    assert!(strict.starts_with("exit code: 1"), "{strict}");
    assert!(
        strict.contains("line 2") && strict.contains("\"x\""),
        "{strict}"
    );
}

/// However often a symbol comes, it is one warning, with a count.
#[test]
fn a_symbol_unknown_ten_times_is_one_warning() {
    let lines = "xaxbx\n".to_owned() + &"ax\n".repeat(9);
    let (answers, messages) = predict("", &lines);
    assert_eq!(answers.lines().count(), 10);
    let about: Vec<&str> = (messages.lines())
        .filter(|line| line.contains("\"x\""))
        .collect();
    assert_eq!(
        about,
        [
            "warning: line 1: the model does not know symbol 1, \"x\", which the input has 3 times",
            "warning: unknown to the model: \"x\" on 10 lines"
        ]
    );
}

/// An answer comes as soon as its line is there, before the input ends.
#[test]
fn predict_answers_at_once() {
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("seq2seq"))
        .args(["predict", "."])
        .current_dir(trained())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for (word, answer) in [("abc", "A B C"), ("dab", "D A B")] {
        writeln!(input, "{word}").unwrap();
        assert_eq!(answers.next().unwrap().unwrap(), answer);
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

/// Whoever reads our output may stop reading, as `head` does.
#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("seq2seq"))
        .args(["generate", "addition", "--count", "200000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert!(output.status.success());
}

#[test]
fn explain() {
    insta::assert_snapshot!(run(&trained(), "explain . abd --top 1"));
    let output = seq2seq(&trained())
        .args(["explain", ".", "abx", "A B C", "--top", "2"])
        .output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    for part in ["does not know symbol 3, \"x\"", "expected", "choice 2"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn inspect() {
    insta::assert_snapshot!(run(&trained(), "inspect ."));
    let settings = run(&trained(), "inspect . --settings");
    assert!(settings.contains("encoder_units = 32"), "{settings}");
}

#[test]
fn interactive() {
    let folder = trained();
    let answers = run_with_input(&folder, "interactive .", "abc\n?dab\n");
    assert!(
        answers.starts_with("exit code: 0\n--- stdout\nA B C\n"),
        "{answers}"
    );
    assert!(
        answers.contains("what the encoder reads of \"dab\""),
        "{answers}"
    );
}

/// Scripts rely on these names.
#[test]
fn eval_as_json() {
    let folder = trained();
    std::fs::write(folder.join("dev.tsv"), "abc\tA B C\nxbd\tX B D\n").unwrap();
    let output = seq2seq(&folder)
        .args(["eval", ".", "dev.tsv", "--json"])
        .output()
        .unwrap();
    let figures: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(figures["pairs"], 2);
    assert_eq!(figures["free_running"]["exact_match"], 0.5);
    for (group, key) in [
        ("teacher_forced", "loss"),
        ("teacher_forced", "accuracy"),
        ("free_running", "symbol_error_rate"),
    ] {
        assert!(
            figures[group][key].is_number(),
            "{group}.{key} in {figures}"
        );
    }
    let messages = String::from_utf8(output.stderr).unwrap();
    assert!(
        messages.contains("\"x\"") && messages.contains("\"X\""),
        "{messages}"
    );
}

#[test]
fn eval_as_a_table() {
    let folder = trained();
    std::fs::write(folder.join("one.tsv"), "abc\tA B C\n").unwrap();
    let table = run(&folder, "eval . one.tsv");
    for part in [
        "exit code: 0",
        "teacher-forced",
        "free-running",
        "exact match",
        "symbol error rate",
    ] {
        assert!(table.contains(part), "{part} is not in\n{table}");
    }
}

/// All capital letters are one warning, which says what to do.
#[test]
fn a_case_that_the_model_does_not_know_is_one_warning() {
    let (_, messages) = predict("", "ABC\nabc\nDxD\nBAD\n");
    assert_eq!(
        messages,
        "warning: line 1: the model knows \"A\", \"B\", \"C\" in lower case only: write inputs in lower \
         case\nwarning: line 3: the model does not know symbol 2, \"x\"\n\
         warning: 3 lines with symbols in another case in all\n"
    );
    let strict = run_with_input(&trained(), "predict . --strict", "ABC\n");
    assert!(
        strict.starts_with("exit code: 1") && strict.contains("lower case"),
        "{strict}"
    );
    let folder = trained();
    std::fs::write(folder.join("capitals.tsv"), "ABC\tA B C\n").unwrap();
    let eval = run(&folder, "eval . capitals.tsv");
    assert!(
        eval.contains(
            "warning: training has seen letters of those source symbols in lower case: give sources in lower \
             case\n"
        ),
        "{eval}"
    );
}

#[test]
fn an_expected_answer_may_be_spelled_in_another_way() {
    let explained = seq2seq(&trained())
        .args(["explain", ".", "abc", " A  B C"])
        .output()
        .unwrap();
    let text = String::from_utf8(explained.stdout).unwrap();
    assert!(text.trim_end().ends_with("right"), "{text}");
}
