//! What must hold to the last bit: results do not depend on threads, batch, padding or path.

mod common;

use std::panic::{UnwindSafe, catch_unwind};

use common::{CELLS, Case, Shape, bits, shapes};
use rnn_kernels::{
    Cell, Direction, Gradients, Input, Layout, Order, PackedMatrix, PackedWeights, Precision,
    Problem, ProductShape, add_product, batched_product, infer, infer_packed, product,
    with_threads,
};

fn gradient_bits(gradients: &Gradients<f32>) -> [Vec<u32>; 4] {
    [
        &gradients.input,
        &gradients.recurrent,
        &gradients.bias,
        &gradients.initial,
    ]
    .map(|g| bits(g))
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let (time, batch) = if cfg!(miri) { (2, 33) } else { (5, 67) };
    for (seed, shape) in shapes(time, batch, 19)
        .enumerate()
        .filter(|(index, _)| index % 5 == 0)
    {
        let case = Case::new(shape, seed as u64).to_f32();
        let run = || {
            let (output, saved) = case.forward();
            (
                bits(&output),
                gradient_bits(&case.backward(&output, &saved)),
            )
        };
        let single = with_threads(1, run);
        for threads in [2, 3] {
            assert!(
                single == with_threads(threads, run),
                "{threads} threads, {shape:?}"
            );
        }
        if cfg!(miri) {
            break;
        }
    }
}

fn shape(cell: Cell, time: usize, batch: usize, hidden: usize) -> Shape {
    Shape {
        cell,
        direction: Direction::Forward,
        layout: Layout::Both,
        time,
        batch,
        hidden,
        lengths: false,
        gather: true,
        initial: true,
        mask: true,
    }
}

const ROWS: usize = 11;

/// Compares a batch of [`ROWS`] sequences of three steps with each of them alone.
fn check_one_by_one(case: &Case<f32>) {
    let Shape { cell, hidden, .. } = case.shape;
    let (output, mut alone) = (case.infer(), case.clone());
    alone.shape.batch = 1;
    for row in 0..ROWS {
        let pick = |values: &[f32], len: usize| -> Vec<f32> {
            values
                .chunks_exact(ROWS * len)
                .flat_map(|block| &block[row * len..][..len])
                .copied()
                .collect()
        };
        alone.ids = (0..3).map(|step| case.ids[step * ROWS + row]).collect();
        alone.initial = pick(&case.initial, hidden);
        alone.mask = pick(&case.mask, hidden);
        assert_eq!(
            bits(&alone.infer()),
            bits(&pick(&output, hidden)),
            "{cell:?} {hidden}"
        );
    }
}

/// Every cell with a few numbers of units.
fn cells_and_sizes() -> impl Iterator<Item = (Cell, usize)> {
    let sizes: &[usize] = if cfg!(miri) { &[7] } else { &[1, 7, 24, 33] };
    CELLS
        .into_iter()
        .flat_map(|cell| sizes.iter().map(move |&hidden| (cell, hidden)))
}

#[test]
fn a_batch_gives_what_its_sequences_give_one_by_one() {
    for (cell, hidden) in cells_and_sizes() {
        check_one_by_one(&Case::new(shape(cell, 3, ROWS, hidden), 5).to_f32());
    }
}

#[test]
fn sequences_that_start_from_the_same_state_give_what_each_gives_alone() {
    for (cell, hidden) in cells_and_sizes() {
        let shape = Shape {
            mask: false,
            ..shape(cell, 3, ROWS, hidden)
        };
        let mut case = Case::new(shape, 8).to_f32();
        // Four different h, each of several rows; c of an LSTM stays different.
        for row in 4..ROWS {
            let like = (row * row) % 4 * hidden;
            case.initial.copy_within(like..like + hidden, row * hidden);
        }
        // The last row begins like the others of its kind, and ends otherwise.
        case.initial[ROWS * hidden - 1] += 0.25;
        check_one_by_one(&case);
    }
}

#[test]
fn sequences_that_begin_alike_give_what_each_gives_alone() {
    for (cell, hidden) in cells_and_sizes() {
        let shape = Shape {
            initial: false,
            mask: false,
            ..shape(cell, 3, ROWS, hidden)
        };
        let mut case = Case::new(shape, 9).to_f32();
        case.ids.iter_mut().for_each(|id| *id %= 2);
        check_one_by_one(&case);
    }
}

