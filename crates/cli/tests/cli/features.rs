//! Features of inputs: where they are read and shown, and what is said where they are missing.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::support::{QUICK, run, run_with_input, spellings};

/// The folder of a run that was trained a little on words with a feature in column 3.
fn trained() -> PathBuf {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let spellings = spellings();
        let lines = spellings.iter().enumerate();
        let lines = lines.map(|(n, (word, spelled))| {
            let features = ["V;PST", "V;PRS", "N;SG"][n % 3];
            format!("{word}\t{spelled}\t{features}\n")
        });
        fs::write(folder.path().join("words.tsv"), lines.collect::<String>()).unwrap();
        let arguments = format!(
            "train words.tsv --features-column 3 --out run --quiet --set training.epochs=2 {QUICK}"
        );
        let words: Vec<&str> = arguments.split_whitespace().collect();
        let output = run(folder.path(), &words.join(" "));
        assert!(output.starts_with("exit code: 0"), "{output}");
        let words = folder.path().join("words.tsv");
        fs::copy(words, folder.path().join("run/words.tsv")).unwrap();
        folder
    });
    folder.path().join("run")
}

/// What is printed after training is what has to be typed.
#[test]
fn the_example_after_training_has_features() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(trained().join("words.tsv"), folder.path().join("words.tsv")).unwrap();
    let arguments = format!("train words.tsv --features-column 3 --set training.epochs=1 {QUICK}");
    let words: Vec<&str> = arguments.split_whitespace().collect();
    let output = run(folder.path(), &words.join(" "));
    let example = output
        .lines()
        .find(|line| line.starts_with("use it:"))
        .unwrap();
    assert!(
        example.starts_with(r"use it:   printf '%s\t%s\n' '"),
        "{example}"
    );
    assert!(
        example.ends_with("' | seq2seq predict runs/words") && example.contains(';'),
        "{example}"
    );
}

#[test]
fn missing_features_are_said_once_and_fail_where_that_is_asked_for() {
    let folder = trained();
    let given = run_with_input(&folder, "predict . --strict", "abc\tV;PST\nbad\tN;SG\n");
    assert!(
        given.starts_with("exit code: 0") && given.ends_with("--- stderr\n"),
        "{given}"
    );
    let missing = run_with_input(&folder, "predict .", "abc\nbad\t\ncab\tN;SG\n");
    assert!(missing.starts_with("exit code: 0"), "{missing}");
    assert!(
        missing.ends_with(
            "--- stderr\nwarning: line 1: the input has no features, which this model was trained with: \
             give them after a tab, as SOURCE<TAB>FEATURES\n\
             warning: 2 lines without features in all\n"
        ),
        "{missing}"
    );
    let strict = run_with_input(&folder, "predict . --strict", "cab\tN;SG\nabc\n");
    assert!(strict.starts_with("exit code: 1"), "{strict}");
    assert!(
        strict.contains("error: line 2: the input has no features"),
        "{strict}"
    );
    let json = run_with_input(&folder, "predict . --json", "abc\n");
    assert!(
        json.contains("\"warnings\":[\"the input has no features"),
        "{json}"
    );
}

#[test]
fn a_blank_in_place_of_the_tab_is_noticed() {
    let output = run_with_input(&trained(), "predict .", "abc V;PST\n");
    assert!(
        output.contains("; \"V;PST\" looks like features after a blank, where a tab should be\n"),
        "{output}"
    );
    let no_feature = run_with_input(&trained(), "predict .", "abc bad\n");
    assert!(
        !no_feature.contains("where a tab should be"),
        "{no_feature}"
    );
}

#[test]
fn an_unknown_feature_is_called_one() {
    let folder = trained();
    let output = run_with_input(&folder, "predict .", "abc\tV;FUT\n");
    assert!(
        output.ends_with("warning: line 1: the model does not know the feature \"FUT\"\n"),
        "{output}"
    );
    let strict = run_with_input(&folder, "predict . --strict", "abc\tV;FUT\n");
    assert!(strict.starts_with("exit code: 1"), "{strict}");
}

#[test]
fn measuring_without_features_is_noticed() {
    let folder = trained();
    fs::write(folder.join("empty.tsv"), "abc\tA B C\t\nbad\tB A D\tN;SG\n").unwrap();
    let said = "1 pair of empty.tsv without features, which all training pairs had: give their column with \
                --features-column\n";
    for command in ["eval . empty.tsv", "audit . empty.tsv"] {
        let output = run(&folder, command);
        assert!(output.contains(&format!("warning: {said}")), "{output}");
        assert!(
            output.contains("features from column 3, as in training\n"),
            "{output}"
        );
    }
    fs::write(folder.join("inputs.txt"), "abc\n").unwrap();
    fs::write(folder.join("answers.txt"), "A B C\n").unwrap();
    let references = run(&folder, "eval . inputs.txt --references answers.txt");
    assert!(
        references.contains("warning: 1 pair of inputs.txt without features"),
        "{references}"
    );
}

/// Features are shown wherever the source is.
#[test]
fn features_are_shown_beside_the_source() {
    let folder = trained();
    let eval = run(&folder, "eval . words.tsv --report page");
    assert!(
        eval.contains("features with the most wrong answers (5 in all)\n"),
        "{eval}"
    );
    for feature in ["  V ", "  N ", "  PST ", "  PRS ", "  SG "] {
        assert!(eval.contains(feature), "{eval}");
    }
    let page = fs::read_to_string(folder.join("page/index.html")).unwrap();
    assert!(
        page.contains("<small>V;PST</small>"),
        "no features beside wrong answers"
    );
    assert!(page.contains("<h2>Features</h2>"), "no section of features");
    let json = run(&folder, "eval . words.tsv --json");
    assert!(json.contains("\"by_feature\":[{\"feature\":"), "{json}");
    let audit = run(&folder, "audit . words.tsv --most 3");
    let rows = audit.lines().filter(|line| line.split('\t').count() == 7);
    assert_eq!(rows.filter(|row| row.contains(";")).count(), 3, "{audit}");
    let explain = run(&folder, "explain . abc --features V;PST");
    assert!(explain.contains("features  \"V\"  \"PST\""), "{explain}");
    let missing = run(&folder, "explain . abc");
    assert!(
        missing.contains("warning: the input has no features"),
        "{missing}"
    );
}
