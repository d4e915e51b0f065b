//! Products that read bf16: within its rounding of double precision, and all that holds in single precision.

mod common;

use common::{CELLS, Case, DIRECTIONS, LAYOUTS, Random, Shape, assert_close, bits, shapes, widen};
use rnn_kernels::{Order, Precision, ProductShape, product, product_in, with_threads};

/// Half the distance from one number of bf16 to the next, relative to it.
const UNIT: f64 = 1.0 / 256.0;

const ORDERS: [[Order; 2]; 4] = [
    [Order::Rows, Order::Rows],
    [Order::Rows, Order::Transposed],
    [Order::Transposed, Order::Rows],
    [Order::Transposed, Order::Transposed],
];

/// The nearest number of bf16, ties to the even one, found in double precision.
fn rounded(value: f32) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    let exponent = f64::from(value).abs().log2().floor();
    let step = (exponent - 7.0).exp2();
    (f64::from(value) / step).round_ties_even() * step
}

/// The element of a matrix of `[rows, columns]`, or of one stored transposed.
fn at(order: Order, [rows, columns]: [usize; 2], row: usize, column: usize) -> usize {
    match order {
        Order::Rows => row * columns + column,
        Order::Transposed => column * rows + row,
    }
}

fn values(random: &mut Random, len: usize) -> Vec<f32> {
    random.values(len, 1.0).iter().map(|&x| x as f32).collect()
}

fn bf16_product(shape: ProductShape, left: (&[f32], Order), right: (&[f32], Order)) -> Vec<f32> {
    product_in(Precision::Bfloat16, shape, left, right)
}

fn check_product(shape: ProductShape, [l, r]: [Order; 2], seed: u64) {
    let ProductShape {
        rows,
        inner,
        columns,
    } = shape;
    let mut random = Random(seed);
    let left = values(&mut random, rows * inner);
    let right = values(&mut random, inner * columns);
    let found = bf16_product(shape, (&left, l), (&right, r));
    // A few rows with a matrix as it lies are multiplied in single precision.
    let is_single = rows < 8 && l == Order::Rows && r == Order::Rows;
    for (place, &found) in found.iter().enumerate() {
        let (row, column) = (place / columns, place % columns);
        let (mut exact, mut of_rounded, mut sizes) = (0.0, 0.0, 0.0);
        for k in 0..inner {
            let left = left[at(l, [rows, inner], row, k)];
            let right = right[at(r, [inner, columns], k, column)];
            exact += f64::from(left) * f64::from(right);
            of_rounded += rounded(left) * rounded(right);
            sizes += (f64::from(left) * f64::from(right)).abs();
        }
        let found = f64::from(found);
        let sum = sizes * 1.1 * (inner + 2) as f64 * f64::from(f32::EPSILON);
        let bound = sizes * (2.0 * UNIT + UNIT * UNIT) + sum;
        let error = (found - exact).abs();
        assert!(error <= bound, "{error} {bound} {shape:?} {l:?} {r:?}");
        if !is_single {
            let error = (found - of_rounded).abs();
            assert!(error <= sum, "{error} {sum} {shape:?} {l:?} {r:?}");
        }
    }
}

#[test]
fn products_of_every_size_are_as_exact_as_their_operands() {
    let last = if cfg!(miri) { 2 } else { 70 };
    for size in 0..=last {
        let shape = ProductShape {
            rows: 1 + size * 31 % 71,
            inner: size,
            columns: 1 + size * 17 % 73,
        };
        for orders in ORDERS {
            check_product(shape, orders, size as u64);
        }
    }
    // Longer than what is packed, or summed in registers, at a time.
    for inner in [1031, 1536] {
        let shape = ProductShape {
            rows: 19,
            inner: if cfg!(miri) { 9 } else { inner },
            columns: 37,
        };
        for orders in ORDERS {
            check_product(shape, orders, 99);
        }
    }
}

/// Largest difference of a recurrence and its gradients, relative to `1 + |expected|`: some roundings of a
/// step, and what later steps make of them.
const TOLERANCE: f64 = 8.0 * UNIT;

fn check_recurrence(shape: Shape, seed: u64) {
    let exact = Case::new(shape, seed);
    let mut fast = exact.to_f32();
    fast.precision = Precision::Bfloat16;
    let (expected, _) = exact.forward();
    let (output, saved) = fast.forward();
    assert_close(&widen(&output), &expected, TOLERANCE, &shape);
    assert_eq!(output, fast.infer(), "{shape:?}");
    let (expected, found) = (exact.gradients(), fast.backward(&output, &saved));
    let sums = TOLERANCE * (1.0 + (shape.time * shape.batch) as f64).sqrt();
    for (name, found, expected) in [
        ("initial", &found.initial, &expected.initial),
        ("input", &found.input, &expected.input),
        ("bias", &found.bias, &expected.bias),
        ("recurrent", &found.recurrent, &expected.recurrent),
    ] {
        assert_close(&widen(found), expected, sums, &(name, shape));
    }
}

#[test]
fn recurrences_agree_with_double_precision() {
    let sizes: &[[usize; 3]] = if cfg!(miri) {
        &[[2, 5, 3]]
    } else {
        &[[3, 4, 7], [4, 33, 17]]
    };
    for (seed, &[time, batch, hidden]) in sizes.iter().enumerate() {
        for shape in shapes(time, batch, hidden) {
            check_recurrence(shape, seed as u64);
        }
    }
    let last = if cfg!(miri) { 2 } else { 70 };
    for index in 1..=last {
        let shape = Shape {
            cell: CELLS[index % 4],
            direction: DIRECTIONS[index / 4 % 2],
            layout: LAYOUTS[index % 3],
            time: index * 11 % 13,
            batch: 1 + index * 31 % last,
            hidden: index,
            lengths: index % 5 != 0,
            gather: index % 3 != 1,
            initial: index % 4 > 1,
            mask: index % 7 == 0,
        };
        check_recurrence(shape, index as u64);
    }
}

