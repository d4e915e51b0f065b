//! Prediction, evaluation, comparison and audit from the command line: what is printed, and what is
//! refused.

#![allow(clippy::expect_used)] // a test may fail by panicking

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use assert_cmd::Command;
use predicates::str::contains;
use serde_json::Value;

struct Trained {
    folder: tempfile::TempDir,
}

impl Trained {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("written");
        path
    }
}

/// Letters and their names, with a model of them that was trained once for all tests.
fn trained() -> &'static Trained {
    static TRAINED: OnceLock<Trained> = OnceLock::new();
    TRAINED.get_or_init(|| {
        let trained = Trained {
            folder: tempfile::tempdir().expect("a folder"),
        };
        let file = trained.write("pairs.tsv", &pairs());
        for (name, epochs) in [("run", "40"), ("other", "1")] {
            seq2seq()
                .args(["train", "--quiet", "--train"])
                .arg(&file)
                .arg("--dev")
                .arg(&file)
                .arg("--out")
                .arg(trained.path(name))
                .args(["--set", "model.attention=none"])
                .args(["--set", "model.encoder_units=24"])
                .args(["--set", "model.embedding=8"])
                .args(["--set", "training.batch_size=4"])
                .args(["--set", "training.learning_rate=0.01"])
                .args(["--set", &format!("training.epochs={epochs}")])
                .assert()
                .success();
        }
        trained
    })
}

/// Words of two and three letters with the names of their letters, 18 of them.
fn pairs() -> String {
    let letters = ["a", "b", "c"];
    let two = letters.map(|first| letters.map(|second| format!("{first}{second}")));
    let three = letters.map(|first| letters.map(|second| format!("{second}{first}{second}")));
    let words = two.iter().chain(&three).flatten();
    let name = |c: char| format!("{}1", c.to_uppercase());
    words
        .map(|word| {
            let names: Vec<String> = word.chars().map(name).collect();
            format!("{word}\t{}\n", names.join(" "))
        })
        .collect()
}

fn seq2seq() -> Command {
    Command::cargo_bin("seq2seq").expect("the program")
}

fn predict(arguments: &[&str]) -> Command {
    let mut command = seq2seq();
    command
        .arg("predict")
        .arg(trained().path("run"))
        .args(arguments);
    command
}

