//! Beam search against exhaustive enumeration, greedy decoding, sampling statistics, and what a
//! batch may not change.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod toy;

use std::collections::HashMap;

use proptest::prelude::*;
use seq2seq_runtime::decoding::{
    Keep, LengthBound, LengthLimit, Longest, Method, Output, SearchError, SearchInput,
    SearchOptions, choose, edit_distance, score_outputs, search,
};
use seq2seq_runtime::text::LONGEST_TEXT;
use toy::{END, Toy, ids as source, input};

fn beam(size: usize) -> SearchOptions {
    SearchOptions {
        method: Method::Beam { size },
        ..SearchOptions::default()
    }
}

fn sampling(temperature: f32, top_k: Option<usize>, top_p: f32, seed: u64) -> SearchOptions {
    SearchOptions {
        method: Method::Sample {
            temperature,
            top_k,
            top_p,
            seed,
        },
        ..SearchOptions::default()
    }
}

fn length_penalty(symbols: usize, alpha: f64) -> f64 {
    // The end mark counts.
    ((5.0 + (symbols + 1) as f64) / 6.0).powf(alpha)
}

/// More than all hypotheses of the tiny models here.
const EVERYTHING: usize = 2_000;

proptest! {
    /// A beam that holds everything finds the best outputs of all, in their order, under every
    /// length penalty.
    #[test]
    fn a_beam_of_everything_is_exhaustive_search(
        seed: u64,
        symbols in 2_usize..5,
        max_length in 0_usize..4,
        alpha in prop::sample::select(vec![0.0, 0.6, 1.0, 2.5]),
    ) {
        let toy = Toy::new(seed, symbols);
        let mut all: Vec<(Vec<u32>, f64)> = toy.enumerate(&[7, 8], 1, max_length);
        for (ids, score) in &mut all {
            *score /= length_penalty(ids.len(), alpha);
        }
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        let nbest = all.len().min(6);
        let options = SearchOptions { nbest, length_penalty: alpha, ..beam(EVERYTHING) };
        let found = &search(&toy, &[input(&[7, 8], max_length)], &options)[0];
        prop_assert_eq!(found.len(), nbest);
        for (found, (ids, score)) in found.iter().zip(&all) {
            prop_assert_eq!(&found.ids, ids);
            prop_assert!((found.score - score).abs() < 1e-9);
            prop_assert!(found.finished);
        }
    }

    /// The same with a coverage penalty, whose score is computed from the attention of the steps.
    #[test]
    fn coverage_penalty_is_exhaustive_too(seed: u64, max_length in 0_usize..4) {
        let (toy, beta) = (Toy::new(seed, 3), 0.4);
        let source = [5, 6, 7];
        let score = |ids: &[u32], log_probability: f64| {
            let mut coverage = [0.0_f64; 3];
            for step in 0..=ids.len() {
                let beginning = [&[1], &ids[..step]].concat();
                for (sum, weight) in coverage.iter_mut().zip(toy.weights(&source, &beginning)) {
                    *sum += f64::from(weight);
                }
            }
            log_probability + beta * coverage.iter().map(|c| c.clamp(1e-3, 1.0).ln()).sum::<f64>()
        };
        let all = toy.enumerate(&source, 1, max_length);
        let best = all
            .iter()
            .map(|(ids, log_probability)| score(ids, *log_probability))
            .fold(f64::NEG_INFINITY, f64::max);
        let options = SearchOptions { coverage_penalty: beta, ..beam(EVERYTHING) };
        let found = &search(&toy, &[input(&source, max_length)], &options)[0][0];
        prop_assert!((found.score - best).abs() < 1e-5, "{} {}", found.score, best);
    }

    /// A beam of one takes the most probable symbol at each step, whatever the length penalty.
    #[test]
    fn a_beam_of_one_is_greedy(seed: u64, symbols in 2_usize..6, max_length in 0_usize..8, alpha in 0.0..2.0) {
        let toy = Toy::new(seed, symbols);
        let (mut ids, mut finished) = (vec![], false);
        while !finished {
            let beginning: Vec<u32> = std::iter::once(1).chain(ids.iter().copied()).collect();
            let log_probs = toy.log_probs(&[3], &beginning);
            let best = (0..symbols).max_by(|&a, &b| log_probs[a].total_cmp(&log_probs[b]));
            let best = best.expect("symbols") as u32;
            finished = best == END;
            if !finished && ids.len() == max_length {
                break;
            }
            ids.extend((!finished).then_some(best));
        }
        let options = SearchOptions { length_penalty: alpha, ..beam(1) };
        let found = &search(&toy, &[input(&[3], max_length)], &options)[0];
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(&found[0].ids, &ids);
        prop_assert_eq!(found[0].finished, finished);
    }

    /// Whatever else is in a batch changes nothing.
    #[test]
    fn a_batch_is_so_many_batches_of_one(
        seed: u64,
        sources in prop::collection::vec(prop::collection::vec(1_u32..9, 1..6), 1..6),
        size in 1_usize..5,
        sample: bool,
    ) {
        let toy = Toy::new(seed, 4);
        let mut options = if sample { sampling(0.9, Some(3), 0.9, seed) } else { beam(size) };
        options.nbest = size;
        options.keep = Keep { distributions: true, attention: true, temperatures: vec![2.0] };
        options.coverage_penalty = 0.2;
        let inputs: Vec<SearchInput> = (0..)
            .zip(&sources)
            .map(|(number, source)| SearchInput {
                number,
                max_length: source.len() + 1,
                ..input(source, 0)
            })
            .collect();
        let together = search(&toy, &inputs, &options);
        let alone: Vec<Vec<Output>> =
            inputs.iter().flat_map(|input| search(&toy, &[*input], &options)).collect();
        prop_assert_eq!(together, alone);
    }

    /// Every hypothesis carries the probability that the model gives its symbols, and what it has
    /// kept of its steps is what the model said.
    #[test]
    fn hypotheses_carry_their_probability(seed: u64, sample: bool) {
        let toy = Toy::new(seed, 4);
        let mut options = if sample { sampling(1.5, None, 1.0, seed) } else { beam(4) };
        options.nbest = 4;
        options.keep = Keep { distributions: true, attention: true, temperatures: vec![1.0, 3.0] };
        for output in &search(&toy, &[input(&[2, 4], 5)], &options)[0] {
            let mut ids = output.ids.clone();
            ids.extend(output.finished.then_some(END));
            let scores = &score_outputs(&toy, &[source(&[2, 4])], &[1], &[&ids])[0];
            prop_assert!((scores.iter().map(|score| score.log_probability).sum::<f64>() - output.log_probability).abs() < 1e-9);
            prop_assert!((output.tempered[0] - output.log_probability).abs() < 1e-4);
            prop_assert_eq!(output.steps.len(), ids.len());
            let mut tempered = 0.0;
            for (place, step) in output.steps.iter().enumerate() {
                let beginning = [&[1], &ids[..place]].concat();
                prop_assert_eq!(step.chosen, ids[place]);
                prop_assert_eq!(&step.log_probs, &toy.log_probs(&[2, 4], &beginning));
                prop_assert_eq!(&step.attention, &toy.weights(&[2, 4], &beginning));
                let scaled: Vec<f64> = step.log_probs.iter().map(|&l| f64::from(l) / 3.0).collect();
                let sum: f64 = scaled.iter().map(|l| l.exp()).sum();
                tempered += scaled[ids[place] as usize] - sum.ln();
            }
            prop_assert!((output.tempered[1] - tempered).abs() < 1e-9);
        }
    }

    /// Outputs never pass their limit, and say so if they were cut at it. Finished ones come first.
    #[test]
    fn no_output_is_endless(seed: u64, max_length in 0_usize..5, size in 1_usize..4) {
        let toy = Toy { sharpness: 8.0, ..Toy::new(seed, 6) };
        let options = SearchOptions { nbest: size, ..beam(size) };
        let found = &search(&toy, &[input(&[3], max_length)], &options)[0];
        prop_assert!(!found.is_empty());
        for output in found {
            prop_assert!(output.ids.len() <= max_length);
            prop_assert!(output.finished || output.ids.len() == max_length);
        }
        prop_assert!(found.windows(2).all(|pair| pair[0].finished || !pair[1].finished));
    }

    /// Minimum Bayes risk takes the output with the least expected distance to the list.
    #[test]
    fn minimum_bayes_risk_is_the_definition(seed: u64) {
        let toy = Toy { sharpness: 1.0, ..Toy::new(seed, 4) };
        let options = SearchOptions { minimum_bayes_risk: true, ..beam(6) };
        let pool = search(&toy, &[input(&[3], 3)], &options).remove(0);
        // With a single output there is nothing to choose.
        prop_assume!(pool.iter().filter(|o| o.finished).count() > 1);
        let chosen = &choose(pool.clone(), &options)[0];
        let total: f64 = pool.iter().map(|o| o.log_probability.exp()).sum();
        let risk = |ids: &[u32]| pool
            .iter()
            .map(|o| o.log_probability.exp() / total * edit_distance(ids, &o.ids) as f64)
            .sum::<f64>();
        let least = pool
            .iter()
            .filter(|o| o.finished)
            .map(|o| risk(&o.ids))
            .fold(f64::INFINITY, f64::min);
        prop_assert!((risk(&chosen.ids) - least).abs() < 1e-9);
        prop_assert!((chosen.risk.expect("a risk") - least).abs() < 1e-9);
    }
}

