//! `seq2seq train --from --replay`.

use std::fs;

use crate::support::{folder_with_words, run, run_with_input, seq2seq, trained};

/// Words that are spelled backwards, unlike the old ones.
const NEW: &str = "abcd\tD C B A\ndcba\tA B C D\nabab\tB A B A\nccdd\tD D C C\n";

/// New words are learned and old ones kept, and both figures are told, with those of before.
#[test]
fn new_words_are_learned_and_old_ones_kept() {
    let folder = folder_with_words();
    let folder = folder.path();
    fs::write(folder.join("new.tsv"), NEW).unwrap();
    let base = trained();
    let train = |arguments: &str| {
        let mut command = seq2seq(folder);
        command.args("train new.tsv --from".split(' ')).arg(&base);
        let output = command.args(arguments.split(' ')).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (answer, messages) = (text(output.stdout), text(output.stderr));
        assert!(output.status.success(), "{messages}");
        (answer, messages)
    };
    let (table, messages) = train("--replay words.tsv --out more");
    for part in [
        "validation on the same pairs\n",
        "replay: an epoch has 4 new pairs 4 times and 64 of 64 old pairs\n",
    ] {
        assert!(messages.contains(part), "{messages}");
    }
    let rows: Vec<String> = (table.lines())
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for row in [
        "new pairs (4 questions) 0.0000 1.0000",
        "old pairs (64 questions) 1.0000 1.0000",
    ] {
        assert!(rows.iter().any(|line| line == row), "{table}");
    }
    let answers = run_with_input(folder, "predict more", "abcd\ndcba\nabc\ndab\n");
    let right = "--- stdout\nD C B A\nA B C D\nA B C\nD A B\n---";
    assert!(answers.contains(right), "{answers}");

    // Without old pairs, new ones are learned too, and the user is told what that may cost.
    let (_, messages) = train("--out alone");
    assert!(messages.contains("note: nothing is replayed"), "{messages}");
    let answers = run_with_input(folder, "predict alone", "abcd\ndcba\nabab\nccdd\n");
    let right = "--- stdout\nD C B A\nA B C D\nB A B A\nD D C C\n---";
    assert!(answers.contains(right), "{answers}");
}

#[test]
fn replay_goes_with_a_model_to_go_on_from() {
    let folder = folder_with_words();
    let output = run(folder.path(), "train words.tsv --replay words.tsv");
    assert!(output.starts_with("exit code: 1"), "{output}");
    assert!(output.contains("give it (--from MODEL)"), "{output}");
    let output = run(folder.path(), "train --resume run --replay words.tsv");
    assert!(output.starts_with("exit code: 2"), "{output}");
}
