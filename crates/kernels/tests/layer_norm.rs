//! Layer normalisation against its definition in double precision, and gradients by finite
//! differences.

mod common;

use rnn_kernels::{layer_norm, layer_norm_backward};

const EPSILON: f32 = 1e-5;

fn wave(count: usize, frequency: f64) -> Vec<f32> {
    (0..count)
        .map(|k| ((k as f64 * frequency).sin() * 1.7 + 0.3) as f32)
        .collect()
}

/// The definition, in double precision.
fn naive(input: &[f64], gain: &[f64], bias: &[f64]) -> Vec<f64> {
    let units = gain.len();
    let row = |row: &[f64]| {
        let mean = row.iter().sum::<f64>() / units as f64;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / units as f64;
        let deviation = (variance + f64::from(EPSILON)).sqrt();
        (row.iter().zip(gain).zip(bias))
            .map(|((x, gain), bias)| (x - mean) / deviation * gain + bias)
            .collect::<Vec<f64>>()
    };
    input.chunks_exact(units).flat_map(row).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

fn assert_close(what: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (&a, b)) in found.iter().zip(expected).enumerate() {
        let close = (f64::from(a) - b).abs() <= tolerance * b.abs().max(1.0);
        assert!(close, "{what}[{index}]: {a} instead of {b}");
    }
}

#[test]
fn rows_are_normalised() {
    for units in 1..70 {
        for rows in [0, 1, 3] {
            let input = wave(rows * units, 0.9);
            let (gain, bias) = (wave(units, 0.4), wave(units, 1.3));
            let found = layer_norm(&input, &gain, &bias, EPSILON);
            let expected = naive(&wide(&input), &wide(&gain), &wide(&bias));
            assert_close(&format!("{units} units"), &found.output, &expected, 1e-5);
            assert_eq!((found.mean.len(), found.scale.len()), (rows, rows));
        }
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for units in [1, 2, 7, 16, 33, 64] {
        let input = wave(3 * units, 0.9);
        let (gain, bias) = (wave(units, 0.4), wave(units, 1.3));
        let gradient = wave(3 * units, 2.1);
        let seen = layer_norm(&input, &gain, &bias, EPSILON);
        let saved = [&seen.mean[..], &seen.scale[..]];
        let found = layer_norm_backward(&input, &gain, saved, &gradient);

        let given = [wide(&input), wide(&gain), wide(&bias)];
        let loss = |given: &[Vec<f64>; 3]| -> f64 {
            let output = naive(&given[0], &given[1], &given[2]);
            (output.iter().zip(&gradient))
                .map(|(y, &d)| y * f64::from(d))
                .sum()
        };
        let slope = |which: usize, place: usize| {
            let at = |by: f64| {
                let mut given = given.clone();
                given[which][place] += by;
                loss(&given)
            };
            (at(1e-5) - at(-1e-5)) / 2e-5
        };
        let results = [&found.input, &found.gain, &found.bias];
        for (which, result) in results.into_iter().enumerate() {
            let expected: Vec<f64> = (0..result.len()).map(|k| slope(which, k)).collect();
            assert_close(&format!("{units} units"), result, &expected, 2e-4);
        }
    }
}

#[test]
#[should_panic(expected = "the bias")]
fn lengths_are_checked() {
    layer_norm(&[1.0, 2.0], &[1.0, 1.0], &[0.0], EPSILON);
}

#[test]
#[cfg_attr(miri, ignore = "starts a process")]
fn every_level_agrees() {
    common::run_on_every_level();
}
