//! The backward pass, sequence by sequence.

use super::Sequence;
use crate::float::Number;
use crate::problem::{Cell, Direction, Gradients, Input, Layout, Problem, SavedRef};

/// See [`crate::backward`].
pub(crate) fn backward<T: Number>(
    p: &Problem<T>,
    layout: Layout,
    output: &[T],
    saved: SavedRef<T>,
    d_output: &[T],
) -> Gradients<T> {
    p.check();
    p.check_saved(layout, output, saved, d_output);
    let sequence_len = match layout {
        Layout::FinalState => 0,
        Layout::Sequence | Layout::Both => p.time * p.batch * p.hidden,
    };
    let (d_sequence, d_last) = d_output.split_at(sequence_len);
    let (Input::Dense(input) | Input::Gather { table: input, .. }) = p.input;
    let hidden = if sequence_len == 0 {
        saved.hidden
    } else {
        output
    };
    let mut backward = PlainBackward {
        saved: SavedRef { hidden, ..saved },
        d_sequence,
        d_last,
        gradients: Gradients {
            input: vec![T::ZERO; input.len()],
            recurrent: vec![T::ZERO; p.recurrent.len()],
            bias: vec![T::ZERO; p.bias.len()],
            initial: vec![T::ZERO; p.states_len()],
        },
    };
    for row in 0..p.batch {
        backward.sequence(Sequence { p, row });
    }
    backward.gradients
}

struct PlainBackward<'a, T> {
    saved: SavedRef<'a, T>,
    d_sequence: &'a [T],
    d_last: &'a [T],
    gradients: Gradients<T>,
}

/// Gradients of one step.
struct CellGradients<T> {
    /// Of the pre-activations.
    input: Vec<T>,
    /// Of the recurrent product.
    product: Vec<T>,
    /// Of h before, by ways other than the product.
    passed: Vec<T>,
}

/// One step as the backward pass sees it.
struct CellStep<'a, T> {
    sequence: Sequence<'a, T>,
    gates: &'a [T],
    /// h and c before.
    h: Vec<T>,
    c: Vec<T>,
}

impl<'a, T: Number> PlainBackward<'a, T> {
    fn sequence(&mut self, sequence: Sequence<'a, T>) {
        let (p, n) = (sequence.p, sequence.p.hidden);
        let last = |state: usize| match self.d_last {
            [] => vec![T::ZERO; n],
            d => row(d, state * p.batch + sequence.row, n).to_vec(),
        };
        let (mut dh, mut dc) = (last(0), last(p.cell.states() - 1));
        let steps = sequence.steps();
        let ended = steps.len()..p.time;
        if p.direction == Direction::Forward {
            ended
                .clone()
                .for_each(|step| self.add_output(&mut dh, sequence.at(step)));
        }
        for (index, &step) in steps.iter().enumerate().rev() {
            self.add_output(&mut dh, sequence.at(step));
            let before = index.checked_sub(1).map(|index| sequence.at(steps[index]));
            self.step(sequence, step, before, &mut dh, &mut dc);
        }
        if p.direction == Direction::Reverse {
            ended.for_each(|step| self.add_output(&mut dh, sequence.at(step)));
        }
        // Without an initial state nobody asks for its gradient.
        if p.initial.is_some() {
            let initial = &mut self.gradients.initial;
            initial[sequence.row * n..][..n].copy_from_slice(&dh);
            if p.cell == Cell::Lstm {
                initial[(p.batch + sequence.row) * n..][..n].copy_from_slice(&dc);
            }
        }
    }

    /// Adds the gradient of row `at` of the output, if the output has the sequence.
    fn add_output(&self, dh: &mut [T], at: usize) {
        if !self.d_sequence.is_empty() {
            let d = row(self.d_sequence, at, dh.len());
            dh.iter_mut().zip(d).for_each(|(dh, &d)| *dh += d);
        }
    }

    fn step(
        &mut self,
        sequence: Sequence<'a, T>,
        step: usize,
        before: Option<usize>,
        dh: &mut Vec<T>,
        dc: &mut [T],
    ) {
        let (p, n) = (sequence.p, sequence.p.hidden);
        let (at, is_lstm) = (sequence.at(step), p.cell == Cell::Lstm);
        let state = |index: usize, values: &[T]| match before {
            Some(at) => row(values, at, n).to_vec(),
            None => sequence.initial(index),
        };
        let view = CellStep {
            sequence,
            gates: if p.cell == Cell::Rnn {
                &[]
            } else {
                row(self.saved.activations, at, 4 * n)
            },
            h: state(0, self.saved.hidden),
            c: if is_lstm {
                state(1, self.saved.cells)
            } else {
                Vec::new()
            },
        };
        let gradients = match p.cell {
            Cell::Lstm => view.lstm(row(self.saved.cells, at, n), dh, dc),
            Cell::Rnn => view.rnn(row(self.saved.hidden, at, n), dh),
            Cell::Gru { reset_after } => view.gru(dh, reset_after),
        };
        *dh = self.through_product(&view, step, gradients);
    }