fn stdout(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn refused(command: &mut Command, message: &str) {
    command
        .write_stdin("ab\n")
        .assert()
        .failure()
        .stderr(contains(message));
}

#[test]
fn one_line_of_output_for_each_of_input() {
    for arguments in [
        &[][..],
        &["--beam", "3"],
        &["--nbest", "3"],
        &["--confidence"],
        &["--json"],
        &["--sample", "--temperature", "0.5"],
        &["--beam", "4", "--mbr"],
        &["--abstain", "1.0"],
    ] {
        let output = stdout(predict(arguments).write_stdin("ab\n\ncab\nxyz\n"));
        assert_eq!(output.lines().count(), 4, "{arguments:?}: {output}");
    }
}

#[test]
fn columns_are_as_asked_for() {
    assert_eq!(stdout(predict(&[]).write_stdin("ab\n")), "A1 B1\n");
    let columns = |arguments: &[&str]| -> Vec<String> {
        let output = stdout(predict(arguments).write_stdin("ab\n"));
        output.trim_end().split('\t').map(str::to_owned).collect()
    };
    let nbest = columns(&["--nbest", "2"]);
    assert_eq!(nbest.len(), 4);
    assert_eq!(nbest[0], "A1 B1");
    let score = |column: &str| column.parse::<f64>().expect("a score");
    assert!(score(&nbest[1]) >= score(&nbest[3]));
    let confidence = columns(&["--confidence"]);
    assert_eq!(confidence.len(), 2);
    assert!((0.0..=1.0).contains(&score(&confidence[1])));
    assert_eq!(columns(&["--nbest", "2", "--confidence"]).len(), 6);
}

#[test]
fn answers_are_left_out_visibly() {
    let mark = |arguments: &[&str]| stdout(predict(arguments).write_stdin("ab\n"));
    assert_eq!(
        mark(&["--abstain", "1", "--abstain-mark", "(unsure)"]),
        "(unsure)\n"
    );
    assert_eq!(mark(&["--abstain", "1"]), "?\n");
    assert_eq!(mark(&["--abstain", "0"]), "A1 B1\n");
    let json: Value = serde_json::from_str(&mark(&["--abstain", "1", "--json"])).expect("JSON");
    assert_eq!(json["text"], Value::Null);
    assert_eq!(json["abstained"], true);
}

#[test]
fn what_is_cut_has_no_confidence() {
    let arguments = ["--max-length", "1", "--confidence"];
    let output = stdout(predict(&arguments).write_stdin("ab\n"));
    assert_eq!(output, "A1\t0.0000\n");
}

#[test]
fn json_has_everything() {
    let output = stdout(predict(&["--json", "--nbest", "2"]).write_stdin("abx\n"));
    let json: Value = serde_json::from_str(&output).expect("JSON");
    assert!(json["text"].is_string() && json["finished"].is_boolean());
    assert!(json["log_probability"].as_f64().expect("a number") < 0.0);
    assert!(json["confidence"].is_number() && json["score"].is_number());
    assert_eq!(json["alternatives"].as_array().expect("a list").len(), 1);
    let warning = json["warnings"][0].as_str().expect("a warning");
    assert!(warning.contains("\"x\""), "{warning}");
}

#[test]
fn outputs_stay_within_constraints() {
    let list = trained().write("allowed.txt", "C1 C1\nB1 Q9\nB1 A1\n");
    let list = list.to_str().expect("a path");
    let output = predict(&["--allow", list])
        .write_stdin("ab\nba\n")
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text.lines().count(), 2);
    assert!(
        text.lines().all(|line| line == "C1 C1" || line == "B1 A1"),
        "{text}"
    );
    assert!(String::from_utf8_lossy(&output.stderr).contains("1 of 3 allowed outputs"));
    let pattern = ["--pattern", "(C1 ){2}[AB]1", "--beam", "3"];
    let text = stdout(predict(&pattern).write_stdin("ab\n"));
    assert!(text == "C1 C1 A1\n" || text == "C1 C1 B1\n", "{text}");
}

#[test]
fn impossible_searches_are_refused() {
    let empty = trained().write("empty.txt", "\n");
    let empty = empty.to_str().expect("a path");
    for (arguments, message) in [
        (&["--beam", "0"][..], "a beam of 0 keeps no hypothesis"),
        (
            &["--beam", "100000"],
            "a beam of 100000 is more than can be kept",
        ),
        (
            &["--beam", "2", "--nbest", "3"],
            "give a beam of at least 3",
        ),
        (&["--nbest", "0"], "an n-best list of 0"),
        (&["--sample", "--temperature", "0"], "a temperature of 0"),
        (&["--sample", "--temperature", "-2"], "a temperature of -2"),
        (&["--sample", "--top-p", "1.5"], "top-p of 1.5"),
        (&["--sample", "--top-k", "0"], "top-k of 0"),
        (
            &["--beam", "2", "--length-penalty", "-1"],
            "a length penalty of -1",
        ),
        (
            &["--coverage-penalty", "0.2"],
            "needs a model with attention",
        ),
        (&["--align"], "needs a model with attention"),
        (&["--mbr"], "minimum Bayes risk chooses among several"),
        (&["--abstain", "1.5"], "--abstain 1.5 is no confidence"),
        (&["--pattern", "[0-9]+"], "no output can match"),
        (&["--pattern", "(A1"], "is not a regular expression"),
        (
            &["--pattern", "A1( A1){4}", "--max-length", "3"],
            "the shortest output that the constraint allows has 5",
        ),
        (&["--allow", empty], "the list of allowed outputs is empty"),
        (&["--max-length-ratio", "-1"], "is no ratio"),
    ] {
        refused(&mut predict(arguments), message);
    }
}

