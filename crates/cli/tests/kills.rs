//! A training process is killed at random moments, writes of files included, and resumed each time:
//! the model is, to the last byte, that of a process that was left alone.
//!
//! `SEQ2SEQ_KILLS=200 cargo test --release -p seq2seq-cli --test kills` is the long form.
#![allow(clippy::unwrap_used)] // a test may fail by panicking

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Kills of the short form.
const KILLS: usize = 8;

/// With a checkpoint after every batch, most of the time goes into writing files.
const SETTINGS: [&str; 8] = [
    "model.encoder_units=16",
    "model.embedding=8",
    "training.epochs=12",
    "training.batch_size=32",
    "training.learning_rate=0.02",
    "training.checkpoint_steps=1",
    "training.keep_checkpoints=1",
    "training.teacher_forcing=0.9",
];

fn seq2seq(folder: &Path, arguments: &[&str]) -> Child {
    Command::new(assert_cmd::cargo::cargo_bin!("seq2seq"))
        .current_dir(folder)
        .args(arguments)
        .args(["--quiet", "--threads", "1"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn start(folder: &Path, run: &str) -> Child {
    let mut arguments = vec!["train", "pairs.tsv", "--out", run];
    for setting in SETTINGS {
        arguments.extend(["--set", setting]);
    }
    seq2seq(folder, &arguments)
}

/// Starts the run, or goes on with it once it has begun.
fn start_or_resume(folder: &Path, run: &str) -> Child {
    if folder.join(run).join("recipe.toml").exists() {
        seq2seq(folder, &["train", "--resume", run])
    } else {
        start(folder, run)
    }
}

/// Numbers that look random, the same in every test run.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) % limit
    }
}

/// Kills the process after the time, unless it ends before; whether it was killed.
fn kill_after(mut child: Child, time: Duration) -> bool {
    let end = Instant::now() + time;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    // It may have ended by itself in the last moment.
    !status.success()
}

fn epochs(folder: &Path, run: &str) -> Vec<u64> {
    let text = std::fs::read_to_string(folder.join(run).join("metrics.jsonl")).unwrap();
    let epoch = |line| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["epoch"].as_u64().unwrap()
    };
    text.lines().map(epoch).collect()
}

#[test]
fn killed_at_any_moment() {
    let wanted = std::env::var("SEQ2SEQ_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let pairs = Command::new(assert_cmd::cargo::cargo_bin!("seq2seq"))
        .args([
            "generate", "addition", "--digits", "1", "--count", "400", "--seed", "3",
        ])
        .output()
        .unwrap();
    std::fs::write(folder.join("pairs.tsv"), pairs.stdout).unwrap();
    let begun = Instant::now();
    assert!(start(folder, "whole").wait().unwrap().success());
    let whole_run = begun.elapsed();
    let model = |run: &str| std::fs::read(folder.join(run).join("model.safetensors")).unwrap();
    let whole = model("whole");

    let mut random = Lcg(1);
    let (mut kills, mut runs) = (0, 0);
    while kills < wanted {
        runs += 1;
        let run = format!("run{runs}");
        // From the first instant of the process to half of a run.
        let longest = whole_run.as_micros() as u64 / 2;
        while kill_after(
            start_or_resume(folder, &run),
            Duration::from_micros(random.below(longest)),
        ) {
            kills += 1;
        }
        assert!(model(&run) == whole, "run {runs} after {kills} kills");
        assert_eq!(epochs(folder, &run), (1..=12).collect::<Vec<_>>());
        let left: Vec<_> = std::fs::read_dir(folder.join(&run).join("checkpoints"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left.len(), 1, "{left:?}");
        std::fs::remove_dir_all(folder.join(&run)).unwrap();
    }
    println!("{kills} kills in {runs} runs survived");
}
