//! Stored weights, given to the layers of a network one after the other.

use std::sync::Arc;

use super::{Embedding, Matrix, Numbers};
use crate::storage::{Array, ScaleAxis, Values, Weights, scales_name};

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
    #[error("the weights `{0}` are not all finite numbers")]
    NotFinite(String),
    /// Weights of a type in which these are never stored.
    #[error("the weights `{name}` are stored as {found}, but these can only be {possible}")]
    Type {
        /// Name of the weights.
        name: String,
        /// Type in the file.
        found: &'static str,
        /// Types that they can have.
        possible: &'static str,
    },
    /// A scale that is infinite, negative or not a number.
    #[error("the scales `{0}` are not all finite numbers of at least 0")]
    Scales(String),
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
    given: Given,
}

/// Weights that a network has taken.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Names of all weights, in the order of the layers.
    pub names: Vec<String>,
    /// Those that may be of fewer bits than single precision, with what shares a scale.
    pub matrices: Vec<(String, ScaleAxis)>,
}

impl Parameters {
    /// All weights of a network.
    pub fn new(weights: Weights) -> Self {
        Self {
            weights,
            path: Vec::new(),
            given: Given::default(),
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
        let numbers = self.numbers(name, shape, ScaleAxis::Columns)?;
        Ok(Matrix::new(shape, numbers))
    }

    /// Vectors `[symbols, size]` that stand for symbols.
    ///
    /// # Errors
    /// If they are not stored, or in another shape.
    pub fn embedding(&mut self, name: &str, shape: [usize; 2]) -> Result<Embedding, WeightError> {
        let numbers = self.numbers(name, shape, ScaleAxis::Rows)?;
        Ok(Embedding::new(shape, numbers))
    }

    /// A vector that is stored as a matrix of one column.
    ///
    /// # Errors
    /// If it is not stored, or of another length.
    pub fn column(&mut self, name: &str, len: usize) -> Result<Vec<f32>, WeightError> {
        Ok(self.take(name, &[len, 1])?.to_vec())
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

    /// Ends the construction of a network; tells which weights it has taken.
    ///
    /// # Errors
    /// If a weight was not asked for.
    pub fn finish(mut self) -> Result<Given, WeightError> {
        match self.weights.pop_first() {
            Some((name, _)) => Err(WeightError::LeftOver(name)),
            None => Ok(self.given),
        }
    }

    /// The numbers of a matrix of any precision, with its scales.
    fn numbers(
        &mut self,
        name: &str,
        shape: [usize; 2],
        axis: ScaleAxis,
    ) -> Result<Numbers, WeightError> {
        let (name, array) = self.take_any(name)?;
        check_shape(&name, &array, &shape)?;
        if !array.is_finite() {
            return Err(WeightError::NotFinite(name));
        }
        let numbers = match array.values {
            Values::F32(values) => Numbers::F32(values),
            Values::Bf16(values) => Numbers::Bf16(values),
            Values::I8(values) => Numbers::Int8 {
                values,
                scales: self.scales(&name, &axis.shape(shape))?,
            },
            values => return Err(wrong_type(name, &values, "F32, BF16 or I8")),
        };
        self.given.matrices.push((name, axis));
        Ok(numbers)
    }

    /// The scales of a matrix.
    fn scales(&mut self, matrix: &str, shape: &[usize]) -> Result<Arc<[f32]>, WeightError> {
        let name = scales_name(matrix);
        let Some(array) = self.weights.remove(&name) else {
            return Err(WeightError::Missing(name));
        };
        check_shape(&name, &array, shape)?;
        let possible = |values: &&Arc<[f32]>| {
            let mut values = values.iter();
            values.all(|&scale| scale.is_finite() && scale >= 0.0)
        };
        match array.as_f32() {
            None => Err(wrong_type(name, &array.values, "F32")),
            Some(values) => match Some(values).filter(possible) {
                Some(values) => Ok(Arc::clone(values)),
                None => Err(WeightError::Scales(name)),
            },
        }
    }

    fn take(&mut self, name: &str, expected: &[usize]) -> Result<Arc<[f32]>, WeightError> {
        let (name, array) = self.take_any(name)?;
        check_shape(&name, &array, expected)?;
        match array.as_f32() {
            None => Err(wrong_type(name, &array.values, "F32")),
            Some(_) if !array.is_finite() => Err(WeightError::NotFinite(name)),
            Some(values) => Ok(Arc::clone(values)),
        }
    }

    fn take_any(&mut self, name: &str) -> Result<(String, Array), WeightError> {
        let name = self.full_name(name);
        let Some(array) = self.weights.remove(&name) else {
            return Err(WeightError::Missing(name));
        };
        self.given.names.push(name.clone());
        Ok((name, array))
    }
}

/// Refuses weights of another shape.
fn check_shape(name: &str, array: &Array, expected: &[usize]) -> Result<(), WeightError> {
    match array.shape == expected {
        true => Ok(()),
        false => Err(WeightError::Shape {
            name: name.to_owned(),
            found: array.shape.clone(),
            expected: expected.to_vec(),
        }),
    }
}

fn wrong_type(name: String, values: &Values, possible: &'static str) -> WeightError {
    let (found, _) = values.dtype();
    WeightError::Type {
        name,
        found,
        possible,
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
