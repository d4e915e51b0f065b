//! Pronunciation lexicons: in, out, and beside a model.

use std::fs;
use std::path::Path;

use crate::support::{QUICK, run, run_with_input, spellings, trained};

fn train(folder: &Path, arguments: &str) -> String {
    let arguments = format!("train {arguments} --out run --set training.epochs=1 {QUICK}");
    let words: Vec<&str> = arguments.split_whitespace().collect();
    run(folder, &words.join(" "))
}

/// The spellings, a line each.
fn lines(line: impl Fn(&str, &str) -> String) -> String {
    let spellings = spellings();
    let lines = spellings.iter();
    lines
        .map(|(word, spelled)| line(word, spelled) + "\n")
        .collect()
}

#[test]
fn every_command_reads_lexicons_and_says_so() {
    let folder = trained();
    let cmu = format!(
        ";;; ours\n{}abc(2)  A B A\n",
        lines(|w, s| format!("{w}  {s}"))
    );
    fs::write(folder.join("words.cmu"), cmu).unwrap();
    let said =
        "note: words.cmu: read as a CMU dictionary: 65 entries, 1 of them variants, 1 comment\n";
    for command in [
        "eval . words.cmu",
        "audit . words.cmu --most 1",
        "compare . . words.cmu",
    ] {
        let output = run(&folder, command);
        assert!(output.starts_with("exit code: 0"), "{output}");
        assert!(output.contains(said), "{output}");
    }
    let eval = run(&folder, "eval . words.cmu");
    assert!(eval.contains("65 pairs, 64 questions"), "{eval}");
    let unknown = run(&folder, "eval . words.cmu --format cmudict");
    assert!(
        unknown.starts_with("exit code: 2")
            && unknown.contains("\"cmudict\" is no format: give auto"),
        "{unknown}"
    );
    let ensemble = run(
        &folder,
        "ensemble . . --out both.safetensors --dev words.cmu",
    );
    assert!(ensemble.contains(said), "{ensemble}");
}

#[test]
fn training_reads_what_people_have() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    write(
        "w.dict",
        lines(|w, s| format!("{w}\t0.99\t0.17\t1.0\t1.0\t{s}")),
    );
    write("dev.csv", lines(|w, s| format!("\"{w}\",\"{s}\"")));
    let output = train(folder.path(), "w.dict --dev dev.csv");
    assert!(output.starts_with("exit code: 0"), "{output}");
    for said in [
        "w.dict: 64 training pairs",
        "note: w.dict: read as a lexicon with probabilities: 64 entries\n",
        "note: dev.csv: read as columns separated by commas, with or without quotes: 64 entries (--format \
         tsv reads tabs alone)\n",
    ] {
        assert!(output.contains(said), "{output}");
    }
    write("t.tsv", lines(|w, s| format!("{w}\tX;{}\t{s}", &w[..1])));
    let output = train(folder.path(), "t.tsv --overwrite");
    assert!(
        output.contains("give --layout sigmorphon2023, or"),
        "{output}"
    );
    let output = train(folder.path(), "t.tsv --layout sigmorphon2023 --overwrite");
    assert!(!output.contains("give --layout"), "{output}");
    let recipe = fs::read_to_string(folder.path().join("run/recipe.toml")).unwrap();
    for line in ["target_column = 3", "features_column = 2"] {
        assert!(recipe.contains(line), "{recipe}");
    }
    let both = train(folder.path(), "t.tsv --layout unimorph --target-column 3");
    assert!(both.starts_with("exit code: 2"), "{both}");
    write(
        "j.jsonl",
        lines(|w, s| format!("{{\"w\": \"{w}\", \"p\": \"{s}\"}}")),
    );
    let output = train(folder.path(), "j.jsonl --keys w,p --overwrite");
    assert!(
        output.contains("j.jsonl: read as JSON lines: 64 entries"),
        "{output}"
    );
}

#[test]
fn texts_are_changed_as_in_training() {
    let folder = tempfile::tempdir().unwrap();
    let text = lines(|w, s| format!("{w}\t{}", s.replace('A', "AA1").replace('C', "K")));
    fs::write(folder.path().join("w.tsv"), text).unwrap();
    let output = train(
        folder.path(),
        "w.tsv --symbols arpabet-ipa --set text.case=lower",
    );
    assert!(output.starts_with("exit code: 0"), "{output}");
    let upper = run_with_input(folder.path(), "predict run --json", "BAD\n");
    assert!(upper.contains("\"warnings\":[]"), "{upper}");
    let explained = run(folder.path(), "explain run BAD AA1");
    assert!(explained.contains("expected  \"ɑ\""), "{explained}");
    let eval = run(folder.path(), "eval run w.tsv");
    assert!(!eval.contains("has not seen"), "{eval}");
}
