//! Orthonormal initial values (Saxe et al. 2014).

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rnn_kernels::{Order, ProductShape, add_product, product};

/// Rows that are made orthonormal together: enough for nearly all of the work to be matrix products.
const BLOCK: usize = 32;

/// Rows of standard normal numbers, made orthonormal block by block (Gram and Schmidt).
pub(super) fn orthonormal(rng: &mut ChaCha8Rng, rows: usize, columns: usize) -> Vec<f32> {
    let mut matrix: Vec<f32> = (0..rows * columns).map(|_| normal(rng) as f32).collect();
    for first in (0..rows).step_by(BLOCK) {
        let (done, rest) = matrix.split_at_mut(first * columns);
        let block = &mut rest[..BLOCK.min(rows - first) * columns];
        // The second time removes what rounding left of the first.
        for _ in 0..2 {
            remove_projection(block, done, columns);
            for row in 0..block.len() / columns {
                let (earlier, rest) = block.split_at_mut(row * columns);
                let current = &mut rest[..columns];
                for earlier in earlier.chunks_exact(columns) {
                    add(current, -dot(current, earlier) as f32, earlier);
                }
                let length = dot(current, current).sqrt() as f32;
                current.iter_mut().for_each(|x| *x /= length);
            }
        }
    }
    matrix
}

/// Takes from each row what lies in the space of the orthonormal rows `done`.
fn remove_projection(block: &mut [f32], done: &[f32], columns: usize) {
    let (rows, count) = (block.len() / columns, done.len() / columns);
    let shape = |inner, columns| ProductShape {
        rows,
        inner,
        columns,
    };
    let straight = (done, Order::Rows);
    let across = (done, Order::Transposed);
    let mut along = product(shape(columns, count), (block, Order::Rows), across);
    along.iter_mut().for_each(|x| *x = -*x);
    let left = (&along[..], Order::Rows);
    add_product(shape(count, columns), left, straight, block);
}

/// `row += factor * other`.
fn add(row: &mut [f32], factor: f32, other: &[f32]) {
    row.iter_mut()
        .zip(other)
        .for_each(|(x, o)| *x += factor * o);
}

/// The sum of products, in double precision and in eight sums that do not wait for each other.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0.0; 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum += f64::from(a) * f64::from(b);
        }
    }
    sums.iter().sum()
}

/// A standard normal number, by the method of Box and Muller (1958).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}
