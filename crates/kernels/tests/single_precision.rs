//! The fast path against the plain one in double precision.

mod common;

use common::{CELLS, Case, DIRECTIONS, LAYOUTS, Shape, assert_close, shapes, widen};

/// Largest difference, relative to `1 + |expected|`.
const TOLERANCE: f64 = 2e-5;

fn check(shape: Shape, seed: u64) {
    check_case(&Case::new(shape, seed));
}

fn check_case(exact: &Case<f64>) {
    let shape = exact.shape;
    let fast = exact.to_f32();
    let (expected, _) = exact.forward();
    let (output, saved) = fast.forward();
    assert_close(&widen(&output), &expected, TOLERANCE, &shape);
    assert_eq!(output, fast.infer(), "{shape:?}");
    let (expected, found) = (exact.gradients(), fast.backward(&output, &saved));
    // Sums over all steps of all sequences grow, and their errors with them.
    let sums = TOLERANCE * (1.0 + (shape.time * shape.batch) as f64).sqrt();
    assert_close(
        &widen(&found.initial),
        &expected.initial,
        sums,
        &("initial", shape),
    );
    assert_close(
        &widen(&found.input),
        &expected.input,
        sums,
        &("input", shape),
    );
    assert_close(&widen(&found.bias), &expected.bias, sums, &("bias", shape));
    assert_close(
        &widen(&found.recurrent),
        &expected.recurrent,
        sums,
        &("recurrent", shape),
    );
}

#[test]
fn every_combination_of_options_agrees() {
    let sizes: &[[usize; 3]] = if cfg!(miri) {
        &[[2, 2, 3]]
    } else {
        &[[1, 1, 1], [3, 4, 7], [4, 19, 16], [5, 33, 17]]
    };
    for (seed, &[time, batch, hidden]) in sizes.iter().enumerate() {
        for shape in shapes(time, batch, hidden) {
            check(shape, seed as u64);
        }
    }
}

#[test]
fn sequences_that_begin_alike_agree() {
    let [time, batch, hidden] = if cfg!(miri) { [3, 9, 3] } else { [6, 40, 21] };
    for (seed, shape) in shapes(time, batch, hidden).enumerate() {
        let mut case = Case::new(shape, seed as u64);
        // Of two symbols there are two, four, eight and sixteen beginnings; some sequences end there.
        case.ids.iter_mut().for_each(|id| *id %= 2);
        let longest = shape.time;
        for length in &mut case.lengths {
            *length = (*length).max(longest - 2);
        }
        check_case(&case);
        // All the same, from the first step to the last.
        case.ids.fill(3);
        check_case(&case);
    }
}

#[test]
fn every_size_agrees() {
    // Steps that are prime to their range visit sizes in no regular pattern.
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
        check(shape, index as u64);
    }
}

#[test]
#[cfg_attr(miri, ignore = "starts a process")]
fn every_level_agrees() {
    common::run_on_every_level();
}
