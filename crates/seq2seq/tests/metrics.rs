//! Edit distance and scores of free-running answers.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use seq2seq::metrics::{
    BleuTokenizer, Breakdown, Edit, ScoreError, answered, bleu, bootstrap_interval, chrf,
    edit_alignment, edit_distance, expected_calibration_error, fit_calibration, mcnemar,
    paired_bootstrap, reliability, score,
};

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

/// A case of `sacrebleu/cases.json`, which `sacrebleu/make_cases.py` made.
#[derive(serde::Deserialize)]
struct Case {
    answers: Vec<String>,
    references: Vec<Vec<String>>,
    bleu_13a: f64,
    bleu_none: f64,
    precisions_13a: [f64; 4],
    chrf: f64,
}

/// To far more digits than sacreBLEU prints.
#[test]
fn bleu_and_chrf_agree_with_sacrebleu() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("sacrebleu/cases.json")).unwrap();
    assert!(cases.len() > 50);
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
    for case in cases {
        let of = |tokenizer| bleu(&case.answers, &case.references, tokenizer).unwrap();
        let (v13a, none) = (of(BleuTokenizer::V13a), of(BleuTokenizer::None));
        let what = format!("{:?} against {:?}", case.answers, case.references);
        assert!(
            near(v13a.score, case.bleu_13a),
            "{} not {}: {what}",
            v13a.score,
            case.bleu_13a
        );
        assert!(
            near(none.score, case.bleu_none),
            "{} not {}: {what}",
            none.score,
            case.bleu_none
        );
        for (ours, theirs) in v13a.precisions.iter().zip(case.precisions_13a) {
            assert!(near(*ours, theirs), "{ours} not {theirs}: {what}");
        }
        let chrf = chrf(&case.answers, &case.references).unwrap().score;
        assert!(near(chrf, case.chrf), "{chrf} not {}: {what}", case.chrf);
    }
}

#[test]
fn corpus_scores_refuse_what_cannot_be_scored() {
    let none: [&str; 0] = [];
    let no_references: [Vec<&str>; 0] = [];
    assert_eq!(
        bleu(&none, &no_references, BleuTokenizer::None),
        Err(ScoreError::NoQuestions)
    );
    assert_eq!(chrf(&none, &no_references), Err(ScoreError::NoQuestions));
    assert!(bleu(&["a"], &no_references, BleuTokenizer::None).is_err());
    assert!(chrf(&["a"], &[Vec::<&str>::new()]).is_err());
}

#[test]
fn edits_are_named() {
    let edits = edit_alignment(&["K", "AE", "T"], &["K", "EH", "T", "S"]);
    assert_eq!(
        edits,
        [
            Edit::Match("K"),
            Edit::Substitute("AE", "EH"),
            Edit::Match("T"),
            Edit::Insert("S")
        ]
    );
    assert_eq!(
        edit_alignment(&["a", "b"], &["b"]),
        [Edit::Delete("a"), Edit::Match("b")]
    );
    assert_eq!(edit_alignment::<&str>(&[], &[]), []);
}

#[test]
fn errors_are_broken_down() {
    let answers = [symbols("K EH T"), symbols("K AE"), symbols("D AO G Z")];
    let references = [
        vec![symbols("K AE T"), symbols("K AH B Z")],
        vec![symbols("K AE T")],
        vec![symbols("D AO G")],
    ];
    let breakdown = Breakdown::of(&answers, &references, &[true; 3]);
    let length = &breakdown.by_length[0];
    assert_eq!(
        (
            length.length,
            length.questions,
            length.correct,
            length.edits
        ),
        (3, 3, 0, 3)
    );
    let symbol = |name: &str| {
        let found = breakdown
            .by_symbol
            .iter()
            .find(|symbol| symbol.symbol == name)
            .unwrap();
        (found.count, found.correct, found.inserted)
    };
    assert_eq!(symbol("AE"), (2, 1, 0));
    assert_eq!(symbol("EH"), (0, 0, 1));
    assert_eq!(symbol("T"), (2, 1, 0));
    assert_eq!(symbol("Z"), (0, 0, 1));
    let confusions: Vec<_> = breakdown
        .confusions
        .iter()
        .map(|c| (c.wanted.as_deref(), c.written.as_deref(), c.count))
        .collect();
    assert_eq!(confusions.len(), 3);
    for confusion in [
        (Some("AE"), Some("EH"), 1),
        (Some("T"), None, 1),
        (None, Some("Z"), 1),
    ] {
        assert!(confusions.contains(&confusion), "{confusion:?}");
    }
    assert!(breakdown.by_feature.is_empty());
}