/// How often each first symbol comes among many samples.
fn shares(toy: &Toy, options: &SearchOptions, count: usize) -> HashMap<Option<u32>, f64> {
    let mut shares = HashMap::new();
    let inputs: Vec<SearchInput> = (0..count as u64)
        .map(|number| SearchInput {
            number,
            ..input(&[9], 1)
        })
        .collect();
    for outputs in search(toy, &inputs, options) {
        *shares.entry(outputs[0].ids.first().copied()).or_default() += 1.0 / count as f64;
    }
    shares
}

/// The frequencies of samples are the probabilities that options make of the model's.
#[test]
fn samples_come_as_often_as_they_should() {
    const SAMPLES: usize = 20_000;
    let toy = Toy::new(11, 5);
    let own: Vec<f64> = toy
        .log_probs(&[9], &[1])
        .iter()
        .map(|&l| f64::from(l))
        .collect();
    let mut order: Vec<usize> = (0..own.len()).collect();
    order.sort_by(|&a, &b| own[b].total_cmp(&own[a]));
    let expected = |temperature: f64, kept: &[usize]| -> Vec<f64> {
        let weight = |symbol: usize| match kept.contains(&symbol) {
            true => (own[symbol] / temperature).exp(),
            false => 0.0,
        };
        let sum: f64 = (0..own.len()).map(weight).sum();
        (0..own.len()).map(|symbol| weight(symbol) / sum).collect()
    };
    // The fewest symbols that reach 70 % together.
    let mut sum = 0.0;
    let nucleus = order
        .iter()
        .take_while(|&&symbol| {
            let short = sum < 0.7;
            sum += own[symbol].exp();
            short
        })
        .count();
    assert!(
        nucleus > 1 && nucleus < own.len(),
        "the case shows something"
    );
    for (options, expected) in [
        (sampling(1.0, None, 1.0, 3), expected(1.0, &order)),
        (sampling(0.5, None, 1.0, 3), expected(0.5, &order)),
        (sampling(2.0, None, 1.0, 3), expected(2.0, &order)),
        (sampling(1.0, Some(2), 1.0, 3), expected(1.0, &order[..2])),
        (
            sampling(1.0, None, 0.7, 3),
            expected(1.0, &order[..nucleus]),
        ),
    ] {
        let shares = shares(&toy, &options, SAMPLES);
        for (symbol, &expected) in (0..).zip(&expected) {
            let key = (symbol != END).then_some(symbol);
            let share = shares.get(&key).copied().unwrap_or(0.0);
            // Five standard deviations; what is left out may never come.
            let tolerance = 5.0 * (expected * (1.0 - expected) / SAMPLES as f64).sqrt();
            assert!(
                (share - expected).abs() <= tolerance,
                "{options:?}: symbol {symbol} came {share}, not {expected}"
            );
        }
    }
}

