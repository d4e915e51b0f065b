//! Alignments, counts and smoothing.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use seq2seq_ngram::{AlignError, Alignments, PairIds, Symbols};
use seq2seq_runtime::networks::ngram::NONE;

use support::{Pair, Reference, tables};

const SYMBOLS: Symbols = Symbols {
    source: 6,
    target: 6,
    source_end: None,
    target_end: 0,
};

fn aligned(pairs: &[Pair], span: usize) -> Result<Alignments, AlignError> {
    let ids: Vec<PairIds> = pairs
        .iter()
        .map(|(source, target)| PairIds { source, target })
        .collect();
    Alignments::new(&ids, SYMBOLS, span)
}

/// What each unit of a pair reads and writes.
fn cut(alignments: &Alignments, pair: usize) -> Vec<(Vec<u32>, Vec<u32>)> {
    let symbols = |of: [u32; 2]| of.into_iter().filter(|&symbol| symbol != NONE).collect();
    let units = alignments.iter().nth(pair).expect("a pair");
    let unit = |&number: &u32| {
        let unit = alignments.units[number as usize];
        (symbols(unit.source), symbols(unit.target))
    };
    units.iter().map(unit).collect()
}

/// Letters 1 to 3 have sounds of their own, 4 is silent and 5 has two sounds.
#[test]
fn letters_find_their_sounds() {
    let sounds = |letter: u32| match letter {
        4 => vec![],
        5 => vec![4, 5],
        letter => vec![letter],
    };
    let words: Vec<Vec<u32>> = (0..200_u32)
        .map(|n| {
            (0..4)
                .map(|place| 1 + n / 5_u32.pow(place) * 7 % 5)
                .collect()
        })
        .collect();
    let pairs: Vec<Pair> = words
        .into_iter()
        .map(|word| (word.clone(), word.into_iter().flat_map(sounds).collect()))
        .collect();
    let alignments = aligned(&pairs, 1).expect("alignments");
    assert_eq!(alignments.left_out, 0);
    for (number, (source, _)) in pairs.iter().enumerate() {
        let expected: Vec<_> = source.iter().map(|&s| (vec![s], sounds(s))).collect();
        assert_eq!(cut(&alignments, number), expected);
    }
    // Expectation maximisation never makes the pairs less probable.
    let rounds = &alignments.log_probabilities;
    assert!(rounds.is_sorted_by(|a, b| a <= &(b + 1e-9)), "{rounds:?}");
}

#[test]
fn a_target_over_twice_as_long_is_left_out() {
    let pairs = vec![
        (vec![1, 2], vec![1, 2]),
        (vec![1], vec![1, 2, 3]),
        (vec![], vec![1]),
        (vec![], vec![]),
        (vec![1], vec![1, 2]),
    ];
    let alignments = aligned(&pairs, 1).expect("alignments");
    assert_eq!(alignments.left_out, 2);
    assert_eq!(alignments.iter().count(), 3);
    let none = aligned(&pairs[1..3], 2).expect_err("refused");
    assert_eq!(none, AlignError::None { pairs: 2 });
}

#[test]
fn too_many_symbols_and_units_are_refused() {
    let symbols = Symbols {
        source: 70_000,
        ..SYMBOLS
    };
    let error = Alignments::new(&[], symbols, 1).expect_err("refused");
    assert!(matches!(
        error,
        AlignError::TooManySymbols { side: "source", .. }
    ));
    // 1,500 pairs of 20 symbols each, all different: over two million units.
    let pairs: Vec<Pair> = (0..3000_u32)
        .map(|n| {
            let symbols: Vec<u32> = (0..20).map(|place| 1 + n * 20 + place).collect();
            (symbols.clone(), symbols)
        })
        .collect();
    let ids: Vec<PairIds> = pairs
        .iter()
        .map(|(source, target)| PairIds { source, target })
        .collect();
    let symbols = Symbols {
        source: 60_001,
        target: 60_001,
        ..SYMBOLS
    };
    let error = Alignments::new(&ids, symbols, 2).expect_err("refused");
    assert_eq!(error, AlignError::TooManyUnits);
}

/// Interpolated Kneser-Ney of bigrams, computed by hand from the definition. Counts of counts are too few
/// for discounts of their own, so those are 0.5, 1 and 1.5.
#[test]
fn bigrams_have_the_probabilities_of_the_definition() {
    let pairs: Vec<Pair> = [[1, 2], [1, 2], [1, 3]]
        .into_iter()
        .map(|word| (word.to_vec(), word.to_vec()))
        .collect();
    let reference = Reference::new(&tables(&pairs, [6, 6], 1, 2));
    let unit = |source: u32, target: u32| {
        let is_it = |unit: &seq2seq_runtime::networks::ngram::Unit| {
            unit.source == [source, NONE] && unit.target == [target, NONE]
        };
        reference.units.iter().position(is_it).expect("the unit") as u32
    };
    let (one, two, three) = (unit(1, 1), unit(2, 2), unit(3, 3));
    // Different units before each: 1 after the beginning, 2 and 3 after 1, the end after 2 and 3.
    // All six letters that write nothing are units, too.
    let units = reference.units.len() as f64 + 1.0;
    let sum = 1.0 + 1.0 + 1.0 + 2.0;
    let left = (0.5 * 3.0 + 1.0) / sum;
    let unigram = |count: f64, discount: f64| (count - discount) / sum + left / units;
    let after_one = |count: f64, discount: f64, unigram: f64| {
        (count - discount) / 3.0 + (1.0 + 0.5) / 3.0 * unigram
    };
    for (found, expected) in [
        (reference.after(&[], one), unigram(1.0, 0.5)),
        (reference.after(&[], reference.end()), unigram(2.0, 1.0)),
        (
            reference.after(&[one], two),
            after_one(2.0, 1.0, unigram(1.0, 0.5)),
        ),
        (
            reference.after(&[one], three),
            after_one(1.0, 0.5, unigram(1.0, 0.5)),
        ),
    ] {
        assert!(
            (found - expected).abs() < 1e-6,
            "{found} and not {expected}"
        );
    }
}

/// The same tables for any number of threads.
#[test]
fn threads_change_nothing() {
    let pairs: Vec<Pair> = (0..400_u32)
        .map(|n| {
            let source: Vec<u32> = (0..6).map(|place| 1 + n * (place + 3) % 5).collect();
            let target = source.iter().filter(|&&s| s != 4).copied().collect();
            (source, target)
        })
        .collect();
    let fit = |threads| rnn_kernels::with_threads(threads, || tables(&pairs, [6, 6], 2, 8));
    assert_eq!(fit(1), fit(3));
}
