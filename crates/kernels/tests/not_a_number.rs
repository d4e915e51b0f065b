//! A NaN that a kernel reads is a NaN in what it gives: nothing hides that training went wrong.

mod common;

use common::{Case, LAYOUTS, Random, Shape, shapes};
use rnn_kernels::{
    AdamStep, Float, HardAttention, HardAttentionGradients, HardAttentionOutput, Jumps, Order,
    PackedMatrix, PackedWeights, ProductShape, adam, add_product, batched_product,
    batched_product_shared, infer_packed, layer_norm, layer_norm_backward, log_softmax, product,
    softmax, softmax_backward, softmax_cross_entropy, sum_of_squares, tanh, tanh_backward,
};

const NAN: f32 = f32::NAN;

fn has_nan(values: &[f32]) -> bool {
    values.iter().any(|value| value.is_nan())
}

fn all_nan(values: &[f32]) -> bool {
    !values.is_empty() && values.iter().all(|value| value.is_nan())
}

fn values(len: usize) -> Vec<f32> {
    let random = Random(len as u64).values(len, 1.0);
    random.iter().map(|&x| x as f32).collect()
}

/// The values with a NaN at a place.
fn poisoned(values: &[f32], place: usize) -> Vec<f32> {
    let mut values = values.to_vec();
    values[place] = NAN;
    values
}

// Recurrences.

/// What of a recurrence is NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Poison {
    Input,
    Recurrent,
    Bias,
    Initial,
    Mask,
    Gradient,
}

const POISONS: [Poison; 6] = [
    Poison::Input,
    Poison::Recurrent,
    Poison::Bias,
    Poison::Initial,
    Poison::Mask,
    Poison::Gradient,
];

/// A case whose first sequence reads the NaN; none if the kernel does not read such a value.
fn recurrence<T: Float>(shape: Shape, poison: Poison, nan: T, case: Case<T>) -> Option<Case<T>> {
    let mut case = case;
    case.lengths.fill(shape.time);
    // The product with a state of zeros is left out, and with it weights and mask.
    let multiplies = shape.time > 1 || shape.initial;
    let row = if shape.gather {
        case.ids[0] as usize
    } else {
        0
    };
    let (values, place) = match poison {
        Poison::Input => {
            let place = row * shape.cell.gates() * shape.hidden;
            (&mut case.input, place)
        }
        Poison::Recurrent if multiplies => (&mut case.recurrent, 0),
        Poison::Bias => (&mut case.bias, 0),
        Poison::Initial if shape.initial => (&mut case.initial, 0),
        Poison::Mask if shape.mask && multiplies => (&mut case.mask, 0),
        Poison::Gradient => (&mut case.d_output, 0),
        _ => return None,
    };
    values[place] = nan;
    Some(case)
}

fn check_recurrence<T: Float>(case: &Case<T>, poison: Poison, is_nan: fn(&T) -> bool) {
    let what = || format!("{poison:?} of {:?}", case.shape);
    let (output, saved) = case.forward();
    let gradients = case.backward(&output, &saved);
    if poison != Poison::Gradient {
        assert!(output.iter().any(is_nan), "output: {}", what());
        assert!(case.infer().iter().any(is_nan), "inference: {}", what());
    }
    assert!(gradients.bias.iter().any(is_nan), "bias: {}", what());
    assert!(gradients.input.iter().any(is_nan), "input: {}", what());
}

#[test]
fn recurrences_keep_a_nan() {
    // Packed and streamed weights.
    for (time, batch) in [(3, 5), (2, 1), (1, 2)] {
        let every = if cfg!(miri) { 97 } else { 1 };
        for (seed, shape) in shapes(time, batch, 7).enumerate().step_by(every) {
            for poison in POISONS {
                let case = Case::new(shape, seed as u64);
                if let Some(case) = recurrence(shape, poison, NAN, case.to_f32()) {
                    check_recurrence(&case, poison, |x| x.is_nan());
                }
                if let Some(case) = recurrence(shape, poison, f64::NAN, case) {
                    check_recurrence(&case, poison, |x| x.is_nan());
                }
            }
        }
    }
}

#[test]
fn sequences_that_begin_alike_keep_a_nan() {
    let begin_alike = |shape: &Shape| shape.gather && !shape.initial && !shape.mask;
    for shape in shapes(4, 9, 7).filter(begin_alike) {
        let mut case = Case::new(shape, 2).to_f32();
        case.ids.iter_mut().for_each(|id| *id %= 2);
        for poison in POISONS {
            if let Some(case) = recurrence(shape, poison, NAN, case.clone()) {
                check_recurrence(&case, poison, |x| x.is_nan());
            }
        }
    }
}

