//! Edit distance and scores of free-running answers.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use seq2seq::metrics::{ScoreError, edit_distance, score};

/// Wagner and Fischer's table, row by row.
fn by_table(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

fn symbols(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn symbols_count_whole() {
    assert_eq!(edit_distance(&symbols("K AH0 T"), &symbols("K AE1 T S")), 2);
    assert_eq!(edit_distance::<u8>(&[], &[]), 0);
    assert_eq!(edit_distance(b"kitten", b"sitting"), 3);
}

#[test]
fn long_sequences_with_many_symbols() {
    // Past 64 symbols the bit-parallel algorithm works in several words.
    let a: Vec<u32> = (0..500).collect();
    let b: Vec<u32> = (1..=500).collect();
    assert_eq!(edit_distance(&a, &b), 2);
}

#[test]
fn any_reference_counts_as_right() {
    let hypotheses = [symbols("R EH D"), symbols("K AE T S")];
    let references = [
        vec![symbols("R IY D"), symbols("R EH D")],
        vec![symbols("K AE T")],
    ];
    let scores = score(&hypotheses, &references).unwrap();
    assert_eq!((scores.questions, scores.correct), (2, 1));
    assert_eq!((scores.edits, scores.reference_symbols), (1, 6));
    assert_eq!(scores.exact_match, 0.5);
    assert_eq!(scores.symbol_error_rate, 1.0 / 6.0);
}

#[test]
fn the_shorter_of_two_near_references_is_taken() {
    let long_first = [vec![symbols("a b c"), symbols("a")]];
    let short_first = [vec![symbols("a"), symbols("a b c")]];
    let hypothesis = [symbols("a b")];
    let scores = score(&hypothesis, &long_first).unwrap();
    assert_eq!((scores.edits, scores.reference_symbols), (1, 1));
    assert_eq!(score(&hypothesis, &short_first).unwrap(), scores);
}

#[test]
fn rates_are_numbers_even_without_reference_symbols() {
    let scores = score(&[symbols("a b")], &[vec![symbols("")]]).unwrap();
    assert_eq!((scores.exact_match, scores.symbol_error_rate), (0.0, 2.0));
    let scores = score(&[symbols("")], &[vec![symbols("")]]).unwrap();
    assert_eq!((scores.exact_match, scores.symbol_error_rate), (1.0, 0.0));
}

#[test]
fn what_cannot_be_scored() {
    assert_eq!(score(&[], &[]), Err(ScoreError::NoQuestions));
    assert_eq!(
        score(&[symbols("a")], &[]),
        Err(ScoreError::UnequalCounts {
            hypotheses: 1,
            references: 0
        })
    );
    let error = score(&[symbols("a"), symbols("b")], &[vec![symbols("a")], vec![]]).unwrap_err();
    assert_eq!(error, ScoreError::NoReference { question: 2 });
}

proptest! {
    #[test]
    fn edit_distance_agrees_with_the_table(
        a in prop::collection::vec(0_u8..5, 0..150),
        b in prop::collection::vec(0_u8..5, 0..150),
    ) {
        prop_assert_eq!(edit_distance(&a, &b), by_table(&a, &b));
        prop_assert_eq!(edit_distance(&a, &b), edit_distance(&b, &a));
    }

    #[test]
    fn right_answers_have_no_errors(
        answers in prop::collection::vec(prop::collection::vec("[a-c]", 1..5), 1..10),
    ) {
        let references: Vec<_> = answers.iter().map(|answer| vec![answer.clone()]).collect();
        let scores = score(&answers, &references).unwrap();
        prop_assert_eq!(scores.exact_match, 1.0);
        prop_assert_eq!(scores.symbol_error_rate, 0.0);
        prop_assert_eq!(scores.reference_symbols, answers.concat().len());
    }
}
