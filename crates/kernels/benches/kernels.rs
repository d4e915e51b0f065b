//! Each kernel across sizes: `cargo bench -p rnn-kernels`, or `-- gru` for those of a name.
//! `RNN_KERNELS_SIMD=portable` compares vectors with none; threads are as many as
//! there are cores that it may use (`taskset -c 0` gives one).

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rnn_kernels::{
    AdamStep, Cell, Direction, HardAttention, Input, Jumps, Layout, Order, PackedMatrix, Precision,
    Problem, ProductShape, StoredMatrix, adam, backward, batched_product, forward, infer, product,
    product_in, round_to_bf16, softmax_cross_entropy, stored_product, tanh,
};

/// Numbers between -0.5 and 0.5 that look random.
fn numbers(len: usize) -> Vec<f32> {
    let hash = |i: usize| (i as u32).wrapping_mul(2_654_435_761) >> 8;
    (0..len)
        .map(|i| hash(i) as f32 / (1 << 24) as f32 - 0.5)
        .collect()
}

const STEPS: usize = 10;

/// Forward and backward pass over sequences of ten steps, and one step for decoding.
fn recurrences(criterion: &mut Criterion) {
    let cells = [
        ("lstm", Cell::Lstm),
        ("gru", Cell::Gru { reset_after: true }),
        ("gru-original", Cell::Gru { reset_after: false }),
        ("rnn", Cell::Rnn),
    ];
    for (name, cell) in cells {
        let mut group = criterion.benchmark_group(name);
        for (hidden, batch) in [(64, 16), (128, 1), (128, 128), (256, 64), (512, 128)] {
            let width = cell.gates() * hidden;
            let (input, recurrent) = (numbers(STEPS * batch * width), numbers(hidden * width));
            let bias = numbers(cell.bias_len(hidden));
            let problem = Problem {
                cell,
                direction: Direction::Forward,
                time: STEPS,
                batch,
                hidden,
                lengths: None,
                input: Input::Dense(&input),
                recurrent: &recurrent,
                bias: &bias,
                initial: None,
                mask: None,
                precision: Precision::Single,
            };
            let size = format!("hidden {hidden}, batch {batch}");
            group.throughput(Throughput::Elements((STEPS * batch) as u64));
            group.bench_function(BenchmarkId::new("forward", &size), |bencher| {
                bencher.iter(|| forward(black_box(&problem), Layout::Sequence));
            });
            let (output, saved) = forward(&problem, Layout::Sequence);
            let gradient = numbers(output.len());
            group.bench_function(BenchmarkId::new("backward", &size), |bencher| {
                bencher.iter(|| {
                    let problem = black_box(&problem);
                    let saved = saved.as_ref();
                    backward(problem, Layout::Sequence, &output, saved, &gradient)
                });
            });
            let step = Problem {
                time: 1,
                input: Input::Dense(&input[..batch * width]),
                ..problem
            };
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_function(BenchmarkId::new("step", &size), |bencher| {
                bencher.iter(|| infer(black_box(&step), Layout::FinalState));
            });
        }
        group.finish();
    }
}

/// An LSTM, forward and backward, with one size varied at a time. The throughput is in floating-point
/// operations a second, so time grows as the arithmetic does where it stays the same.
fn curves(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("curves");
    let hidden = [32, 64, 128, 256, 512, 1024].map(|hidden| ("hidden", hidden, [hidden, 64, 10]));
    let batch = [1, 4, 16, 64, 256].map(|batch| ("batch", batch, [128, batch, 10]));
    let steps = [2, 5, 20, 80].map(|steps| ("steps", steps, [128, 64, steps]));
    for (name, size, [hidden, batch, time]) in hidden.into_iter().chain(batch).chain(steps) {
        let width = 4 * hidden;
        let (input, recurrent) = (numbers(time * batch * width), numbers(hidden * width));
        let bias = numbers(width);
        let problem = Problem {
            cell: Cell::Lstm,
            direction: Direction::Forward,
            time,
            batch,
            hidden,
            lengths: None,
            input: Input::Dense(&input),
            recurrent: &recurrent,
            bias: &bias,
            initial: None,
            mask: None,
            precision: Precision::Single,
        };
        let gradient = numbers(time * batch * hidden);
        // The first step starts from zeros, which takes no product.
        let products = 3 * (time - 1);
        group.throughput(Throughput::Elements(
            (2 * products * batch * hidden * width) as u64,
        ));
        group.bench_function(BenchmarkId::new(name, size), |bencher| {
            bencher.iter(|| {
                let problem = black_box(&problem);
                let (output, saved) = forward(problem, Layout::Sequence);
                backward(
                    problem,
                    Layout::Sequence,
                    &output,
                    saved.as_ref(),
                    &gradient,
                )
            });
        });
    }
    group.finish();
}

