//! The plain path against formulas written out once more, from the papers' equations.

mod common;

use common::{Case, assert_close, shapes};
use rnn_kernels::{Cell, Direction, Layout};

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// h and c after one step: element `k` of every vector by itself.
fn next(case: &Case<f64>, row: usize, input: &[f64], h: &[f64], c: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let n = case.shape.hidden;
    let width = case.shape.cell.gates() * n;
    let mask = |j: usize| {
        if case.shape.mask {
            case.mask[row * n + j]
        } else {
            1.0
        }
    };
    let x = |gate: usize, k: usize| input[gate * n + k] + case.bias[gate * n + k];
    let weight = |j: usize, gate: usize, k: usize| case.recurrent[j * width + gate * n + k];
    let product = |gate: usize, k: usize| -> f64 {
        (0..n).map(|j| h[j] * mask(j) * weight(j, gate, k)).sum()
    };
    let unit = |k: usize| match case.shape.cell {
        Cell::Lstm => {
            let pre = |gate| x(gate, k) + product(gate, k);
            let c = sigmoid(pre(1)) * c[k] + sigmoid(pre(0)) * pre(2).tanh();
            (sigmoid(pre(3)) * c.tanh(), c)
        }
        Cell::Rnn => ((x(0, k) + product(0, k)).tanh(), 0.0),
        Cell::Gru { reset_after: true } => {
            let u = |gate: usize| product(gate, k) + case.bias[3 * n + gate * n + k];
            let z = sigmoid(x(0, k) + u(0));
            let v = (x(2, k) + sigmoid(x(1, k) + u(1)) * u(2)).tanh();
            (z * h[k] + (1.0 - z) * v, 0.0)
        }
        Cell::Gru { reset_after: false } => {
            let z = sigmoid(x(0, k) + product(0, k));
            let reset = |j: usize| sigmoid(x(1, j) + product(1, j)) * h[j] * mask(j);
            let v = (0..n).map(|j| reset(j) * weight(j, 2, k)).sum::<f64>();
            let v = (x(2, k) + v).tanh();
            (z * h[k] + (1.0 - z) * v, 0.0)
        }
    };
    (0..n).map(unit).unzip()
}

/// What layout `Both` returns.
fn expected(case: &Case<f64>) -> Vec<f64> {
    let s = case.shape;
    let (n, width) = (s.hidden, s.cell.gates() * s.hidden);
    let mut output = vec![0.0; (s.time + s.cell.states()) * s.batch * n];
    for row in 0..s.batch {
        let state = |index: usize| match s.initial && index < s.cell.states() {
            true => case.initial[(index * s.batch + row) * n..][..n].to_vec(),
            false => vec![0.0; n],
        };
        let (mut h, mut c) = (state(0), state(1));
        let length = if s.lengths { case.lengths[row] } else { s.time };
        for turn in 0..s.time {
            let step = match s.direction {
                Direction::Forward => turn,
                Direction::Reverse => s.time - 1 - turn,
            };
            let at = step * s.batch + row;
            if step < length {
                let input = if s.gather { case.ids[at] as usize } else { at };
                (h, c) = next(case, row, &case.input[input * width..][..width], &h, &c);
            }
            output[at * n..][..n].copy_from_slice(&h);
        }
        for (index, state) in [h, c].iter().take(s.cell.states()).enumerate() {
            output[((s.time + index) * s.batch + row) * n..][..n].copy_from_slice(state);
        }
    }
    output
}

#[test]
#[cfg_attr(miri, ignore = "the code in double precision is safe")]
fn the_plain_path_computes_the_equations() {
    for (seed, shape) in shapes(4, 3, 3).enumerate() {
        let case = Case::new(shape, seed as u64);
        let both = expected(&case);
        let (sequence, last) = both.split_at(shape.time * shape.batch * shape.hidden);
        let expected = match shape.layout {
            Layout::Sequence => sequence,
            Layout::FinalState => last,
            Layout::Both => &both,
        };
        assert_close(&case.infer(), expected, 1e-12, &shape);
    }
}
