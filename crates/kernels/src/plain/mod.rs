//! The recurrences in plain loops, one sequence at a time, for double precision: what gradient
//! checks use, and what the fast path is tested against.

mod backward;
mod forward;

pub(crate) use backward::backward;
pub(crate) use forward::{forward, infer};

use crate::float::Number;
use crate::problem::{Direction, Input, Problem};

/// One sequence of a batch.
#[derive(Clone, Copy)]
struct Sequence<'a, T> {
    p: &'a Problem<'a, T>,
    row: usize,
}

impl<'a, T: Number> Sequence<'a, T> {
    /// Its steps in the order in which they are read.
    fn steps(self) -> Vec<usize> {
        let length = self
            .p
            .lengths
            .map_or(self.p.time, |lengths| lengths[self.row]);
        match self.p.direction {
            Direction::Forward => (0..length).collect(),
            Direction::Reverse => (0..length).rev().collect(),
        }
    }

    /// Its row of `[time, batch]`.
    fn at(self, step: usize) -> usize {
        step * self.p.batch + self.row
    }

    /// Its row of the input, or of the table.
    fn input_row(self, step: usize) -> usize {
        match self.p.input {
            Input::Dense(_) => self.at(step),
            Input::Gather { ids, .. } => ids[self.at(step)] as usize,
        }
    }

    /// Input plus bias, `[width]`.
    fn preactivations(self, step: usize) -> Vec<T> {
        let width = self.p.width();
        let (Input::Dense(values) | Input::Gather { table: values, .. }) = self.p.input;
        let input = &values[self.input_row(step) * width..][..width];
        input
            .iter()
            .zip(self.p.bias)
            .map(|(&x, &b)| x + b)
            .collect()
    }

    /// h (0) or c (1) at the start.
    fn initial(self, state: usize) -> Vec<T> {
        let n = self.p.hidden;
        match self.p.initial {
            Some(initial) => initial[(state * self.p.batch + self.row) * n..][..n].to_vec(),
            None => vec![T::ZERO; n],
        }
    }

    /// The factor of unit `k` of h where it enters the product.
    fn mask(self, k: usize) -> T {
        self.p
            .mask
            .map_or(T::ONE, |mask| mask[self.row * self.p.hidden + k])
    }

    /// h as the product reads it.
    fn masked(self, h: &[T]) -> Vec<T> {
        h.iter()
            .enumerate()
            .map(|(k, &h)| h * self.mask(k))
            .collect()
    }

    /// Adds `h W` to `out`, with the columns of W from `first`.
    fn add_product(self, h: &[T], first: usize, out: &mut [T]) {
        for (row, &h) in self.p.recurrent.chunks_exact(self.p.width()).zip(h) {
            out.iter_mut()
                .zip(&row[first..])
                .for_each(|(out, &w)| *out += h * w);
        }
    }
}
