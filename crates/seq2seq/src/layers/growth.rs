//! Weights of a network that knows more symbols than the trained one that it starts from.

use burn::tensor::TensorData;
use seq2seq_runtime::layers::WeightError;

use super::parameters::shape_error;
use crate::storage::Weights;

/// How the vocabularies of a trained network grew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    /// Symbols of the source before, without features that stand among them.
    pub source: usize,
    /// New ones, whose numbers come before those of such features.
    pub new_in_source: usize,
}

/// Fresh numbers, and in their place the stored ones wherever there are any.
pub(super) fn grow(
    weights: &mut Weights,
    name: String,
    shape: &[usize],
    mut fresh: Vec<f32>,
    growth: Growth,
) -> Result<TensorData, WeightError> {
    let stored = weights
        .remove(&name)
        .ok_or_else(|| WeightError::Missing(name.clone()))?;
    let found = stored.shape.clone();
    let fits = found.len() == shape.len() && found.iter().zip(shape).all(|(old, new)| old <= new);
    let (true, Some(stored)) = (fits, stored.as_f32()) else {
        return Err(shape_error(name, found, shape));
    };
    let width = |shape: &[usize]| shape.get(1).copied().unwrap_or(1);
    let (old_width, new_width) = (width(&found), width(shape));
    let has_grown = found.first() != shape.first();
    for (row, values) in stored.chunks(old_width.max(1)).enumerate() {
        let after_new = has_grown && row >= growth.source;
        let row = row + if after_new { growth.new_in_source } else { 0 };
        let at = row * new_width;
        if let Some(place) = fresh.get_mut(at..at + values.len()) {
            place.copy_from_slice(values);
        }
    }
    Ok(TensorData::new(fresh, shape.to_vec()))
}
