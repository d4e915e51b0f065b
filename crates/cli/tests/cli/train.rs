//! `seq2seq train` and `seq2seq reproduce`.

use std::fs;
use std::path::Path;

use crate::support::{QUICK, folder_with_words, repository, run, run_with_input, seq2seq};

/// Words of arguments on several lines.
fn joined(arguments: &str) -> String {
    arguments.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn from_a_file_of_pairs() {
    let folder = folder_with_words();
    let arguments = format!("train words.tsv --set training.epochs=2 {QUICK}");
    insta::assert_snapshot!(run(folder.path(), &joined(&arguments)));
    let mut files: Vec<String> = fs::read_dir(folder.path().join("runs/words"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    files.sort();
    for name in [
        "history.svg",
        "metrics.jsonl",
        "model.safetensors",
        "recipe.toml",
    ] {
        assert!(
            files.iter().any(|file| file == name),
            "{name} is not among {files:?}"
        );
    }
}

/// Blanks around symbols are passed over, and counted.
#[test]
fn one_stray_blank() {
    let folder = folder_with_words();
    let path = folder.path().join("words.tsv");
    let words = fs::read_to_string(&path).unwrap();
    let words = words.replace("abc\tA B C\n", "abc\tA B  C\n");
    fs::write(path, words.replace("dcb\tD C B\n", "dcb\tD C B \n")).unwrap();
    let arguments = format!("train words.tsv --set training.epochs=1 {QUICK}");
    let output = run(folder.path(), &joined(&arguments));
    for line in [
        "target: spaces, 6 symbols, longest 4 (guessed: ",
        "note: 2 targets have leading, trailing or doubled blanks, which are ignored; the first: \
         words.tsv, line 7\n",
    ] {
        assert!(output.contains(line), "{output}");
    }
}

/// Scripts rely on these names.
#[test]
fn metrics_have_their_names() {
    let folder = folder_with_words();
    let arguments = format!("train words.tsv --out run --quiet --set training.epochs=2 {QUICK}");
    run(folder.path(), &joined(&arguments));
    let metrics = fs::read_to_string(folder.path().join("run/metrics.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = metrics
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    for key in [
        "epoch",
        "step",
        "learning_rate",
        "loss",
        "accuracy",
        "pairs_per_second",
        "seconds",
    ] {
        assert!(lines[1][key].is_number(), "{key} in {metrics}");
    }
    for key in ["loss", "accuracy", "exact_match", "symbol_error_rate"] {
        assert!(
            lines[1]["validation"][key].is_number(),
            "{key} in {metrics}"
        );
    }
}

#[test]
fn quiet_says_nothing() {
    let folder = folder_with_words();
    let arguments = format!("train words.tsv --quiet --set training.epochs=1 {QUICK}");
    assert_eq!(
        run(folder.path(), &joined(&arguments)),
        "exit code: 0\n--- stdout\n--- stderr\n"
    );
}

/// The cost of a run is measured on real steps; training must not notice.
#[test]
fn measuring_the_cost_changes_nothing() {
    let folder = folder_with_words();
    let losses = |out: &str, more: &str| {
        let arguments = format!(
            "train words.tsv --out {out} {more} --set training.epochs=2 \
             --set training.teacher_forcing=0.8 --set training.schedule=linear {QUICK}"
        );
        run(folder.path(), &joined(&arguments));
        let metrics = fs::read_to_string(folder.path().join(out).join("metrics.jsonl")).unwrap();
        let lines = metrics
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        lines
            .map(|line: serde_json::Value| (line["loss"].clone(), line["learning_rate"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(losses("measured", ""), losses("quiet", "--quiet"));
}

#[test]
fn columns_header_and_line_ends() {
    let folder = tempfile::tempdir().unwrap();
    let lines: String = (0..40).map(|n| format!("{n}\tx\t{}\r\n", n + 1)).collect();
    fs::write(
        folder.path().join("wide.tsv"),
        format!("number\tkind\tnext\r\n{lines}"),
    )
    .unwrap();
    let arguments = format!(
        "train wide.tsv --source-column 1 --target-column 3 --header --set training.epochs=1 {QUICK}"
    );
    insta::assert_snapshot!(run(folder.path(), &joined(&arguments)));
}

#[test]
fn a_run_is_not_overwritten_unasked() {
    let folder = folder_with_words();
    let train = |more: &str| {
        let arguments = format!("train words.tsv --quiet {more} --set training.epochs=1 {QUICK}");
        run(folder.path(), &joined(&arguments))
    };
    assert!(train("").starts_with("exit code: 0"));
    insta::assert_snapshot!(train(""));
    assert!(train("--overwrite").starts_with("exit code: 0"));
}

/// Files given on the command line fill a recipe that leaves them open, and `--set` has the last word.
#[test]
fn a_recipe_with_files_from_the_command_line() {
    let folder = folder_with_words();
    fs::write(
        folder.path().join("small.toml"),
        "[model]\nencoder_units = 16\nembedding = 4\n",
    )
    .unwrap();
    let arguments = "train small.toml --train words.tsv --dev words.tsv --seed 7 \
                     --set training.epochs=1 --set model.embedding=one-hot --quiet";
    assert!(run(folder.path(), &joined(arguments)).starts_with("exit code: 0"));
    let recipe = fs::read_to_string(folder.path().join("runs/small/recipe.toml")).unwrap();
    for line in [
        "encoder_units = 16",
        "embedding = \"one-hot\"",
        "epochs = 1",
        "seed = 7",
    ] {
        assert!(
            recipe.lines().any(|found| found == line),
            "{line} is not in\n{recipe}"
        );
    }
}

/// The notebook's model has 72,704 + 72,704 + 1,677 parameters.
#[test]
fn the_notebooks_model() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = repository().join("recipes/addition-3digit-reversed.toml");
    let arguments = "--out run --quiet --set training.epochs=1 --set data.addition.count=128 \
                     --set data.addition.test_count=0";
    seq2seq(folder.path())
        .arg("train")
        .arg(recipe)
        .args(arguments.split_whitespace())
        .assert()
        .success();
    insta::assert_snapshot!(run(folder.path(), "inspect run"));
}

#[test]
fn reproduce_prints_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = repository().join("recipes/addition-3digit-reversed.toml");
    let small = "--seeds 2 --set training.epochs=1 --set data.addition.count=200 \
                 --set data.addition.test_count=50";
    let output = seq2seq(folder.path())
        .arg("reproduce")
        .arg(recipe)
        .args(small.split_whitespace())
        .output()
        .unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 3, "{table}");
    assert!(
        rows[2].starts_with("| addition-3digit-reversed | 2 | 50 test pairs |"),
        "{table}"
    );
    assert!(
        rows.iter()
            .all(|row| row.matches('|').count() == rows[0].matches('|').count())
    );
    assert!(!Path::new("runs").exists());
}

/// A step that is far too long ends as an error, in the default architecture too, whose losses are those of
/// probabilities.
#[test]
fn training_that_diverges_is_an_error() {
    let folder = folder_with_words();
    let settings = "--set training.optimizer=sgd --set training.learning_rate=1e20 \
                    --set training.clip_norm=0";
    for architecture in ["monotonic", "recurrent", "transformer"] {
        let arguments = format!(
            "train words.tsv --out {architecture} {settings} --set model.architecture={architecture}"
        );
        let output = seq2seq(folder.path())
            .args(arguments.split_whitespace())
            .output()
            .unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        let last = message.lines().last().unwrap_or_default();
        assert!(
            last.contains("became NaN or infinite at epoch 1"),
            "{message}"
        );
        let advice = "Lower training.learning_rate (now 100000000000000000000) or set \
                      training.clip_norm (now 0, which is off).";
        assert!(last.contains(advice), "{message}");
        assert!(!message.contains("use it:"), "{message}");
        assert!(
            !folder
                .path()
                .join(architecture)
                .join("model.safetensors")
                .exists()
        );
    }
}

/// Without this line, a table of zeros and "use it" are all that a run that came to nothing ends with.
#[test]
fn a_run_without_a_right_answer_says_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("five.tsv"), FIVE_WORDS).unwrap();
    let train = |more: &str| {
        let arguments = format!("train five.tsv --dev five.tsv --out run --overwrite {more}");
        run(folder.path(), arguments.trim())
    };
    let begun = train("--set training.epochs=3");
    let warning =
        "warning: exact match was 0 at 3 validations: none of 5 questions was answered right";
    assert!(begun.contains(warning), "{begun}");
    let note = "note: validation asks only 5 questions, so one answer moves exact match by";
    assert!(begun.contains(note), "{begun}");
    let learned = train("");
    assert!(!learned.contains("exact match was 0"), "{learned}");
    let answers = run_with_input(folder.path(), "predict run", "cat\ndog\npig\nhen\ncow\n");
    let right = "--- stdout\nK AE T\nD AO G\nP IH G\nHH EH N\nK AW\n---";
    assert!(answers.contains(right), "{answers}");
}

/// Their targets have nothing in common with them, so that none is guessed early.
const FIVE_WORDS: &str = "cat\tK AE T\ndog\tD AO G\npig\tP IH G\nhen\tHH EH N\ncow\tK AW\n";

/// An n-gram model is fitted at once: what was tried, what was chosen, and its figures.
#[test]
fn an_ngram_model() {
    let folder = folder_with_words();
    let arguments = "train words.tsv --set model.architecture=ngram --set training.epochs=5";
    insta::assert_snapshot!(run(folder.path(), arguments));
    insta::assert_snapshot!(run(folder.path(), "train --resume runs/words"));
    insta::assert_snapshot!(run_with_input(
        folder.path(),
        "predict runs/words --align",
        "abcd\nabq\n"
    ));
    insta::assert_snapshot!(run(folder.path(), "inspect runs/words"));
}

/// Pairs with enough validation questions have an n-gram model beside the network, and the best is kept.
#[test]
fn a_network_and_an_ngram_model() {
    let folder = folder_with_words();
    let arguments =
        format!("train words.tsv --set data.validation=0.4 --set training.epochs=2 {QUICK}");
    let output = run(folder.path(), &joined(&arguments));
    for part in [
        "a joint n-gram model, fitted in # s, has #",
        "on 26 validation questions:\n",
        "\nn-gram model ",
        "\nnetwork ",
        "\nkept: ",
    ] {
        assert!(output.contains(part), "{part}: {output}");
    }
    let arguments = format!("{arguments} --overwrite --set training.mixture=off");
    let output = run(folder.path(), &joined(&arguments));
    assert!(!output.contains("n-gram"), "{output}");
}
