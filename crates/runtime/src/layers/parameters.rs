//! Stored weights, given to the layers of a network one after the other.

use std::sync::Arc;

use super::{Embedding, Matrix};
use crate::storage::{Array, Weights};

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
    /// A table of an n-gram model that cannot be one.
    #[error("the table `{name}` of the n-gram model {reason}")]
    Table {
        /// Name of the table.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// Weights of an n-gram model where a gradient is asked for.
    #[error("an n-gram model counts: it has no weights that learn by gradients")]
    NoGradients,
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

    /// A table of numbers, however many rows it has; `width` numbers a row, 0 for a list.
    ///
    /// # Errors
    /// If it is not stored, of another type or shape, or not finite.
    pub fn table(&mut self, name: &str, width: usize) -> Result<Arc<[f32]>, WeightError> {
        let (name, array) = self.take_any(name)?;
        check_width(&name, &array, width)?;
        match array.as_f32().filter(|_| array.is_finite()) {
            Some(values) => Ok(Arc::clone(values)),
            None => Err(WeightError::NotFinite(name)),
        }
    }

    /// A table of unsigned integers, however many rows it has; `width` numbers a row, 0 for a list.
    ///
    /// # Errors
    /// If it is not stored, or of another type or shape.
    pub fn integers(&mut self, name: &str, width: usize) -> Result<Arc<[u32]>, WeightError> {
        let (name, array) = self.take_any(name)?;
        check_width(&name, &array, width)?;
        match array.as_u32() {
            Some(values) => Ok(Arc::clone(values)),
            None => Err(WeightError::Table {
                name,
                reason: "has no unsigned integers of 32 bits".into(),
            }),
        }
    }

    /// The full name of a table that is being read, for errors about its content.
    pub fn full_name(&self, name: &str) -> String {
        match self.path.is_empty() {
            true => name.to_owned(),
            false => format!("{}.{name}", self.path.join(".")),
        }
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
        let (name, array) = self.take_any(name)?;
        if array.shape != expected {
            return Err(WeightError::Shape {
                name,
                found: array.shape,
                expected: expected.to_vec(),
            });
        }
        match array.as_f32().filter(|_| array.is_finite()) {
            Some(values) => Ok(Arc::clone(values)),
            None => Err(WeightError::NotFinite(name)),
        }
    }

    fn take_any(&mut self, name: &str) -> Result<(String, Array), WeightError> {
        let name = self.full_name(name);
        let Some(array) = self.weights.remove(&name) else {
            return Err(WeightError::Missing(name));
        };
        self.given.push(name.clone());
        Ok((name, array))
    }
}

/// Refuses a table with rows of another width.
fn check_width(name: &str, array: &Array, width: usize) -> Result<(), WeightError> {
    let fits = match (&array.shape[..], width) {
        ([_], 0) => true,
        ([_, found], width) => *found == width,
        _ => false,
    };
    if fits {
        return Ok(());
    }
    Err(WeightError::Table {
        name: name.to_owned(),
        reason: format!("has the shape {:?}", array.shape),
    })
}
