//! A model's probabilities are the exact sums over all ways to read a source in joint units.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use seq2seq_runtime::layers::SourceBatch;
use seq2seq_runtime::text::SourceIds;

use support::{END, Pair, Reference, network, tables};

/// Symbols of each side; source symbol 0 is never in training.
const SIZES: [usize; 2] = [4, 4];

/// The log-probabilities of the symbol after each prefix of a target, the whole target included.
fn scores(network: &seq2seq_runtime::networks::ngram::NgramNetwork, pair: &Pair) -> Vec<Vec<f32>> {
    let source = SourceIds {
        symbols: pair.0.clone(),
        ..SourceIds::default()
    };
    let mut state = network.encode(&SourceBatch::new(&[&source]));
    let read = std::iter::once(1).chain(pair.1.iter().copied());
    let scores = read.map(|last| {
        let step = network.step(&mut state, &[last]);
        let attention = step.attention.expect("attention");
        let sum: f32 = attention.values.iter().sum();
        assert!((sum - 1.0).abs() < 1e-4, "attention sums to {sum}");
        step.scores.values
    });
    scores.collect()
}

fn pairs() -> impl Strategy<Value = Vec<Pair>> {
    // One source symbol at least for two target symbols.
    let pair = vec((1..4u32, vec(1..4u32, 0..3)), 0..5).prop_map(|parts| {
        let source = parts.iter().map(|(symbol, _)| *symbol).collect();
        let target = parts.into_iter().flat_map(|(_, written)| written).collect();
        (source, target)
    });
    vec(pair, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn of_every_prefix(
        pairs in pairs(),
        span in 1..3usize,
        order in 1..5usize,
        source in vec(0..4u32, 0..5),
        target in vec(1..4u32, 0..5),
    ) {
        let weights = tables(&pairs, SIZES, span, order);
        let reference = Reference::new(&weights);
        let found = scores(&network(&weights, SIZES), &(source.clone(), target.clone()));
        // Probability of the prefix so far, found and exact.
        let (mut product, mut exact) = (1.0, 1.0);
        for (length, found) in found.iter().enumerate() {
            let expected = reference.next(&source, &target[..length]);
            let sum: f32 = found.iter().map(|score| score.exp()).sum();
            prop_assert!((sum - 1.0).abs() < 1e-5, "they sum to {}", sum);
            let found: Vec<f64> = found.iter().map(|&score| f64::from(score.exp())).collect();
            for (&found, &expected) in found.iter().zip(&expected) {
                // Of what was written, entries with a share below 1e-6 each are left out.
                let (found, expected) = (product * found, exact * expected);
                prop_assert!((found - expected).abs() < 1e-5, "{} and not {}", found, expected);
            }
            if let Some(&symbol) = target.get(length) {
                product *= found[symbol as usize];
                exact *= expected[symbol as usize];
            }
        }
    }

    #[test]
    fn what_follows_a_context_sums_to_one(
        pairs in pairs(),
        span in 1..3usize,
        order in 1..9usize,
    ) {
        let weights = tables(&pairs, SIZES, span, order);
        let reference = Reference::new(&weights);
        for context in reference.contexts() {
            let units = 0..=reference.end();
            let sum: f64 = units.map(|unit| reference.after(context, unit)).sum();
            prop_assert!((sum - 1.0).abs() < 1e-4, "after {:?}: {}", context, sum);
        }
    }

    #[test]
    fn of_whole_targets(pairs in pairs(), source in vec(0..4u32, 0..5)) {
        // The product over the symbols is the share of the target among all, but for noise.
        let weights = tables(&pairs, SIZES, 1, 3);
        let targets = Reference::new(&weights).targets(&source);
        let all: f64 = targets.values().sum();
        let network = network(&weights, SIZES);
        for (target, probability) in targets.iter().take(20) {
            let scores = scores(&network, &(source.clone(), target.clone()));
            let symbols = target.iter().chain([&END]);
            let product: f64 = (scores.iter().zip(symbols))
                .map(|(scores, &symbol)| f64::from(scores[symbol as usize].exp()))
                .product();
            prop_assert!((product - probability / all).abs() < 2e-3);
        }
    }
}

/// Long sources are summed without numbers becoming too small, by shorter contexts.
#[test]
fn of_long_sources() {
    let pairs: Vec<Pair> = vec![
        (vec![1, 2, 3], vec![1, 2, 3]),
        (vec![3, 2, 1], vec![3, 2, 1]),
        (vec![1, 1, 2], vec![1, 1, 2]),
    ];
    let weights = tables(&pairs, SIZES, 2, 4);
    let network = network(&weights, SIZES);
    for length in [250, 260, 5000] {
        let source: Vec<u32> = (0..length).map(|place| 1 + place % 3).collect();
        let target = source[..10].to_vec();
        for scores in scores(&network, &(source, target)) {
            let sum: f32 = scores.iter().map(|score| score.exp()).sum();
            assert!((sum - 1.0).abs() < 1e-5, "they sum to {sum}");
        }
    }
}
