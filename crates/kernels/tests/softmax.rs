//! Softmax against its definition in double precision, and its gradient by finite differences.

mod common;

use rnn_kernels::{softmax, softmax_backward};

fn wave(count: usize, frequency: f64) -> Vec<f32> {
    (0..count)
        .map(|k| ((k as f64 * frequency).sin() * 4.0 + 1.0) as f32)
        .collect()
}

fn naive(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|x| (x - largest).exp()).sum();
    logits.iter().map(|x| (x - largest).exp() / sum).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

fn assert_close(what: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (&a, b)) in found.iter().zip(expected).enumerate() {
        assert!(
            (f64::from(a) - b).abs() <= tolerance,
            "{what}[{index}]: {a} instead of {b}"
        );
    }
}

#[test]
fn rows_become_distributions() {
    for classes in 1..70 {
        for rows in [0, 1, 3] {
            let logits = wave(rows * classes, 0.9);
            let mut found = logits.clone();
            softmax(&mut found, classes);
            let expected: Vec<f64> = wide(&logits).chunks(classes).flat_map(naive).collect();
            assert_close(&format!("{classes} classes"), &found, &expected, 1e-6);
        }
    }
}

/// What is masked gets nothing at all, however far down it is; a row of nothing but masked places gives
/// no NaN.
#[test]
fn masked_places_are_zero() {
    let mut rows = [1.0, -1e9, 2.0, -90.0, -1e9, -1e9, -1e9, -1e9];
    softmax(&mut rows, 4);
    assert_eq!((rows[1], rows[3]), (0.0, 0.0));
    assert!((rows[0] + rows[2] - 1.0).abs() < 1e-6);
    assert_eq!(rows[4..], [0.25; 4]);
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for classes in [1, 2, 7, 16, 33] {
        let logits = wave(2 * classes, 0.9);
        let towards = wave(2 * classes, 2.1);
        let mut weights = logits.clone();
        softmax(&mut weights, classes);
        let mut found = towards.clone();
        softmax_backward(&weights, &mut found, classes);
        let loss = |logits: &[f64]| -> f64 {
            let weights = logits.chunks(classes).flat_map(naive);
            weights.zip(&towards).map(|(w, &d)| w * f64::from(d)).sum()
        };
        let slope = |place: usize| {
            let at = |by: f64| {
                let mut logits = wide(&logits);
                logits[place] += by;
                loss(&logits)
            };
            (at(1e-5) - at(-1e-5)) / 2e-5
        };
        let expected: Vec<f64> = (0..2 * classes).map(slope).collect();
        assert_close(&format!("{classes} classes"), &found, &expected, 1e-5);
    }
}

#[test]
#[should_panic(expected = "5 numbers are no rows of 2")]
fn lengths_are_checked() {
    softmax(&mut [0.0; 5], 2);
}

#[test]
#[cfg_attr(miri, ignore = "starts a process")]
fn every_level_agrees() {
    common::run_on_every_level();
}
