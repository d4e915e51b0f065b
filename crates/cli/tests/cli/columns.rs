//! Columns, headers and files of another kind: what is read, and what is said about the rest.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::support::{QUICK, run, run_with_input, spellings, trained};

fn train(folder: &Path, arguments: &str) -> String {
    let arguments = format!("train {arguments} --out run --set training.epochs=1 {QUICK}");
    let words: Vec<&str> = arguments.split_whitespace().collect();
    run(folder, &words.join(" "))
}

/// The spellings with other columns around them.
fn table(line: impl Fn(usize, &str, &str) -> String) -> String {
    let spellings = spellings();
    let lines = spellings.iter().enumerate();
    lines
        .map(|(n, (word, spelled))| line(n, word, spelled) + "\n")
        .collect()
}

/// Numbers that are no probabilities, such as counts.
#[test]
fn numbers_are_not_learned_in_place_of_pronunciations() {
    let folder = tempfile::tempdir().unwrap();
    let text = table(|n, word, spelled| format!("{word}\t{n}\t1\t{spelled}"));
    fs::write(folder.path().join("p.dict"), text).unwrap();
    fs::write(folder.path().join("p.toml"), "[model]\nencoder_units = 4\n").unwrap();
    let refused = train(folder.path(), "p.dict");
    assert!(refused.starts_with("exit code: 1"), "{refused}");
    assert!(
        refused.contains("--target-column 4, or --target-column 2 if numbers are meant"),
        "{refused}"
    );
    assert!(!folder.path().join("run").exists());
    let in_a_recipe = run(
        folder.path(),
        "train p.toml --train p.dict --set training.epochs=1",
    );
    assert!(
        in_a_recipe.contains("warning: p.dict: column 2, the target, has only numbers"),
        "{in_a_recipe}"
    );
    let meant = train(folder.path(), "p.dict --target-column 2");
    assert!(meant.starts_with("exit code: 0"), "{meant}");
    assert!(!meant.contains("only numbers"), "{meant}");
    let right = train(folder.path(), "p.dict --target-column 4 --overwrite");
    assert!(
        right.contains("warning: p.dict: columns 2 and 3 are not read"),
        "{right}"
    );
}

#[test]
fn columns_that_are_used_are_said() {
    let folder = trained();
    let text = table(|_, word, spelled| format!("{spelled}\tx\t{word}"));
    fs::write(folder.join("turned.tsv"), text).unwrap();
    let eval = run(
        &folder,
        "eval . turned.tsv --source-column 3 --target-column 1",
    );
    assert!(eval.starts_with("exit code: 0"), "{eval}");
    assert!(
        eval.contains("turned.tsv: source from column 3, target from column 1\n"),
        "{eval}"
    );
    assert!(eval.contains("exact match"), "{eval}");
    let right = "--source-column=3 --target-column=1";
    for command in ["compare . . turned.tsv", "audit . turned.tsv --most 1"] {
        let output = run(&folder, &format!("{command} {right}"));
        assert!(
            output.contains("source from column 3, target from column 1\n"),
            "{output}"
        );
        assert!(!output.contains("has not seen"), "{output}");
    }
    let as_in_training = run(&folder, "eval . turned.tsv");
    assert!(
        as_in_training.contains("source from column 1, target from column 2, as in training\n"),
        "{as_in_training}"
    );
}

#[test]
fn a_header_is_passed_over_or_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let pairs = table(|_, word, spelled| format!("{word}\t{spelled}"));
    let named = format!("word\tphones\n{pairs}");
    write("named.tsv", &named);
    write("plain.tsv", &pairs);
    write("list.txt", "word\nabc\n");
    let noticed = train(folder.path(), "named.tsv --set data.validation=0");
    let about = "named.tsv, line 1: \"word\\tphones\" looks like names of columns, but is read as a pair; \
                 --header passes over it\n";
    assert!(noticed.contains(&format!("warning: {about}")), "{noticed}");
    let trained = train(folder.path(), "named.tsv --header --overwrite");
    assert!(!trained.contains("looks like names"), "{trained}");

    let passed_over = run(folder.path(), "eval run plain.tsv");
    assert!(passed_over.contains("63 pairs"), "{passed_over}");
    assert!(
        passed_over.contains(
            "plain.tsv: line 1, \"aaa\\tA A A\", is passed over as names of columns, as in training; \
             --header=no reads it\n"
        ),
        "{passed_over}"
    );
    let read = run(folder.path(), "eval run plain.tsv --header=no");
    assert!(
        read.contains("64 pairs") && !read.contains("passed over"),
        "{read}"
    );
    assert!(run(folder.path(), "eval run named.tsv --header").contains("64 pairs"));
    assert!(run(folder.path(), "eval run named.tsv --header=no").contains(about));

    let answered = run(folder.path(), "predict run list.txt");
    assert!(
        answered.contains(
            "warning: line 1, \"word\", looks like names of columns; --header passes over it"
        ),
        "{answered}"
    );
    let answers = |output: &str| output.split("--- stderr").next().unwrap().lines().count() - 2;
    assert_eq!(answers(&answered), 2);
    let passed_over = run(folder.path(), "predict run list.txt --header");
    assert_eq!(answers(&passed_over), 1, "{passed_over}");
    assert!(!passed_over.contains("warning"), "{passed_over}");
}

/// A mark at the start and packing do not matter anywhere.
#[test]
fn references_and_allowed_outputs_are_read_as_pairs_are() {
    let folder = trained();
    let packed = |text: &str| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text.as_bytes()).unwrap();
        packer.finish().unwrap()
    };
    fs::write(folder.join("inputs.txt"), "\u{feff}abc\r\nbad\r\n").unwrap();
    fs::write(folder.join("answers.gz"), packed("\u{feff}A B C\nB A D\n")).unwrap();
    let eval = run(&folder, "eval . inputs.txt --references answers.gz");
    assert!(
        eval.contains("2 pairs, 2 questions") && !eval.contains("warning"),
        "{eval}"
    );
    let header = run(
        &folder,
        "eval . inputs.txt --references answers.gz --header",
    );
    assert!(header.contains("1 pair, 1 question"), "{header}");
    fs::write(folder.join("allowed.gz"), packed("\u{feff}D D D\r\n")).unwrap();
    let allowed = run_with_input(&folder, "predict . --allow allowed.gz", "abc\n");
    assert!(
        allowed.contains("--- stdout\nD D D\n") && !allowed.contains("warning"),
        "{allowed}"
    );
}

#[test]
fn a_bad_line_does_not_lose_the_answers_before_it() {
    let folder = trained();
    fs::write(folder.join("bad.txt"), b"abc\nbad\n\xFF\ncab\n").unwrap();
    let output = run(&folder, "predict . bad.txt");
    assert_eq!(
        output,
        "exit code: 1\n--- stdout\nA B C\nB A D\n--- stderr\n\
         error: line 3 of the input: byte 1 of the line (column 1) is not UTF-8; save the file as UTF-8\n"
    );
}