#[test]
fn a_nan_stays_with_its_sequence() {
    for shape in shapes(3, 9, 7).filter(|shape| !shape.gather) {
        let case = Case::new(shape, 3).to_f32();
        let Some(case) = recurrence(shape, Poison::Input, NAN, case) else {
            continue;
        };
        let output = case.infer();
        for (row, h) in output.chunks_exact(shape.hidden).enumerate() {
            assert!(row % shape.batch == 0 || !has_nan(h), "{shape:?}");
        }
    }
}

#[test]
fn packed_weights_keep_a_nan() {
    for cell in common::CELLS {
        for layout in LAYOUTS {
            let shape = Shape {
                cell,
                direction: rnn_kernels::Direction::Forward,
                layout,
                time: 1,
                batch: 9,
                hidden: 7,
                lengths: false,
                gather: true,
                initial: true,
                mask: false,
            };
            let mut case = Case::new(shape, 1).to_f32();
            // Siblings, whose product is computed once.
            case.initial.copy_within(0..7, 7);
            case.recurrent[0] = NAN;
            let weights = PackedWeights::new(cell, 7, &case.recurrent);
            let output = infer_packed(&case.problem(), layout, &weights);
            assert!(output.chunks_exact(7).take(9).all(has_nan), "{shape:?}");
            case.recurrent[0] = 0.5;
            case.initial[0] = NAN;
            case.initial[7] = NAN;
            let weights = PackedWeights::new(cell, 7, &case.recurrent);
            let output = infer_packed(&case.problem(), layout, &weights);
            assert!(output.chunks_exact(7).take(2).all(has_nan), "{shape:?}");
        }
    }
}

// Hard attention.

/// Numbers of a chain of two sequences, three steps, four places and five symbols.
struct Chain {
    start: Vec<f32>,
    content: Vec<f32>,
    jumps: Vec<f32>,
    actions: Vec<f32>,
    gradient: Vec<f32>,
}

const STEPS: usize = 3;
const PLACES: usize = 4;
const SYMBOLS: usize = 5;

impl Chain {
    fn new(moves: Jumps) -> Self {
        Self {
            start: [1.0, 0.0, 0.0, 0.0].repeat(2),
            content: values(2 * STEPS * PLACES),
            jumps: values(2 * STEPS * moves.count()),
            actions: values(2 * STEPS * PLACES * (SYMBOLS + 1)),
            gradient: vec![1.0; 2 * STEPS * SYMBOLS],
        }
    }

    fn run(&self, moves: Jumps) -> (HardAttentionOutput, HardAttentionGradients) {
        let problem = HardAttention {
            steps: STEPS,
            places: PLACES,
            symbols: SYMBOLS,
            target_lengths: &[STEPS, STEPS],
            source_lengths: &[PLACES, PLACES],
            start: &self.start,
            content: &self.content,
            jumps: Some(&self.jumps),
            moves,
            actions: &self.actions,
            copied: Some(&[0, 1, -1, 2, 0, 1, 2, 3]),
            written: &[0, 1, 2, 3, -1, 4],
        };
        let output = problem.forward();
        let gradients = problem.backward(output.as_ref(), &self.gradient);
        (output, gradients)
    }
}

/// The part of the first sequence, and that of the second.
fn halves(values: &[f32]) -> (&[f32], &[f32]) {
    values.split_at(values.len() / 2)
}

#[test]
fn hard_attention_keeps_a_nan() {
    for moves in [true, false].map(|monotonic| Jumps {
        window: 2,
        monotonic,
    }) {
        type Part = fn(&mut Chain) -> &mut Vec<f32>;
        let parts: [(&str, Part); 5] = [
            ("start", |chain| &mut chain.start),
            ("content", |chain| &mut chain.content),
            ("jumps", |chain| &mut chain.jumps),
            ("actions", |chain| &mut chain.actions),
            ("gradient", |chain| &mut chain.gradient),
        ];
        for (name, part) in parts {
            let mut chain = Chain::new(moves);
            let values = part(&mut chain);
            // One that the first step reads, wherever it goes.
            let place = if name == "jumps" {
                moves.count() - 1
            } else {
                0
            };
            values[place] = NAN;
            let (output, gradients) = chain.run(moves);
            let (first, second) = halves(&output.log_probs);
            if name != "gradient" {
                assert!(has_nan(&first[..SYMBOLS]), "{name}, {moves:?}");
                assert!(all_nan(&first[SYMBOLS..]), "{name}, {moves:?}");
            }
            assert!(!has_nan(second), "{name}, {moves:?}");
            let all = [gradients.content, gradients.jumps, gradients.actions];
            for gradient in &all {
                let (first, second) = halves(gradient);
                assert!(has_nan(first) && !has_nan(second), "{name}, {moves:?}");
            }
        }
    }
}

