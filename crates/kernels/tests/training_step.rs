//! The other parts of a training step against naive versions in double precision.

mod common;

use common::{Random, assert_close, widen};
use rnn_kernels::{
    AdamStep, Order, ProductShape, adam, add_product, batched_product, batched_product_shared,
    log_softmax, product, softmax_cross_entropy, sum_of_squares, tanh, tanh_backward,
};

fn values(random: &mut Random, len: usize, scale: f64) -> Vec<f32> {
    random
        .values(len, scale)
        .iter()
        .map(|&x| x as f32)
        .collect()
}

#[test]
fn products_of_every_size_and_order_agree() {
    let sizes: &[[usize; 3]] = if cfg!(miri) {
        &[[3, 4, 5]]
    } else {
        &[
            [1, 1, 1],
            [2, 3, 70],
            [7, 64, 9],
            [13, 1, 33],
            [48, 300, 17],
            [70, 700, 40],
            [3, 513, 300],
            [5, 0, 4],
            [0, 3, 2],
        ]
    };
    let orders = [Order::Rows, Order::Transposed];
    for (seed, &[rows, inner, columns]) in sizes.iter().enumerate() {
        for (left_order, right_order) in
            (0..4).map(|bits: usize| (orders[bits & 1], orders[bits >> 1]))
        {
            let mut random = Random(seed as u64);
            let left = values(&mut random, rows * inner, 1.0);
            let right = values(&mut random, inner * columns, 1.0);
            let element = |i: usize, j: usize| {
                let products = (0..inner).map(|k| {
                    let l = if left_order == Order::Rows {
                        i * inner + k
                    } else {
                        k * rows + i
                    };
                    let r = if right_order == Order::Rows {
                        k * columns + j
                    } else {
                        j * inner + k
                    };
                    f64::from(left[l]) * f64::from(right[r])
                });
                products.sum::<f64>()
            };
            let expected: Vec<f64> = (0..rows * columns)
                .map(|at| element(at / columns, at % columns))
                .collect();
            let shape = ProductShape {
                rows,
                inner,
                columns,
            };
            let (left, right) = ((&left[..], left_order), (&right[..], right_order));
            let mut out = product(shape, left, right);
            assert_close(
                &widen(&out),
                &expected,
                2e-5,
                &(shape, left_order, right_order),
            );
            add_product(shape, left, right, &mut out);
            let twice: Vec<f64> = expected.iter().map(|x| 2.0 * x).collect();
            assert_close(
                &widen(&out),
                &twice,
                4e-5,
                &(shape, left_order, right_order),
            );
        }
    }
}

#[test]
fn batched_products_agree_with_one_by_one() {
    let sizes: &[[usize; 4]] = if cfg!(miri) {
        &[[2, 3, 4, 5]]
    } else {
        &[
            [1, 1, 1, 1],
            [3, 5, 70, 9],
            [2, 4, 3, 37],
            [40, 13, 17, 12],
            [2, 3, 0, 4],
            [3, 0, 2, 2],
            [0, 2, 2, 2],
        ]
    };
    let orders = [
        (Order::Rows, Order::Rows),
        (Order::Rows, Order::Transposed),
        (Order::Transposed, Order::Rows),
    ];
    for (seed, &[batch, rows, inner, columns]) in sizes.iter().enumerate() {
        for (left_order, right_order) in orders {
            let mut random = Random(seed as u64);
            let left = values(&mut random, batch * rows * inner, 1.0);
            let right = values(&mut random, batch * inner * columns, 1.0);
            let shape = ProductShape {
                rows,
                inner,
                columns,
            };
            let out = batched_product(batch, shape, (&left, left_order), (&right, right_order));
            // The matrix of a sequence as it would lie alone.
            let alone = |values: &[f32], width: usize, sequence: usize| -> Vec<f32> {
                let rows = values.chunks_exact(width.max(1));
                let own = rows.skip(sequence).step_by(batch);
                own.flatten().copied().collect()
            };
            let left_width = if left_order == Order::Rows {
                inner
            } else {
                rows
            };
            let right_width = if right_order == Order::Rows {
                columns
            } else {
                inner
            };
            for sequence in 0..batch {
                let expected = product(
                    shape,
                    (&alone(&left, left_width, sequence), left_order),
                    (&alone(&right, right_width, sequence), right_order),
                );
                assert_close(
                    &widen(&alone(&out, columns, sequence)),
                    &widen(&expected),
                    2e-5,
                    &(batch, shape, left_order, right_order),
                );
            }
        }
    }
}

