//! Running the program, a small data set, and a model trained on it once.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

use assert_cmd::Command;
use tempfile::TempDir;

/// The program, ready for arguments, in a folder of its own choice.
pub fn seq2seq(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("seq2seq").unwrap();
    command.current_dir(folder);
    command
}

/// Runs the program with arguments separated by blanks and gives exit code and outputs as text,
/// with everything masked that differs from run to run.
pub fn run(folder: &Path, arguments: &str) -> String {
    run_with_input(folder, arguments, "")
}

/// The same with standard input.
pub fn run_with_input(folder: &Path, arguments: &str, input: &str) -> String {
    let output = seq2seq(folder)
        .args(arguments.split(' '))
        .write_stdin(input)
        .output()
        .unwrap();
    shown(folder, &output)
}

/// Exit code, standard output and standard error.
fn shown(folder: &Path, output: &Output) -> String {
    let text = |bytes: &[u8]| masked(folder, &String::from_utf8_lossy(bytes));
    format!(
        "exit code: {}\n--- stdout\n{}--- stderr\n{}",
        output.status.code().unwrap_or(-1),
        text(&output.stdout),
        text(&output.stderr)
    )
}

/// Hides the folder, and figures that depend on machine and moment: measured numbers, times and
/// amounts of memory.
fn masked(folder: &Path, text: &str) -> String {
    let text = text.replace(&folder.display().to_string(), "[folder]");
    let lines = text.split_inclusive('\n').map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let masked = words.iter().enumerate().map(|(place, word)| {
            let unit = words.get(place + 1).copied().unwrap_or("").trim();
            let is_time = ["s", "min", "h", "MB", "pairs/s"]
                .iter()
                .any(|name| unit.trim_end_matches([';', ',']) == *name);
            if word.starts_with(|c: char| c.is_ascii_digit()) && is_time {
                "#".to_owned()
            } else {
                without_fractions(word)
            }
        });
        masked.collect::<Vec<_>>().join(" ")
    });
    let text = lines.collect::<String>().replace("under a second", "# s");
    // A slow moment makes a second or more of it, which is said in another way.
    let text = text.replace("cost on this machine: about #", "cost on this machine: #");
    let mut text = text.replace("   #", " #");
    while text.contains("  # pairs/s") {
        text = text.replace("  # pairs/s", " # pairs/s");
    }
    text
}

/// `loss 0.1234` becomes `loss #`; whole numbers stay.
fn without_fractions(word: &str) -> String {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).count();
    let begin = word.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
    let number = &word[begin..];
    let whole = digits(number);
    match number[whole..].strip_prefix('.') {
        Some(rest) if whole > 0 && digits(rest) > 0 => {
            format!("{}#{}", &word[..begin], &rest[digits(rest)..])
        }
        _ => word.to_owned(),
    }
}

/// 64 words of three letters, each spelled out in capitals: `abc` and `A B C`.
pub fn spellings() -> Vec<(String, String)> {
    let letters = ["a", "b", "c", "d"];
    (0..64)
        .map(|n| {
            let word = [letters[n / 16], letters[n / 4 % 4], letters[n % 4]];
            (word.concat(), word.join(" ").to_uppercase())
        })
        .collect()
}

/// A folder with those pairs as `words.tsv`.
pub fn folder_with_words() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<String> = spellings()
        .iter()
        .map(|(word, spelled)| format!("{word}\t{spelled}\n"))
        .collect();
    std::fs::write(folder.path().join("words.tsv"), lines.concat()).unwrap();
    folder
}

/// Settings under which the spellings are learned in a second or two.
pub const QUICK: &str = "--set model.encoder_units=32 --set model.embedding=8 \
     --set training.learning_rate=0.01 --set training.batch_size=8";

/// The folder of a run that has learned the spellings; trained once for all tests.
pub fn trained() -> PathBuf {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = folder_with_words();
        let arguments = format!(
            "train words.tsv --out run --quiet --set data.validation=0 \
             --set training.epochs=30 {QUICK}"
        );
        seq2seq(folder.path())
            .args(arguments.split_whitespace())
            .assert()
            .success();
        folder
    });
    folder.path().join("run")
}

/// The top of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
