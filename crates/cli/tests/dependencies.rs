//! What the program is built from: every licence is one that was agreed to, and no crate comes twice
//! but those that `docs/dependencies.md` explains.

#![allow(clippy::unwrap_used)] // a test may fail by panicking

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Licences that ask for no more than a notice, or for changed files of their own to stay open.
const LICENCES: [&str; 10] = [
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "0BSD",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Names and versions with their licences, of everything that goes into the program.
fn crates() -> BTreeSet<(String, String, String)> {
    let arguments = "tree --locked --package seq2seq-cli --edges normal --prefix none \
                     --target x86_64-unknown-linux-gnu --format";
    let output = Command::new(env!("CARGO"))
        .args(arguments.split_whitespace())
        .arg("{p}|{l}")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let crates: BTreeSet<_> = (text.lines())
        .map(|line| {
            let (package, licence) = line.split_once('|').unwrap();
            let mut words = package.split_whitespace().map(str::to_owned);
            let licence = licence.trim_end_matches(" (*)").to_owned();
            (words.next().unwrap(), words.next().unwrap(), licence)
        })
        .collect();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(crates.len() > 100, "{message}");
    crates
}

/// Whether one of the alternatives asks for agreed licences only.
fn agreed(licence: &str) -> bool {
    let licence = licence.replace(['(', ')'], "");
    licence.split(" AND ").all(|part| {
        let mut alternatives = part.split(" OR ").flat_map(|one| one.split('/'));
        alternatives.any(|one| LICENCES.contains(&one.trim()))
    })
}

#[test]
fn every_licence_is_agreed_to() {
    for (name, version, licence) in crates() {
        assert!(agreed(&licence), "{name} {version}: {licence:?}");
    }
    assert!(!agreed("GPL-3.0-only"));
    assert!(!agreed(""));
    assert!(!agreed("MIT AND GPL-2.0-only"));
}

#[test]
fn no_crate_comes_twice_without_a_reason() {
    let mut versions = BTreeMap::<String, BTreeSet<String>>::new();
    for (name, version, _) in crates() {
        versions.entry(name).or_default().insert(version);
    }
    let twice: Vec<&str> = (versions.iter())
        .filter(|(_, versions)| versions.len() > 1)
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(twice, ["cpufeatures", "hashbrown", "syn"]);
}