fn products(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("product");
    let orders = [
        ("rows", Order::Rows, Order::Rows),
        ("right transposed", Order::Rows, Order::Transposed),
        ("left transposed", Order::Transposed, Order::Rows),
    ];
    for [rows, inner, columns] in [
        [1, 128, 512],
        [128, 128, 512],
        [1280, 256, 64],
        [1280, 512, 1024],
    ] {
        let (left, right) = (numbers(rows * inner), numbers(inner * columns));
        let shape = ProductShape {
            rows,
            inner,
            columns,
        };
        group.throughput(Throughput::Elements((2 * rows * inner * columns) as u64));
        for (name, left_order, right_order) in orders {
            let size = format!("{rows} x {inner} x {columns}");
            group.bench_function(BenchmarkId::new(name, size), |bencher| {
                bencher.iter(|| {
                    let (left, right) = ((&left[..], left_order), (&right[..], right_order));
                    product(black_box(shape), left, right)
                });
            });
        }
    }
    group.finish();
}

/// An LSTM in both precisions, and the products of its training step: of the layer, of its gradient, of the
/// weights' gradient. Batches are as large as the parts in which training computes them.
fn precisions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("precision");
    let (rows, transposed) = (Order::Rows, Order::Transposed);
    for [batch, hidden] in [[64, 128], [32, 256], [128, 512]] {
        let width = 4 * hidden;
        let (input, recurrent) = (numbers(STEPS * batch * width), numbers(hidden * width));
        let bias = numbers(width);
        let gradient = numbers(STEPS * batch * hidden);
        group.throughput(Throughput::Elements((STEPS * batch) as u64));
        for precision in [Precision::Single, Precision::Bfloat16] {
            let problem = Problem {
                cell: Cell::Lstm,
                direction: Direction::Forward,
                time: STEPS,
                batch,
                hidden,
                lengths: None,
                input: Input::Dense(&input),
                recurrent: &recurrent,
                bias: &bias,
                initial: None,
                mask: None,
                precision,
            };
            let size = format!("{precision:?}, hidden {hidden}, batch {batch}");
            group.bench_function(BenchmarkId::new("forward", &size), |bencher| {
                bencher.iter(|| forward(black_box(&problem), Layout::Sequence));
            });
            let (output, saved) = forward(&problem, Layout::Sequence);
            group.bench_function(BenchmarkId::new("backward", &size), |bencher| {
                bencher.iter(|| {
                    let (problem, saved) = (black_box(&problem), saved.as_ref());
                    backward(problem, Layout::Sequence, &output, saved, &gradient)
                });
            });
        }
        for (name, [rows_of, inner, columns], left_order, right_order) in [
            ("layer", [batch, hidden, 4 * hidden], rows, rows),
            ("gradient", [batch, 4 * hidden, hidden], rows, transposed),
            (
                "weights",
                [hidden, 10 * batch, 4 * hidden],
                transposed,
                rows,
            ),
        ] {
            let (left, right) = (numbers(rows_of * inner), numbers(inner * columns));
            let shape = ProductShape {
                rows: rows_of,
                inner,
                columns,
            };
            group.throughput(Throughput::Elements((2 * rows_of * inner * columns) as u64));
            for precision in [Precision::Single, Precision::Bfloat16] {
                let size = format!("{precision:?}, {rows_of} x {inner} x {columns}");
                group.bench_function(BenchmarkId::new(name, size), |bencher| {
                    bencher.iter(|| {
                        let (left, right) = ((&left[..], left_order), (&right[..], right_order));
                        product_in(precision, black_box(shape), left, right)
                    });
                });
            }
        }
    }
    group.finish();
}

fn sequences(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("batched product");
    for [batch, rows, inner, columns] in [[128, 1, 512, 12], [128, 13, 512, 12], [64, 59, 256, 16]]
    {
        let shape = ProductShape {
            rows,
            inner,
            columns,
        };
        let (left, right) = (
            numbers(batch * rows * inner),
            numbers(batch * inner * columns),
        );
        let operations = 2 * batch * rows * inner * columns;
        group.throughput(Throughput::Elements(operations as u64));
        for (name, right_order) in [
            ("rows", Order::Rows),
            ("right transposed", Order::Transposed),
        ] {
            let size = format!("{batch} x {rows} x {inner} x {columns}");
            group.bench_function(BenchmarkId::new(name, size), |bencher| {
                bencher.iter(|| {
                    let (left, right) = ((&left[..], Order::Rows), (&right[..], right_order));
                    batched_product(batch, black_box(shape), left, right)
                });
            });
        }
    }
    group.finish();
}