#[test]
fn sequences_that_share_a_matrix_have_the_product_with_a_copy_of_it() {
    let shape = ProductShape {
        rows: 2,
        inner: 9,
        columns: 21,
    };
    let (count, numbers) = (3, [2, 0, 0, 2, 1, 2]);
    let mut random = Random(7);
    let left = values(&mut random, numbers.len() * shape.rows * shape.inner, 1.0);
    let right = values(&mut random, count * shape.inner * shape.columns, 1.0);
    for (order, width) in [(Order::Rows, 21), (Order::Transposed, 9)] {
        let rows = right.chunks_exact(count * width);
        let copied: Vec<f32> = rows
            .flat_map(|row| numbers.map(|number| row[number as usize * width..][..width].to_vec()))
            .flatten()
            .collect();
        let shared = batched_product_shared((&numbers, count), shape, &left, (&right, order));
        let left = (left.as_slice(), Order::Rows);
        let expected = batched_product(numbers.len(), shape, left, (&copied, order));
        assert_eq!(shared, expected, "{order:?}");
    }
}

#[test]
#[should_panic(expected = "a sequence has a right matrix that is not there")]
fn shared_matrices_that_are_not_there_are_refused() {
    let shape = ProductShape {
        rows: 1,
        inner: 1,
        columns: 1,
    };
    batched_product_shared((&[1], 1), shape, &[0.0], (&[0.0], Order::Rows));
}

#[test]
#[should_panic(expected = "the right matrices: 3 elements, but the sizes ask for 4")]
fn batched_matrices_of_the_wrong_length_are_refused() {
    let shape = ProductShape {
        rows: 1,
        inner: 2,
        columns: 1,
    };
    batched_product(2, shape, (&[0.0; 4], Order::Rows), (&[0.0; 3], Order::Rows));
}

fn exact_log_softmax(row: &[f32]) -> Vec<f64> {
    let sum: f64 = row.iter().map(|&x| f64::from(x).exp()).sum();
    row.iter().map(|&x| f64::from(x) - sum.ln()).collect()
}

#[test]
fn cross_entropy_and_its_gradient_agree() {
    for (classes, smoothing) in [(1, 0.0), (5, 0.1), (13, 0.0), (16, 0.2), (37, 0.1)] {
        let mut random = Random(classes as u64);
        let logits = values(&mut random, 9 * classes, 4.0);
        let expected: Vec<i32> = (0..9)
            .map(|row| {
                if row % 4 == 3 {
                    -1
                } else {
                    random.below(classes) as i32
                }
            })
            .collect();
        let mut gradient = vec![f32::NAN; logits.len()];
        let found =
            softmax_cross_entropy(&logits, classes, &expected, smoothing, Some(&mut gradient));
        let (mut loss, mut nll, mut correct, mut d) = (0.0, 0.0, 0, Vec::new());
        for (row, &class) in logits.chunks_exact(classes).zip(&expected) {
            let logs = exact_log_softmax(row);
            let share = f64::from(smoothing);
            let target = |k: usize| {
                share / classes as f64 + if k as i32 == class { 1.0 - share } else { 0.0 }
            };
            if class < 0 {
                d.extend(vec![0.0; classes]);
                continue;
            }
            nll -= logs[class as usize];
            loss -= (0..classes).map(|k| target(k) * logs[k]).sum::<f64>();
            correct += usize::from(row.iter().all(|&x| x <= row[class as usize]));
            d.extend((0..classes).map(|k| logs[k].exp() - target(k)));
        }
        assert_close(
            &[found.loss_sum, found.nll_sum],
            &[loss, nll],
            1e-5,
            &classes,
        );
        assert_eq!((found.correct, found.counted), (correct, 7));
        assert_close(&widen(&gradient), &d, 1e-5, &classes);
        assert_eq!(
            found,
            softmax_cross_entropy(&logits, classes, &expected, smoothing, None)
        );
    }
}

