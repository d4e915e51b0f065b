//! A network gives the same probabilities while it learns, whole targets at once, and while it runs,
//! step by step; and what it gives for one source depends on that source alone, to the last bit.

#![allow(clippy::expect_used)] // a test may fail by panicking

use burn::tensor::Device;
use burn::tensor::activation::log_softmax;
use proptest::prelude::*;
use proptest::sample::select;
use seq2seq::config::{Override, Recipe};
use seq2seq::encoding::{NOT_COPIED, Padded, SourceBatch, SourceIds};
use seq2seq::layers::parameters::{Parameters, weights_of};
use seq2seq::networks::Network;
use seq2seq::text::VocabularySizes;
use seq2seq_runtime::{layers, networks};

/// Symbols of the target.
const TARGETS: usize = 7;

/// Values of each setting that recurrent networks have.
const RECURRENT: &[(&str, &[&str])] = &[
    ("model.cell", &["lstm", "gru", "gru-original", "rnn"]),
    ("model.encoder_units", &["3", "4", "17"]),
    ("model.encoder_layers", &["1", "2"]),
    ("model.bidirectional", &["false", "true"]),
    ("model.decoder_units", &["4", "6", "20"]),
    ("model.decoder_layers", &["1", "2", "3"]),
    ("model.residual", &["false", "true"]),
    ("model.layer_norm", &["false", "true"]),
    (
        "model.attention",
        &["none", "dot", "general", "concat", "additive", "multi-head"],
    ),
    ("model.attention_units", &["4", "6", "8"]),
    ("model.attention_heads", &["1", "2"]),
    ("model.input_feeding", &["false", "true"]),
    ("model.copy", &["false", "true"]),
    ("model.embedding", &["one-hot", "5", "18"]),
    ("model.tied_embeddings", &["false", "true"]),
    ("text.shared_vocabulary", &["false", "true"]),
    ("model.shared_embeddings", &["false", "true"]),
    ("model.bridge", &["auto", "linear", "tanh"]),
    ("model.protocol", &["begin-of-sequence", "first-symbol"]),
    (
        "model.decoder_input",
        &["target", "target", "encoder-output", "own-softmax"],
    ),
];

/// Values of each setting that Transformers have.
const TRANSFORMER: &[(&str, &[&str])] = &[
    ("model.architecture", &["transformer"]),
    ("model.transformer.layers", &["1", "2"]),
    ("model.transformer.encoder_layers", &["1", "3"]),
    ("model.transformer.model_size", &["8", "12", "36"]),
    ("model.transformer.heads", &["1", "2"]),
    ("model.transformer.feed_forward", &["6", "20"]),
    (
        "model.transformer.positions",
        &["rotary", "sinusoidal", "learned"],
    ),
    ("model.transformer.learned_positions", &["2", "9"]),
    ("model.transformer.tied_output", &["false", "true"]),
    ("model.copy", &["false", "true"]),
];

/// Values of each setting that hard monotonic attention has.
const MONOTONIC: &[(&str, &[&str])] = &[
    ("model.architecture", &["monotonic"]),
    ("model.cell", &["lstm", "gru", "gru-original", "rnn"]),
    ("model.encoder_units", &["3", "9"]),
    ("model.decoder_units", &["4", "17"]),
    ("model.embedding", &["5", "18"]),
    ("model.monotonic.order", &["0", "1"]),
    ("model.monotonic.monotonic", &["false", "true"]),
    ("model.monotonic.window", &["1", "5"]),
    ("model.monotonic.encoder_layers", &["1", "2"]),
    ("model.monotonic.decoder_layers", &["1", "2"]),
    ("model.monotonic.summary", &["false", "true"]),
    ("model.monotonic.emission_units", &["3", "16"]),
    ("model.copy", &["false", "true"]),
];

/// One value for each setting.
fn overrides(
    settings: &'static [(&'static str, &'static [&'static str])],
) -> impl Strategy<Value = Vec<String>> {
    let each = settings
        .iter()
        .map(|&(key, values)| select(values).prop_map(move |value| format!("{key}={value}")));
    each.collect::<Vec<_>>()
}

/// A recipe of any architecture that passes the checks, and whether features have an encoder.
fn recipe() -> impl Strategy<Value = (Recipe, bool)> {
    let settings = prop_oneof![
        3 => overrides(RECURRENT),
        1 => overrides(TRANSFORMER),
        1 => overrides(MONOTONIC),
    ];
    (settings, any::<bool>()).prop_filter_map(
        "settings that exclude each other",
        |(all, features)| {
            let mut recipe = Recipe::default();
            for text in all {
                let change: Override = text.parse().expect("an override");
                let changed = recipe
                    .clone()
                    .with_overrides(&[change])
                    .expect("a valid key");
                // A setting that does not go with those before it is left out.
                if changed.check().is_ok() {
                    recipe = changed;
                }
            }
            recipe.check().ok()?;
            Some((recipe, features))
        },
    )
}

