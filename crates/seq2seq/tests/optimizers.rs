//! The optimizers against their rules written out.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use burn::tensor::DType;
use seq2seq::config::{OptimizerKind, TrainingSettings};
use support::optimizing::{RATE, START, STEPS, trained};

fn adam_by_hand(settings: &TrainingSettings, decay: f64) -> Vec<f64> {
    let (b1, b2) = (settings.beta_1, settings.beta_2);
    let weight = |index: usize| {
        let (mut w, mut m, mut v) = (START[index], 0.0, 0.0);
        for time in 1..=STEPS as i32 {
            let g = 2.0 * (w - 1.0) * (index + 1) as f64;
            m = b1 * m + (1.0 - b1) * g;
            v = b2 * v + (1.0 - b2) * g * g;
            let (mean, square) = (m / (1.0 - b1.powi(time)), v / (1.0 - b2.powi(time)));
            w -= RATE * (mean / (square.sqrt() + settings.epsilon) + decay * w);
        }
        w
    };
    (0..START.len()).map(weight).collect()
}

/// With momentum, the step is the sum of all gradients, each counting `momentum` times less than the
/// next.
fn sgd_by_hand(settings: &TrainingSettings) -> Vec<f64> {
    let weight = |index: usize| {
        let (mut w, mut velocity) = (START[index], 0.0);
        for _ in 0..STEPS {
            let g = 2.0 * (w - 1.0) * (index + 1) as f64;
            velocity = settings.momentum * velocity + g;
            w -= RATE * velocity;
        }
        w
    };
    (0..START.len()).map(weight).collect()
}

/// The gradient by the root of the mean of its squares, of which the first counts `1 - rho`.
fn rms_prop_by_hand(settings: &TrainingSettings) -> Vec<f64> {
    let weight = |index: usize| {
        let (mut w, mut v) = (START[index], 0.0);
        for _ in 0..STEPS {
            let g = 2.0 * (w - 1.0) * (index + 1) as f64;
            v = settings.rho * v + (1.0 - settings.rho) * g * g;
            w -= RATE * g / (v.sqrt() + settings.epsilon);
        }
        w
    };
    (0..START.len()).map(weight).collect()
}

/// In single precision (for Adam one pass over the weights) and in double (Burn's operations).
fn assert_rule(settings: &TrainingSettings, expected: &[f64]) {
    for precision in [DType::F32, DType::F64] {
        for (found, expected) in trained(settings, precision).iter().zip(expected) {
            assert!(
                (found - expected).abs() < 1e-5,
                "{:?} in {precision:?}: {found} instead of {expected}",
                settings.optimizer
            );
        }
    }
}

fn settings(optimizer: OptimizerKind) -> TrainingSettings {
    TrainingSettings {
        optimizer,
        ..TrainingSettings::default()
    }
}

/// Adam and AdamW.
#[test]
fn adam_is_the_published_rule() {
    for (optimizer, decay) in [(OptimizerKind::Adam, 0.0), (OptimizerKind::AdamW, 0.05)] {
        let settings = TrainingSettings {
            weight_decay: 0.05,
            ..settings(optimizer)
        };
        assert_rule(&settings, &adam_by_hand(&settings, decay));
    }
}

#[test]
fn gradient_descent_is_the_published_rule_with_and_without_momentum() {
    for momentum in [0.0, 0.9] {
        let settings = TrainingSettings {
            momentum,
            ..settings(OptimizerKind::Sgd)
        };
        assert_rule(&settings, &sgd_by_hand(&settings));
    }
}

#[test]
fn rmsprop_is_the_published_rule() {
    for (rho, epsilon) in [(0.9, 1e-7), (0.5, 0.1)] {
        let settings = TrainingSettings {
            rho,
            epsilon,
            ..settings(OptimizerKind::RmsProp)
        };
        assert_rule(&settings, &rms_prop_by_hand(&settings));
    }
}

/// Each number of the gradient is held between `-clip_value` and `clip_value`, whatever the optimizer.
#[test]
fn gradients_are_clipped_value_by_value() {
    let clipped = TrainingSettings {
        clip_value: 0.5,
        ..settings(OptimizerKind::Sgd)
    };
    let weight = |index: usize| {
        let mut w = START[index];
        for _ in 0..STEPS {
            let g = 2.0 * (w - 1.0) * (index + 1) as f64;
            w -= RATE * g.clamp(-0.5, 0.5);
        }
        w
    };
    assert_rule(&clipped, &(0..START.len()).map(weight).collect::<Vec<_>>());
}
