//! One-hot vectors: a symbol as a vector with a single one in it.

use thiserror::Error;

/// Why ids have no one-hot form.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OneHotError {
    /// The vector has no place for the id.
    #[error("id {id} does not fit a one-hot vector of {dim} values: ids must be below {dim}")]
    IdTooLarge {
        /// The id.
        id: u32,
        /// How long the vector is.
        dim: usize,
    },
    /// The rows do not make a rectangle.
    #[error("row {row} has {found} ids, but row 0 has {expected}: pad the rows to one length")]
    UnequalRows {
        /// The first row that differs, counted from zero.
        row: usize,
        /// How many ids it has.
        found: usize,
        /// How many the first row has.
        expected: usize,
    },
}

/// A vector of `dim` values: a one at `id`, zeros elsewhere.
///
/// # Errors
///
/// `id` is not below `dim`.
pub fn one_hot(id: u32, dim: usize) -> Result<Vec<f32>, OneHotError> {
    let mut values = vec![0.0; dim];
    let value = values
        .get_mut(id as usize)
        .ok_or(OneHotError::IdTooLarge { id, dim })?;
    *value = 1.0;
    Ok(values)
}

/// The place of the largest value, the first of them if several are equal: the
/// inverse of [`one_hot`]. A NaN counts as larger than any number, as in NumPy.
/// An empty slice has no largest value.
pub fn argmax(values: &[f32]) -> Option<usize> {
    let larger = |a: f32, b: f32| a > b || (a.is_nan() && !b.is_nan());
    let later =
        |best: (usize, f32), next: (usize, f32)| if larger(next.1, best.1) { next } else { best };
    values
        .iter()
        .copied()
        .enumerate()
        .reduce(later)
        .map(|(place, _)| place)
}

/// Ids in one-hot form, as one dense array.
#[derive(Clone, Debug, PartialEq)]
pub struct OneHot {
    /// The length of each axis: `[samples, time, dim]` unless squeezed.
    pub shape: Vec<usize>,
    /// All values in row-major order, the last axis fastest.
    pub values: Vec<f32>,
    // Kept apart from the shape, which loses this axis when a vocabulary of one
    // symbol is squeezed.
    dim: usize,
}

/// Writes ids as one-hot vectors: an array of `[samples, time, dim]`, with one
/// sample for each row.
///
/// # Errors
///
/// Rows differ in length, or an id is not below `dim`.
pub fn one_hot_matrix(rows: &[Vec<u32>], dim: usize) -> Result<OneHot, OneHotError> {
    let time = rows.first().map_or(0, Vec::len);
    let mut values = Vec::new();
    for (row, ids) in rows.iter().enumerate() {
        if ids.len() != time {
            return Err(OneHotError::UnequalRows {
                row,
                found: ids.len(),
                expected: time,
            });
        }
        for &id in ids {
            values.extend(one_hot(id, dim)?);
        }
    }
    Ok(OneHot {
        shape: vec![rows.len(), time, dim],
        values,
        dim,
    })
}

impl OneHot {
    /// Drops the axes of length one, as NumPy's `squeeze` does. The values stay
    /// as they are.
    ///
    /// This is a step of its own because it makes the number of axes depend on
    /// the data: a single sample would lose its batch axis unasked.
    #[must_use]
    pub fn squeeze(mut self) -> Self {
        self.shape.retain(|&length| length != 1);
        self
    }

    /// The ids of all samples, one after another: the inverse of
    /// [`one_hot_matrix`] but for the row breaks.
    pub fn ids(&self) -> Vec<u32> {
        // There are no values where `dim` is zero, but chunks may not be empty.
        self.values
            .chunks(self.dim.max(1))
            .filter_map(argmax)
            .map(|place| place as u32)
            .collect()
    }
}