/// The weights' gradient is a product of states and gradients of many steps, which is told by nothing but its
/// roundings from that of single precision.
#[test]
fn gradients_of_weights_are_as_exact_as_their_operands() {
    for cell in CELLS {
        let shape = Shape {
            cell,
            ..recurrence(3, 200, 24)
        };
        let mut case = Case::new(shape, 12).to_f32();
        let (output, saved) = case.forward();
        let expected = case.backward(&output, &saved);
        case.precision = Precision::Bfloat16;
        let found = case.backward(&output, &saved);
        let norm = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>().sqrt();
        let expected = widen(&expected.recurrent);
        let difference: Vec<f64> = (widen(&found.recurrent).iter().zip(&expected))
            .map(|(found, expected)| found - expected)
            .collect();
        let error = norm(&difference) / norm(&expected);
        assert!(error < UNIT && error > 0.0, "{cell:?}: {error}");
    }
}

fn recurrence(time: usize, batch: usize, hidden: usize) -> Shape {
    Shape {
        cell: CELLS[0],
        direction: DIRECTIONS[0],
        layout: LAYOUTS[0],
        time,
        batch,
        hidden,
        lengths: false,
        gather: true,
        initial: true,
        mask: true,
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let (time, batch) = if cfg!(miri) { (2, 33) } else { (5, 67) };
    for (seed, shape) in shapes(time, batch, 19).enumerate().step_by(5) {
        let mut case = Case::new(shape, seed as u64).to_f32();
        case.precision = Precision::Bfloat16;
        let run = || {
            let (output, saved) = case.forward();
            let gradients = case.backward(&output, &saved);
            let parts = [
                &output,
                &gradients.input,
                &gradients.recurrent,
                &gradients.bias,
                &gradients.initial,
            ];
            parts.map(|part| bits(part))
        };
        let single = with_threads(1, run);
        for threads in [2, 3] {
            assert!(single == with_threads(threads, run), "{threads}, {shape:?}");
        }
        if cfg!(miri) {
            break;
        }
    }
    let shape = ProductShape {
        rows: 67,
        inner: 41,
        columns: 53,
    };
    let mut random = Random(3);
    let left = values(&mut random, 67 * 41);
    let right = values(&mut random, 41 * 53);
    for [l, r] in ORDERS {
        let run = || bits(&bf16_product(shape, (&left, l), (&right, r)));
        let single = with_threads(1, run);
        assert!(single == with_threads(2, run) && single == with_threads(3, run));
    }
}

#[test]
fn padding_is_never_read() {
    let every = if cfg!(miri) { 41 } else { 1 };
    for (seed, mut shape) in shapes(5, 18, 9).enumerate().step_by(every) {
        (shape.gather, shape.lengths) = (false, true);
        let mut clean = Case::new(shape, seed as u64).to_f32();
        clean.precision = Precision::Bfloat16;
        let mut dirty = clean.clone();
        let width = shape.cell.gates() * shape.hidden;
        for (at, row) in dirty.input.chunks_exact_mut(width).enumerate() {
            if at / shape.batch >= clean.lengths[at % shape.batch] {
                row.fill(f32::NAN);
            }
        }
        let run = |case: &Case<f32>| {
            let (output, saved) = case.forward();
            let gradients = case.backward(&output, &saved);
            [bits(&output), bits(&gradients.recurrent)]
        };
        assert!(run(&clean) == run(&dirty), "{shape:?}");
    }
}

#[test]
fn a_nan_stays_one_and_numbers_that_are_too_large_become_infinite() {
    let shape = ProductShape {
        rows: 9,
        inner: 17,
        columns: 5,
    };
    for [l, r] in ORDERS {
        for nan in [f32::NAN, f32::from_bits(0xff80_0001)] {
            let (mut left, right) = (vec![0.0; 9 * 17], vec![0.0; 17 * 5]);
            left[0] = nan;
            let found = bf16_product(shape, (&left, l), (&right, r));
            assert!(found[..5].iter().all(|x| x.is_nan()));
            assert!(found[5..].iter().all(|x| !x.is_nan()));
            let found = bf16_product(shape, (&vec![0.0; 9 * 17], l), (&[nan; 17 * 5], r));
            assert!(found.iter().all(|x| x.is_nan()));
        }
        let found = bf16_product(shape, (&[f32::MAX; 9 * 17], l), (&[1e-30; 17 * 5], r));
        assert!(found.iter().all(|&x| x == f32::INFINITY));
        let exact = product(shape, (&[f32::MAX; 9 * 17], l), (&[1e-30; 17 * 5], r));
        assert!(exact.iter().all(|x| x.is_finite()));
    }
    for cell in CELLS {
        for (state, weights) in [(true, false), (false, true)] {
            let shape = Shape {
                cell,
                ..recurrence(2, 9, 7)
            };
            let mut case = Case::new(shape, 3).to_f32();
            case.precision = Precision::Bfloat16;
            if state {
                case.initial[0] = f32::NAN;
            }
            if weights {
                case.recurrent[0] = f32::NAN;
            }
            case.mask.fill(1.0);
            let (output, saved) = case.forward();
            let gradients = case.backward(&output, &saved);
            assert!(output.iter().any(|x| x.is_nan()), "{cell:?}");
            assert!(gradients.recurrent.iter().any(|x| x.is_nan()), "{cell:?}");
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "starts a process")]
fn every_level_agrees() {
    common::run_on_every_level();
}