#[test]
fn long_inputs_are_answered_with_a_warning() {
    let assert = predict(&[])
        .write_stdin("abcabcabcabc\n")
        .assert()
        .success()
        .stderr(contains(
            "line 1: the input has 12 symbols, but the longest in training had 3",
        ));
    let output = String::from_utf8_lossy(&assert.get_output().stdout);
    assert_eq!(output.lines().count(), 1);
    predict(&["--max-length", "1"])
        .write_stdin("ab\n")
        .assert()
        .success()
        .stdout("A1\n")
        .stderr(contains(
            "reached the length limit of 1 symbols and was cut",
        ));
    predict(&["--strict"])
        .write_stdin("ax\n")
        .assert()
        .failure()
        .stderr(contains("symbol 2, \"x\""));
}

fn eval(file: &Path, arguments: &[&str]) -> Command {
    let mut command = seq2seq();
    command
        .arg("eval")
        .arg(trained().path("run"))
        .arg(file)
        .args(arguments);
    command
}

#[test]
fn evaluation_has_stable_keys() {
    let pairs = trained().path("pairs.tsv");
    let text = stdout(&mut eval(&pairs, &["--json", "--nbest", "2"]));
    let json: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(json["pairs"], 18);
    for (section, key) in [
        ("teacher_forced", "loss"),
        ("teacher_forced", "accuracy"),
        ("free_running", "exact_match"),
        ("free_running", "symbol_error_rate"),
        ("bleu", "score"),
        ("chrf", "score"),
        ("nbest", "exact_match"),
        ("confidence", "error_after"),
    ] {
        assert!(json[section][key].is_number(), "{section}.{key}: {text}");
    }
    let table = stdout(&mut eval(&pairs, &["--beam", "2"]));
    for part in [
        "exact match",
        "95 %:",
        "share answered",
        "expected calibration error",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }
}

/// What is printed about the search is what was done, whether a flag or the recipe asked for it.
#[test]
fn evaluation_names_its_search() {
    let pairs = trained().path("pairs.tsv");
    let run = trained().path("searching");
    seq2seq()
        .args(["train", "--quiet", "--train"])
        .arg(&pairs)
        .arg("--out")
        .arg(&run)
        .args(["--set", "model.attention=general"])
        .args(["--set", "model.encoder_units=4"])
        .args(["--set", "training.epochs=1"])
        .args(["--set", "decoding.beam=4"])
        .args(["--set", "decoding.length_penalty=0.5"])
        .args(["--set", "decoding.coverage_penalty=0.2"])
        .args(["--set", "decoding.minimum_bayes_risk=true"])
        .assert()
        .success();
    for (flags, search) in [
        (
            "",
            "beam of 4, length penalty 0.5, coverage penalty 0.2, minimum Bayes risk",
        ),
        (
            "--length-penalty 0 --beam 2",
            "beam of 2, coverage penalty 0.2, minimum Bayes risk",
        ),
        (
            "--beam 1 --coverage-penalty 0",
            "greedy decoding, length penalty 0.5",
        ),
        (
            "--nbest 6 --pattern .*",
            "beam of 6, length penalty 0.5, coverage penalty 0.2, minimum Bayes risk, matching .*",
        ),
        (
            "--sample --top-k 3 --top-p 0.9 --seed 4",
            "sampled at temperature 1, from the 3 most probable symbols, from the fewest symbols \
             with a probability of 0.9, seed 4, length penalty 0.5, coverage penalty 0.2",
        ),
    ] {
        let mut command = seq2seq();
        let command = command.arg("eval").arg(&run).arg(&pairs);
        let table = stdout(command.args(flags.split_whitespace()));
        let line = format!("\nsearched by {search}\n");
        assert!(table.contains(&line), "{flags}: {table}");
    }
}

