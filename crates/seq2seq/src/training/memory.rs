//! What training takes in memory, held against what the machine has before any work starts.

use super::ngram::LONGEST;
use super::task::{Task, TaskError};
use crate::config::{Architecture, AttentionKind, Override, Recipe};
use crate::encoding::Example;
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
        return check_pairs(task, memory);
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

/// Refuses a pair that is too long to be trained on: what it takes grows with the product of its lengths.
fn check_pairs(task: &Task, memory: Option<u64>) -> Result<(), TaskError> {
    let bytes_of = pair_bytes(task);
    let bytes = |example: &Example| bytes_of(example.source.len(), example.target.len());
    let largest = task.train.iter().max_by_key(|example| bytes(example));
    let (Some(largest), Some(memory)) = (largest, memory) else {
        return Ok(());
    };
    if bytes(largest) <= memory {
        return Ok(());
    }
    let symbols = largest.source.symbols.iter();
    let source: Vec<&str> = (symbols.take(SHOWN))
        .map(|&id| task.codec.source_symbol(id).unwrap_or("?"))
        .collect();
    Err(TaskError::PairTooLong {
        source_start: source.concat(),
        source_symbols: largest.source.len(),
        target_symbols: largest.target.len(),
        gigabytes: gigabytes(bytes(largest)),
        memory: gigabytes(memory),
    })
}

/// Symbols of a pair that a message shows.
const SHOWN: usize = 40;

/// What training on a pair takes at most, about, by the lengths of its source and target: the numbers that the
/// gradient needs again. Attention compares every target symbol with every source symbol; hard monotonic
/// attention has scores for each of these; a Transformer compares all symbols of a side, too.
pub(super) fn pair_bytes(task: &Task) -> impl Fn(usize, usize) -> u64 + use<> {
    let model = &task.recipe.model;
    let classes = task.codec.sizes().target as u64;
    let (units, decoder) = (model.encoder_units as u64, model.decoder_units() as u64);
    let layers = [model.encoder_layers, model.decoder_layers].map(|layers| layers as u64);
    // Numbers for each pair of symbols: within the source, within the target, between both.
    let [of_source, of_target, between] = match model.architecture {
        Architecture::Transformer => {
            let settings = &model.transformer;
            let heads = 4 * settings.heads as u64;
            let decoder = heads * settings.decoder_layers() as u64;
            [heads * settings.encoder_layers() as u64, decoder, decoder]
        }
        Architecture::Monotonic => {
            let emission = model
                .monotonic
                .emission_units
                .unwrap_or(model.decoder_units());
            [0, 0, 5 * emission as u64 + 4 * classes]
        }
        Architecture::Recurrent | Architecture::Ngram | Architecture::Ensemble => {
            let attention = match model.attention {
                AttentionKind::None => 0,
                AttentionKind::Additive | AttentionKind::Concat => {
                    4 * model.attention_units() as u64
                }
                AttentionKind::MultiHead => 4 * model.attention_heads as u64,
                _ => 4,
            };
            [0, 0, attention + if model.copy { 4 } else { 0 }]
        }
    };
    let (of_source_symbol, of_target_symbol) = (
        24 * units * layers[0],
        16 * decoder * layers[1] + 4 * classes,
    );
    move |source, target| {
        let (source, target) = (source as u64, target as u64);
        let numbers = [
            (of_source, source, source),
            (of_target, target, target),
            (between, source, target),
            (of_source_symbol, source, 1),
            (of_target_symbol, target, 1),
        ];
        let products = numbers.map(|(many, a, b)| many.saturating_mul(a).saturating_mul(b));
        let sum = products.into_iter().fold(0, u64::saturating_add);
        sum.saturating_mul(size_of::<f32>() as u64)
    }
}

/// Bytes that counting takes for each unit of the training pairs and each length of n-grams.
const BYTES_OF_COUNT: u64 = 40;

/// Refuses to count n-grams of more pairs than this machine has memory for.
///
/// # Errors
/// Says how much it would take.
pub(super) fn check_counts(task: &Task) -> Result<(), TaskError> {
    check_counts_within(task, memory_of_machine())
}

/// The same for an n-gram model that is fitted unasked, beside a network: it may take a quarter of the memory.
///
/// # Errors
/// As [`check_counts`].
pub(super) fn check_counts_beside_network(task: &Task) -> Result<(), TaskError> {
    check_counts_within(task, memory_of_machine().map(|memory| memory / 4))
}

fn check_counts_within(task: &Task, memory: Option<u64>) -> Result<(), TaskError> {
    let order = match task.recipe.model.ngram.order {
        0 => LONGEST,
        order => order,
    };
    // A sequence has a unit for each source symbol, and its beginning and end.
    let units = |example: &Example| example.source.len() as u64 + 2;
    let all: u64 = task.train.iter().map(units).sum();
    let bytes = all.saturating_mul(BYTES_OF_COUNT * order as u64);
    match memory {
        Some(memory) if bytes > memory => Err(TaskError::Unusable(format!(
            "counting n-grams of {order} units in {} pairs would take up to {} GB, but this machine has \
             {} GB for it: lower model.ngram.order, or give fewer pairs",
            task.train.len(),
            gigabytes(bytes),
            gigabytes(memory)
        ))),
        _ => Ok(()),
    }
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
