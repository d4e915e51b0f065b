//! What the machine could do if training were nothing but matrix products.

use std::time::{Duration, Instant};

use rayon::prelude::*;
use rnn_kernels::{PackedMatrix, Precision, with_threads};

use super::works::Work;

/// Rows, inner dimension and columns of the products that a work mostly consists of.
fn shape(work: Work) -> [usize; 3] {
    match work {
        Work::A => [128, 128, 512],
        Work::ASmall => [16, 64, 256],
        Work::B => [64, 256, 1024],
        Work::C => [128, 512, 2048],
    }
}

/// GFLOP/s of products alone at the shapes of a work, one product a thread at a time: the best of
/// many short repetitions, since anything slower was disturbed. Single precision is measured with the gemm crate,
/// which has no bf16, and bf16 with our own product and a packed matrix.
pub fn limit_gflops(work: Work, precision: Precision, threads: usize, time: Duration) -> f64 {
    let [rows, inner, columns] = shape(work);
    let mut products: Vec<Product> = (0..threads.max(1))
        .map(|_| Product::new(precision, [rows, inner, columns]))
        .collect();
    let flops = 2.0 * (rows * inner * columns) as f64;
    // About two milliseconds each: long enough to time, short enough to fall between disturbances.
    let repeats = (1e8 / flops).ceil() as usize;
    let begun = Instant::now();
    let mut best = 0.0_f64;
    while begun.elapsed() < time {
        let start = Instant::now();
        products
            .par_iter_mut()
            .for_each(|product| (0..repeats).for_each(|_| product.run()));
        let done = flops * (repeats * products.len()) as f64;
        best = best.max(done / start.elapsed().as_secs_f64() / 1e9);
    }
    best
}

/// A matrix product with its operands.
struct Product {
    sizes: [usize; 3],
    left: Vec<f32>,
    right: Vec<f32>,
    /// The right matrix in bf16, if that is measured.
    packed: Option<PackedMatrix>,
    out: Vec<f32>,
}

impl Product {
    fn new(precision: Precision, [rows, inner, columns]: [usize; 3]) -> Self {
        let right = vec![0.25; inner * columns];
        let packed = (precision != Precision::Single)
            .then(|| PackedMatrix::new_in(precision, inner, columns, &right));
        Self {
            sizes: [rows, inner, columns],
            left: vec![0.5; rows * inner],
            right,
            packed,
            out: vec![0.0; rows * columns],
        }
    }

    fn run(&mut self) {
        match &self.packed {
            Some(packed) => {
                self.out = with_threads(1, || packed.product(&self.left, self.sizes[0]));
            }
            None => {
                rnn_kernels::gemm_product(&mut self.out, &self.left, &self.right, self.sizes);
            }
        }
    }
}