/// A source, with everything that any network may read.
fn source(features: bool) -> impl Strategy<Value = SourceIds> {
    let symbols = prop::collection::vec((0..6_u32, NOT_COPIED..TARGETS as i32), 0..9);
    let ids = prop::collection::vec(0..3_u32, 0..4);
    (symbols, ids).prop_map(move |(symbols, ids)| {
        let (symbols, copied): (Vec<u32>, Vec<i32>) = symbols.into_iter().unzip();
        SourceIds {
            symbols,
            features: features.then_some(ids),
            copy_ids: Some(copied),
        }
    })
}

/// Sources, and what a decoder reads for each.
type Batch = Vec<(SourceIds, Vec<u32>)>;

fn pairs(features: bool, count: std::ops::Range<usize>) -> impl Strategy<Value = Batch> {
    let target = prop::collection::vec(0..TARGETS as u32, 1..6);
    prop::collection::vec((source(features), target), count)
}

fn case(count: std::ops::Range<usize>) -> impl Strategy<Value = (Recipe, bool, u64, Batch)> {
    (recipe(), any::<u64>()).prop_flat_map(move |((recipe, features), seed)| {
        let batch = pairs(features, count.clone());
        (Just(recipe), Just(features), Just(seed), batch)
    })
}

/// A network as it learns, and the same as it runs.
fn both(recipe: &Recipe, features: bool, seed: u64) -> (Network, networks::Network) {
    let sizes = VocabularySizes {
        source: if recipe.model.shared_embeddings {
            TARGETS
        } else {
            6
        },
        features: if features { 3 } else { 0 },
        target: TARGETS,
    };
    let mut params = Parameters::fresh(seed, &Device::flex());
    let learns = Network::new(&recipe.model, sizes, &mut params).expect("fresh weights fit");
    let runs = networks::Network::new(&recipe.model, sizes, weights_of(&learns));
    (learns, runs.expect("the same weights fit"))
}

/// Log-probabilities of every step of every target, each sequence in a batch with the others.
fn learned(network: &Network, batch: &Batch) -> Vec<Vec<Vec<f32>>> {
    let sources: Vec<&SourceIds> = batch.iter().map(|(source, _)| source).collect();
    let targets: Vec<&Vec<u32>> = batch.iter().map(|(_, target)| target).collect();
    let scores = network.forward(&SourceBatch::new(&sources), &Padded::new(&targets), None);
    let logs: Vec<f32> = log_softmax(scores, 1).try_into_vec_as().expect("floats");
    let row = |sequence: usize, step: usize| {
        let at = (step * batch.len() + sequence) * TARGETS;
        logs[at..at + TARGETS].to_vec()
    };
    let sequence = |(index, target): (usize, &&Vec<u32>)| {
        (0..target.len()).map(|step| row(index, step)).collect()
    };
    targets.iter().enumerate().map(sequence).collect()
}

/// The same step by step; sequences that have ended are left out, and the others change places.
fn run(network: &networks::Network, batch: &Batch) -> Vec<Vec<Vec<f32>>> {
    let sources: Vec<&SourceIds> = batch.iter().map(|(source, _)| source).collect();
    let mut state = network.encode(&sources);
    let mut rows: Vec<usize> = (0..batch.len()).collect();
    let mut found = vec![Vec::new(); batch.len()];
    for step in 0.. {
        let mut kept: Vec<usize> = (0..rows.len())
            .filter(|&row| batch[rows[row]].1.len() > step)
            .collect();
        if kept.is_empty() {
            break;
        }
        let by = step % kept.len();
        kept.rotate_left(by);
        state.select(&kept);
        rows = kept.iter().map(|&row| rows[row]).collect();
        let last: Vec<u32> = rows.iter().map(|&row| batch[row].1[step]).collect();
        let layers::Rows { width, mut values } = network.step(&mut state, &last).scores;
        rnn_kernels::log_softmax(&mut values, width);
        for (&row, values) in rows.iter().zip(values.chunks(width)) {
            found[row].push(values.to_vec());
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn learning_and_running_agree((recipe, features, seed, batch) in case(1..5)) {
        let (learns, runs) = both(&recipe, features, seed);
        let (learned, run) = (learned(&learns, &batch), run(&runs, &batch));
        for (learned, run) in learned.iter().flatten().zip(run.iter().flatten()) {
            // Each is the difference of two scores, whose rounding is that of the largest of the step. One case in
            // some thousand, a Transformer, differs by 1.3e-5 of it.
            let largest = learned.iter().fold(1.0_f32, |largest, value| largest.max(value.abs()));
            for (learned, run) in learned.iter().zip(run) {
                let is_close = (learned - run).abs() < 3e-5 * largest;
                prop_assert!(is_close, "{learned} while it learns, {run} while it runs");
            }
        }
    }

    #[test]
    fn a_source_is_answered_alike_to_the_bit_in_any_company(
        (recipe, features, seed, batch) in case(2..40)
    ) {
        let (_, runs) = both(&recipe, features, seed);
        let together = run(&runs, &batch);
        for (pair, together) in batch.iter().zip(&together) {
            let alone = &run(&runs, &vec![pair.clone()])[0];
            let bits = |rows: &Vec<Vec<f32>>| -> Vec<u32> {
                rows.iter().flatten().map(|value| value.to_bits()).collect()
            };
            prop_assert_eq!(bits(together), bits(alone));
        }
    }
}
