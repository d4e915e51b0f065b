//! Vectors that stand for symbols.

use burn::module::Param;
use burn::tensor::Tensor;

use super::dropout::{Noise, dropout};
use super::parameters::Parameters;
use super::recurrent::LayerInput;
use super::tensors::row_numbers;
use crate::config::Embedding;
use crate::encoding::Padded;
use seq2seq_runtime::layers::WeightError;

/// Largest initial value of an embedding, as in Keras.
pub const LIMIT: f32 = 0.05;

/// A table of vectors `[symbols, size]`, unless the input is one-hot.
///
/// # Errors
/// If stored parameters do not fit.
pub fn embedding(
    kind: Embedding,
    name: &str,
    symbols: usize,
    params: &mut Parameters,
) -> Result<Option<Param<Tensor<2>>>, WeightError> {
    match kind {
        Embedding::Size(size) => params.uniform(name, [symbols, size], LIMIT).map(Some),
        Embedding::Named(_) => Ok(None),
    }
}

/// Symbols as the input of a layer, with their vectors if they have any.
///
/// Dropout of embeddings needs a vector for each symbol of the batch; without it the layer can
/// multiply the table once and pick rows of the product.
pub fn layer_input<'a>(
    vectors: Option<Tensor<2>>,
    symbols: &'a Padded,
    rate: f64,
    noise: Option<&mut Noise>,
) -> LayerInput<'a> {
    match (vectors, noise) {
        (Some(vectors), Some(noise)) if rate > 0.0 => {
            let rows = dropout(look_up(vectors, symbols), rate, Some(noise));
            LayerInput::Vectors(rows)
        }
        (vectors, _) => LayerInput::Symbols { vectors, symbols },
    }
}

/// The vectors `[time, batch, size]` of symbols, rows of a table.
pub fn look_up(table: Tensor<2>, symbols: &Padded) -> Tensor<3> {
    let size = table.dims()[1];
    let rows = row_numbers(symbols.ids.clone(), &table);
    table
        .select(0, rows)
        .reshape([symbols.time, symbols.batch(), size])
}
