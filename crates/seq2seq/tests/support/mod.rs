//! What several files of tests share.

#![allow(dead_code, clippy::expect_used)] // every test file uses its own part, and may fail by panicking

pub mod letters;
pub mod optimizing;

use seq2seq::Recipe;
use seq2seq::config::Override;
use seq2seq::training::{BatchReport, Observer};

/// Settings as they are given on the command line.
pub fn overrides(settings: &[&str]) -> Vec<Override> {
    settings
        .iter()
        .map(|text| text.parse().expect("an override"))
        .collect()
}

/// The defaults, changed by `base` and then by `settings`; not checked against each other yet.
pub fn recipe(base: &[&str], settings: &[&str]) -> Recipe {
    Recipe::default()
        .with_overrides(&overrides(&[base, settings].concat()))
        .expect("valid settings")
}

/// Stops training after a number of batches.
pub struct StopAfter(pub usize);

impl Observer for StopAfter {
    fn batch_done(&mut self, _: &BatchReport) {
        self.0 -= 1;
    }

    fn wants_to_stop(&self) -> bool {
        self.0 == 0
    }
}
