//! What strangers' data, files and arguments hold is shown, not obeyed, by a terminal.

use std::fs;

use crate::support::{QUICK, folder_with_words, seq2seq, trained};

/// Turns the screen red, names the window, and goes back to the beginning of the line.
const COMMANDS: &str = "\u{1b}[41m\u{1b}]0;mine\u{7}\r\u{9b}2J\u{202e}";

#[test]
fn commands_to_terminals_are_escaped() {
    let folder = folder_with_words();
    let folder = folder.path();
    let run = trained().display().to_string();
    let words = fs::read_to_string(folder.join("words.tsv")).unwrap();
    let in_a_text = COMMANDS.replace('\r', "");
    let lines: String = words
        .lines()
        .map(|line| format!("{in_a_text}{line}\n"))
        .collect();
    fs::write(folder.join("strange.tsv"), lines).unwrap();
    fs::write(
        folder.join("strange.toml"),
        format!("[training]\n\"{in_a_text}\" = 1\n"),
    )
    .unwrap();
    fs::write(folder.join("bad.tsv"), format!("a\tb\n{in_a_text}\n")).unwrap();
    let quick: Vec<&str> = QUICK.split_whitespace().collect();
    let strange_folder = format!("{COMMANDS}run");
    let strange_setting = format!("model.{COMMANDS}=1");
    let strange_value = format!("model.cell={COMMANDS}");
    let strange_input = format!("{COMMANDS}abc");
    let pattern = format!("({COMMANDS}");
    let train = [
        &[
            "train",
            "strange.tsv",
            "--out",
            &strange_folder,
            "--set",
            "training.epochs=1",
        ][..],
        &quick,
    ];
    for arguments in [
        &train.concat()[..],
        &train.concat(),
        &["train", "strange.toml"],
        &["train", "bad.tsv"],
        &["train", &strange_folder],
        &["train", "words.tsv", "--set", &strange_setting],
        &["train", "words.tsv", "--set", &strange_value],
        &["train", "words.tsv", "--seed", COMMANDS],
        &["predict", &run, "--pattern", &pattern],
        &["predict", &run, COMMANDS],
        &["inspect", COMMANDS],
        &["inspect", &strange_folder],
        &["explain", &run, &strange_input, COMMANDS],
        &["eval", &run, "strange.tsv"],
        &[COMMANDS],
    ] {
        let output = seq2seq(folder).args(arguments).output().unwrap();
        for bytes in [output.stdout, output.stderr] {
            let text = String::from_utf8(bytes).unwrap();
            let obeyed = |c: char| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}';
            assert!(!text.contains(obeyed), "{arguments:?}: {text:?}");
        }
    }
}

/// A message is for people: it quotes no more of what is wrong than they can read.
#[test]
fn messages_quote_no_more_than_can_be_read() {
    let folder = folder_with_words();
    let run = trained().display().to_string();
    let long = "(".repeat(100_000);
    let setting = format!("model.cell={long}");
    for arguments in [
        &["predict", &run, "--pattern", &long][..],
        &["train", "words.tsv", "--set", &setting],
        &["train", &long],
        &["train", "words.tsv", "--seed", &long],
    ] {
        let output = seq2seq(folder.path()).args(arguments).output().unwrap();
        assert!(!output.status.success());
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!text.is_empty() && text.len() < 5_000, "{}", text.len());
    }
}
