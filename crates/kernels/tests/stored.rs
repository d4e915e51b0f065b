//! Matrices of fewer bits: their products against sums in double precision, and bit by bit against those with
//! the single-precision numbers that they stand for.

mod common;

use common::{CELLS, Case, DIRECTIONS, LAYOUTS, Random, Shape, bits};
use rnn_kernels::{
    Input, Order, PackedMatrix, PackedWeights, ProductShape, StoredMatrix, from_bf16, infer,
    infer_packed, infer_stored, product, round_to_bf16, stored_product, with_threads,
};

/// Largest relative error of a number that is rounded to bf16, which has eight bits of precision.
const BF16_ROUNDING: f64 = 1.0 / 256.0;
/// Largest relative error of a single-precision operation.
const F32_ROUNDING: f64 = 1.0 / (1 << 24) as f64;

/// A matrix in some precision, with what it stands for.
struct Narrow {
    bf16: Option<Vec<u16>>,
    int8: Vec<i8>,
    scales: Vec<f32>,
    /// The numbers of single precision.
    widened: Vec<f32>,
    /// How far each may be from the number that it was rounded from.
    errors: Vec<f64>,
}

impl Narrow {
    /// A matrix rounded to bf16.
    fn bf16(matrix: &[f32]) -> Self {
        let mut rounded = vec![0; matrix.len()];
        round_to_bf16(matrix, &mut rounded);
        Self {
            widened: rounded.iter().map(|&number| from_bf16(number)).collect(),
            errors: (matrix.iter())
                .map(|&number| f64::from(number).abs() * BF16_ROUNDING)
                .collect(),
            bf16: Some(rounded),
            int8: Vec::new(),
            scales: Vec::new(),
        }
    }

    /// A matrix rounded to 8 bits, a scale for each column.
    fn int8(matrix: &[f32], columns: usize) -> Self {
        let largest = |column: usize| {
            let numbers = matrix.iter().skip(column).step_by(columns);
            numbers.fold(0.0_f32, |largest, number| largest.max(number.abs()))
        };
        let scales: Vec<f32> = (0..columns).map(|column| largest(column) / 127.0).collect();
        let scale = |place: usize| scales[place % columns];
        let int8: Vec<i8> = (matrix.iter().enumerate())
            .map(|(place, &number)| match scale(place) {
                0.0 => 0,
                scale => (number / scale).round() as i8,
            })
            .collect();
        Self {
            widened: (int8.iter().enumerate())
                .map(|(place, &number)| f32::from(number) * scale(place))
                .collect(),
            errors: (0..matrix.len())
                .map(|place| f64::from(scale(place)) * 0.501)
                .collect(),
            bf16: None,
            int8,
            scales,
        }
    }

    fn both(matrix: &[f32], columns: usize) -> [Self; 2] {
        [Self::bf16(matrix), Self::int8(matrix, columns)]
    }

    fn stored(&self) -> StoredMatrix<'_> {
        match &self.bf16 {
            Some(numbers) => StoredMatrix::Bf16(numbers),
            None => StoredMatrix::Int8 {
                values: &self.int8,
                scales: &self.scales,
            },
        }
    }
}

fn values(random: &mut Random, len: usize) -> Vec<f32> {
    random.values(len, 1.0).iter().map(|&x| x as f32).collect()
}

/// Compares a product with sums in double precision, of the matrix as it was and as it was rounded.
fn check_sums(shape: ProductShape, left: &[f32], matrix: &[f32], narrow: &Narrow, found: &[f32]) {
    let ProductShape {
        rows,
        inner,
        columns,
    } = shape;
    for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
        let [mut exact, mut of_rounded, mut size, mut rounding] = [0.0_f64; 4];
        for k in 0..inner {
            let (factor, place) = (f64::from(left[row * inner + k]), k * columns + column);
            exact += factor * f64::from(matrix[place]);
            of_rounded += factor * f64::from(narrow.widened[place]);
            size += (factor * f64::from(narrow.widened[place])).abs();
            rounding += factor.abs() * narrow.errors[place];
        }
        let found = f64::from(found[row * columns + column]);
        // A rounding for each product and sum.
        let sums = size * F32_ROUNDING * (2 * inner + 2) as f64;
        assert!(
            (found - of_rounded).abs() <= sums,
            "{found} for {of_rounded} in {row}, {column} of {shape:?}"
        );
        assert!(
            (found - exact).abs() <= rounding + sums,
            "{found} for {exact} in {row}, {column} of {shape:?}"
        );
    }
}

