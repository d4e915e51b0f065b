//! The recurrences themselves, step by step.

use crate::problem::{Cell, Gradients, Input, Layout, Problem, Saved, SavedRef};
use crate::product::{Float, Matrix, product};

/// Runs the recurrence and keeps nothing but the output.
pub fn infer<T: Float>(problem: &Problem<T>, layout: Layout) -> Vec<T> {
    forward(problem, layout).0
}

/// Runs the recurrence and keeps what [`backward`] needs.
pub fn forward<T: Float>(problem: &Problem<T>, layout: Layout) -> (Vec<T>, Saved<T>) {
    problem.check();
    let p = problem;
    let (state, width) = (p.batch * p.hidden, p.width());
    let zero = T::default();
    let mut hidden = vec![zero; p.time * state];
    let mut cells = vec![
        zero;
        if p.cell == Cell::Lstm {
            p.time * state
        } else {
            0
        }
    ];
    // Four blocks a step: the gates, and for a GRU what the recurrent product gave its candidate.
    let mut activations = vec![zero; p.time * p.batch * 4 * p.hidden];
    let (mut h, mut c) = initial(p);
    let mut pre = vec![zero; p.batch * width];
    for (turn, step) in p.order().into_iter().enumerate() {
        let skip_product = turn == 0 && p.initial.is_none();
        let gates = &mut activations[step * p.batch * 4 * p.hidden..][..p.batch * 4 * p.hidden];
        let masked = masked(p, &h);
        recurrent_product(p, &mut pre, &masked, skip_product);
        match p.cell {
            Cell::Lstm => lstm_step(p, step, &pre, gates, &mut h, &mut c),
            Cell::Gru { reset_after } => {
                gru_step(p, step, &mut pre, gates, &mut h, &masked, reset_after)
            }
        }
        hidden[step * state..][..state].copy_from_slice(&h);
        if p.cell == Cell::Lstm {
            cells[step * state..][..state].copy_from_slice(&c);
        }
    }
    let mut output = if layout == Layout::FinalState {
        Vec::new()
    } else {
        hidden.clone()
    };
    if layout != Layout::Sequence {
        output.extend_from_slice(&h);
        output.extend_from_slice(&c);
    }
    (
        output,
        Saved {
            activations,
            cells,
            hidden,
        },
    )
}

fn initial<T: Float>(p: &Problem<T>) -> (Vec<T>, Vec<T>) {
    let state = p.batch * p.hidden;
    let part = |index: usize| match p.initial {
        Some(initial) => initial[index * state..][..state].to_vec(),
        None => vec![T::default(); state],
    };
    (
        part(0),
        if p.cell == Cell::Lstm {
            part(1)
        } else {
            Vec::new()
        },
    )
}

/// h as the recurrent product reads it.
fn masked<T: Float>(p: &Problem<T>, h: &[T]) -> Vec<T> {
    match p.mask {
        Some(mask) => h.iter().zip(mask).map(|(&h, &m)| h * m).collect(),
        None => h.to_vec(),
    }
}

fn recurrent_product<T: Float>(p: &Problem<T>, pre: &mut [T], h: &[T], skip: bool) {
    if skip {
        pre.fill(T::default());
        return;
    }
    let h = Matrix::new(h, p.batch, p.hidden);
    product(pre, false, h, Matrix::new(p.recurrent, p.hidden, p.width()));
}

/// Pre-activations of one sequence at one step that come from the input.
fn input_row<'a, T>(p: &'a Problem<T>, step: usize, row: usize) -> &'a [T] {
    let (width, index) = (p.width(), step * p.batch + row);
    match p.input {
        Input::Dense(input) => &input[index * width..][..width],
        Input::Gather { table, ids } => &table[ids[index] as usize * width..][..width],
    }
}

fn lstm_step<T: Float>(
    p: &Problem<T>,
    step: usize,
    pre: &[T],
    gates: &mut [T],
    h: &mut [T],
    c: &mut [T],
) {
    let n = p.hidden;
    for row in 0..p.batch {
        if !p.runs(row, step) {
            continue;
        }
        let (x, u) = (input_row(p, step, row), &pre[row * 4 * n..][..4 * n]);
        let gates = &mut gates[row * 4 * n..][..4 * n];
        for ((gate, &x), (&u, &b)) in gates.iter_mut().zip(x).zip(u.iter().zip(p.bias)) {
            *gate = x + u + b;
        }
        lstm_cell(gates, &mut h[row * n..][..n], &mut c[row * n..][..n]);
    }
}

