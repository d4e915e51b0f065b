//! Layer normalisation (Ba, Kiros and Hinton 2016): rows with mean 0 and variance 1, then a gain and a
//! bias for each unit.

use crate::check::{equal, product};
use crate::simd::{Kernel, Simd, dispatch};

/// Sums that are kept side by side, so that they can be added as vectors.
const LANES: usize = 16;

/// Normalised rows, and what the backward pass needs besides the input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Normalized {
    /// `[rows, units]`.
    pub output: Vec<f32>,
    /// Mean of each row, `[rows]`.
    pub mean: Vec<f32>,
    /// One by the standard deviation of each row, `[rows]`.
    pub scale: Vec<f32>,
}

/// Gradients of a layer normalisation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NormGradients {
    /// `[rows, units]`.
    pub input: Vec<f32>,
    /// `[units]`.
    pub gain: Vec<f32>,
    /// `[units]`.
    pub bias: Vec<f32>,
}

/// Normalises rows of as many units as `gain` and `bias` have; `epsilon` is added to each variance.
///
/// # Panics
/// If the lengths do not fit.
pub fn layer_norm(input: &[f32], gain: &[f32], bias: &[f32], epsilon: f32) -> Normalized {
    let rows = rows(input, gain);
    equal("the bias", bias.len(), gain.len());
    let mut found = Normalized {
        output: Vec::with_capacity(input.len()),
        mean: Vec::with_capacity(rows),
        scale: Vec::with_capacity(rows),
    };
    dispatch(NormForward {
        input,
        gain,
        bias,
        epsilon,
        found: &mut found,
    });
    found
}

/// The gradients of input, gain and bias, from that of the output.
///
/// # Panics
/// If the lengths do not fit.
pub fn layer_norm_backward(
    input: &[f32],
    gain: &[f32],
    [mean, scale]: [&[f32]; 2],
    gradient: &[f32],
) -> NormGradients {
    let rows = rows(input, gain);
    equal("the means", mean.len(), rows);
    equal("the scales", scale.len(), rows);
    equal("the gradient", gradient.len(), input.len());
    let mut found = NormGradients {
        input: Vec::with_capacity(input.len()),
        gain: vec![0.0; gain.len()],
        bias: vec![0.0; gain.len()],
    };
    dispatch(NormBackward {
        input,
        gain,
        mean,
        scale,
        gradient,
        found: &mut found,
    });
    found
}

fn rows(input: &[f32], gain: &[f32]) -> usize {
    let rows = input.len().checked_div(gain.len()).unwrap_or(0);
    equal("the input", input.len(), product(&[rows, gain.len()]));
    rows
}

/// `sum of term(k)` over the units.
#[inline(always)]
fn sum(units: usize, term: impl Fn(usize) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let whole = units / LANES * LANES;
    for first in (0..whole).step_by(LANES) {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += term(first + lane);
        }
    }
    let rest: f32 = (whole..units).map(term).sum();
    lanes.iter().sum::<f32>() + rest
}

struct NormForward<'a> {
    input: &'a [f32],
    gain: &'a [f32],
    bias: &'a [f32],
    epsilon: f32,
    found: &'a mut Normalized,
}

impl Kernel for NormForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let units = self.gain.len().max(1);
        let share = 1.0 / units as f32;
        for row in self.input.chunks_exact(units) {
            let mean = sum(units, |k| row[k]) * share;
            let variance = sum(units, |k| (row[k] - mean) * (row[k] - mean)) * share;
            let scale = 1.0 / (variance + self.epsilon).sqrt();
            let weights = self.gain.iter().zip(self.bias);
            let output = row.iter().zip(weights);
            let output = output.map(|(x, (gain, bias))| (x - mean) * scale * gain + bias);
            self.found.output.extend(output);
            self.found.mean.push(mean);
            self.found.scale.push(scale);
        }
    }
}

struct NormBackward<'a> {
    input: &'a [f32],
    gain: &'a [f32],
    mean: &'a [f32],
    scale: &'a [f32],
    gradient: &'a [f32],
    found: &'a mut NormGradients,
}

impl Kernel for NormBackward<'_> {
    type Output = ();

    /// With `x` normalised and `g` the gradient of the output times the gain, that of the input is
    /// `scale (g - mean(g) - x mean(g x))`.
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let units = self.gain.len().max(1);
        let share = 1.0 / units as f32;
        let rows = (self.input.chunks_exact(units)).zip(self.gradient.chunks_exact(units));
        for ((row, gradient), (&mean, &scale)) in rows.zip(self.mean.iter().zip(self.scale)) {
            let (gain, gradient) = (&self.gain[..units], &gradient[..units]);
            let normal = |k: usize| (row[k] - mean) * scale;
            let of_normal = |k: usize| gradient[k] * gain[k];
            let along = sum(units, of_normal) * share;
            let across = sum(units, |k| of_normal(k) * normal(k)) * share;
            let of_input = |k: usize| scale * (of_normal(k) - along - normal(k) * across);
            self.found.input.extend((0..units).map(of_input));
            for (k, of_gain) in self.found.gain.iter_mut().enumerate() {
                *of_gain += gradient[k] * normal(k);
            }
            for (of_bias, gradient) in self.found.bias.iter_mut().zip(gradient) {
                *of_bias += gradient;
            }
        }
    }
}