fn check_product(shape: ProductShape, seed: u64) {
    let ProductShape {
        rows,
        inner,
        columns,
    } = shape;
    let mut random = Random(seed);
    let (left, matrix) = (
        values(&mut random, rows * inner),
        values(&mut random, inner * columns),
    );
    for narrow in Narrow::both(&matrix, columns) {
        let found = stored_product(shape, &left, narrow.stored());
        check_sums(shape, &left, &matrix, &narrow, &found);
        let widened = (&narrow.widened[..], Order::Rows);
        let expected = product(shape, (&left, Order::Rows), widened);
        assert_eq!(bits(&found), bits(&expected), "{shape:?}");
        let packed = PackedMatrix::stored(inner, columns, narrow.stored()).product(&left, rows);
        assert_eq!(bits(&packed), bits(&expected), "packed, {shape:?}");
    }
    let plain = stored_product(shape, &left, StoredMatrix::F32(&matrix));
    let expected = product(shape, (&left, Order::Rows), (&matrix, Order::Rows));
    assert_eq!(bits(&plain), bits(&expected), "{shape:?}");
}

#[test]
fn products_of_every_size_are_within_the_bound() {
    let last = if cfg!(miri) { 3 } else { 70 };
    for size in 1..=last {
        // Steps that are prime to their range visit sizes in no regular pattern.
        let [rows, inner, columns] = [
            1 + size * 11 % 13,
            1 + size * 31 % last,
            1 + size * 37 % last,
        ];
        for shape in [[1, inner, size], [rows, size, columns]] {
            let [rows, inner, columns] = shape;
            check_product(
                ProductShape {
                    rows,
                    inner,
                    columns,
                },
                size as u64,
            );
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "too slow there")]
fn large_products_are_within_the_bound() {
    // Large enough for several threads, and for sums that wait in memory.
    for [rows, inner, columns] in [[1, 300, 517], [3, 1100, 129], [40, 1100, 129], [70, 0, 5]] {
        let shape = ProductShape {
            rows,
            inner,
            columns,
        };
        check_product(shape, 3);
    }
}

#[test]
fn recurrences_are_those_of_the_numbers_that_the_weights_stand_for() {
    let last = if cfg!(miri) { 2 } else { 70 };
    for index in 1..=last {
        let shape = Shape {
            cell: CELLS[index % 4],
            direction: DIRECTIONS[index / 4 % 2],
            layout: LAYOUTS[index % 3],
            time: 1 + index * 11 % 13,
            batch: 1 + index * 31 % last,
            hidden: index,
            lengths: index % 5 != 0,
            gather: index % 3 != 1,
            initial: index % 4 > 1,
            mask: index % 7 == 0,
        };
        let case = Case::new(shape, index as u64).to_f32();
        let width = shape.cell.gates() * shape.hidden;
        for narrow in Narrow::both(&case.recurrent, width) {
            let mut problem = case.problem();
            problem.recurrent = &narrow.widened;
            let expected = bits(&infer(&problem, shape.layout));
            // What is not looked at need not be there.
            problem.recurrent = &[];
            let streamed = infer_stored(&problem, shape.layout, narrow.stored());
            assert_eq!(bits(&streamed), expected, "{shape:?}");
            let packed = PackedWeights::stored(shape.cell, shape.hidden, narrow.stored());
            let packed = infer_packed(&problem, shape.layout, &packed);
            assert_eq!(bits(&packed), expected, "packed, {shape:?}");
        }
    }
}

#[test]
fn single_steps_read_the_weights_where_they_lie() {
    let sizes = [(1, 16), (1, 70), (2, 33), (7, 129), (1, 300)];
    for (&(batch, hidden), cell) in sizes[..if cfg!(miri) { 1 } else { 5 }]
        .iter()
        .flat_map(|size| CELLS.map(|cell| (size, cell)))
    {
        let shape = Shape {
            cell,
            direction: DIRECTIONS[0],
            layout: LAYOUTS[1],
            time: 1,
            batch,
            hidden,
            lengths: false,
            gather: false,
            initial: true,
            mask: false,
        };
        let case = Case::new(shape, 6).to_f32();
        for narrow in Narrow::both(&case.recurrent, cell.gates() * hidden) {
            let mut problem = case.problem();
            problem.recurrent = &narrow.widened;
            let expected = infer(&problem, shape.layout);
            let run = || infer_stored(&problem, shape.layout, narrow.stored());
            for threads in [1, 2, 3] {
                let found = with_threads(threads, run);
                assert_eq!(bits(&found), bits(&expected), "{threads}, {shape:?}");
            }
        }
    }
}

#[test]
fn a_row_does_not_depend_on_the_others_nor_on_threads() {
    let [rows, inner, columns] = if cfg!(miri) { [9, 5, 7] } else { [41, 67, 53] };
    let shape = |rows| ProductShape {
        rows,
        inner,
        columns,
    };
    let mut random = Random(7);
    let (left, matrix) = (
        values(&mut random, rows * inner),
        values(&mut random, inner * columns),
    );
    for narrow in Narrow::both(&matrix, columns) {
        let packed = PackedMatrix::stored(inner, columns, narrow.stored());
        let all = with_threads(1, || bits(&packed.product(&left, rows)));
        for threads in [2, 3] {
            assert!(all == with_threads(threads, || bits(&packed.product(&left, rows))));
        }
        for (row, expected) in all.chunks_exact(columns).enumerate() {
            let left = &left[row * inner..][..inner];
            assert_eq!(bits(&packed.product(left, 1)), expected);
            let streamed = stored_product(shape(1), left, narrow.stored());
            assert_eq!(bits(&streamed), expected);
        }
    }
}

/// A number that is none in one row, or in the scale of one column, does not vanish and does not spread.
#[test]
fn what_is_no_number_stays_where_it_is() {
    let shape = ProductShape {
        rows: 2,
        inner: 5,
        columns: 19,
    };
    let mut random = Random(8);
    let (mut left, matrix) = (values(&mut random, 10), values(&mut random, 95));
    left[3] = f32::NAN;
    for narrow in Narrow::both(&matrix, 19) {
        let found = stored_product(shape, &left, narrow.stored());
        assert!(found[..19].iter().all(|x| x.is_nan()));
        assert!(found[19..].iter().all(|x| x.is_finite()));
    }
    let mut narrow = Narrow::int8(&matrix, 19);
    narrow.scales[18] = f32::NAN;
    let found = stored_product(shape, &[1.0; 10], narrow.stored());
    for row in found.chunks_exact(19) {
        assert!(row[..18].iter().all(|x| x.is_finite()) && row[18].is_nan());
    }
}

#[test]
#[should_panic(expected = "the scales: 2 elements, but the sizes ask for 3")]
fn scales_of_the_wrong_length_are_refused() {
    let matrix = StoredMatrix::Int8 {
        values: &[0; 12],
        scales: &[1.0; 2],
    };
    PackedMatrix::stored(4, 3, matrix);
}

#[test]
#[should_panic(expected = "the recurrent weights: 3 elements, but the sizes ask for 4")]
fn weights_of_the_wrong_length_are_refused() {
    let problem = rnn_kernels::Problem {
        cell: CELLS[3],
        direction: DIRECTIONS[0],
        time: 1,
        batch: 1,
        hidden: 2,
        lengths: None,
        input: Input::Dense(&[0.0; 2]),
        recurrent: &[],
        bias: &[0.0; 2],
        initial: None,
        mask: None,
        precision: rnn_kernels::Precision::Single,
    };
    infer_stored(&problem, LAYOUTS[0], StoredMatrix::Bf16(&[0; 3]));
}

#[test]
#[cfg_attr(miri, ignore = "starts a process")]
fn every_level_agrees() {
    common::run_on_every_level();
}
