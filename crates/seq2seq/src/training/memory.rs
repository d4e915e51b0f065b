//! What a network takes in training, held against what the machine has before any work starts.

use super::task::{Task, TaskError};
use crate::config::{Override, Recipe};
use crate::layers::parameters::Parameters;
use crate::networks::Network;
use crate::text::VocabularySizes;
use seq2seq_runtime::layers::WeightError;

/// Weights beyond which a network is refused on any machine: 8 GiB of them.
const MOST_WEIGHTS: u64 = 1 << 31;

/// Numbers that training keeps for each weight: itself, its gradient, and two means of the optimizer.
const NUMBERS: u64 = 4;

/// Sizes of which a network has as many weights as they say, or more.
const SIZES: &[&str] = &[
    "model.encoder_layers",
    "model.decoder_layers",
    "model.encoder_units",
    "model.decoder_units",
    "model.attention_units",
    "model.embedding",
    "model.transformer.layers",
    "model.transformer.encoder_layers",
    "model.transformer.decoder_layers",
    "model.transformer.model_size",
    "model.transformer.feed_forward",
    "model.transformer.learned_positions",
    "model.monotonic.encoder_layers",
    "model.monotonic.decoder_layers",
    "model.monotonic.window",
    "model.monotonic.emission_units",
];

/// Refuses a network that is too large for this machine.
///
/// # Errors
/// Names the setting that makes the most of it, and its value.
pub(super) fn check_memory(task: &Task) -> Result<(), TaskError> {
    let sizes = task.codec.sizes();
    let weights = weights(&task.recipe, sizes).unwrap_or(u64::MAX);
    let bytes = weights.saturating_mul(NUMBERS * size_of::<f32>() as u64);
    let memory = memory_of_machine();
    if weights <= MOST_WEIGHTS && memory.is_none_or(|memory| bytes <= memory) {
        return Ok(());
    }
    Err(TaskError::TooLarge {
        weights,
        gigabytes: gigabytes(bytes),
        limit: match memory {
            Some(memory) if weights <= MOST_WEIGHTS => {
                format!("this machine has {} GB", gigabytes(memory))
            }
            _ => format!("{MOST_WEIGHTS} are the most that are possible"),
        },
        setting: largest(&task.recipe, sizes),
    })
}

/// How many weights a network with these settings has.
fn weights(recipe: &Recipe, sizes: VocabularySizes) -> Result<u64, WeightError> {
    let mut params = Parameters::counted();
    Network::new(&recipe.model, sizes, &mut params)?;
    Ok(params.weights())
}

/// The size that makes the most of a network, with its value: at its default (or at 1 without one), the
/// fewest weights are left.
fn largest(recipe: &Recipe, sizes: VocabularySizes) -> String {
    let default = Recipe::default();
    let without = |key: &&&str| -> Option<u64> {
        let least = default.setting(key).unwrap_or_else(|| "1".to_owned());
        let least: Override = format!("{key}={least}").parse().ok()?;
        let smaller = recipe.clone().with_overrides(&[least]).ok()?;
        weights(&smaller, sizes).ok()
    };
    let changed = SIZES
        .iter()
        .filter(|key| recipe.setting(key) != default.setting(key));
    let largest = changed.min_by_key(|key| without(key).unwrap_or(u64::MAX));
    match largest {
        Some(key) => format!("{key} (now {})", recipe.setting(key).unwrap_or_default()),
        None => "model.encoder_units or model.embedding".to_owned(),
    }
}

/// Memory of the machine in bytes, where the system tells.
fn memory_of_machine() -> Option<u64> {
    let table = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = table
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

fn gigabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000_000)
}