#[test]
fn single_steps_give_what_the_sequence_gives() {
    for cell in CELLS {
        let sizes = [(2, 16), (1, 1), (1, 70), (7, 33), (9, 20)];
        for &(batch, hidden) in &sizes[..if cfg!(miri) { 1 } else { 5 }] {
            let case = Case::new(shape(cell, 4, batch, hidden), 6).to_f32();
            let mut state = case.initial.clone();
            for step in 0..4 {
                let mut single = case.clone();
                single.shape.time = 1;
                single.shape.layout = Layout::FinalState;
                single.ids = case.ids[step * batch..][..batch].to_vec();
                single.initial = state;
                state = single.infer();
            }
            let output = case.infer();
            let last = &output[4 * batch * hidden..];
            assert_eq!(bits(last), bits(&state), "{cell:?} {batch} {hidden}");
        }
    }
}

#[test]
fn padding_is_never_read() {
    let every = if cfg!(miri) { 41 } else { 1 };
    for (seed, mut shape) in shapes(5, 18, 9).enumerate().step_by(every) {
        (shape.gather, shape.lengths) = (false, true);
        let clean = Case::new(shape, seed as u64).to_f32();
        let mut dirty = clean.clone();
        let width = shape.cell.gates() * shape.hidden;
        for (at, row) in dirty.input.chunks_exact_mut(width).enumerate() {
            if at / shape.batch >= clean.lengths[at % shape.batch] {
                row.fill(f32::NAN);
            }
        }
        let (output, saved) = clean.forward();
        let (dirty_output, dirty_saved) = dirty.forward();
        assert_eq!(bits(&output), bits(&dirty_output), "{shape:?}");
        let expected = gradient_bits(&clean.backward(&output, &saved));
        let found = gradient_bits(&dirty.backward(&dirty_output, &dirty_saved));
        assert!(expected == found, "{shape:?}");
    }
}

#[test]
fn a_product_does_not_depend_on_the_number_of_threads() {
    let shape = ProductShape {
        rows: 67,
        inner: 41,
        columns: 53,
    };
    let mut random = common::Random(3);
    let mut values =
        |len| -> Vec<f32> { random.values(len, 1.0).iter().map(|&x| x as f32).collect() };
    let (left, right) = (values(67 * 41), values(41 * 53));
    for orders in [(Order::Rows, Order::Rows), (Order::Transposed, Order::Rows)] {
        let run = || bits(&product(shape, (&left, orders.0), (&right, orders.1)));
        let single = with_threads(1, run);
        assert!(single == with_threads(2, run) && single == with_threads(3, run));
    }
}

#[test]
fn weights_packed_before_give_the_same() {
    for (batch, cell) in [1, 9, 40]
        .into_iter()
        .flat_map(|n| CELLS.map(|cell| (n, cell)))
    {
        let case = Case::new(shape(cell, 1, batch, 21), 4).to_f32();
        let packed = PackedWeights::new(cell, 21, &case.recurrent);
        let problem = case.problem();
        for layout in [Layout::Sequence, Layout::Both] {
            let expected = infer(&problem, layout);
            let found = infer_packed(&problem, layout, &packed);
            assert!(
                bits(&expected) == bits(&found),
                "{batch} {cell:?} {layout:?}"
            );
        }
    }
    let mut random = common::Random(5);
    let mut values =
        |len| -> Vec<f32> { random.values(len, 1.0).iter().map(|&x| x as f32).collect() };
    for [rows, inner, columns] in [[1, 5, 3], [9, 70, 41], [40, 3, 16]] {
        let (left, right) = (values(rows * inner), values(inner * columns));
        let shape = ProductShape {
            rows,
            inner,
            columns,
        };
        let expected = product(shape, (&left, Order::Rows), (&right, Order::Rows));
        let found = PackedMatrix::new(inner, columns, &right).product(&left, rows);
        assert!(bits(&expected) == bits(&found), "{shape:?}");
    }
}

#[test]
#[should_panic(expected = "the weights were packed for another cell or size")]
fn weights_of_another_cell_are_refused() {
    let case = Case::new(shape(Cell::Lstm, 1, 9, 4), 4).to_f32();
    let packed = PackedWeights::new(Cell::Rnn, 4, &case.recurrent[..16]);
    infer_packed(&case.problem(), Layout::Sequence, &packed);
}

