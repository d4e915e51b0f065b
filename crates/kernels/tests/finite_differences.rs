//! Every gradient against central differences, in `f64`.

mod common;

use common::{Case, shapes};

const EPSILON: f64 = 1e-5;

/// The scalar whose gradient `d_output` starts: their inner product.
fn loss(case: &Case<f64>) -> f64 {
    case.infer()
        .iter()
        .zip(&case.d_output)
        .map(|(y, d)| y * d)
        .sum()
}

fn check(
    case: &Case<f64>,
    gradient: &[f64],
    name: &str,
    operand: fn(&mut Case<f64>) -> &mut Vec<f64>,
) {
    let mut moved = case.clone();
    for (place, &actual) in gradient.iter().enumerate() {
        let value = operand(&mut moved)[place];
        operand(&mut moved)[place] = value + EPSILON;
        let above = loss(&moved);
        operand(&mut moved)[place] = value - EPSILON;
        let below = loss(&moved);
        operand(&mut moved)[place] = value;
        let expected = (above - below) / (2.0 * EPSILON);
        let error = (actual - expected).abs();
        assert!(
            error < 2e-8 * (1.0 + expected.abs()),
            "{name}[{place}]: {actual} for {expected}, {:?}",
            case.shape
        );
    }
}

#[test]
#[cfg_attr(
    miri,
    ignore = "the code in double precision is safe, and this takes an hour"
)]
fn every_gradient_is_the_derivative() {
    for (seed, shape) in shapes(3, 3, 2).enumerate() {
        let case = Case::new(shape, seed as u64);
        let gradients = case.gradients();
        check(&case, &gradients.input, "input", |c| &mut c.input);
        check(&case, &gradients.recurrent, "recurrent", |c| {
            &mut c.recurrent
        });
        check(&case, &gradients.bias, "bias", |c| &mut c.bias);
        if shape.initial {
            check(&case, &gradients.initial, "initial", |c| &mut c.initial);
        }
    }
}
