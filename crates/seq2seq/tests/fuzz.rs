//! The fuzz targets on a stable toolchain: the committed corpus, and mutations of it.
//!
//! `SEQ2SEQ_FUZZ=1000000 cargo test --release -p seq2seq --test fuzz` is the long form.
#![allow(clippy::unwrap_used, clippy::panic)] // a test may fail by panicking

#[path = "../../../fuzz/harness.rs"]
mod harness;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Mutations of the short form.
const INPUTS: usize = 3000;
/// An input may take this long on a busy machine.
const LONGEST: Duration = Duration::from_secs(10);
/// Memory that the whole test may use: excess ends it at once.
const MOST_MEMORY: usize = 1 << 30;

#[global_allocator]
static ALLOCATOR: cap::Cap<std::alloc::System> = cap::Cap::new(std::alloc::System, MOST_MEMORY);

/// Pieces that files of this kind are made of, or that are known to hurt.
const PIECES: [&[u8]; 28] = [
    b"\t",
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b"\xFF\xFE",
    b"\xEF\xBB\xBF",
    b"\x1F\x8B\x08",
    b"\x28\xB5\x2F\xFD",
    b"18446744073709551615",
    b"-1",
    b"1e999",
    b"nan",
    b"0",
    b"[",
    b"{",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"=",
    b"[model]\n",
    b"encoder_units = ",
    b"\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},",
    b"e\xCC\x81",
    b"\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9",
    b"\xE2\x80\xAE",
    b" ",
    b"true",
];

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "the corpus of {target} is empty");
    files
}

/// Changes an input in one to six places.
fn mutated(seed: &[u8], other: &[u8], random: &mut impl Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..random.random_range(1..=6) {
        let place = random.random_range(0..=bytes.len());
        let end = random.random_range(place..=bytes.len().min(place + 64));
        match random.random_range(0..8) {
            0 if place < bytes.len() => bytes[place] ^= 1 << random.random_range(0..8),
            1 if place < bytes.len() => bytes[place] = random.random(),
            2 => drop(bytes.drain(place..end)),
            3 => drop(bytes.splice(place..end, bytes[place..end].repeat(2))),
            4 => bytes.truncate(place),
            5 => {
                let from = random.random_range(0..=other.len());
                let to = random.random_range(from..=other.len());
                drop(bytes.splice(place..end, other[from..to].iter().copied()));
            }
            _ => {
                let piece = PIECES.choose(random).copied().unwrap_or_default();
                drop(bytes.splice(place..end, piece.iter().copied()));
            }
        }
    }
    bytes
}

/// Runs the target on its corpus and on mutations. A panic names the input that caused it.
fn fuzz(target: &str, harness: fn(&[u8])) {
    let inputs = std::env::var("SEQ2SEQ_FUZZ").map_or(INPUTS, |text| text.parse().unwrap());
    let corpus = corpus(target);
    let check = |name: &str, bytes: &[u8]| {
        let begun = Instant::now();
        if std::panic::catch_unwind(|| harness(bytes)).is_err() {
            let path = std::env::temp_dir().join(format!("seq2seq-fuzz-{target}"));
            fs::write(&path, bytes).unwrap();
            panic!(
                "{target}: {name} made it panic; the input is in {}",
                path.display()
            );
        }
        let taken = begun.elapsed();
        assert!(taken < LONGEST, "{target}: {name} took {taken:?}");
    };
    for (path, bytes) in &corpus {
        check(&path.display().to_string(), bytes);
    }
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for number in 0..inputs {
        let [seed, other] = [(); 2].map(|()| &corpus.choose(&mut random).unwrap().1);
        check(
            &format!("mutation {number}"),
            &mutated(seed, other, &mut random),
        );
    }
    println!("{target}: {inputs} mutations of {} files", corpus.len());
}

#[test]
fn model_file() {
    fuzz("model_file", harness::model_file);
}

#[test]
fn import() {
    fuzz("import", harness::import);
}

#[test]
fn recipe() {
    fuzz("recipe", harness::recipe);
}

#[test]
fn pairs() {
    fuzz("pairs", harness::pairs);
}

#[test]
fn text() {
    fuzz("text", harness::text);
}