#[inline(never)]
fn lstm_cell<T: Float>(gates: &mut [T], h: &mut [T], c: &mut [T]) {
    let n = h.len();
    let (i, rest) = gates.split_at_mut(n);
    let (f, rest) = rest.split_at_mut(n);
    let (g, o) = rest.split_at_mut(n);
    let (o, c) = (&mut o[..n], &mut c[..n]);
    for k in 0..n {
        i[k] = i[k].sigmoid();
        f[k] = f[k].sigmoid();
        g[k] = g[k].tanh();
        o[k] = o[k].sigmoid();
        c[k] = f[k] * c[k] + i[k] * g[k];
        h[k] = o[k] * c[k].tanh();
    }
}

fn gru_step<T: Float>(
    p: &Problem<T>,
    step: usize,
    pre: &mut [T],
    gates: &mut [T],
    h: &mut [T],
    masked: &[T],
    reset_after: bool,
) {
    let n = p.hidden;
    let (input_bias, recurrent_bias) = p.bias.split_at(3 * n);
    let mut reset_h = vec![T::default(); p.batch * n];
    for row in 0..p.batch {
        let (x, u) = (input_row(p, step, row), &mut pre[row * 3 * n..][..3 * n]);
        if reset_after {
            u.iter_mut().zip(recurrent_bias).for_each(|(u, &b)| *u += b);
        }
        let gates = &mut gates[row * 4 * n..][..4 * n];
        for k in 0..n {
            gates[k] = (x[k] + u[k] + input_bias[k]).sigmoid();
            gates[n + k] = (x[n + k] + u[n + k] + input_bias[n + k]).sigmoid();
            gates[3 * n + k] = u[2 * n + k];
            reset_h[row * n + k] = gates[n + k] * masked[row * n + k];
        }
    }
    let candidate = if reset_after {
        Vec::new()
    } else {
        candidate_product(p, &reset_h)
    };
    for row in (0..p.batch).filter(|&row| p.runs(row, step)) {
        let x = input_row(p, step, row);
        let gates = &mut gates[row * 4 * n..][..4 * n];
        for k in 0..n {
            let u = if reset_after {
                gates[n + k] * gates[3 * n + k]
            } else {
                candidate[row * n + k]
            };
            let value = (x[2 * n + k] + input_bias[2 * n + k] + u).tanh();
            gates[2 * n + k] = value;
            let old = h[row * n + k];
            h[row * n + k] = value + gates[k] * (old - value);
        }
    }
}

/// The candidate's columns of the recurrent weights, multiplied by the reset state.
fn candidate_product<T: Float>(p: &Problem<T>, reset_h: &[T]) -> Vec<T> {
    let mut out = vec![T::default(); p.batch * p.hidden];
    product(
        &mut out,
        false,
        Matrix::new(reset_h, p.batch, p.hidden),
        candidate_weights(p),
    );
    out
}

fn candidate_weights<'a, T>(p: &Problem<'a, T>) -> Matrix<'a, T> {
    Matrix {
        values: &p.recurrent[2 * p.hidden..],
        rows: p.hidden,
        columns: p.hidden,
        row_stride: 3 * p.hidden,
        column_stride: 1,
    }
}

/// Gradients of everything that the recurrence read, given the gradient of its output.
pub fn backward<T: Float>(
    problem: &Problem<T>,
    layout: Layout,
    _output: &[T],
    saved: SavedRef<T>,
    d_output: &[T],
) -> Gradients<T> {
    problem.check();
    let p = problem;
    let (state, width) = (p.batch * p.hidden, p.width());
    let zero = T::default();
    let (h0, c0) = initial(p);
    let finals = &d_output[if layout == Layout::FinalState {
        0
    } else {
        (p.time * state).min(d_output.len())
    }..];
    let mut dh = if layout == Layout::Sequence {
        vec![zero; state]
    } else {
        finals[..state].to_vec()
    };
    let mut dc = match (p.cell, layout) {
        (Cell::Lstm, Layout::Sequence) => vec![zero; state],
        (Cell::Lstm, _) => finals[state..2 * state].to_vec(),
        _ => Vec::new(),
    };
    let mut d_pre = vec![zero; p.time * p.batch * width];
    let mut back = Backward {
        p,
        d_weights: vec![zero; p.hidden * width],
        d_recurrent_bias: vec![zero; 3 * p.hidden],
    };
    let order = p.order();
    for (turn, &step) in order.iter().enumerate().rev() {
        if layout != Layout::FinalState {
            dh.iter_mut()
                .zip(&d_output[step * state..][..state])
                .for_each(|(a, &b)| *a += b);
        }
        let (h, c) = match turn.checked_sub(1).map(|turn| order[turn]) {
            Some(before) => (
                &saved.hidden[before * state..][..state],
                saved
                    .cells
                    .get(before * state..(before + 1) * state)
                    .unwrap_or(&[]),
            ),
            None => (&h0[..], &c0[..]),
        };
        let gates = &saved.activations[step * p.batch * 4 * p.hidden..][..p.batch * 4 * p.hidden];
        let d_pre = &mut d_pre[step * p.batch * width..][..p.batch * width];
        match p.cell {
            Cell::Lstm => {
                let cells = &saved.cells[step * state..][..state];
                back.lstm(step, gates, cells, h, c, d_pre, &mut dh, &mut dc);
            }
            Cell::Gru { reset_after } => back.gru(step, gates, h, d_pre, &mut dh, reset_after),
        }
    }
    let bias = bias_gradient(p, &d_pre, &back.d_recurrent_bias);
    let mut initial = dh;
    initial.extend_from_slice(&dc);
    Gradients {
        input: input_gradient(p, d_pre),
        recurrent: back.d_weights,
        bias,
        initial,
    }
}

