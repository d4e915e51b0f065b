//! The optimizers against their rules written out.

#![allow(clippy::expect_used)] // a test may fail by panicking

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Tensor, TensorData};
use seq2seq::config::{OptimizerKind, TrainingSettings};
use seq2seq::training::optimizer;

#[derive(Module, Debug)]
struct Weights {
    values: Param<Tensor<1>>,
}

const START: [f64; 5] = [1.0, -2.0, 0.5, 0.0, 3.0];
const STEPS: usize = 4;
const RATE: f64 = 0.1;

/// Weights after some steps on the loss `sum((w - 1)^2 * (1, 2, ..))`.
fn trained(settings: &TrainingSettings, precision: DType) -> Vec<f64> {
    let device = Device::flex().autodiff();
    let tensor = |values: Vec<f64>| -> Tensor<1> {
        let data = TensorData::new(values, [START.len()]);
        Tensor::from_data(data, (&device, precision))
    };
    let mut weights = Weights {
        values: Param::from_tensor(tensor(START.to_vec())),
    };
    let factors = tensor((1..=START.len()).map(|n| n as f64).collect());
    let mut optimizer = optimizer(settings);
    for _ in 0..STEPS {
        let loss = ((weights.values.val() - 1.0).square() * factors.clone()).sum();
        let gradients = GradientsParams::from_grads(loss.backward(), &weights);
        weights = optimizer.step(RATE, weights, gradients);
    }
    let values = weights.values.val().inner();
    values.try_into_vec_as().expect("a float tensor")
}

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

/// Adam and AdamW, in single precision (one pass over the weights) and in double (Burn's operations).
#[test]
fn adam_is_the_published_rule() {
    for (optimizer, decay) in [(OptimizerKind::Adam, 0.0), (OptimizerKind::AdamW, 0.05)] {
        let settings = TrainingSettings {
            optimizer,
            weight_decay: 0.05,
            ..TrainingSettings::default()
        };
        let expected = adam_by_hand(&settings, decay);
        for precision in [DType::F32, DType::F64] {
            for (found, expected) in trained(&settings, precision).iter().zip(&expected) {
                assert!(
                    (found - expected).abs() < 1e-5,
                    "{optimizer:?} in {precision:?}: {found} instead of {expected}"
                );
            }
        }
    }
}