/// The same seed gives the same samples, another seed others, and the samples of one input differ.
#[test]
fn samples_follow_their_seed() {
    let toy = Toy {
        sharpness: 0.5,
        ..Toy::new(5, 8)
    };
    let draw = |seed| {
        let options = SearchOptions {
            nbest: 20,
            ..sampling(1.0, None, 1.0, seed)
        };
        let mut found = search(&toy, &[input(&[1], 12)], &options).remove(0);
        found.dedup_by(|a, b| a.ids == b.ids);
        found
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    assert!(draw(1).len() > 10);
}

/// A model whose probabilities are no numbers ends the search instead of running on.
#[test]
fn broken_models_end() {
    struct Broken;
    impl seq2seq_runtime::decoding::StepModel for Broken {
        type State = ();
        fn start(&self, _: &[&seq2seq_runtime::text::SourceIds]) {}
        fn step(&self, (): &mut (), last: &[u32]) -> seq2seq_runtime::decoding::StepOutput {
            seq2seq_runtime::decoding::StepOutput {
                log_probs: seq2seq_runtime::decoding::LogProbs {
                    classes: 3,
                    values: vec![f32::NAN; 3 * last.len()],
                },
                attention: None,
            }
        }
        fn select(&self, (): &mut (), _: &[usize]) {}
    }
    for options in [beam(3), sampling(1.0, None, 1.0, 1)] {
        let found = &search(&Broken, &[input(&[1], 5)], &options)[0];
        assert_eq!(found.len(), 1);
        assert!(!found[0].finished && found[0].ids.is_empty());
    }
}

#[test]
fn nothing_to_decode() {
    assert!(search(&Toy::new(1, 3), &[], &beam(2)).is_empty());
    assert!(score_outputs(&Toy::new(1, 3), &[], &[], &[]).is_empty());
}

#[test]
fn limits_follow_the_input() {
    let longest = Longest {
        source: 10,
        target: 7,
        bound: None,
    };
    let own = LengthLimit::default();
    assert_eq!(own.of(3, longest), 14);
    assert_eq!(own.of(10, longest), 14);
    assert_eq!(own.of(100, longest), 140);
    let ratio = LengthLimit {
        ratio: 1.5,
        extra: 2,
        ..own
    };
    assert_eq!(ratio.of(5, longest), 10);
    assert_eq!(LengthLimit { most: 8, ..ratio }.of(5, longest), 8);
    assert_eq!(LengthLimit { most: 5, ..own }.of(100, longest), 5);
    assert_eq!(own.of(0, Longest::default()), 2);
}

/// Targets twice as long as their sources, and at most three symbols longer: a source of 3 symbols has an
/// output of at most 1.25 * 9 + 2.
#[test]
fn limits_follow_the_lengths_of_training() {
    let lengths: Vec<[usize; 2]> = (1..=10)
        .flat_map(|source| [0, 3].map(|more| [source, 2 * source + more]))
        .collect();
    let bound = LengthBound::fitted(&lengths).unwrap();
    assert!((bound.per_symbol - 2.0).abs() < 1e-12 && (bound.extra - 3.0).abs() < 1e-12);
    let longest = Longest {
        source: 10,
        target: 23,
        bound: Some(bound),
    };
    let limits = [3, 10, 100].map(|source| LengthLimit::default().of(source, longest));
    assert_eq!(limits, [14, 31, 256]);
    // Sources of one length tell nothing but how long targets become.
    let bound = LengthBound::fitted(&[[7, 2], [7, 4]]);
    let flat = LengthBound {
        per_symbol: 0.0,
        extra: 4.0,
    };
    assert_eq!(bound, Some(flat));
    assert_eq!(LengthBound::fitted(&[]), None);
}

proptest! {
    /// Whatever flags, settings and files say, an output has a limit.
    #[test]
    fn limits_have_a_limit(
        most in prop::sample::select(&EXTREME[..]),
        extra in prop::sample::select(&EXTREME[..]),
        source in prop::sample::select(&EXTREME[..]),
        longest in prop::array::uniform2(prop::sample::select(&EXTREME[..])),
        ratio in prop::num::f64::ANY,
        bound in prop::option::of([prop::num::f64::ANY, prop::num::f64::ANY]),
    ) {
        let bound = bound.map(|[per_symbol, extra]| LengthBound { per_symbol, extra });
        let longest = Longest { source: longest[0], target: longest[1], bound };
        let limit = LengthLimit { most, ratio, extra }.of(source, longest);
        prop_assert!((1..=LONGEST_TEXT).contains(&limit));
        prop_assert!(most == 0 || limit <= most);
    }

    /// Options at the ends of what is allowed give outputs with scores that are numbers.
    #[test]
    fn extreme_options_give_scores(
        seed: u64,
        temperature in prop::sample::select(vec![f32::MIN_POSITIVE, 1e-3, 1.0, f32::MAX]),
        penalties in prop::array::uniform2(prop::sample::select(vec![0.0, 1.0, 1e300, f64::MAX])),
        top_k in prop::sample::select(vec![None, Some(1), Some(usize::MAX)]),
        top_p in prop::sample::select(vec![f32::MIN_POSITIVE, 0.5, 1.0]),
        size in 1_usize..4,
        sample: bool,
    ) {
        let options = SearchOptions {
            method: match sample {
                true => Method::Sample { temperature, top_k, top_p, seed },
                false => Method::Beam { size },
            },
            nbest: size,
            length_penalty: penalties[0],
            coverage_penalty: penalties[1],
            minimum_bayes_risk: size > 1,
            ..SearchOptions::default()
        };
        options.check().expect("allowed");
        let input = SearchInput { number: u64::MAX, ..input(&[3, 4], 5) };
        let found = search(&Toy::new(seed, 4), &[input], &options).remove(0);
        let chosen = choose(found, &options);
        prop_assert!(!chosen.is_empty());
        for output in &chosen {
            prop_assert!(!output.score.is_nan() && output.ids.len() <= 5, "{output:?}");
        }
    }
}

const EXTREME: [usize; 7] = [0, 1, 3, 1 << 32, 1 << 62, usize::MAX - 1, usize::MAX];

/// What cannot work is refused, each with its own message.
#[test]
fn impossible_options_are_refused() {
    let with = |change: &dyn Fn(&mut SearchOptions)| {
        let mut options = beam(4);
        change(&mut options);
        options.check()
    };
    let cases: [(SearchOptions, SearchError); 11] = [
        (beam(0), SearchError::BeamOfZero),
        (beam(10_001), SearchError::BeamTooLarge(10_001)),
        (
            SearchOptions {
                nbest: 0,
                ..beam(2)
            },
            SearchError::NoOutputs,
        ),
        (
            SearchOptions {
                nbest: 3,
                ..beam(2)
            },
            SearchError::MoreOutputsThanBeam { nbest: 3, beam: 2 },
        ),
        (sampling(0.0, None, 1.0, 1), SearchError::Temperature(0.0)),
        (sampling(-1.0, None, 1.0, 1), SearchError::Temperature(-1.0)),
        (sampling(1.0, Some(0), 1.0, 1), SearchError::TopK),
        (sampling(1.0, None, 0.0, 1), SearchError::TopP(0.0)),
        (sampling(1.0, None, 1.5, 1), SearchError::TopP(1.5)),
        (
            SearchOptions {
                length_penalty: -0.5,
                ..beam(2)
            },
            SearchError::Penalty {
                name: "length",
                value: -0.5,
            },
        ),
        (
            SearchOptions {
                minimum_bayes_risk: true,
                ..beam(1)
            },
            SearchError::RiskOfOne,
        ),
    ];
    for (options, error) in cases {
        assert_eq!(options.check(), Err(error));
    }
    assert!(with(&|o| o.coverage_penalty = f64::NAN).is_err());
    assert!(with(&|o| o.length_penalty = f64::INFINITY).is_err());
    assert!(sampling(f32::NAN, None, 1.0, 1).check().is_err());
    assert!(sampling(1.0, None, f32::NAN, 1).check().is_err());
    let many = SearchOptions {
        nbest: 20_000,
        ..sampling(1.0, None, 1.0, 1)
    };
    assert_eq!(many.check(), Err(SearchError::BeamTooLarge(20_000)));
    assert_eq!(with(&|_| ()), Ok(()));
    assert_eq!(sampling(0.7, Some(5), 0.9, 1).check(), Ok(()));
}
