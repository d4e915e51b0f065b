//! Forward, sequence by sequence.

use super::Sequence;
use crate::float::Number;
use crate::problem::{Cell, Direction, Layout, Problem, Saved};

/// See [`crate::infer`].
pub(crate) fn infer<T: Number>(problem: &Problem<T>, layout: Layout) -> Vec<T> {
    forward(problem, layout).0
}

/// See [`crate::forward`].
pub(crate) fn forward<T: Number>(p: &Problem<T>, layout: Layout) -> (Vec<T>, Saved<T>) {
    p.check();
    let (n, rows) = (p.hidden, p.time * p.batch);
    let is_lstm = p.cell == Cell::Lstm;
    let zeros = |needed: bool, len: usize| vec![T::ZERO; if needed { len } else { 0 }];
    let mut saved = Saved {
        activations: zeros(p.cell != Cell::Rnn, rows * 4 * n),
        cells: zeros(is_lstm, rows * n),
        hidden: zeros(true, rows * n),
    };
    let mut last = zeros(true, p.states_len());
    for row in 0..p.batch {
        let sequence = Sequence { p, row };
        let (mut h, mut c) = (sequence.initial(0), sequence.initial(p.cell.states() - 1));
        let steps = sequence.steps();
        let ended = steps.len()..p.time;
        if p.direction == Direction::Reverse {
            ended
                .clone()
                .for_each(|step| put(&mut saved.hidden, sequence.at(step), &h));
        }
        for &step in &steps {
            let gates = sequence.step(step, &mut h, &mut c);
            put(&mut saved.activations, sequence.at(step), &gates);
            put(&mut saved.hidden, sequence.at(step), &h);
            if is_lstm {
                put(&mut saved.cells, sequence.at(step), &c);
            }
        }
        if p.direction == Direction::Forward {
            ended.for_each(|step| put(&mut saved.hidden, sequence.at(step), &h));
        }
        put(&mut last, row, &h);
        if is_lstm {
            put(&mut last, p.batch + row, &c);
        }
    }
    match layout {
        Layout::FinalState => (last, saved),
        Layout::Sequence => (std::mem::take(&mut saved.hidden), saved),
        Layout::Both => {
            let mut output = std::mem::take(&mut saved.hidden);
            output.extend(last);
            (output, saved)
        }
    }
}

/// Writes row `index` of a matrix whose rows are as long as `values`.
fn put<T: Copy>(to: &mut [T], index: usize, values: &[T]) {
    to[index * values.len()..][..values.len()].copy_from_slice(values);
}

impl<T: Number> Sequence<'_, T> {
    /// One step of h and c; returns the gates to be saved, `[4 * hidden]`, none of a simple RNN.
    fn step(self, step: usize, h: &mut [T], c: &mut [T]) -> Vec<T> {
        let pre = self.preactivations(step);
        match self.p.cell {
            Cell::Lstm => self.lstm(pre, h, c),
            Cell::Gru { reset_after: true } => self.gru_reset_after(&pre, h),
            Cell::Gru { reset_after: false } => self.gru_reset_before(pre, h),
            Cell::Rnn => self.rnn(pre, h),
        }
    }

    fn lstm(self, mut a: Vec<T>, h: &mut [T], c: &mut [T]) -> Vec<T> {
        let n = self.p.hidden;
        self.add_product(&self.masked(h), 0, &mut a);
        for k in 0..n {
            let (i, f) = (a[k].sigmoid(), a[n + k].sigmoid());
            let (g, o) = (a[2 * n + k].tanh(), a[3 * n + k].sigmoid());
            (a[k], a[n + k], a[2 * n + k], a[3 * n + k]) = (i, f, g, o);
            c[k] = f * c[k] + i * g;
            h[k] = o * c[k].tanh();
        }
        a
    }

    fn gru_reset_after(self, a: &[T], h: &mut [T]) -> Vec<T> {
        let n = self.p.hidden;
        let mut u = self.p.bias[3 * n..].to_vec();
        self.add_product(&self.masked(h), 0, &mut u);
        let mut gates = vec![T::ZERO; 4 * n];
        for k in 0..n {
            let (z, r) = ((a[k] + u[k]).sigmoid(), (a[n + k] + u[n + k]).sigmoid());
            let v = (a[2 * n + k] + r * u[2 * n + k]).tanh();
            (gates[k], gates[n + k], gates[2 * n + k]) = (z, r, v);
            gates[3 * n + k] = u[2 * n + k];
            h[k] = z * h[k] + (T::ONE - z) * v;
        }
        gates
    }

    fn gru_reset_before(self, mut a: Vec<T>, h: &mut [T]) -> Vec<T> {
        let n = self.p.hidden;
        let masked = self.masked(h);
        self.add_product(&masked, 0, &mut a[..2 * n]);
        let r = a[n..2 * n].iter().map(|r| r.sigmoid());
        let reset: Vec<T> = r.zip(&masked).map(|(r, &h)| r * h).collect();
        self.add_product(&reset, 2 * n, &mut a[2 * n..]);
        for k in 0..n {
            let (z, r, v) = (a[k].sigmoid(), a[n + k].sigmoid(), a[2 * n + k].tanh());
            (a[k], a[n + k], a[2 * n + k]) = (z, r, v);
            h[k] = z * h[k] + (T::ONE - z) * v;
        }
        a.extend(reset);
        a
    }

    fn rnn(self, mut a: Vec<T>, h: &mut [T]) -> Vec<T> {
        self.add_product(&self.masked(h), 0, &mut a);
        h.iter_mut().zip(a).for_each(|(h, a)| *h = a.tanh());
        Vec::new()
    }
}