/// An answer that was cut may repeat one symbol a hundred times.
#[test]
fn answers_that_were_cut_are_no_confusions() {
    let answers = [symbols("K K K K K K"), symbols("K EH T")];
    let references = vec![vec![symbols("K AE T")]; 2];
    let breakdown = Breakdown::of(&answers, &references, &[false, true]);
    let confusions: Vec<_> = (breakdown.confusions.iter())
        .map(|c| (c.wanted.as_deref(), c.written.as_deref(), c.count))
        .collect();
    assert_eq!(confusions, [(Some("AE"), Some("EH"), 1)]);
    assert_eq!(breakdown.by_length[0].questions, 2);
}

#[test]
fn errors_are_broken_down_by_feature() {
    let answers = [symbols("K EH T"), symbols("K AE T"), symbols("D AO Z")];
    let references = [
        vec![symbols("K AE T")],
        vec![symbols("K AE T")],
        vec![symbols("D AO G"), symbols("D")],
    ];
    // A feature that a question has twice is one.
    let features = [vec!["V", "PST"], vec!["PST"], vec!["PST", "N", "PST"]];
    let breakdown = Breakdown::of(&answers, &references, &[true; 3]);
    let breakdown = breakdown.with_features(&answers, &references, &features);
    let found: Vec<_> = breakdown
        .by_feature
        .iter()
        .map(|f| (f.feature.as_str(), f.questions, f.correct, f.edits))
        .collect();
    assert_eq!(found, [("PST", 3, 1, 2), ("N", 1, 0, 1), ("V", 1, 0, 1)]);
}

/// Worked by hand: two bins, one 0.1 too sure, one 0.3 too modest.
#[test]
fn calibration_error_is_the_gap() {
    let confidences = [0.9, 0.9, 0.9, 0.9, 0.9, 0.2, 0.2];
    let right = [true, true, true, true, false, true, false];
    let bins = reliability(&confidences, &right);
    assert_eq!(bins.len(), 2);
    assert_eq!((bins[0].count, bins[1].count), (2, 5));
    let error = expected_calibration_error(&confidences, &right);
    assert!(
        (error - (5.0 * 0.1 + 2.0 * 0.3) / 7.0).abs() < 1e-12,
        "{error}"
    );
    assert_eq!(expected_calibration_error(&[], &[]), 0.0);
    assert_eq!(expected_calibration_error(&[1.0, 0.0], &[true, false]), 0.0);
}

/// Answers that are right 60 % of the time with a probability of 0.9 become less sure.
#[test]
fn temperature_makes_up_for_overconfidence() {
    let temperatures = [0.5, 1.0, 2.0, 4.0];
    // As two classes have it: the logit of the probability divided by the temperature.
    let log_probability = |t: f64| {
        let logit = (0.9_f64 / 0.1).ln() / t;
        -(-logit).exp().ln_1p()
    };
    let all: Vec<Vec<f64>> = (0..100)
        .map(|_| temperatures.map(log_probability).to_vec())
        .collect();
    let right: Vec<bool> = (0..100).map(|n| n < 60).collect();
    let fitted = fit_calibration(&temperatures, &all, &right).unwrap();
    assert_eq!(fitted.temperature, 4.0);
    assert!((fitted.error_before - 0.3).abs() < 1e-9);
    assert!(fitted.error_after < 0.05);
    let always: Vec<bool> = vec![true; 100];
    assert_eq!(
        fit_calibration(&temperatures, &all, &always)
            .unwrap()
            .temperature,
        0.5
    );
    assert_eq!(fit_calibration(&temperatures, &[], &[]), None);
}

