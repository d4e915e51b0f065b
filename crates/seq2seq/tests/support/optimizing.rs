//! A few steps of an optimizer on a small problem.

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Tensor, TensorData};
use seq2seq::config::TrainingSettings;
use seq2seq::training::optimizer;

#[derive(Module, Debug)]
struct Weights {
    values: Param<Tensor<1>>,
}

pub const START: [f64; 5] = [1.0, -2.0, 0.5, 0.0, 3.0];
pub const STEPS: usize = 4;
pub const RATE: f64 = 0.1;

/// Weights after some steps on the loss `sum((w - 1)^2 * (1, 2, ..))`.
pub fn trained(settings: &TrainingSettings, precision: DType) -> Vec<f64> {
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