struct Backward<'a, T> {
    p: &'a Problem<'a, T>,
    d_weights: Vec<T>,
    d_recurrent_bias: Vec<T>,
}

impl<T: Float> Backward<'_, T> {
    #[allow(clippy::too_many_arguments)]
    fn lstm(
        &mut self,
        step: usize,
        gates: &[T],
        cells: &[T],
        h: &[T],
        c: &[T],
        d_pre: &mut [T],
        dh: &mut [T],
        dc: &mut [T],
    ) {
        let n = self.p.hidden;
        let mut kept = vec![T::default(); dh.len()];
        for row in 0..self.p.batch {
            let at = row * n..(row + 1) * n;
            if !self.p.runs(row, step) {
                kept[at.clone()].copy_from_slice(&dh[at]);
                continue;
            }
            lstm_cell_backward(
                &gates[row * 4 * n..][..4 * n],
                &cells[at.clone()],
                &c[at.clone()],
                &dh[at.clone()],
                &mut dc[at],
                &mut d_pre[row * 4 * n..][..4 * n],
            );
        }
        self.through_product(h, d_pre, dh, &kept);
    }

    /// From the gradient of `h W` to those of W (added) and of h.
    fn through_product(&mut self, h: &[T], d_product: &[T], dh: &mut [T], kept: &[T]) {
        let p = self.p;
        let d = Matrix::new(d_product, p.batch, p.width());
        let weights = Matrix::new(p.recurrent, p.hidden, p.width());
        product(dh, false, d, weights.transposed());
        if let Some(mask) = p.mask {
            dh.iter_mut().zip(mask).for_each(|(d, &m)| *d = *d * m);
        }
        dh.iter_mut().zip(kept).for_each(|(d, &k)| *d += k);
        let h = masked(p, h);
        product(
            &mut self.d_weights,
            true,
            Matrix::new(&h, p.batch, p.hidden).transposed(),
            d,
        );
    }

    fn gru(
        &mut self,
        step: usize,
        gates: &[T],
        h: &[T],
        d_pre: &mut [T],
        dh: &mut [T],
        reset_after: bool,
    ) {
        let p = self.p;
        let n = p.hidden;
        let h_masked = masked(p, h);
        let mut d_product = vec![T::default(); p.batch * 3 * n];
        let mut kept = vec![T::default(); dh.len()];
        let mut d_candidate = vec![T::default(); p.batch * n];
        for row in 0..p.batch {
            let at = row * n;
            if !p.runs(row, step) {
                kept[at..at + n].copy_from_slice(&dh[at..at + n]);
                continue;
            }
            let gates = &gates[row * 4 * n..][..4 * n];
            let d_pre = &mut d_pre[row * 3 * n..][..3 * n];
            for k in 0..n {
                let (z, value, d) = (gates[k], gates[2 * n + k], dh[at + k]);
                kept[at + k] = d * z;
                d_pre[k] = d * (h[at + k] - value) * z * (T::ONE - z);
                let dv = d * (T::ONE - z) * (T::ONE - value * value);
                d_pre[2 * n + k] = dv;
                d_candidate[at + k] = dv;
            }
        }
        // Before the product: the gradient of r h. After it: that of the product is r times it.
        let mut d_reset = vec![T::default(); p.batch * n];
        if !reset_after {
            let d = Matrix::new(&d_candidate, p.batch, n);
            product(&mut d_reset, false, d, candidate_weights(p).transposed());
            self.candidate_weight_gradient(gates, &h_masked, &d_candidate);
        }
        for row in (0..p.batch).filter(|&row| p.runs(row, step)) {
            let gates = &gates[row * 4 * n..][..4 * n];
            for k in 0..n {
                let (r, index) = (gates[n + k], row * n + k);
                let dr = if reset_after {
                    d_candidate[index] * gates[3 * n + k]
                } else {
                    let masked_part =
                        d_reset[index] * r * p.mask.map_or(T::ONE, |mask| mask[index]);
                    kept[index] += masked_part;
                    d_reset[index] * h_masked[index]
                };
                let d_pre = &mut d_pre[row * 3 * n..][..3 * n];
                d_pre[n + k] = dr * r * (T::ONE - r);
                let d_product = &mut d_product[row * 3 * n..][..3 * n];
                (d_product[k], d_product[n + k]) = (d_pre[k], d_pre[n + k]);
                d_product[2 * n + k] = if reset_after {
                    d_candidate[index] * r
                } else {
                    T::default()
                };
            }
        }
        for row in d_product.chunks_exact(3 * n) {
            self.d_recurrent_bias
                .iter_mut()
                .zip(row)
                .for_each(|(b, &d)| *b += d);
        }
        self.through_product(h, &d_product, dh, &kept);
    }

    fn candidate_weight_gradient(&mut self, gates: &[T], h: &[T], d_candidate: &[T]) {
        let (p, n) = (self.p, self.p.hidden);
        let reset_h: Vec<T> = (0..p.batch * n)
            .map(|i| gates[(i / n) * 4 * n + n + i % n] * h[i])
            .collect();
        let mut d = vec![T::default(); n * n];
        let left = Matrix::new(&reset_h, p.batch, n).transposed();
        product(&mut d, false, left, Matrix::new(d_candidate, p.batch, n));
        for (row, d) in self
            .d_weights
            .chunks_exact_mut(3 * n)
            .zip(d.chunks_exact(n))
        {
            row[2 * n..].iter_mut().zip(d).for_each(|(w, &d)| *w += d);
        }
    }
}

