//! Outputs and inputs that are no regular files, or cease to be there.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::support::{QUICK, folder_with_words, seq2seq, trained};

/// Nothing here takes as long, unless it waits for ever.
const LONGEST: Duration = Duration::from_secs(120);

/// Exit code and messages.
fn messages(folder: &Path, arguments: &str) -> (Option<i32>, String) {
    let mut command = seq2seq(folder);
    let output = command
        .args(arguments.split_whitespace())
        .timeout(LONGEST)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), text)
}

fn refused(folder: &Path, arguments: &str, part: &str) {
    let (code, text) = messages(folder, arguments);
    assert_eq!(code, Some(1), "{arguments}: {text}");
    assert!(text.contains(part), "{arguments}: {text}");
}

fn make_fifo(path: &Path) {
    let status = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(status.success());
}

#[test]
fn nothing_takes_the_place_of_a_fifo() {
    let folder = folder_with_words();
    let folder = folder.path();
    let run = trained().display().to_string();
    let train = format!("train words.tsv --out run --quiet {QUICK} --set training.epochs=1");
    assert_eq!(messages(folder, &train).0, Some(0));
    fs::create_dir(folder.join("report")).unwrap();
    fs::remove_file(folder.join("run/metrics.jsonl")).unwrap();
    let fifos = ["fifo", "report/index.html", "run/metrics.jsonl"];
    for fifo in fifos {
        make_fifo(&folder.join(fifo));
    }
    symlink("fifo", folder.join("link")).unwrap();
    for (arguments, part) in [
        (
            format!("ensemble {run} {run} -o fifo --overwrite"),
            "a FIFO",
        ),
        (
            format!("ensemble {run} {run} -o link --overwrite"),
            "a FIFO",
        ),
        (format!("eval {run} words.tsv --report report"), "a FIFO"),
        (format!("{train} --overwrite"), "a FIFO"),
        ("train --resume run --quiet".to_owned(), "a FIFO"),
        ("inspect fifo".to_owned(), "not a regular file"),
        (
            format!("ensemble {run} {run} -o report --overwrite"),
            "a folder",
        ),
    ] {
        refused(folder, &arguments, part);
    }
    for fifo in fifos {
        let kind = fs::symlink_metadata(folder.join(fifo)).unwrap().file_type();
        assert!(kind.is_fifo(), "{fifo}");
    }
    assert!(folder.join("run/model.safetensors").exists());
}

#[test]
fn outputs_follow_links_and_clear_leftovers_away() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = trained().display().to_string();
    fs::create_dir(folder.join("there")).unwrap();
    symlink("there/model", folder.join("link")).unwrap();
    let left = folder.join("there/.seq2seq-partial-left");
    let file = fs::File::create(&left).unwrap();
    let hour = Duration::from_secs(3600);
    file.set_modified(SystemTime::now() - hour).unwrap();
    let join = format!("ensemble {run} {run} -o link");
    assert_eq!(messages(folder, &join).0, Some(0));
    assert!(
        fs::symlink_metadata(folder.join("link"))
            .unwrap()
            .is_symlink()
    );
    assert!(folder.join("there/model").is_file() && !left.exists());
}

#[test]
fn inputs_without_an_end_are_refused() {
    let folder = folder_with_words();
    let folder = folder.path();
    let run = trained().display().to_string();
    symlink("/dev/zero", folder.join("zero.toml")).unwrap();
    for arguments in [
        format!("predict {run} --allow /dev/zero"),
        format!("eval {run} words.tsv --references /dev/zero"),
        "train zero.toml".to_owned(),
        "tune zero.toml --budget 1s".to_owned(),
        "train /dev/zero".to_owned(),
        "train /dev/zero --on-bad-line skip".to_owned(),
        "generate addition --exclude /dev/zero".to_owned(),
        "inspect /dev/zero".to_owned(),
    ] {
        refused(folder, &arguments, "error: ");
    }
    for arguments in [format!("interactive {run}"), format!("predict {run}")] {
        let zeros = fs::File::open("/dev/zero").unwrap();
        let output = Command::new(assert_cmd::cargo::cargo_bin!("seq2seq"))
            .args(arguments.split_whitespace())
            .stdin(zeros)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments}: {text}");
        assert!(text.contains("error: line 1 of the input"), "{text}");
    }
}

/// A run whose folder is deleted ends with an error: there is no model.
#[test]
fn a_folder_that_is_deleted_while_training_ends_it() {
    let folder = folder_with_words();
    let arguments = format!(
        "train words.tsv --out run --quiet {QUICK} --set training.epochs=1000000 --set data.validation=0"
    );
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("seq2seq"))
        .args(arguments.split_whitespace())
        .current_dir(folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let run = folder.path().join("run");
    let begun = Instant::now();
    while !run.join("metrics.jsonl").exists() && begun.elapsed() < LONGEST {
        std::thread::sleep(Duration::from_millis(10));
    }
    while fs::remove_dir_all(&run).is_err() && begun.elapsed() < LONGEST {}
    while child.try_wait().unwrap().is_none() && begun.elapsed() < LONGEST {
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().ok();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("was deleted while training"), "{text}");
    assert!(!run.exists());
}

/// A limit on the size of files is an error, not the end of the process.
#[test]
#[cfg(target_os = "linux")]
fn files_that_may_not_grow_are_told_of() {
    let folder = folder_with_words();
    let program = assert_cmd::cargo::cargo_bin!("seq2seq");
    let script = format!(
        "ulimit -f 8; exec '{}' train words.tsv --out run --quiet {QUICK} --set training.epochs=1",
        program.display()
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("cannot write") && text.contains("too large"),
        "{text}"
    );
}

#[test]
fn suggested_commands_quote_blanks() {
    let folder = folder_with_words();
    let train = |more: &[&str]| {
        let mut command = seq2seq(folder.path());
        let quick = QUICK.split_whitespace();
        let command = command.args(["train", "words.tsv", "--out", "my run"]);
        let command = command.args(quick).args(["--set", "training.epochs=1"]);
        String::from_utf8(command.args(more).output().unwrap().stderr).unwrap()
    };
    let text = train(&[]);
    assert!(text.contains("seq2seq predict 'my run'\n"), "{text}");
    assert!(text.contains("seq2seq eval 'my run' PAIRS.tsv"), "{text}");
    let text = train(&[]);
    assert!(text.contains("--resume 'my run'"), "{text}");
}

#[test]
fn paths_that_no_recipe_can_hold_are_named() {
    let folder = folder_with_words();
    let name = std::ffi::OsStr::from_bytes(b"w\xFF.tsv");
    fs::rename(folder.path().join("words.tsv"), folder.path().join(name)).unwrap();
    for settings in [&[][..], &["--set", "model.encoder_units=4"]] {
        let mut command = seq2seq(folder.path());
        let output = command.arg("train").arg(name).args(settings).output();
        let output = output.unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(
            text.contains("w\\xFF.tsv") && text.contains("is not UTF-8"),
            "{text}"
        );
    }
}
