//! What the program does where the system starts no threads for it, and with levels of vector instructions
//! that the processor lacks.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test may fail by panicking

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

const PROGRAM: fn() -> std::path::PathBuf = || assert_cmd::cargo::cargo_bin!("seq2seq").into();

/// A user who has no rights; limits on processes do not bind the superuser.
const NOBODY: u32 = 65534;

/// Runs a script where no thread can be started, with the program as `$0`; none if this user is not bound
/// by limits.
fn without_threads(folder: &Path, script: &str) -> Option<Output> {
    let is_superuser = folder.metadata().unwrap().uid() == 0;
    if is_superuser {
        std::fs::set_permissions(folder, Permissions::from_mode(0o777)).unwrap();
    }
    let run = |script: &str| {
        let mut command = Command::new("bash");
        command.current_dir(folder).args(["-c", script]);
        if is_superuser {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.arg(PROGRAM()).output().ok()
    };
    // The other user may not be allowed to run the program.
    if !run("\"$0\" --version")?.status.success() {
        return None;
    }
    run(&format!("ulimit -u 1; {script}"))
}

#[test]
fn a_system_that_starts_no_threads_is_computed_on_with_one() {
    let folder = tempfile::tempdir().unwrap();
    let pairs: String = (0..40).map(|n| format!("{n}\t{}\n", 99 - n)).collect();
    std::fs::write(folder.path().join("pairs.tsv"), pairs).unwrap();
    let train = "exec \"$0\" --threads 3 train pairs.tsv --out run --set training.epochs=2 \
                 --set model.encoder_units=4 --set data.validation=0.2";
    let Some(output) = without_threads(folder.path(), train) else {
        println!("skipped: no user is at hand whom limits bind");
        return;
    };
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
    let warning = "warning: the system starts only 0 of 3 threads; computing with 1";
    assert!(message.contains(warning), "{message}");
    assert!(message.contains("use it:"), "{message}");
    let predict = "exec \"$0\" --threads 2 predict run <pairs.tsv";
    let output = without_threads(folder.path(), predict).unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 40);
}

#[test]
fn an_unknown_level_of_vector_instructions_is_wrong_usage() {
    let run = |level: &str| {
        let mut command = Command::new(PROGRAM());
        command.env("RNN_KERNELS_SIMD", level);
        command
            .args(["generate", "addition", "--count", "1"])
            .output()
            .unwrap()
    };
    for level in ["", "portable"] {
        assert_eq!(run(level).status.code(), Some(0), "{level}");
    }
    let output = run("avx3");
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr);
    let expected = "error: RNN_KERNELS_SIMD=\"avx3\" is no SIMD level of this processor. It has: ";
    assert!(message.starts_with(expected), "{message}");
}
