//! What is said about files of pairs that may not be what they were meant to be.
#![allow(clippy::unwrap_used)] // a test may fail by panicking

mod support;

use seq2seq::data::{
    DataError, DataNote, Format, OnBadLine, PairFile, ReadOptions, is_column_name, read_pairs_from,
};
use seq2seq::training::Task;

fn read_with(text: &str, options: &ReadOptions) -> Result<PairFile, DataError> {
    read_pairs_from(text.as_bytes(), "words.tsv", options)
}

fn notes_with(text: &str, options: &ReadOptions) -> Vec<String> {
    let file = read_with(text, options).unwrap();
    file.notes.iter().map(DataNote::to_string).collect()
}

fn notes(text: &str) -> Vec<String> {
    notes_with(text, &ReadOptions::default())
}

/// What is said about a table that is no lexicon.
fn of_table(text: &str) -> Vec<String> {
    let options = ReadOptions {
        format: Format::Table,
        ..ReadOptions::default()
    };
    notes_with(text, &options)
}

fn refusal(text: &str) -> String {
    let error = read_with(text, &ReadOptions::default()).unwrap_err();
    error.to_string()
}

fn columns(source: usize, target: usize, features: Option<usize>) -> ReadOptions {
    ReadOptions {
        source_column: source,
        target_column: target,
        features_column: features,
        ..ReadOptions::default()
    }
}

#[test]
fn two_columns_are_nothing_to_speak_of() {
    assert_eq!(notes("a\tb\nc\td\n"), [""; 0]);
}

#[test]
fn columns_that_nobody_reads_are_named_with_the_flags_that_read_them() {
    assert_eq!(
        notes("a\tb\tc\nd\te\tf\n"),
        [
            "words.tsv: column 3 is not read; --source-column 3, --target-column 3 or \
             --features-column 3 reads another column"
        ]
    );
    assert_eq!(
        notes("a\tb\tc\td\te\td\n"),
        [
            "words.tsv: columns 3 to 6 are not read; --source-column N, --target-column N or \
             --features-column N reads another column"
        ]
    );
    let options = columns(2, 4, None);
    let said = notes_with("a\tb\tc\td\te\td\n", &options);
    assert!(
        said[0].contains("columns 1, 3, 5 and 6 are not read"),
        "{said:?}"
    );
    let all_read = columns(1, 3, Some(2));
    assert_eq!(notes_with("a\tb\tc\n", &all_read), [""; 0]);
}

#[test]
fn features_that_are_read_as_the_target_are_noticed() {
    let text = "gehen\tV;PST;1;SG\tging\nstehen\tV;PST;1;SG\tstand\n";
    assert_eq!(
        notes(text),
        [
            "words.tsv: column 3 is not read; --source-column 3, --target-column 3 or \
             --features-column 3 reads another column. Column 2, the target, looks like features: if \
             it is, give --layout sigmorphon2023, or --features-column 2 --target-column 3"
        ]
    );
    assert_eq!(notes_with(text, &columns(1, 3, Some(2))), [""; 0]);
    let unread = notes("gehen\tging\tV;PST;1;SG\nstehen\tstand\tV;PST;1;SG\n");
    assert!(
        unread[0].ends_with("Column 3 looks like features: if it is, give --layout unimorph"),
        "{unread:?}"
    );
}

#[test]
fn numbers_beside_text_are_no_target() {
    let said = "words.tsv: column 2, the target, has only numbers, and column 4, which is not read, has \
                text. Give the target's column: --target-column 4, or --target-column 2 if numbers are \
                meant";
    assert_eq!(
        of_table("word\tp\tq\tphones\na\t0.5\t1.0\tAH\nb\t1e-3\t.5\tB IY\n"),
        [said]
    );
    // Even where other lines have no numbers.
    let mixed = of_table("a\tAH\nb\t0.5\t1\tB IY\nc\t0.25\t1\tS IY\n");
    assert_eq!(mixed[0], said);
    assert_eq!(
        mixed[1],
        "words.tsv: 2 of 3 lines have 4 columns, the others do not: line 1 has 2"
    );
    for fine in [
        "one\t1\nten\t10\n",
        "1+1\t2\t3\n2+2\t4\t5\n",
        "a\t0.5\t\nb\t0.5\t\n",
        "a\tnan\tx\nb\tinfinity\tx\nc\t1e5f\tx\n",
    ] {
        let numbers = |note: &String| note.contains("only numbers");
        assert!(!notes(fine).iter().any(numbers), "{fine}");
    }
}

#[test]
fn probabilities_after_the_word_are_noticed() {
    let said = of_table("cat 0.9\tK AE T\ndog 1.0\tD AO G\nowl 0.25\tAW L\n");
    assert_eq!(
        said,
        [
            "words.tsv: the sources (column 1) end in a blank and a number, as if it were a \
             probability; what is not part of the source must stand in a column of its own"
        ]
    );
    assert_eq!(
        notes("March 5 1999\t1999-03-05\nMay 7 2001\t2001-05-07\n"),
        [""; 0]
    );
}