    /// Gradients of weights, bias and input are added to; that of h before the step is returned.
    fn through_product(&mut self, view: &CellStep<T>, step: usize, d: CellGradients<T>) -> Vec<T> {
        let p = view.sequence.p;
        let (n, width) = (p.hidden, p.width());
        let masked = view.sequence.masked(&view.h);
        // The candidate of a GRU that resets before the product reads another left side.
        let columns = if p.cell == (Cell::Gru { reset_after: false }) {
            2 * n
        } else {
            width
        };
        self.add_outer(p, &masked, &d.product[..columns], 0);
        if columns < width {
            self.add_outer(p, &view.gates[3 * n..], &d.product[columns..], columns);
        }
        add(&mut self.gradients.bias, &d.input);
        if p.bias.len() > width {
            add(&mut self.gradients.bias[width..], &d.product);
        }
        let input = view.sequence.input_row(step) * width;
        add(&mut self.gradients.input[input..], &d.input);
        let through = (0..n).map(|k| {
            let product = dot(&d.product[..columns], &p.recurrent[k * width..]);
            d.passed[k] + view.sequence.mask(k) * product
        });
        through.collect()
    }

    /// Adds the outer product of `left` and `right` to the weights' gradient, from a column on.
    fn add_outer(&mut self, p: &Problem<T>, left: &[T], right: &[T], first: usize) {
        let rows = self.gradients.recurrent.chunks_exact_mut(p.width());
        for (row, &left) in rows.zip(left) {
            row[first..]
                .iter_mut()
                .zip(right)
                .for_each(|(sum, &d)| *sum += left * d);
        }
    }
}

impl<T: Number> CellStep<'_, T> {
    fn lstm(&self, cells: &[T], dh: &[T], dc: &mut [T]) -> CellGradients<T> {
        let n = dh.len();
        let mut d = vec![T::ZERO; 4 * n];
        for k in 0..n {
            let gate = |index: usize| self.gates[index * n + k];
            let (i, f, g, o) = (gate(0), gate(1), gate(2), gate(3));
            let t = cells[k].tanh();
            let d_cell = dc[k] + dh[k] * o * (T::ONE - t * t);
            d[k] = d_cell * g * slope(i);
            d[n + k] = d_cell * self.c[k] * slope(f);
            d[2 * n + k] = d_cell * i * (T::ONE - g * g);
            d[3 * n + k] = dh[k] * t * slope(o);
            dc[k] = d_cell * f;
        }
        CellGradients {
            product: d.clone(),
            input: d,
            passed: vec![T::ZERO; n],
        }
    }

    fn rnn(&self, after: &[T], dh: &[T]) -> CellGradients<T> {
        let d = dh.iter().zip(after).map(|(&dh, &h)| dh * (T::ONE - h * h));
        let d: Vec<T> = d.collect();
        CellGradients {
            product: d.clone(),
            input: d,
            passed: vec![T::ZERO; dh.len()],
        }
    }

    fn gru(&self, dh: &[T], reset_after: bool) -> CellGradients<T> {
        let n = dh.len();
        let (mut input, mut passed) = (vec![T::ZERO; 3 * n], vec![T::ZERO; n]);
        for k in 0..n {
            let (z, v) = (self.gates[k], self.gates[2 * n + k]);
            input[k] = dh[k] * (self.h[k] - v) * slope(z);
            input[2 * n + k] = dh[k] * (T::ONE - z) * (T::ONE - v * v);
            passed[k] = dh[k] * z;
        }
        let mut product = input.clone();
        for k in 0..n {
            let (r, dv) = (self.gates[n + k], input[2 * n + k]);
            let dr = if reset_after {
                product[2 * n + k] = dv * r;
                dv * self.gates[3 * n + k]
            } else {
                let weights = &self.sequence.p.recurrent[k * 3 * n + 2 * n..];
                let d_reset = dot(&input[2 * n..], weights);
                passed[k] += d_reset * r * self.sequence.mask(k);
                d_reset * self.h[k] * self.sequence.mask(k)
            };
            input[n + k] = dr * slope(r);
            product[n + k] = input[n + k];
        }
        CellGradients {
            input,
            product,
            passed,
        }
    }
}

/// `x (1 - x)`, the slope of the logistic function where its value is `x`.
fn slope<T: Number>(x: T) -> T {
    x * (T::ONE - x)
}

fn row<T>(values: &[T], index: usize, len: usize) -> &[T] {
    &values[index * len..][..len]
}

fn add<T: Number>(sums: &mut [T], values: &[T]) {
    sums.iter_mut()
        .zip(values)
        .for_each(|(sum, &value)| *sum += value);
}

fn dot<T: Number>(a: &[T], b: &[T]) -> T {
    a.iter().zip(b).fold(T::ZERO, |sum, (&a, &b)| sum + a * b)
}