#[test]
fn the_first_of_several_largest_logits_is_the_answer() {
    let logits = [1.0, 3.0, 3.0];
    assert_eq!(
        softmax_cross_entropy(&logits, 3, &[1], 0.0, None).correct,
        1
    );
    assert_eq!(
        softmax_cross_entropy(&logits, 3, &[2], 0.0, None).correct,
        0
    );
}

#[test]
#[should_panic(expected = "class 3 is expected, but there are 3")]
fn classes_that_do_not_exist_are_refused() {
    softmax_cross_entropy(&[0.0; 3], 3, &[3], 0.0, None);
}

#[test]
fn log_softmax_agrees_and_survives_large_logits() {
    for classes in [1, 3, 16, 29] {
        let mut rows = values(&mut Random(classes as u64), 4 * classes, 10.0);
        let expected: Vec<f64> = rows
            .chunks_exact(classes)
            .flat_map(exact_log_softmax)
            .collect();
        log_softmax(&mut rows, classes);
        assert_close(&widen(&rows), &expected, 1e-5, &classes);
    }
    let mut large = [1000.0, 0.0, f32::NEG_INFINITY];
    log_softmax(&mut large, 3);
    assert_eq!(large, [0.0, -1000.0, f32::NEG_INFINITY]);
}

#[test]
fn adam_agrees() {
    // Large ones are updated in pieces.
    let sizes: &[usize] = if cfg!(miri) { &[37] } else { &[37, 70_003] };
    for &len in sizes {
        let mut random = Random(8);
        let mut weights = values(&mut random, len, 1.0);
        let (mut first, mut second) = (vec![0.0; len], vec![0.0; len]);
        let (mut w, mut m, mut v) = (widen(&weights), vec![0.0; len], vec![0.0; len]);
        for count in 1..=5 {
            let gradient = values(&mut random, len, 2.0);
            let step = AdamStep {
                rate: 0.01,
                beta_1: 0.9,
                beta_2: 0.999,
                epsilon: 1e-7,
                weight_decay: 0.1,
                step: count,
                scale: 0.5,
            };
            adam(&step, &mut weights, &gradient, &mut first, &mut second);
            for k in 0..len {
                let g = 0.5 * f64::from(gradient[k]);
                m[k] = 0.9 * m[k] + 0.1 * g;
                v[k] = 0.999 * v[k] + 0.001 * g * g;
                let m_hat = m[k] / (1.0 - 0.9f64.powi(count as i32));
                let v_hat = v[k] / (1.0 - 0.999f64.powi(count as i32));
                w[k] -= 0.01 * (m_hat / (v_hat.sqrt() + 1e-7) + 0.1 * w[k]);
            }
        }
        assert_close(&widen(&weights), &w, 1e-5, &"weights");
        assert_close(&widen(&first), &m, 1e-5, &"first");
        assert_close(&widen(&second), &v, 1e-5, &"second");
    }
}

#[test]
fn squares_are_summed_in_double_precision() {
    let values: Vec<f32> = (0..100_003).map(|k| (k % 7) as f32 * 0.1).collect();
    let expected: f64 = values.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    assert!((sum_of_squares(&values) - expected).abs() < 1e-9 * expected);
}

#[test]
#[cfg_attr(miri, ignore = "starts a process")]
fn every_level_agrees() {
    common::run_on_every_level();
}

#[test]
fn tanh_and_its_derivative_are_those_of_the_standard_library() {
    for len in [0, 1, 7, 70] {
        let x = values(&mut Random(len as u64), len, 4.0);
        let mut y = x.clone();
        tanh(&mut y);
        let exact: Vec<f64> = x.iter().map(|&x| f64::from(x).tanh()).collect();
        assert_close(&widen(&y), &exact, 1e-6, &"tanh");
        let mut gradient = vec![2.0; len];
        tanh_backward(&y, &mut gradient);
        let exact: Vec<f64> = exact.iter().map(|y| 2.0 * (1.0 - y * y)).collect();
        assert_close(&widen(&gradient), &exact, 1e-5, &"its derivative");
    }
}
