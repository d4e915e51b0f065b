//! Layers against plain loops.

#![allow(clippy::expect_used)] // a test may fail by panicking

use std::cell::RefCell;

use burn::tensor::{DType, Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use seq2seq::config::AttentionKind;
use seq2seq::encoding::Padded;
use seq2seq::layers::attention::{Attention, masked_softmax};
use seq2seq::layers::layer_norm::LayerNorm;
use seq2seq::layers::output_layer::OutputLayer;
use seq2seq::layers::parameters::Parameters;
use seq2seq::layers::pointer_generator::{PointerGenerator, PointerInput, copy_table};
use seq2seq::layers::recurrent::LayerInput;
use seq2seq::training::{Expected, Losses};
use seq2seq_runtime::layers::AttentionSizes;

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.try_into_vec_as().expect("a float tensor")
}

/// Numbers between -2 and 2, in every run of a test the same: each test has a thread of its own.
fn random<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    thread_local! {
        static NUMBERS: RefCell<ChaCha8Rng> = RefCell::new(ChaCha8Rng::seed_from_u64(1));
    }
    let count = shape.iter().product();
    let values: Vec<f64> = NUMBERS.with_borrow_mut(|numbers| {
        (0..count)
            .map(|_| numbers.random_range(-2.0..2.0))
            .collect()
    });
    let kind = (&Device::flex(), DType::F64);
    Tensor::from_data(TensorData::new(values, shape), kind)
}

fn params() -> Parameters {
    Parameters::fresh(5, &Device::flex()).with_dtype(DType::F64)
}

fn assert_close(what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() < 1e-9, "{what}[{index}]: {a} instead of {b}");
    }
}

