//! Problems with random operands, shared by the tests.
#![allow(dead_code)]

use rnn_kernels::{
    Cell, Direction, Float, Gradients, Input, Layout, Level, Precision, Problem, Saved,
};

pub const CELLS: [Cell; 4] = [
    Cell::Lstm,
    Cell::Gru { reset_after: true },
    Cell::Gru { reset_after: false },
    Cell::Rnn,
];
pub const DIRECTIONS: [Direction; 2] = [Direction::Forward, Direction::Reverse];
pub const LAYOUTS: [Layout; 3] = [Layout::Sequence, Layout::FinalState, Layout::Both];

/// SplitMix64 (Steele, Lea & Flood 2014).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// Uniform in `-scale..scale`.
    pub fn values(&mut self, n: usize, scale: f64) -> Vec<f64> {
        (0..n)
            .map(|_| ((self.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0) * scale)
            .collect()
    }
}

/// The shape of a problem and which of its options are used.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub cell: Cell,
    pub direction: Direction,
    pub layout: Layout,
    pub time: usize,
    pub batch: usize,
    pub hidden: usize,
    pub lengths: bool,
    pub gather: bool,
    pub initial: bool,
    pub mask: bool,
}

/// A problem that owns its operands.
#[derive(Clone, Debug)]
pub struct Case<T> {
    pub shape: Shape,
    pub lengths: Vec<usize>,
    pub ids: Vec<i32>,
    /// Dense values or the table.
    pub input: Vec<T>,
    pub recurrent: Vec<T>,
    pub bias: Vec<T>,
    pub initial: Vec<T>,
    pub mask: Vec<T>,
    /// A gradient of the output.
    pub d_output: Vec<T>,
    /// How products read their operands.
    pub precision: Precision,
}

impl Case<f64> {
    pub fn new(shape: Shape, seed: u64) -> Self {
        let mut random = Random(seed);
        let Shape {
            cell,
            time,
            batch,
            hidden,
            layout,
            ..
        } = shape;
        let (columns, rows) = (cell.gates() * hidden, 7);
        let inputs = if shape.gather { rows } else { time * batch };
        // As an initialiser would scale them, so that big layers neither saturate nor vanish.
        let scale = (3.0 / hidden.max(1) as f64).sqrt().min(1.0);
        Case {
            shape,
            lengths: (0..batch).map(|_| random.below(time + 1)).collect(),
            ids: (0..time * batch)
                .map(|_| random.below(rows) as i32)
                .collect(),
            input: random.values(inputs * columns, 1.5),
            recurrent: random.values(hidden * columns, scale),
            bias: random.values(cell.bias_len(hidden), 1.0),
            initial: random.values(cell.states() * batch * hidden, 1.0),
            mask: random
                .values(batch * hidden, 1.0)
                .iter()
                .map(|&x| if x < -0.5 { 0.0 } else { 1.25 })
                .collect(),
            d_output: random.values(layout.steps(cell, time) * batch * hidden, 1.0),
            precision: Precision::Single,
        }
    }

    pub fn to_f32(&self) -> Case<f32> {
        let narrow = |x: &[f64]| x.iter().map(|&x| x as f32).collect();
        Case {
            shape: self.shape,
            lengths: self.lengths.clone(),
            ids: self.ids.clone(),
            input: narrow(&self.input),
            recurrent: narrow(&self.recurrent),
            bias: narrow(&self.bias),
            initial: narrow(&self.initial),
            mask: narrow(&self.mask),
            d_output: narrow(&self.d_output),
            precision: self.precision,
        }
    }
}

impl<T: Float> Case<T> {
    pub fn problem(&self) -> Problem<'_, T> {
        let s = self.shape;
        Problem {
            cell: s.cell,
            direction: s.direction,
            time: s.time,
            batch: s.batch,
            hidden: s.hidden,
            lengths: s.lengths.then_some(&self.lengths),
            input: if s.gather {
                Input::Gather {
                    table: &self.input,
                    ids: &self.ids,
                }
            } else {
                Input::Dense(&self.input)
            },
            recurrent: &self.recurrent,
            bias: &self.bias,
            initial: s.initial.then_some(&self.initial),
            mask: s.mask.then_some(&self.mask),
            precision: self.precision,
        }
    }

    pub fn infer(&self) -> Vec<T> {
        rnn_kernels::infer(&self.problem(), self.shape.layout)
    }

    pub fn forward(&self) -> (Vec<T>, Saved<T>) {
        rnn_kernels::forward(&self.problem(), self.shape.layout)
    }

    pub fn backward(&self, output: &[T], saved: &Saved<T>) -> Gradients<T> {
        rnn_kernels::backward(
            &self.problem(),
            self.shape.layout,
            output,
            saved.as_ref(),
            &self.d_output,
        )
    }

    pub fn gradients(&self) -> Gradients<T> {
        let (output, saved) = self.forward();
        self.backward(&output, &saved)
    }
}

/// Every combination of cell, direction, layout and options for one size.
pub fn shapes(time: usize, batch: usize, hidden: usize) -> impl Iterator<Item = Shape> {
    let options = move |cell, direction, layout, bits: u8| Shape {
        cell,
        direction,
        layout,
        time,
        batch,
        hidden,
        lengths: bits & 1 != 0,
        gather: bits & 2 != 0,
        initial: bits & 4 != 0,
        mask: bits & 8 != 0,
    };
    CELLS.into_iter().flat_map(move |cell| {
        DIRECTIONS.into_iter().flat_map(move |direction| {
            LAYOUTS.into_iter().flat_map(move |layout| {
                (0..16).map(move |bits| options(cell, direction, layout, bits))
            })
        })
    })
}

/// Panics where two buffers differ by more than `tolerance`, relative to `1 + |expected|`.
pub fn assert_close(actual: &[f64], expected: &[f64], tolerance: f64, what: &dyn std::fmt::Debug) {
    assert_eq!(actual.len(), expected.len(), "length, {what:?}");
    for (place, (&a, &e)) in actual.iter().zip(expected).enumerate() {
        assert!(
            (a - e).abs() <= tolerance * (1.0 + e.abs()),
            "{a} for {e} at {place}, {what:?}"
        );
    }
}

/// Runs the tests of this file on every other level that the processor has, each in a process of its
/// own, since the level is chosen once a process.
pub fn run_on_every_level() {
    let variable = "RNN_KERNELS_SIMD";
    if std::env::var_os(variable).is_some() {
        return;
    }
    for level in &Level::available()[1..] {
        let mut tests = std::process::Command::new(std::env::current_exe().unwrap());
        let output = tests.env(variable, level.name()).output().unwrap();
        assert!(
            output.status.success(),
            "{level:?}: {}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
}

/// Numbers exactly as they are, to be compared bit by bit.
pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

pub fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&x| f64::from(x)).collect()
}