/// What a network of NaN weights says: nothing of it is a probability.
#[test]
fn hard_attention_of_nothing_but_nan_is_nan() {
    let moves = Jumps {
        window: 1,
        monotonic: true,
    };
    let mut chain = Chain::new(moves);
    for values in [&mut chain.content, &mut chain.jumps, &mut chain.actions] {
        values.fill(NAN);
    }
    let (output, gradients) = chain.run(moves);
    assert!(all_nan(&output.log_probs));
    assert!(all_nan(&gradients.content));
    // Where nothing can be copied, copying has no gradient.
    let mut actions = gradients.actions.chunks_exact(SYMBOLS + 1);
    assert!(actions.all(|actions| all_nan(&actions[..SYMBOLS])));
}

// Rows: softmax, cross-entropy, layer normalisation.

/// Sizes around those of vectors, each with a place of the NaN: first, inside, last.
fn sizes_and_places() -> impl Iterator<Item = (usize, usize)> {
    let sizes: &[usize] = if cfg!(miri) {
        &[5, 17]
    } else {
        &[1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 67]
    };
    let places = |size: usize| [0, size / 2, size - 1].map(|place| (size, place));
    sizes.iter().flat_map(move |&size| places(size))
}

#[test]
fn softmax_keeps_a_nan_in_its_row() {
    for (classes, place) in sizes_and_places() {
        let mut rows = poisoned(&values(3 * classes), classes + place);
        softmax(&mut rows, classes);
        let rows: Vec<bool> = rows.chunks_exact(classes).map(all_nan).collect();
        assert_eq!(rows, [false, true, false], "{classes}, {place}");

        let mut rows = poisoned(&values(3 * classes), classes + place);
        log_softmax(&mut rows, classes);
        let rows: Vec<bool> = rows.chunks_exact(classes).map(all_nan).collect();
        assert_eq!(rows, [false, true, false], "{classes}, {place}");

        let (weights, gradient) = (values(classes), values(classes));
        let mut found = poisoned(&gradient, place);
        softmax_backward(&weights, &mut found, classes);
        assert!(all_nan(&found), "{classes}, {place}");
        let mut found = gradient;
        softmax_backward(&poisoned(&weights, place), &mut found, classes);
        assert!(all_nan(&found), "{classes}, {place}");
    }
}

#[test]
fn cross_entropy_keeps_a_nan() {
    for ((classes, place), smoothing) in
        sizes_and_places().flat_map(|size| [(size, 0.0), (size, 0.1)])
    {
        let logits = poisoned(&values(3 * classes), classes + place);
        let expected = [0, (classes / 2) as i32, -1];
        let mut gradient = vec![0.0; logits.len()];
        let found =
            softmax_cross_entropy(&logits, classes, &expected, smoothing, Some(&mut gradient));
        assert!(found.loss_sum.is_nan() && found.nll_sum.is_nan());
        let rows: Vec<bool> = gradient.chunks_exact(classes).map(all_nan).collect();
        assert_eq!(rows, [false, true, false], "{classes}, {place}");
    }
}

/// A row that is no distribution foretells nothing, not even the first class.
#[test]
fn nothing_is_right_where_logits_are_nan() {
    let found = softmax_cross_entropy(&[NAN; 6], 3, &[0, 0], 0.0, None);
    assert_eq!((found.correct, found.counted), (0, 2));
}

#[test]
fn layer_normalisation_keeps_a_nan_in_its_row() {
    for (units, place) in sizes_and_places() {
        let (input, gain, bias) = (values(2 * units), values(units), values(units));
        let dirty = poisoned(&input, place);
        let found = layer_norm(&dirty, &gain, &bias, 1e-5);
        assert!(all_nan(&found.output[..units]), "{units}, {place}");
        assert!(!has_nan(&found.output[units..]), "{units}, {place}");
        let gradient = values(2 * units);
        let moments = [&found.mean[..], &found.scale[..]];
        let back = layer_norm_backward(&dirty, &gain, moments, &gradient);
        assert!(all_nan(&back.input[..units]) && all_nan(&back.gain));

        for [gain, bias] in [
            [poisoned(&gain, place), bias.clone()],
            [gain.clone(), poisoned(&bias, place)],
        ] {
            let found = layer_norm(&input, &gain, &bias, 1e-5);
            assert!(found.output[place].is_nan() && found.output[units + place].is_nan());
        }
        let found = layer_norm(&input, &gain, &bias, 1e-5);
        let moments = [&found.mean[..], &found.scale[..]];
        let back = layer_norm_backward(&input, &gain, moments, &poisoned(&gradient, place));
        assert!(all_nan(&back.input[..units]));
        assert!(back.gain[place].is_nan() && back.bias[place].is_nan());
        let back = layer_norm_backward(&input, &poisoned(&gain, place), moments, &gradient);
        assert!(all_nan(&back.input));
    }
}

// Products.