#[test]
fn the_most_confident_are_answered_first() {
    let steps = answered(
        &[0.1, 0.9, 0.5, 0.5],
        &[false, true, true, false],
        &[0.25, 0.5, 1.0],
    );
    let steps: Vec<_> = steps
        .iter()
        .map(|s| (s.share, s.accuracy, s.confidence))
        .collect();
    assert_eq!(steps[0], (0.25, 1.0, 0.9));
    // Equal confidences are answered together.
    assert_eq!(steps[1], (0.75, 2.0 / 3.0, 0.5));
    assert_eq!(steps[2], (1.0, 0.5, 0.1));
    assert!(answered(&[], &[], &[1.0]).is_empty());
}

#[test]
fn bootstrap_intervals_hold_the_rate() {
    let parts: Vec<(f64, f64)> = (0..400)
        .map(|n| (f64::from(u8::from(n % 4 == 0)), 1.0))
        .collect();
    let interval = bootstrap_interval(&parts, 2000, 1).unwrap();
    assert_eq!(
        bootstrap_interval(&parts, 2000, 1),
        Some(interval),
        "seeded"
    );
    // The normal approximation of the interval of a share.
    let half = 1.96 * (0.25_f64 * 0.75 / 400.0).sqrt();
    assert!((interval.low - (0.25 - half)).abs() < 0.01, "{interval:?}");
    assert!((interval.high - (0.25 + half)).abs() < 0.01, "{interval:?}");
    assert_eq!(bootstrap_interval(&[], 100, 1), None);
}

#[test]
fn paired_bootstrap_tells_differences_from_chance() {
    let part = |right: bool| (f64::from(u8::from(right)), 1.0);
    let first: Vec<_> = (0..300).map(|n| part(n % 2 == 0)).collect();
    let better: Vec<_> = (0..300).map(|n| part(n % 2 == 0 || n % 10 == 1)).collect();
    let clear = paired_bootstrap(&first, &better, 1000, 1).unwrap();
    assert!((clear.difference - 0.1).abs() < 1e-12);
    assert!(clear.p < 0.01 && clear.interval.low > 0.0, "{clear:?}");
    let same = paired_bootstrap(&first, &first, 1000, 1).unwrap();
    assert_eq!((same.difference, same.p), (0.0, 1.0));
    // One question more among 300, and two the other way.
    let mut near = first.clone();
    (near[1], near[3], near[0]) = (part(true), part(true), part(false));
    assert!(paired_bootstrap(&first, &near, 1000, 1).unwrap().p > 0.2);
    assert_eq!(paired_bootstrap(&first, &first[1..], 1000, 1), None);
    // Of four questions one is answered by the second model only: the interval touches zero, so p cannot
    // be small.
    let few = paired_bootstrap(
        &first[..4],
        &[first[0], part(true), first[2], first[3]],
        1000,
        1,
    );
    let few = few.unwrap();
    assert!(few.interval.low == 0.0 && few.p > 0.05, "{few:?}");
}

/// Values of the two-sided binomial test.
#[test]
fn mcnemar_is_the_binomial_test() {
    for (first, second, p) in [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (0, 5, 0.0625),
        (2, 8, 0.109_375),
        (10, 10, 1.0),
    ] {
        assert!(
            (mcnemar(first, second) - p).abs() < 1e-9,
            "{first} {second}"
        );
        assert_eq!(mcnemar(first, second), mcnemar(second, first));
    }
    assert!(mcnemar(2000, 2500) < 1e-10);
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

    /// The edits lead from the reference to the answer, and there are as few as can be.
    #[test]
    fn edit_alignment_is_an_alignment(
        a in prop::collection::vec(0_u8..4, 0..12),
        b in prop::collection::vec(0_u8..4, 0..12),
    ) {
        let edits = edit_alignment(&a, &b);
        let wanted: Vec<u8> = edits.iter().filter_map(|edit| match edit {
            Edit::Match(w) | Edit::Substitute(w, _) | Edit::Delete(w) => Some(*w),
            Edit::Insert(_) => None,
        }).collect();
        let written: Vec<u8> = edits.iter().filter_map(|edit| match edit {
            Edit::Match(w) | Edit::Substitute(_, w) | Edit::Insert(w) => Some(*w),
            Edit::Delete(_) => None,
        }).collect();
        prop_assert_eq!(&wanted, &a);
        prop_assert_eq!(&written, &b);
        prop_assert_eq!(edits.iter().filter(|edit| !edit.is_match()).count(), by_table(&a, &b));
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
