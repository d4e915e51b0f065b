//! Products of each row with what its source gave, where several rows may share a source.
//!
//! `sources` says which of the `count` sources each row belongs to. Several heads count as several
//! sources, and as several rows, with a share of the numbers each.

use rnn_kernels::{Order, ProductShape, batched_product_shared};

use super::Rows;

/// Each row's product with every step of its source: rows `[batch, width]` and steps
/// `[time, count, width]` to `[batch, time]`.
pub fn scores_of_sources(rows: &Rows, steps: &Rows, sources: &[u32], count: usize) -> Rows {
    let width = rows.values.len() / sources.len();
    let time = steps.values.len() / (count * width);
    let shape = ProductShape {
        rows: 1,
        inner: width,
        columns: time,
    };
    let right = (&steps.values[..], Order::Transposed);
    let scores = batched_product_shared((sources, count), shape, &rows.values, right);
    Rows::new(time, scores)
}

/// Sums of the steps of each row's source, weighted by the row: weights `[batch, time]` and steps
/// `[time, count, width]` to `[batch, width]`.
pub fn sums_of_sources(weights: &Rows, steps: &Rows, sources: &[u32], count: usize) -> Rows {
    let time = weights.width;
    let width = steps.values.len() / (count * time);
    let shape = ProductShape {
        rows: 1,
        inner: time,
        columns: width,
    };
    let right = (&steps.values[..], Order::Rows);
    let sums = batched_product_shared((sources, count), shape, &weights.values, right);
    Rows::new(width, sums)
}
