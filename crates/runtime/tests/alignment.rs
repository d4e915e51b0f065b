//! Attention made hard.

use proptest::prelude::*;
use seq2seq_runtime::decoding::{LEAST_SHARE, Span, align_monotonically};

/// The alignment with the largest sum, by trying all.
fn best_of_all(attention: &[Vec<f64>]) -> f64 {
    fn from(attention: &[Vec<f64>], earliest: usize) -> f64 {
        let Some((weights, rest)) = attention.split_first() else {
            return 0.0;
        };
        let mut best = f64::NEG_INFINITY;
        for begin in earliest..weights.len() {
            for end in begin..weights.len() {
                let sum: f64 = weights[begin..=end].iter().map(|w| w - LEAST_SHARE).sum();
                best = best.max(sum + from(rest, end));
            }
        }
        best
    }
    from(attention, 0)
}

fn sum(attention: &[Vec<f64>], spans: &[Span]) -> f64 {
    let sums = attention.iter().zip(spans).map(|(weights, span)| {
        weights[span.clone()]
            .iter()
            .map(|w| w - LEAST_SHARE)
            .sum::<f64>()
    });
    sums.sum()
}

proptest! {
    #[test]
    fn alignments_are_the_best_monotonic_ones(
        attention in (1_usize..5).prop_flat_map(|source| {
            prop::collection::vec(prop::collection::vec(0.0..1.0_f64, source), 1..5)
        }),
    ) {
        let spans = align_monotonically(&attention);
        prop_assert_eq!(spans.len(), attention.len());
        for pair in spans.windows(2) {
            prop_assert!(pair[1].start() >= pair[0].end());
        }
        prop_assert!((sum(&attention, &spans) - best_of_all(&attention)).abs() < 1e-9);
    }
}

/// ph o n e to F OW N: two letters for the first sound, a silent one at the end.
#[test]
fn letters_find_their_sounds() {
    let attention = vec![
        vec![0.5, 0.4, 0.1, 0.0, 0.0],
        vec![0.0, 0.1, 0.8, 0.1, 0.0],
        vec![0.0, 0.0, 0.1, 0.8, 0.1],
    ];
    assert_eq!(align_monotonically(&attention), [0..=1, 2..=2, 3..=3]);
}

/// b o x to B AA K S: two sounds from one letter.
#[test]
fn sounds_share_a_letter() {
    let attention = vec![
        vec![0.9, 0.1, 0.0],
        vec![0.1, 0.9, 0.0],
        vec![0.0, 0.1, 0.9],
        vec![0.0, 0.0, 1.0],
    ];
    assert_eq!(
        align_monotonically(&attention),
        [0..=0, 1..=1, 2..=2, 2..=2]
    );
}

/// A single glance back does not break the order.
#[test]
fn order_is_kept() {
    let attention = vec![
        vec![0.9, 0.1, 0.0, 0.0],
        vec![0.0, 0.9, 0.1, 0.0],
        vec![0.5, 0.0, 0.4, 0.1],
        vec![0.0, 0.0, 0.0, 1.0],
    ];
    assert_eq!(
        align_monotonically(&attention),
        [0..=0, 1..=1, 2..=2, 3..=3]
    );
}

#[test]
fn nothing_to_align() {
    assert!(align_monotonically(&[]).is_empty());
    assert!(align_monotonically(&[vec![], vec![]]).is_empty());
}