#[test]
fn references_may_stand_in_files_of_their_own() {
    let inputs = trained().write("inputs.txt", "ab\nba\n");
    let wrong = trained().write("wrong.txt", "C1\nC1\n");
    let right = trained().write("right.txt", "A1 B1\nB1 A1\n");
    let exact = |references: &[&Path]| {
        let mut command = eval(&inputs, &["--json"]);
        for path in references {
            command.arg("--references").arg(path);
        }
        let json: Value = serde_json::from_str(&stdout(&mut command)).expect("JSON");
        json["free_running"]["exact_match"]
            .as_f64()
            .expect("a number")
    };
    assert_eq!(exact(&[&wrong]), 0.0);
    assert_eq!(exact(&[&wrong, &right]), 1.0);
    // A file may have no answer to an input that another answers.
    let lines = std::fs::read_to_string(&inputs)
        .expect("the inputs")
        .lines()
        .count();
    let none = trained().write("none.txt", &"\n".repeat(lines));
    assert_eq!(exact(&[&none, &right]), 1.0);
    refused(
        &mut eval(&inputs, &["--references", none.to_str().expect("a path")]),
        "line 1 of",
    );
    let short = trained().write("short.txt", "A1 B1\n");
    let short = short.to_str().expect("a path");
    refused(
        &mut eval(&inputs, &["--references", short]),
        "has 1 lines, but",
    );
    let empty = trained().write("nothing.txt", "");
    refused(&mut eval(&empty, &[]), "there are no pairs in this file");
    refused(
        &mut eval(&empty, &["--references", short]),
        "there are no inputs in this file",
    );
    refused(
        &mut eval(&inputs, &["--beam", "0", "--references", short]),
        "a beam of 0",
    );
}

#[test]
fn the_report_is_one_page() {
    let folder = trained().path("report");
    let pairs = trained().write("mixed.tsv", "ab\tA1 B1\nba\tC1 <b>&\ncab\tC1\n");
    eval(&pairs, &["--report"])
        .arg(&folder)
        .assert()
        .success()
        .stderr(contains("index.html"));
    let page = std::fs::read_to_string(folder.join("index.html")).expect("a page");
    for part in [
        "<!doctype html>",
        "Scores",
        "Training",
        "Worst errors",
        "Length",
        "Confidence",
        "<svg",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains("&lt;b&gt;&amp;") && !page.contains("<b>"));
    assert!(!page.contains("http") && !page.contains("<script"));
    assert!(!page.contains("NaN"), "no chart without numbers");
    assert!(page.contains("<td>BLEU</td>"));
    assert!(
        page.contains("section{overflow-x:auto}"),
        "tables scroll by themselves"
    );
}

/// BLEU of one number says nothing.
#[test]
fn the_report_of_numbers_has_no_bleu() {
    let folder = trained().path("report-of-numbers");
    let pairs = trained().write("numbers.tsv", "ab\t12\nba\t 7\n");
    let mut command = eval(&pairs, &["--report"]);
    let table = stdout(command.arg(&folder));
    let page = std::fs::read_to_string(folder.join("index.html")).expect("a page");
    assert!(
        !page.contains("<td>BLEU") && !table.contains("  BLEU"),
        "{table}"
    );
}

#[test]
fn models_are_compared() {
    let compare = |arguments: &[&str]| {
        let mut command = seq2seq();
        command.arg("compare").arg(trained().path("other"));
        command.arg(trained().path("run"));
        command.arg(trained().path("pairs.tsv")).args(arguments);
        stdout(&mut command)
    };
    let table = compare(&[]);
    for part in ["18 questions", "exact match", "McNemar", "95 % interval"] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let json: Value = serde_json::from_str(&compare(&["--json"])).expect("JSON");
    assert_eq!(json["second"]["exact_match"], 1.0);
    assert!(
        json["exact_match"]["difference"]
            .as_f64()
            .expect("a number")
            > 0.0
    );
    assert!(json["mcnemar_p"].as_f64().expect("a number") < 0.05);
}

/// The one wrong pair of a file comes first, with its line.
#[test]
fn audits_put_mistakes_first() {
    let pairs = trained().write(
        "mistake.tsv",
        "ab\tA1 B1\n\nba\tB1 A1\ncc\tC1 A1\naa\tA1 A1\n",
    );
    let audit = |arguments: &[&str]| {
        let mut command = seq2seq();
        command.arg("audit").arg(trained().path("run"));
        command.arg(&pairs).args(arguments);
        stdout(&mut command)
    };
    let lines = audit(&[]);
    assert_eq!(lines.lines().count(), 4);
    let first: Vec<&str> = lines.lines().next().expect("a line").split('\t').collect();
    assert_eq!(first[1..], ["4", "cc", "C1 A1", "C1 C1", "2 A1"]);
    let json: Value = serde_json::from_str(&audit(&["--json", "--most", "1"])).expect("JSON");
    assert_eq!(json["line"], 4);
    assert_eq!(json["weakest"]["symbol"], "A1");
}
