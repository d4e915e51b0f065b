//! From settings to Burn's optimizers, and clipping over all weights together.

use burn::grad_clipping::GradientClipping;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{GradientsParams, ModuleOptimizer, RmsPropConfig, SgdConfig};
use burn::tensor::Tensor;

use super::adam::Adam;
use crate::config::{OptimizerKind, TrainingSettings};
use crate::ops::sum_of_squares::sum_of_squares;

/// The optimizer that the settings ask for.
pub fn optimizer(settings: &TrainingSettings) -> ModuleOptimizer {
    let epsilon = settings.epsilon as f32;
    let adam = |weight_decay: f64| Adam {
        beta_1: settings.beta_1 as f32,
        beta_2: settings.beta_2 as f32,
        epsilon,
        weight_decay: weight_decay as f32,
    };
    let optimizer = match settings.optimizer {
        OptimizerKind::Adam => adam(0.0).into(),
        OptimizerKind::AdamW => adam(settings.weight_decay).into(),
        OptimizerKind::RmsProp => RmsPropConfig::new()
            .with_alpha(settings.rho as f32)
            .with_momentum(0.0)
            .with_epsilon(epsilon)
            .init(),
        OptimizerKind::Sgd => SgdConfig::new()
            .with_momentum(momentum(settings.momentum))
            .init(),
    };
    if settings.clip_value > 0.0 {
        optimizer.with_grad_clipping(GradientClipping::Value(settings.clip_value as f32))
    } else {
        optimizer
    }
}

fn momentum(factor: f64) -> Option<MomentumConfig> {
    let momentum = MomentumConfig::new()
        .with_momentum(factor)
        .with_dampening(0.0);
    (factor > 0.0).then_some(momentum)
}

/// Scales all gradients down if together they are longer than `limit` (Pascanu et al. 2013).
///
/// Burn clips each weight matrix by itself; over all of them the direction of the step is kept.
pub fn clip_global_norm<M: Module>(
    mut gradients: GradientsParams,
    network: &M,
    limit: f64,
) -> GradientsParams {
    let mut squares = SumOfSquares {
        gradients: &gradients,
        sum: 0.0,
    };
    network.visit(&mut squares);
    let norm = squares.sum.sqrt();
    if norm > limit {
        network.visit(&mut Scale {
            gradients: &mut gradients,
            factor: limit / norm,
        });
    }
    gradients
}

struct SumOfSquares<'a> {
    gradients: &'a GradientsParams,
    sum: f64,
}

impl ModuleVisitor for SumOfSquares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.sum += f64::from(sum_of_squares(gradient));
        }
    }
}

struct Scale<'a> {
    gradients: &'a mut GradientsParams,
    factor: f64,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients
                .register(param.id, gradient.mul_scalar(self.factor));
        }
    }
}
