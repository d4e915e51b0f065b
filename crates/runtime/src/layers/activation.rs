//! Functions of rows.

use rnn_kernels::{Order, ProductShape};

use super::Rows;

/// The hyperbolic tangent of every number.
#[must_use]
pub fn tanh(mut rows: Rows) -> Rows {
    rnn_kernels::tanh(&mut rows.values);
    rows
}

/// Replaces negative numbers by 0; NaN stays NaN.
pub fn relu(rows: &mut Rows) {
    for value in &mut rows.values {
        // Stored in any case: a branch would be guessed wrong every other time.
        *value = if *value < 0.0 { 0.0 } else { *value };
    }
}

/// The logistic function.
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Replaces the first numbers of each row, as many as its length says, by their softmax; those behind
/// become 0.
pub fn softmax_of_lengths(rows: &mut Rows, lengths: impl Iterator<Item = usize>) {
    for (row, length) in rows.iter_mut().zip(lengths) {
        let (seen, padding) = row.split_at_mut(length);
        padding.fill(0.0);
        if length > 0 {
            rnn_kernels::softmax(seen, length);
        }
    }
}

/// The product of each row with one vector.
pub fn dots(rows: &Rows, vector: &[f32]) -> Vec<f32> {
    let shape = ProductShape {
        rows: rows.count(),
        inner: rows.width,
        columns: 1,
    };
    let right = (vector, Order::Transposed);
    rnn_kernels::batched_product(1, shape, (&rows.values, Order::Rows), right)
}