/// Few rows are streamed, more are packed.
const SHAPES: [ProductShape; 3] = [
    ProductShape {
        rows: 2,
        inner: 3,
        columns: 19,
    },
    ProductShape {
        rows: 9,
        inner: 17,
        columns: 5,
    },
    ProductShape {
        rows: 20,
        inner: 9,
        columns: 40,
    },
];

const ORDERS: [[Order; 2]; 4] = [
    [Order::Rows, Order::Rows],
    [Order::Rows, Order::Transposed],
    [Order::Transposed, Order::Rows],
    [Order::Transposed, Order::Transposed],
];

/// A NaN at the first element of the left matrix makes the first row NaN, one at that of the right
/// matrix the first column, even where it meets a zero.
#[test]
fn products_keep_a_nan() {
    for shape in SHAPES {
        let ProductShape {
            rows,
            inner,
            columns,
        } = shape;
        let zeros = [vec![0.0; rows * inner], vec![0.0; inner * columns]];
        let [left, right] = zeros.each_ref();
        let dirty = zeros.each_ref().map(|values| poisoned(values, 0));
        let first_row = |out: &[f32]| {
            assert!(
                all_nan(&out[..columns]) && !has_nan(&out[columns..]),
                "{shape:?}"
            );
        };
        let first_column = |out: &[f32]| {
            for row in out.chunks_exact(columns) {
                assert!(row[0].is_nan() && !has_nan(&row[1..]), "{shape:?}");
            }
        };
        for [l, r] in ORDERS {
            first_row(&product(shape, (&dirty[0], l), (right, r)));
            first_column(&product(shape, (left, l), (&dirty[1], r)));
            let mut out = poisoned(&vec![0.0; rows * columns], 0);
            add_product(shape, (left, l), (right, r), &mut out);
            assert!(out[0].is_nan() && !has_nan(&out[1..]), "{shape:?}");
        }
        first_column(&PackedMatrix::new(inner, columns, &dirty[1]).product(left, rows));
        first_row(&PackedMatrix::new(inner, columns, right).product(&dirty[0], rows));
    }
}

#[test]
fn products_of_sequences_keep_a_nan() {
    let batch = 3;
    for (shape, [l, r]) in SHAPES
        .into_iter()
        .flat_map(|shape| ORDERS[..3].iter().map(move |&orders| (shape, orders)))
    {
        let ProductShape {
            rows,
            inner,
            columns,
        } = shape;
        let zeros = [rows * inner, inner * columns].map(|len| vec![0.0; batch * len]);
        let [left, right] = zeros.each_ref();
        let dirty = zeros.each_ref().map(|values| poisoned(values, 0));
        let nan = |out: &[f32]| out.iter().filter(|x| x.is_nan()).count();
        let found = batched_product(batch, shape, (&dirty[0], l), (right, r));
        assert!(all_nan(&found[..columns]) && nan(&found) == columns);
        let found = batched_product(batch, shape, (left, l), (&dirty[1], r));
        assert!(found[0].is_nan() && nan(&found) == rows);
        if l == Order::Rows {
            let matrices = (&[0, 1, 0][..], batch);
            let found = batched_product_shared(matrices, shape, left, (&dirty[1], r));
            assert!(found[0].is_nan() && nan(&found) == 2 * rows);
            let found = batched_product_shared(matrices, shape, &dirty[0], (right, r));
            assert!(all_nan(&found[..columns]) && nan(&found) == columns);
        }
    }
}

// Element by element.

#[test]
fn adam_keeps_a_nan() {
    let step = AdamStep {
        rate: 0.1,
        beta_1: 0.9,
        beta_2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.0,
        step: 3,
        scale: 1.0,
    };
    for (len, place) in sizes_and_places() {
        for part in 0..4 {
            let mut parts = [(); 4].map(|()| vec![0.5; len]);
            parts[part][place] = NAN;
            let [weights, gradient, first, second] = &mut parts;
            adam(&step, weights, gradient, first, second);
            let nan = weights.iter().filter(|x| x.is_nan()).count();
            assert!(
                weights[place].is_nan() && nan == 1,
                "{part}: {len}, {place}"
            );
        }
        assert!(sum_of_squares(&poisoned(&values(len), place)).is_nan());
    }
}

#[test]
fn the_hyperbolic_tangent_keeps_a_nan() {
    for (len, place) in sizes_and_places() {
        let mut found = poisoned(&values(len), place);
        tanh(&mut found);
        assert!(found[place].is_nan());
        let mut gradient = values(len);
        tanh_backward(&found, &mut gradient);
        assert!(gradient[place].is_nan());
        let mut gradient = poisoned(&values(len), place);
        tanh_backward(&values(len), &mut gradient);
        assert!(gradient[place].is_nan());
    }
}

#[test]
#[cfg_attr(miri, ignore = "starts a process")]
fn every_level_agrees() {
    common::run_on_every_level();
}