#[test]
fn a_first_line_of_names_is_noticed() {
    let said = notes("word\tpronunciation\ncat\tK AE T\n");
    assert_eq!(
        said,
        [
            "words.tsv, line 1: \"word\\tpronunciation\" looks like names of columns, but is read as a \
             pair; --header passes over it"
        ]
    );
    let header = ReadOptions {
        header: true,
        ..ReadOptions::default()
    };
    let file = read_with("word\tpronunciation\ncat\tK AE T\n", &header).unwrap();
    assert_eq!(file.header.as_deref(), Some("\"word\\tpronunciation\""));
    assert_eq!(file.notes, []);
    assert_eq!(notes("word\tW ER D\ncat\tK AE T\n"), [""; 0]);
    assert_eq!(
        notes("cat\tK AE T\nword\tphones\n"),
        [""; 0],
        "only in line 1"
    );
    for name in [
        "answer",
        "Input Text",
        "IPA",
        "target_text",
        "words",
        "y",
        "X",
        " lemma ",
    ] {
        assert!(is_column_name(name), "{name}");
    }
    for word in ["", "cat", "1", "W ER D"] {
        assert!(!is_column_name(word), "{word}");
    }
}

#[test]
fn blank_lines_are_counted_and_not_kept() {
    assert_eq!(
        notes("a\tb\n\nc\td\n"),
        ["words.tsv, line 2, is blank and was passed over"]
    );
    let text = format!("a\tb\n{}c\td\n", "\n".repeat(100_000));
    let file = read_with(&text, &ReadOptions::default()).unwrap();
    assert_eq!(
        (file.blank_lines, file.lines, file.skipped.count),
        (100_000, 100_002, 0)
    );
    assert_eq!(file.line_numbers, [1, 100_002]);
    assert_eq!(
        file.notes[0].to_string(),
        "100000 blank lines were passed over; the first is words.tsv, line 2"
    );
    assert!(file.notes[0].is_harmless());
}

#[test]
fn of_many_bad_lines_the_first_are_kept() {
    let text = format!("a\tb\n{}", "x\n".repeat(2000));
    let skip = ReadOptions {
        on_bad_line: OnBadLine::Skip,
        ..ReadOptions::default()
    };
    let skipped = read_with(&text, &skip).unwrap().skipped;
    assert_eq!((skipped.count, skipped.first.len()), (2000, 1000));
    assert_eq!(skipped.first[999].line, 1001);
    let report = ReadOptions {
        on_bad_line: OnBadLine::Report,
        ..ReadOptions::default()
    };
    let skipped = read_with(&text, &report).unwrap().skipped;
    assert_eq!((skipped.count, skipped.first.len()), (2000, 2000));
}

#[test]
fn files_of_another_kind_are_named_with_what_reads_them() {
    for (text, what) in [
        ("[\n  {\"source\": \"cat\"}\n]\n", "jq -c '.[] | {"),
        (
            "the cat, asleep\nthe dog, awake\n",
            "--format csv reads them so. Its first line, cut into columns: 1: \"the cat\", 2: \" asleep\"",
        ),
        (
            "kitty sleeps here\ndoggy barks there\n",
            "--format kaldi; if blanks separate two columns: perl -pe 's/ +/\\t/' FILE > pairs.tsv. Its \
             first line, cut into columns: 1: \"kitty\", 2: \"sleeps\", 3: \"here\"",
        ),
    ] {
        let message = refusal(text);
        assert!(
            message.starts_with("words.tsv, line 1: found 1 tab-separated column"),
            "{message}"
        );
        assert!(message.contains(what), "{message}");
        assert!(!message.contains("correct it"), "{message}");
        // Where such lines are left out, none remains.
        let skip = ReadOptions {
            on_bad_line: OnBadLine::Skip,
            ..ReadOptions::default()
        };
        let message = read_with(text, &skip).unwrap_err().to_string();
        assert!(message.contains(what), "{message}");
    }
}

#[test]
fn a_bad_line_does_not_make_another_kind_of_the_file() {
    for text in [
        "cat\tchat\ndog,chien\n",
        "dog,chien\ncat\tchat\n",
        "cat\ndog\n",
        "cat\n",
    ] {
        let message = refusal(text);
        assert!(message.contains("correct it"), "{message}");
    }
}

/// The number of validation pairs that training has as well, by what is said about them.
#[test]
fn validation_pairs_that_are_training_pairs_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        format!("data.{name}={}", path.display())
    };
    let train = file("train", "a\tx\nb\ty\nc\tz\n");
    let said = |dev: &str, test: &str| {
        let (dev, test) = (file("dev", dev), file("test", test));
        let recipe = support::recipe(&[], &[&train, &dev, &test]);
        let notes = Task::prepare(recipe).unwrap().report.notes;
        notes.iter().map(DataNote::to_string).collect::<Vec<_>>()
    };
    assert_eq!(said("d\tx\n", "e\tx\na\ty\n"), [""; 0]);
    let advice = ": figures on them do not tell how well new inputs are answered. Take them out of one \
                  of the files";
    assert_eq!(
        said("a\tx\nb\tx\nc\tz\nd\tx\n", "a\tx\n"),
        [
            format!(
                "2 of 4 validation pairs are training pairs, too, and 1 more have the source of \
                 one{advice}"
            ),
            format!("1 of 1 test pairs are training pairs, too{advice}"),
        ]
    );
}
