//! What the machine could do if training were nothing but matrix products.

use std::time::{Duration, Instant};

use rayon::prelude::*;

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

/// GFLOP/s of the gemm crate at the shapes of a work, one product a thread at a time: the best of
/// many short repetitions, since anything slower was disturbed.
pub fn limit_gflops(work: Work, threads: usize, time: Duration) -> f64 {
    let [rows, inner, columns] = shape(work);
    let mut products: Vec<Product> = (0..threads.max(1))
        .map(|_| Product::new(rows, inner, columns))
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
    out: Vec<f32>,
}

impl Product {
    fn new(rows: usize, inner: usize, columns: usize) -> Self {
        Self {
            sizes: [rows, inner, columns],
            left: vec![0.5; rows * inner],
            right: vec![0.25; inner * columns],
            out: vec![0.0; rows * columns],
        }
    }

    fn run(&mut self) {
        rnn_kernels::gemm_product(&mut self.out, &self.left, &self.right, self.sizes);
    }
}
