//! Stored weights, given to the layers of a network one after the other.

use std::sync::Arc;

use super::{Embedding, Matrix};
use crate::storage::Weights;

/// Why stored weights do not make the network that they are asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WeightError {
    /// The network has a weight that is not stored.
    #[error("the weights `{0}` are missing")]
    Missing(String),
    /// A weight has another shape than the settings ask for.
    #[error("the weights `{name}` have the shape {found:?}, but the settings ask for {expected:?}")]
    Shape {
        /// Name of the weight.
        name: String,
        /// Shape in the file.
        found: Vec<usize>,
        /// Shape that the settings ask for.
        expected: Vec<usize>,
    },
    /// A stored weight that the network has no use for.
    #[error("the weights `{0}` are not part of a network with these settings")]
    LeftOver(String),
    /// A stored weight that is infinite or not a number.
    #[error("the weights `{0}` are not all finite numbers of 32 bits")]
    NotFinite(String),
}

/// Gives a network its weights by name. The name of a layer's weights begins with the layer's own.
#[derive(Debug)]
pub struct Parameters {
    weights: Weights,
    path: Vec<String>,
    given: Vec<String>,
}

impl Parameters {
    /// All weights of a network.
    pub fn new(weights: Weights) -> Self {
        Self {
            weights,
            path: Vec::new(),
            given: Vec::new(),
        }
    }

    /// Builds a layer whose weights have names that start with `name` and a dot.
    ///
    /// # Errors
    /// As `build`.
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

    /// Builds a stack of layers, whose names are their numbers.
    ///
    /// # Errors
    /// As `build`.
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

    /// A matrix `[inner, columns]`.
    ///
    /// # Errors
    /// If it is not stored, or in another shape.
    pub fn matrix(&mut self, name: &str, shape: [usize; 2]) -> Result<Matrix, WeightError> {
        Ok(Matrix::new(shape, self.take(name, &shape)?))
    }

    /// Vectors `[symbols, size]` that stand for symbols.
    ///
    /// # Errors
    /// If they are not stored, or in another shape.
    pub fn embedding(&mut self, name: &str, shape: [usize; 2]) -> Result<Embedding, WeightError> {
        Ok(Embedding::new(shape, self.take(name, &shape)?))
    }

    /// A vector.
    ///
    /// # Errors
    /// If it is not stored, or of another length.
    pub fn vector(&mut self, name: &str, len: usize) -> Result<Vec<f32>, WeightError> {
        Ok(self.take(name, &[len])?.to_vec())
    }

    /// Ends the construction of a network; gives the names of its weights in the order of its layers.
    ///
    /// # Errors
    /// If a weight was not asked for.
    pub fn finish(mut self) -> Result<Vec<String>, WeightError> {
        match self.weights.pop_first() {
            Some((name, _)) => Err(WeightError::LeftOver(name)),
            None => Ok(self.given),
        }
    }

    fn take(&mut self, name: &str, expected: &[usize]) -> Result<Arc<[f32]>, WeightError> {
        let name = match self.path.is_empty() {
            true => name.to_owned(),
            false => format!("{}.{name}", self.path.join(".")),
        };
        let Some(array) = self.weights.remove(&name) else {
            return Err(WeightError::Missing(name));
        };
        if array.shape != expected {
            return Err(WeightError::Shape {
                name,
                found: array.shape,
                expected: expected.to_vec(),
            });
        }
        match array.as_f32().filter(|_| array.is_finite()) {
            Some(values) => {
                self.given.push(name);
                Ok(Arc::clone(values))
            }
            None => Err(WeightError::NotFinite(name)),
        }
    }
}
