//! Loading a model takes a small multiple of its file's size, whatever the file says. The allocator
//! ends the process where that is exceeded.
#![allow(clippy::unwrap_used)] // a test may fail by panicking

mod support;

#[path = "../../../fuzz/harness.rs"]
#[allow(dead_code)]
mod harness;

use seq2seq::training::{Task, Trainer};
use seq2seq::{Model, Pair};

#[global_allocator]
static ALLOCATOR: cap::Cap<std::alloc::System> = cap::Cap::new(std::alloc::System, usize::MAX);

/// Bytes that loading may take for each byte of the file: the file, the weights, and what a symbol of
/// a vocabulary takes beyond its spelling.
const MULTIPLE: usize = 16;
/// Bytes beyond that: threads and tables that are made once.
const CONSTANT: usize = 4 << 20;

fn load_within_bounds(bytes: &[u8]) -> Result<Model, String> {
    ALLOCATOR
        .set_limit(ALLOCATOR.allocated() + MULTIPLE * bytes.len() + CONSTANT)
        .unwrap();
    let model = Model::from_bytes(bytes, "m").map_err(|error| error.to_string());
    ALLOCATOR.set_limit(usize::MAX).unwrap();
    model
}

fn model() -> Vec<u8> {
    let settings = [
        "training.epochs=1",
        "data.validation=0",
        "model.encoder_units=128",
    ];
    let recipe = support::recipe(&settings, &[]);
    let pairs = ["ab", "ba", "aab"].map(|word| Pair::from((word, word)));
    let task = Task::from_pairs(recipe, pairs).unwrap();
    let outcome = Trainer::new(task, None).unwrap().run(&mut ()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    outcome.model.save(&folder.path().join("m")).unwrap();
    std::fs::read(folder.path().join("m")).unwrap()
}

/// The file with another header, its checksum right.
fn with_header(bytes: &[u8], change: impl FnOnce(&str) -> String) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let (header, data) = bytes[8..].split_at(length);
    let header = change(std::str::from_utf8(header).unwrap());
    let length = (header.len() as u64).to_le_bytes();
    harness::resealed(&[&length, header.as_bytes(), data].concat())
}

#[test]
fn loading_takes_a_small_multiple_of_the_file() {
    let honest = model();
    assert!(honest.len() > 500_000, "{}", honest.len());
    assert!(load_within_bounds(&honest).is_ok());

    // As many symbols as there are weights, and one more.
    let many: String = (0..honest.len() / 4)
        .map(|n| format!(r#",\"{n:x}\""#))
        .collect();
    let symbols = with_header(&honest, |header| header.replacen(r#",\"a\""#, &many, 1));
    assert!(symbols.len() > honest.len());
    load_within_bounds(&symbols).unwrap_err();

    let empty: String = (0..20_000)
        .map(|n| format!(r#""{n:x}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}},"#))
        .collect();
    let tensors = with_header(&honest, |header| {
        header.replacen('{', &format!("{{{empty}"), 1)
    });
    load_within_bounds(&tensors).unwrap_err();

    for sizes in ["encoder_units = 32768", "encoder_units = 4294967296"] {
        let huge = with_header(&honest, |header| {
            header.replacen("encoder_units = 128", sizes, 1)
        });
        load_within_bounds(&huge).unwrap_err();
    }
}