#[inline(never)]
fn lstm_cell_backward<T: Float>(
    gates: &[T],
    cells: &[T],
    c: &[T],
    dh: &[T],
    dc: &mut [T],
    d_pre: &mut [T],
) {
    let n = dh.len();
    let (i, rest) = gates.split_at(n);
    let (f, rest) = rest.split_at(n);
    let (g, o) = rest.split_at(n);
    let (di, rest) = d_pre.split_at_mut(n);
    let (df, rest) = rest.split_at_mut(n);
    let (dg, d_o) = rest.split_at_mut(n);
    let (cells, c, dc, o, d_o) = (&cells[..n], &c[..n], &mut dc[..n], &o[..n], &mut d_o[..n]);
    for k in 0..n {
        let t = cells[k].tanh();
        let d = dc[k] + dh[k] * o[k] * (T::ONE - t * t);
        d_o[k] = dh[k] * t * o[k] * (T::ONE - o[k]);
        di[k] = d * g[k] * i[k] * (T::ONE - i[k]);
        dg[k] = d * i[k] * (T::ONE - g[k] * g[k]);
        df[k] = d * c[k] * f[k] * (T::ONE - f[k]);
        dc[k] = d * f[k];
    }
}

fn bias_gradient<T: Float>(p: &Problem<T>, d_pre: &[T], d_recurrent: &[T]) -> Vec<T> {
    let mut bias = vec![T::default(); p.width()];
    for row in d_pre.chunks_exact(p.width()) {
        bias.iter_mut().zip(row).for_each(|(b, &d)| *b += d);
    }
    if p.cell == (Cell::Gru { reset_after: true }) {
        bias.extend_from_slice(d_recurrent);
    }
    bias
}

fn input_gradient<T: Float>(p: &Problem<T>, d_pre: Vec<T>) -> Vec<T> {
    let Input::Gather { table, ids } = p.input else {
        return d_pre;
    };
    let width = p.width();
    let mut gradient = vec![T::default(); table.len()];
    for (&id, row) in ids.iter().zip(d_pre.chunks_exact(width)) {
        let sum = &mut gradient[id as usize * width..][..width];
        sum.iter_mut().zip(row).for_each(|(s, &d)| *s += d);
    }
    gradient
}