/// A row vector times a matrix.
fn times(vector: &[f64], matrix: &Option<burn::module::Param<Tensor<2>>>) -> Vec<f64> {
    let Some(matrix) = matrix else {
        return vector.to_vec();
    };
    let columns = matrix.val().dims()[1];
    let matrix = values(matrix.val());
    (0..columns)
        .map(|column| {
            let terms = vector.iter().enumerate();
            terms
                .map(|(row, x)| x * matrix[row * columns + column])
                .sum()
        })
        .collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn softmax(scores: &[f64]) -> Vec<f64> {
    let powers: Vec<f64> = scores.iter().map(|score| score.exp()).collect();
    let total: f64 = powers.iter().sum();
    powers.iter().map(|power| power / total).collect()
}

const SIZES: AttentionSizes = AttentionSizes {
    query: 4,
    memory: 4,
    units: 6,
    heads: 2,
};

/// Scores of one query for each state, for each head.
fn naive_scores(
    layer: &Attention,
    kind: AttentionKind,
    query: &[f64],
    states: &[Vec<f64>],
) -> Vec<Vec<f64>> {
    let query = times(query, &layer.query);
    let keys: Vec<Vec<f64>> = states
        .iter()
        .map(|state| times(state, &layer.key))
        .collect();
    if kind == AttentionKind::MultiHead {
        let size = SIZES.units / SIZES.heads;
        let head = |head: usize| {
            let part = head * size..(head + 1) * size;
            keys.iter()
                .map(|key| dot(&query[part.clone()], &key[part.clone()]) / (size as f64).sqrt())
                .collect()
        };
        return (0..SIZES.heads).map(head).collect();
    }
    let Some(score) = &layer.score else {
        return vec![keys.iter().map(|key| dot(&query, key)).collect()];
    };
    let score = values(score.val());
    let bias = layer
        .bias
        .as_ref()
        .map_or(vec![0.0; SIZES.units], |bias| values(bias.val()));
    let one = |key: &Vec<f64>| {
        (0..SIZES.units)
            .map(|unit| score[unit] * (query[unit] + key[unit] + bias[unit]).tanh())
            .sum()
    };
    vec![keys.iter().map(one).collect()]
}

/// Every kind of attention, over sources of 3, 0 and 1 symbols.
#[test]
fn attention_is_what_the_papers_say() {
    let (time, batch, positions) = (2, 3, 3);
    let lengths = [3, 0, 1];
    for kind in [
        AttentionKind::Dot,
        AttentionKind::General,
        AttentionKind::Concat,
        AttentionKind::Additive,
        AttentionKind::MultiHead,
    ] {
        let layer = Attention::new(kind, SIZES, &mut params())
            .expect("a layer")
            .expect("an attention");
        let states = random([positions, batch, SIZES.memory]);
        let queries = random([time, batch, SIZES.query]);
        let source = Padded::filled(&[vec![1; 3], vec![], vec![1]], |&id: &i32| id, 1, 0);
        let memory = layer.memory(states.clone(), &source);
        let found = layer.forward(queries.clone(), &memory);
        let width = SIZES.context_width(kind);
        let (contexts, weights) = (values(found.contexts), values(found.weights));
        let (states, queries) = (values(states), values(queries));
        for step in 0..time {
            for (row, &length) in lengths.iter().enumerate() {
                let place = (step * batch + row) * SIZES.query;
                let query = &queries[place..place + SIZES.query];
                let states: Vec<Vec<f64>> = (0..length)
                    .map(|position| {
                        let place = (position * batch + row) * SIZES.memory;
                        states[place..place + SIZES.memory].to_vec()
                    })
                    .collect();
                let (expected_context, expected_weights) =
                    naive_attention(&layer, kind, query, &states, width, positions);
                let what = format!("{kind:?}, step {step}, source {row}");
                let place = (step * batch + row) * width;
                assert_close(&what, &contexts[place..place + width], &expected_context);
                let place = (row * time + step) * positions;
                assert_close(&what, &weights[place..place + positions], &expected_weights);
            }
        }
    }
}

fn naive_attention(
    layer: &Attention,
    kind: AttentionKind,
    query: &[f64],
    states: &[Vec<f64>],
    width: usize,
    positions: usize,
) -> (Vec<f64>, Vec<f64>) {
    let heads: Vec<Vec<f64>> = naive_scores(layer, kind, query, states)
        .iter()
        .map(|scores| softmax(scores))
        .collect();
    let mut context = vec![0.0; width];
    let mut mean = vec![0.0; positions];
    for (position, state) in states.iter().enumerate() {
        let value = times(state, &layer.value);
        for (unit, content) in value.iter().enumerate() {
            let head = unit * heads.len() / width;
            context[unit] += heads[head][position] * content;
        }
        mean[position] = heads.iter().map(|head| head[position]).sum::<f64>() / heads.len() as f64;
    }
    (context, mean)
}

/// However large the scores, a row of nothing but padding gives zeros.
#[test]
fn masked_softmax_gives_no_nan() {
    let device = (&Device::flex(), DType::F32);
    let scores = Tensor::<2>::from_data(
        TensorData::new(vec![1e8f32, -1e8, 3.0, 5.0], [2, 2]),
        device,
    );
    let mask = Tensor::<2>::from_data(TensorData::new(vec![0f32, 0.0, 1.0, 0.0], [2, 2]), device);
    assert_eq!(
        values(masked_softmax(scores, Some(mask))),
        [0.0, 0.0, 1.0, 0.0]
    );
}

#[test]
fn layer_norm_has_mean_zero_and_variance_one() {
    let layer = LayerNorm::new(4, &mut params()).expect("a layer");
    let input = random([2, 3, 4]);
    let found = values(layer.forward(input.clone()));
    let mut expected = Vec::new();
    for row in values(input).chunks(4) {
        let mean = row.iter().sum::<f64>() / 4.0;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 4.0;
        expected.extend(row.iter().map(|x| (x - mean) / (variance + 1e-5).sqrt()));
    }
    assert_close("normalised", &found, &expected);
}

#[test]
fn tied_output_layer_multiplies_by_the_embeddings() {
    for input in [3, 5] {
        let layer = OutputLayer::new(input, 4, Some(3), &mut params()).expect("a layer");
        assert!(layer.kernel.is_none());
        assert_eq!(layer.projection.is_some(), input != 3);
        let (rows, embeddings) = (random([2, input]), random([4, 3]));
        let found = values(layer.forward(rows.clone(), Some(embeddings.clone())));
        let embeddings = values(embeddings);
        let mut expected = Vec::new();
        for row in values(rows).chunks(input) {
            let row = times(row, &layer.projection);
            expected.extend(embeddings.chunks(3).map(|vector| dot(&row, vector)));
        }
        assert_close("scores", &found, &expected);
    }
}

/// The mixture is `p P(write) + (1 - p) P(copy)`, where attention to what cannot be copied writes.
#[test]
fn pointer_generator_mixes_writing_and_copying() {
    let layer = PointerGenerator::new(3, 2, 2, &mut params()).expect("a layer");
    let (hidden, context, input) = (random([1, 2, 3]), random([1, 2, 2]), random([1, 2, 2]));
    let scores = random([2, 3]);
    // The first source is symbol 2, one that cannot be copied, symbol 2; the second is symbol 0.
    let copy_ids = Padded::filled(&[vec![2, -1, 2], vec![0]], |&id: &i32| id, 1, -1);
    let attention = vec![0.5, 0.3, 0.2, 1.0, 0.0, 0.0];
    let kind = (&Device::flex(), DType::F64);
    let weights = Tensor::from_data(TensorData::new(attention, [2, 1, 3]), kind);
    let state = PointerInput {
        hidden: hidden.clone(),
        context: context.clone(),
        input: LayerInput::Vectors(input.clone()),
        weights,
    };
    let found = values(layer.forward(scores.clone(), copy_table(&copy_ids, 3, kind), state));
    let part = |vectors: &Tensor<3>, kernel: &burn::module::Param<Tensor<2>>, row: usize| {
        let width = vectors.dims()[2];
        let vectors = values(vectors.clone());
        dot(
            &vectors[row * width..(row + 1) * width],
            &values(kernel.val()),
        )
    };
    let copied = [[0.0, 0.0, 0.7], [1.0, 0.0, 0.0]];
    for row in 0..2 {
        let sum = part(&hidden, &layer.hidden_kernel, row)
            + part(&context, &layer.context_kernel, row)
            + part(&input, &layer.input_kernel, row);
        let write = 1.0 / (1.0 + (-sum).exp());
        let written = softmax(&values(scores.clone())[row * 3..row * 3 + 3]);
        let not_copied = if row == 0 { 0.3 } else { 0.0 };
        let expected: Vec<f64> = (0..3)
            .map(|symbol| {
                let copy = (1.0 - write) * copied[row][symbol];
                ((write + (1.0 - write) * not_copied) * written[symbol] + copy).ln()
            })
            .collect();
        assert_close("log-probabilities", &found[row * 3..row * 3 + 3], &expected);
        let total: f64 = found[row * 3..row * 3 + 3].iter().map(|p| p.exp()).sum();
        assert!(
            (total - 1.0).abs() < 1e-9,
            "the probabilities sum to {total}"
        );
    }
}

/// Label smoothing mixes the cross-entropy with the mean over all classes; the reported loss stays.
#[test]
fn label_smoothing_changes_the_objective_only() {
    let scores = random([3, 4]);
    let expected = Expected::new(vec![2, -1, 0]);
    let losses = Losses::new(scores.clone(), &expected, 0.2);
    let scores = values(scores);
    let log_probs = |row: usize| -> Vec<f64> {
        let row = softmax(&scores[row * 4..row * 4 + 4]);
        row.iter().map(|p| p.ln()).collect()
    };
    let plain = -(log_probs(0)[2] + log_probs(2)[0]) / 2.0;
    let spread: f64 = [0, 2]
        .map(|row| -log_probs(row).iter().sum::<f64>() / 4.0)
        .iter()
        .sum::<f64>()
        / 2.0;
    let reported = losses.figures.cross_entropy;
    assert!(
        (reported - plain).abs() < 1e-6,
        "{reported} instead of {plain}"
    );
    assert_close(
        "objective",
        &values(losses.objective),
        &[0.8 * plain + 0.2 * spread],
    );
}

/// The loss in one pass is the one composed of Burn's operations, and so is its gradient.
#[test]
fn the_fused_loss_is_the_composed_one() {
    let numbers = values(random([6, 5]));
    let expected = Expected::new(vec![4, -1, 0, 3, -1, 2]);
    for smoothing in [0.0, 0.1] {
        let loss_and_gradient = |precision: DType| {
            let data = TensorData::new(numbers.clone(), [6, 5]);
            let device = Device::flex().autodiff();
            let scores = Tensor::<2>::from_data(data, (&device, precision)).require_grad();
            let objective = Losses::new(scores.clone(), &expected, smoothing).objective;
            let gradient = scores.grad(&objective.backward()).expect("a gradient");
            [values(objective.inner()), values(gradient)].concat()
        };
        let (fused, composed) = (loss_and_gradient(DType::F32), loss_and_gradient(DType::F64));
        for (fused, composed) in fused.iter().zip(&composed) {
            assert!(
                (fused - composed).abs() < 1e-6,
                "{fused} instead of {composed}"
            );
        }
    }
}

/// Recurrent weights start with orthonormal rows, whether or not these fill a block of the method.
#[test]
fn recurrent_weights_start_orthonormal() {
    for [rows, columns] in [[1, 4], [33, 33], [70, 280]] {
        let weights = Parameters::fresh(3, &Device::flex()).orthogonal("weights", [rows, columns]);
        let weights = weights.expect("fresh weights").val();
        let product = values(weights.clone().matmul(weights.transpose()));
        for (at, found) in product.iter().enumerate() {
            let expected = f64::from(u8::from(at / rows == at % rows));
            assert!(
                (found - expected).abs() < 1e-5,
                "{rows} rows, {at}: {found}"
            );
        }
    }
}
