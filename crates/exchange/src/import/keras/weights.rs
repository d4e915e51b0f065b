//! The weights of Keras's layers, by layer.

use std::collections::HashMap;

use seq2seq_runtime::settings::CellKind;
use seq2seq_runtime::storage::Array;

use super::super::ImportError;
use super::super::encoder_decoder::{CellWeights, DenseWeights, EncoderLayer, Matrix};
use super::graph::{Graph, Layer};
use super::hdf5::Hdf5;
use super::recurrence::Recurrence;

/// Where the weights of a file are.
pub struct KerasWeights {
    file: Hdf5,
    /// The group of each layer.
    groups: HashMap<String, String>,
}

/// The arrays of one layer by their paths in its group.
struct LayerArrays<'a> {
    layer: &'a Layer,
    arrays: Vec<(String, Array)>,
}

impl KerasWeights {
    /// Weights of a `.keras` file: a group is named by the class of its layer, with a number if an earlier
    /// layer has the same class.
    pub fn by_class(file: Hdf5, graph: &Graph) -> Self {
        let mut counts: HashMap<String, usize> = HashMap::new();
        let group = |layer: &Layer| {
            let class = snake_case(&layer.class);
            let count = counts.entry(class.clone()).or_default();
            let number = *count;
            *count = number.saturating_add(1);
            let group = match number {
                0 => format!("layers/{class}"),
                number => format!("layers/{class}_{number}"),
            };
            (layer.name.clone(), group)
        };
        let groups = graph.layers().iter().map(group).collect();
        Self { file, groups }
    }

    /// Weights of an `.h5` file: a group is named as its layer is.
    pub fn by_name(file: Hdf5, graph: &Graph) -> Self {
        let group = |layer: &Layer| {
            let name = layer.name.clone();
            (name.clone(), format!("model_weights/{name}"))
        };
        let groups = graph.layers().iter().map(group).collect();
        Self { file, groups }
    }

    fn of<'a>(&self, layer: &'a Layer) -> Result<LayerArrays<'a>, ImportError> {
        let group = self.groups.get(&layer.name).map_or("", String::as_str);
        Ok(LayerArrays {
            layer,
            arrays: self.file.arrays(group)?,
        })
    }

    /// Vectors of an embedding layer.
    ///
    /// # Errors
    /// If they are missing, or no matrix.
    pub fn embedding(&self, layer: &Layer) -> Result<Matrix, ImportError> {
        self.of(layer)?.matrix("", 0, "embeddings")
    }

    /// Weights of a dense layer.
    ///
    /// # Errors
    /// If they are missing, or of other shapes.
    pub fn dense(&self, layer: &Layer) -> Result<DenseWeights, ImportError> {
        let arrays = self.of(layer)?;
        Ok(DenseWeights {
            kernel: arrays.matrix("", 0, "kernel")?,
            bias: arrays.values("", 1, "bias"),
        })
    }

    /// Weights of a recurrent layer.
    ///
    /// # Errors
    /// If they are missing, or of other shapes.
    pub fn recurrent(&self, layer: &Recurrence) -> Result<EncoderLayer, ImportError> {
        let arrays = self.of(layer.layer)?;
        let cell = |direction: &str| {
            Ok::<_, ImportError>(CellWeights {
                kernel: arrays.matrix(direction, 0, "kernel")?,
                recurrent_kernel: arrays.matrix(direction, 1, "recurrent_kernel")?,
                bias: arrays.values(direction, 2, "bias"),
            })
        };
        Ok(match layer.bidirectional {
            false => EncoderLayer {
                forward: cell("")?,
                backward: None,
            },
            true => EncoderLayer {
                forward: cell("forward_")?,
                backward: Some(cell("backward_")?),
            },
        })
    }
}

impl LayerArrays<'_> {
    /// The array that ends in its number (Keras 3) or its name (`.h5`), of one direction: a part of its
    /// path begins so.
    fn find(&self, direction: &str, number: usize, name: &str) -> Option<&Array> {
        let number = number.to_string();
        let fits = |path: &str| {
            let mut parts = path.split('/').rev();
            let last = parts.next().unwrap_or_default();
            let last = last.split_once(':').map_or(last, |(name, _)| name);
            let named = last == name || (last == number && parts.clone().next() == Some("vars"));
            // The layer's own name may begin like a direction.
            let of_direction = |part: &str| part.starts_with(direction) && part != self.layer.name;
            named && (direction.is_empty() || parts.any(of_direction))
        };
        let found = self.arrays.iter().find(|(path, _)| fits(path));
        found.map(|(_, array)| array)
    }

    fn values(&self, direction: &str, number: usize, name: &str) -> Option<Vec<f32>> {
        let array = self.find(direction, number, name)?;
        array.as_f32().map(|values| values.to_vec())
    }

    fn matrix(&self, direction: &str, number: usize, name: &str) -> Result<Matrix, ImportError> {
        let array = self.find(direction, number, name).ok_or_else(|| {
            ImportError::MissingWeights(format!("{direction}{name} of {}", self.layer.name))
        })?;
        Matrix::of(array).ok_or_else(|| {
            self.layer.refused(format!(
                "has a {name} of the shape {:?}, which is no matrix of numbers",
                array.shape
            ))
        })
    }
}

/// A class as Keras names its groups: `InputLayer` is `input_layer`, `LSTM` is `lstm`.
fn snake_case(class: &str) -> String {
    let characters: Vec<char> = class.chars().collect();
    let mut name = String::new();
    for (place, &character) in characters.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|place| characters.get(place));
        let after = place.checked_add(1).and_then(|place| characters.get(place));
        let begins_word = character.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase() || after.is_some_and(char::is_ascii_lowercase)
            });
        if begins_word {
            name.push('_');
        }
        name.push(character.to_ascii_lowercase());
    }
    name
}

/// The kind of cell that a GRU's bias shows: two rows where the reset comes after the product.
pub fn cell_of_bias(cell: CellKind, weights: &CellWeights) -> CellKind {
    let units = weights.recurrent_kernel.shape[0];
    let after = CellKind::Gru.kernel().bias_len(units);
    match (cell, &weights.bias) {
        (CellKind::Gru, Some(bias)) if bias.len() != after => CellKind::GruOriginal,
        (cell, _) => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn classes_are_named_as_keras_names_them() {
        for (class, name) in [
            ("LSTM", "lstm"),
            ("GRU", "gru"),
            ("SimpleRNN", "simple_rnn"),
            ("InputLayer", "input_layer"),
            ("Dense", "dense"),
            ("TimeDistributed", "time_distributed"),
            ("SpatialDropout1D", "spatial_dropout1d"),
            ("Embedding", "embedding"),
        ] {
            assert_eq!(snake_case(class), name);
        }
    }
}