fn elementwise(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("elementwise");
    for len in [10_000, 1_000_000] {
        group.throughput(Throughput::Elements(len as u64));
        let mut values = numbers(len);
        group.bench_function(BenchmarkId::new("tanh", len), |bencher| {
            bencher.iter(|| tanh(black_box(&mut values)));
        });
        let (gradient, mut weights) = (numbers(len), numbers(len));
        let (mut first, mut second) = (vec![0.0; len], vec![0.0; len]);
        let step = AdamStep {
            rate: 0.001,
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-7,
            weight_decay: 0.0,
            step: 10,
            scale: 1.0,
        };
        group.bench_function(BenchmarkId::new("adam", len), |bencher| {
            bencher.iter(|| {
                adam(
                    black_box(&step),
                    &mut weights,
                    &gradient,
                    &mut first,
                    &mut second,
                );
            });
        });
    }
    group.finish();
}

/// One row, as a single input has it, and many, with a matrix of each precision.
fn stored(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stored");
    for (rows, inner, columns) in [
        (1, 512, 2048),
        (1, 512, 512),
        (5, 512, 2048),
        (32, 512, 2048),
    ] {
        let shape = ProductShape {
            rows,
            inner,
            columns,
        };
        let (left, matrix) = (numbers(rows * inner), numbers(inner * columns));
        let (mut bf16, scales) = (vec![0; matrix.len()], vec![0.01; columns]);
        round_to_bf16(&matrix, &mut bf16);
        let int8: Vec<i8> = matrix.iter().map(|x| (x * 127.0) as i8).collect();
        let int8 = StoredMatrix::Int8 {
            values: &int8,
            scales: &scales,
        };
        let stored = [
            ("f32", StoredMatrix::F32(&matrix)),
            ("bf16", StoredMatrix::Bf16(&bf16)),
            ("int8", int8),
        ];
        group.throughput(Throughput::Elements(matrix.len() as u64));
        for (name, stored) in stored {
            let packed = PackedMatrix::stored(inner, columns, stored);
            let id = BenchmarkId::new(name, format!("{rows} x {inner} x {columns}"));
            group.bench_function(id, |bencher| {
                bencher.iter(|| match rows < 8 {
                    true => stored_product(shape, black_box(&left), stored),
                    false => packed.product(black_box(&left), rows),
                });
            });
        }
    }
    group.finish();
}

fn losses(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("softmax_cross_entropy");
    for (rows, classes) in [(512, 13), (1280, 64), (1280, 1000)] {
        let logits = numbers(rows * classes);
        let expected: Vec<i32> = (0..rows).map(|row| (row % classes) as i32).collect();
        let mut gradient = vec![0.0; logits.len()];
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_function(
            BenchmarkId::from_parameter(format!("{rows} x {classes}")),
            |bencher| {
                bencher.iter(|| {
                    let gradient = Some(&mut gradient[..]);
                    softmax_cross_entropy(black_box(&logits), classes, &expected, 0.1, gradient)
                });
            },
        );
    }
    group.finish();
}

fn hard_attention(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hard_attention");
    for (batch, steps, places, symbols) in [(64, 8, 9, 42), (16, 20, 20, 64)] {
        let moves = Jumps {
            window: 5,
            monotonic: true,
        };
        let rows = batch * steps;
        let (target_lengths, source_lengths) = (vec![steps; batch], vec![places; batch]);
        let mut start = vec![0.0; batch * places];
        start
            .iter_mut()
            .step_by(places)
            .for_each(|first| *first = 1.0);
        let content = numbers(rows * places);
        let jumps = numbers(rows * moves.count());
        let actions = numbers(rows * places * symbols);
        let written: Vec<i32> = (0..rows).map(|row| (row % symbols) as i32).collect();
        let problem = HardAttention {
            steps,
            places,
            symbols,
            target_lengths: &target_lengths,
            source_lengths: &source_lengths,
            start: &start,
            content: &content,
            jumps: Some(&jumps),
            moves,
            actions: &actions,
            copied: None,
            written: &written,
        };
        let size = format!("{batch} x {steps} x {places} x {symbols}");
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_function(BenchmarkId::new("forward", &size), |bencher| {
            bencher.iter(|| black_box(&problem).forward());
        });
        let output = problem.forward();
        let gradient = numbers(output.log_probs.len());
        group.bench_function(BenchmarkId::new("backward", &size), |bencher| {
            bencher.iter(|| black_box(&problem).backward(output.as_ref(), &gradient));
        });
    }
    group.finish();
}

criterion_group! {
    name = kernels;
    config = Criterion::default().sample_size(20);
    targets = recurrences, curves, products, precisions, stored, sequences, elementwise, losses, hard_attention
}
criterion_main!(kernels);