#[test]
#[cfg_attr(miri, ignore = "starts a process")]
fn every_level_agrees() {
    common::run_on_every_level();
}

#[test]
#[should_panic(expected = "the recurrent weights: 3 elements, but the sizes ask for 4")]
fn slices_of_the_wrong_length_are_refused() {
    let problem = Problem {
        cell: Cell::Rnn,
        direction: Direction::Forward,
        time: 1,
        batch: 1,
        hidden: 2,
        lengths: None,
        input: Input::Dense(&[0.0; 2]),
        recurrent: &[0.0f32; 3],
        bias: &[0.0; 2],
        initial: None,
        mask: None,
        precision: Precision::Single,
    };
    rnn_kernels::infer(&problem, Layout::Sequence);
}

/// Rows are numbered with 32 bits. Without columns or steps so many take no memory, and yet they are refused.
#[test]
fn rows_that_cannot_be_numbered_are_refused() {
    let many = (1 << 32) + 1;
    let shape = ProductShape {
        rows: many,
        inner: 0,
        columns: 0,
    };
    let problem = Problem {
        cell: Cell::Lstm,
        direction: Direction::Forward,
        time: 0,
        batch: many,
        hidden: 1,
        lengths: None,
        input: Input::Dense(&[]),
        recurrent: &[0.0f32; 4],
        bias: &[0.0; 4],
        initial: None,
        mask: None,
        precision: Precision::Single,
    };
    let orders = [Order::Rows, Order::Transposed];
    let mut calls: Vec<Box<dyn FnOnce() + UnwindSafe>> = vec![
        Box::new(move || drop(PackedMatrix::new(0, 0, &[]).product(&[], many))),
        Box::new(move || drop(infer(&problem, Layout::Sequence))),
        Box::new(move || drop(rnn_kernels::forward(&problem, Layout::Sequence))),
        Box::new(move || {
            let weights = PackedWeights::new(Cell::Lstm, 1, &[0.0; 4]);
            drop(infer_packed(&problem, Layout::Sequence, &weights));
        }),
    ];
    for (left, right) in orders.into_iter().flat_map(|l| orders.map(|r| (l, r))) {
        calls.push(Box::new(move || {
            drop(product(shape, (&[], left), (&[], right)));
        }));
        calls.push(Box::new(move || {
            add_product(shape, (&[], left), (&[], right), &mut []);
        }));
    }
    for call in calls {
        let message = panic_message(call);
        let refused =
            ["rows", "sequences"].map(|name| format!("4294967297 {name} are more than 4294967295"));
        assert!(refused.contains(&message), "{message}");
    }
}

/// Sizes whose product is beyond all numbers could look like those of empty slices.
#[test]
fn sizes_that_overflow_are_refused() {
    let half = 1 << 32;
    let shape = ProductShape {
        rows: 1 << 31,
        inner: 1 << 33,
        columns: 0,
    };
    let rows = (&[][..], Order::Rows);
    #[cfg_attr(not(feature = "gemm"), allow(unused_mut))]
    let mut calls: Vec<Box<dyn FnOnce() + UnwindSafe>> = vec![
        Box::new(move || drop(product(shape, rows, rows))),
        Box::new(move || drop(PackedMatrix::new(half, half, &[]))),
        Box::new(move || drop(batched_product(half, shape, rows, rows))),
    ];
    #[cfg(feature = "gemm")]
    calls.push(Box::new(move || {
        rnn_kernels::gemm_product(&mut [], &[], &[], [half, half, 0]);
    }));

    for call in calls {
        let message = panic_message(call);
        assert!(
            message.contains("more than a computer can hold"),
            "{message}"
        );
    }
}

fn panic_message(call: impl FnOnce() + UnwindSafe) -> String {
    let panic = catch_unwind(call).expect_err("it was accepted");
    let message = panic.downcast_ref::<String>();
    message.expect("a message").clone()
}

#[test]
#[should_panic(expected = "an id lies outside the table of 7 rows")]
fn ids_outside_the_table_are_refused() {
    let mut case = Case::new(shape(Cell::Lstm, 2, 2, 2), 1).to_f32();
    case.ids[1] = 7;
    case.infer();
}
