//! Where a network's weights come from: fresh ones with Keras's initial values, drawn from a seeded
//! generator so that a run can be repeated, or those stored in a model file.

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::{DType, Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use seq2seq_runtime::layers::WeightError;

use super::growth::{Growth, grow};
use super::initial_values::orthonormal;
use crate::storage::{Array, Weights};

#[derive(Debug)]
enum Origin {
    Fresh(Box<ChaCha8Rng>),
    Stored(Weights),
    Grown(Box<ChaCha8Rng>, Weights, Growth),
    Counted,
}

/// Gives a network its parameters one after the other, in a fixed order.
#[derive(Debug)]
pub struct Parameters {
    origin: Origin,
    device: Device,
    dtype: DType,
    path: Vec<String>,
    given: u64,
    weights: u64,
}

impl Parameters {
    /// Fresh weights; the same seed gives the same ones.
    pub fn fresh(seed: u64, device: &Device) -> Self {
        Self::from_origin(
            Origin::Fresh(Box::new(ChaCha8Rng::seed_from_u64(seed))),
            device,
        )
    }

    /// Stored weights.
    pub fn stored(weights: Weights, device: &Device) -> Self {
        Self::from_origin(Origin::Stored(weights), device)
    }

    /// Stored weights for a network that may know more symbols: what is stored is kept, what there
    /// is of new symbols is fresh.
    pub fn grown(weights: Weights, growth: Growth, seed: u64, device: &Device) -> Self {
        let rng = Box::new(ChaCha8Rng::seed_from_u64(seed));
        Self::from_origin(Origin::Grown(rng, weights, growth), device)
    }

    /// No weights at all: what is built is good for nothing but to [count](Self::weights) those that it
    /// would have.
    pub fn counted() -> Self {
        Self::from_origin(Origin::Counted, &Device::flex())
    }

    /// How many weights were given so far; `u64::MAX` for more than can be counted.
    pub fn weights(&self) -> u64 {
        self.weights
    }

    fn from_origin(origin: Origin, device: &Device) -> Self {
        Self {
            origin,
            device: device.clone(),
            dtype: DType::F32,
            path: Vec::new(),
            given: 0,
            weights: 0,
        }
    }

    /// Gives numbers of another type, such as [`DType::F64`] to compare gradients with finite
    /// differences.
    #[must_use]
    pub fn with_dtype(self, dtype: DType) -> Self {
        Self { dtype, ..self }
    }

    /// Builds a layer whose weights have names that start with `name` and a dot.
    ///
    /// # Errors
    /// Those of the layer.
    pub fn layer<L>(
        &mut self,
        name: &str,
        build: impl FnOnce(&mut Self) -> Result<L, WeightError>,
    ) -> Result<L, WeightError> {
        self.path.push(name.to_owned());
        let layer = build(self);
        self.path.pop();
        layer
    }

    /// Builds several layers, numbered from 0: their weights have names such as `name.0.kernel`.
    ///
    /// # Errors
    /// Those of the layers.
    pub fn layers<L>(
        &mut self,
        name: &str,
        count: usize,
        mut build: impl FnMut(usize, &mut Self) -> Result<L, WeightError>,
    ) -> Result<Vec<L>, WeightError> {
        self.layer(name, |params| {
            (0..count)
                .map(|index| params.layer(&index.to_string(), |params| build(index, params)))
                .collect()
        })
    }

    /// Uniform in ±sqrt(6 / (inputs + outputs)) (Glorot and Bengio 2010); `[inputs, outputs]`.
    ///
    /// # Errors
    /// If stored weights lack it or have it in another shape; so for all that follow.
    pub fn glorot_uniform(
        &mut self,
        name: &str,
        [inputs, outputs]: [usize; 2],
    ) -> Result<Param<Tensor<2>>, WeightError> {
        let limit = (6.0 / (inputs + outputs) as f32).sqrt();
        self.uniform(name, [inputs, outputs], limit)
    }

    /// Uniform in ±`limit`.
    pub fn uniform(
        &mut self,
        name: &str,
        shape: [usize; 2],
        limit: f32,
    ) -> Result<Param<Tensor<2>>, WeightError> {
        self.give(name, shape, |rng| {
            (0..shape[0] * shape[1])
                .map(|_| rng.random_range(-limit..=limit))
                .collect()
        })
    }

    /// Orthonormal rows (Saxe et al. 2014); at least as many columns as rows.
    pub fn orthogonal(
        &mut self,
        name: &str,
        [rows, columns]: [usize; 2],
    ) -> Result<Param<Tensor<2>>, WeightError> {
        self.give(name, [rows, columns], |rng| orthonormal(rng, rows, columns))
    }

    /// A vector with these values.
    pub fn vector(
        &mut self,
        name: &str,
        values: Vec<f32>,
    ) -> Result<Param<Tensor<1>>, WeightError> {
        self.give(name, [values.len()], |_| values)
    }

    /// The full name of a weight of the layer that is being built.
    fn name(&self, name: &str) -> String {
        let path = self.path.iter().map(String::as_str);
        path.chain([name]).collect::<Vec<_>>().join(".")
    }

    /// Parameters are numbered in the order in which they are given, so that an optimizer's saved
    /// state finds its parameter again.
    fn give<const D: usize>(
        &mut self,
        name: &str,
        shape: [usize; D],
        draw: impl FnOnce(&mut ChaCha8Rng) -> Vec<f32>,
    ) -> Result<Param<Tensor<D>>, WeightError> {
        let name = self.name(name);
        let sizes = shape.iter().map(|&size| size as u64);
        let count = sizes.fold(1, u64::saturating_mul);
        self.weights = self.weights.saturating_add(count);
        let data = match &mut self.origin {
            Origin::Fresh(rng) => TensorData::new(draw(rng), shape),
            Origin::Counted => TensorData::new(vec![0.0f32], [1; D]),
            Origin::Stored(weights) => take(weights, name, &shape)?,
            Origin::Grown(rng, weights, growth) => {
                let fresh = draw(rng);
                // Rows that features follow are those of what reads the source.
                let reads_source = name.starts_with("source") || name.starts_with("encoder");
                let growth = if reads_source {
                    *growth
                } else {
                    Growth::default()
                };
                grow(weights, name, &shape, fresh, growth)?
            }
        };
        self.given += 1;
        let mut tensor = Tensor::<D>::from_data(data, (&self.device, self.dtype));
        if matches!(self.origin, Origin::Counted) {
            // One number that looks like all of them.
            tensor = tensor.expand(shape);
        }
        let tensor = if self.device.is_autodiff() {
            tensor.require_grad()
        } else {
            tensor
        };
        Ok(Param::initialized(ParamId::from(self.given), tensor))
    }
}

fn take(weights: &mut Weights, name: String, shape: &[usize]) -> Result<TensorData, WeightError> {
    let stored = weights
        .remove(&name)
        .ok_or_else(|| WeightError::Missing(name.clone()))?;
    match stored.as_f32() {
        Some(values) if stored.shape == shape => Ok(TensorData::new(values.to_vec(), shape)),
        _ => Err(shape_error(name, stored.shape, shape)),
    }
}

pub(super) fn shape_error(name: String, found: Vec<usize>, expected: &[usize]) -> WeightError {
    WeightError::Shape {
        name,
        found,
        expected: expected.to_vec(),
    }
}

/// All weights of a network, by name.
pub fn weights_of(network: &impl Module) -> Weights {
    let mut collector = WeightCollector::default();
    network.visit(&mut collector);
    collector.weights
}

/// The variants of an enum are no layers: which one it is follows from the settings.
fn is_layer(container: &str) -> bool {
    !container.starts_with("Enum:")
}

#[derive(Default)]
struct WeightCollector {
    path: Vec<String>,
    weights: Weights,
}

impl ModuleVisitor for WeightCollector {
    fn enter_module(&mut self, name: &str, container: &str) {
        if is_layer(container) {
            self.path.push(name.to_owned());
        }
    }

    fn exit_module(&mut self, _: &str, container: &str) {
        if is_layer(container) {
            self.path.pop();
        }
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = param.val().into_data();
        let shape = data.shape().to_vec();
        let values: Vec<f32> = data.iter::<f32>().collect();
        self.weights
            .insert(self.path.join("."), Array::f32(shape, values));
    }
}
