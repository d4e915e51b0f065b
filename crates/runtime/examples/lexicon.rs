//! How long a lexicon takes to open and to look words up in: `lexicon MODEL FILE`, where each line of the file
//! has a word, a blank and its phones.
//!
//! `cargo run --release -p seq2seq-runtime --example lexicon -- MODEL FILE`

use std::fs;
use std::path::Path;
use std::time::Instant;

use seq2seq_runtime::{Lexicon, Model};

/// A prime number, by which words are taken far from the order of the file.
const STRIDE: usize = 611_953;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(model), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: lexicon MODEL FILE".into());
    };
    let model = Model::load(Path::new(&model))?;
    let begun = Instant::now();
    let seconds = || processor_seconds().unwrap_or(begun.elapsed().as_secs_f64());

    let start = seconds();
    let text = fs::read_to_string(&file)?;
    let pairs = || text.lines().filter_map(|line| line.split_once(' '));
    let lexicon = Lexicon::new(&model, pairs())?;
    let opened = seconds() - start;

    let words: Vec<&str> = pairs().map(|(word, _)| word).collect();
    let start = seconds();
    let places = (0..words.len()).map(|number| number * STRIDE % words.len());
    let found = places.filter(|&place| lexicon.get(words[place]).next().is_some());
    let found = found.count();
    let asked = seconds() - start;

    println!(
        "{} words, {} bytes: opened in {opened:.2} s, {found} looked up in {:.2} µs each",
        lexicon.words(),
        text.len(),
        asked * 1e6 / words.len().max(1) as f64
    );
    Ok(())
}

/// Processor time of this thread, where the system tells it.
fn processor_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/schedstat").ok()?;
    let nanoseconds: f64 = text.split(' ').next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}
