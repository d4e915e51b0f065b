//! The Transformer against naive references, its gradients against finite differences, and what
//! must never change its answers.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod networks_support;

use burn::tensor::{DType, Device, Distribution, Tensor};
use networks_support::{
    SIZES, assert_close, assert_gradients, assert_padding_is_invisible, batch, double, network,
    ragged, rows_of, uneven_loss, values,
};
use seq2seq::config::{Architecture, ModelSettings, PositionKind, TransformerSettings};
use seq2seq::encoding::{Padded, SourceIds};
use seq2seq::layers::dropout::{Dropout, Noise};
use seq2seq::layers::parameters::Parameters;
use seq2seq::networks::transformer::{Mask, MultiHead, Positions, Queries};
use seq2seq::text::VocabularySizes;

const KINDS: [PositionKind; 3] = [
    PositionKind::Learned,
    PositionKind::Sinusoidal,
    PositionKind::Rotary,
];

fn settings(positions: PositionKind) -> ModelSettings {
    ModelSettings {
        architecture: Architecture::Transformer,
        transformer: TransformerSettings {
            layers: 2,
            decoder_layers: Some(1),
            model_size: 8,
            heads: 2,
            feed_forward: 12,
            positions,
            learned_positions: 5,
            ..TransformerSettings::default()
        },
        dropout: 0.2,
        ..ModelSettings::default()
    }
}

fn random(shape: [usize; 2]) -> Tensor<2> {
    let options = (&Device::flex().autodiff(), DType::F64);
    Tensor::random(shape, Distribution::Uniform(-1.0, 1.0), options)
}

/// Rows of a matrix as vectors.
fn rows(tensor: Tensor<2>) -> Vec<Vec<f64>> {
    let width = tensor.dims()[1];
    values(tensor).chunks(width).map(<[f64]>::to_vec).collect()
}

fn softmax(scores: &[f64]) -> Vec<f64> {
    let sum: f64 = scores.iter().map(|score| score.exp()).sum();
    scores.iter().map(|score| score.exp() / sum).collect()
}

#[test]
fn gradients_agree_with_finite_differences() {
    let (sources, targets) = ragged();
    let (source, input) = (batch(&sources), Padded::new(&targets));
    for kind in KINDS {
        for tied_embeddings in [true, false] {
            let mut settings = settings(kind);
            settings.tied_embeddings = tied_embeddings;
            let network = network(&settings, SIZES);
            assert_gradients(&network, |network| {
                uneven_loss(network.forward(&source, &input, None))
            });
        }
    }
}

#[test]
fn padding_is_invisible() {
    for kind in KINDS {
        assert_padding_is_invisible(&network(&settings(kind), SIZES));
    }
}

/// A table of five positions, and sources and targets of more: the later ones share the last vector.
#[test]
fn positions_past_the_table_do_not_fail() {
    let network = network(&settings(PositionKind::Learned), SIZES);
    let long = [networks_support::source(&[1; 9])];
    let scores = network.forward(&batch(&long), &Padded::new(&[vec![2; 12]]), None);
    assert!(values(scores).iter().all(|value| value.is_finite()));
}

/// Features with an encoder of their own have no order, and count.
#[test]
fn features_have_no_order() {
    let sizes = VocabularySizes {
        features: 4,
        ..SIZES
    };
    let network = network(&settings(PositionKind::Rotary), sizes);
    let answer = |features: &[u32]| {
        let source = SourceIds {
            features: Some(features.to_vec()),
            ..networks_support::source(&[1, 2, 3])
        };
        let scores = network.forward(&batch(&[source]), &Padded::new(&[vec![0, 1]]), None);
        rows_of(scores, 1, 0, 2).concat()
    };
    assert_close("order", &answer(&[1, 3]), &answer(&[3, 1]), 1e-9);
    let (one, other) = (answer(&[1, 3]), answer(&[1, 2]));
    assert!(one.iter().zip(&other).any(|(a, b)| (a - b).abs() > 1e-3));
}

/// With features of different numbers, padding among them changes nothing either.
#[test]
fn padding_of_features_is_invisible() {
    let sizes = VocabularySizes {
        features: 4,
        ..SIZES
    };
    let network = network(&settings(PositionKind::Sinusoidal), sizes);
    let with = |symbols: &[u32], features: &[u32]| SourceIds {
        features: Some(features.to_vec()),
        ..networks_support::source(symbols)
    };
    let sources = [with(&[1, 2, 3], &[1]), with(&[4], &[2, 3, 1])];
    let targets = [vec![0, 1], vec![0, 2]];
    let together = network.forward(&batch(&sources), &Padded::new(&targets), None);
    for index in 0..2 {
        let alone = network.forward(
            &batch(&sources[index..=index]),
            &Padded::new(&targets[index..=index]),
            None,
        );
        let expected = rows_of(alone, 1, 0, 2).concat();
        let found = rows_of(together.clone(), 2, index, 2).concat();
        assert_close(&format!("sequence {index}"), &found, &expected, 1e-9);
    }
}

/// The same noise drops the same numbers; without noise nothing is dropped.
#[test]
fn dropout_follows_the_noise() {
    let (sources, targets) = ragged();
    let network = network(&settings(PositionKind::Rotary), SIZES);
    let run = |noise: Option<&mut Noise>| {
        values(network.forward(&batch(&sources), &Padded::new(&targets), noise))
    };
    let (first, again) = (
        run(Some(&mut Noise::new(1, 7))),
        run(Some(&mut Noise::new(1, 7))),
    );
    assert_eq!(first, again);
    assert_ne!(first, run(Some(&mut Noise::new(1, 8))));
    assert_ne!(first, run(None));
    assert_eq!(run(None), run(None));
}

/// Attention written out in loops, for two sequences of three steps, of which the second is short.
#[test]
fn attention_agrees_with_a_naive_one() {
    let (time, sequences, size, heads) = (3, 2, 6, 2);
    let mut params = Parameters::fresh(5, &Device::flex().autodiff());
    let attention = double(MultiHead::new(size, heads, &mut params).expect("fresh weights"));
    let input = random([time * sequences, size]);
    let queries = Queries {
        batch: sequences,
        rotation: None,
    };
    let visible = [true, true, true, true, true, false];
    let mask = Mask::padding(&visible, sequences, &input);
    let memory = attention.memory(input.clone(), queries);
    let mut dropout = Dropout::new(0.0, None);
    let (found, _) = attention.forward(input.clone(), queries, &memory, &mask, &mut dropout);

    let [query, key, value] = [&attention.query, &attention.key, &attention.value]
        .map(|layer| rows(layer.forward(input.clone())));
    let width = size / heads;
    let mut joined = vec![vec![0.0; size]; time * sequences];
    for sequence in 0..sequences {
        for head in 0..heads {
            let part = head * width..(head + 1) * width;
            let keys: Vec<usize> = (0..time)
                .filter(|step| visible[sequence * time + step])
                .map(|step| step * sequences + sequence)
                .collect();
            for step in 0..time {
                let row = step * sequences + sequence;
                let score = |&other: &usize| {
                    let pairs = query[row][part.clone()]
                        .iter()
                        .zip(&key[other][part.clone()]);
                    pairs.map(|(a, b)| a * b).sum::<f64>() / (width as f64).sqrt()
                };
                let weights = softmax(&keys.iter().map(score).collect::<Vec<_>>());
                for (weight, &other) in weights.iter().zip(&keys) {
                    for place in part.clone() {
                        joined[row][place] += weight * value[other][place];
                    }
                }
            }
        }
    }
    let joined = Tensor::<1>::from_data(
        joined.concat().as_slice(),
        (&Device::flex().autodiff(), DType::F64),
    );
    let expected = attention
        .output
        .forward(joined.reshape([time * sequences, size]));
    assert_close("attention", &values(found), &values(expected), 1e-9);
}

/// What a rotated query and key have in common depends on how far apart they are, not on where.
#[test]
fn rotation_knows_only_distances() {
    let mut params = Parameters::fresh(5, &Device::flex());
    let positions = Positions::new(PositionKind::Rotary, 8, 1, &mut params).expect("no weights");
    let (query, key) = (random([1, 8]).inner(), random([1, 8]).inner());
    let turned = |x: &Tensor<2>, place: usize| {
        let rotation = positions.rotation(&[place], 8, x).expect("it rotates");
        values(rotation.apply(x.clone().unsqueeze()))
    };
    let product = |a: usize, b: usize| -> f64 {
        let (query, key) = (turned(&query, a), turned(&key, b));
        query.iter().zip(&key).map(|(a, b)| a * b).sum()
    };
    assert!((product(2, 5) - product(11, 14)).abs() < 1e-5);
    assert!((product(2, 5) - product(2, 6)).abs() > 1e-3);
}

/// The sines and cosines of Vaswani et al. 2017, section 3.5.
#[test]
fn sinusoids_have_their_wave_lengths() {
    let mut params = Parameters::fresh(5, &Device::flex());
    let positions = Positions::new(PositionKind::Sinusoidal, 4, 1, &mut params).expect("none");
    let zeros = Tensor::<2>::zeros([10, 4], &Device::flex());
    let found = values(positions.add(zeros, 1)).split_off(7 * 4);
    let expected: Vec<f64> = (7..10)
        .flat_map(|place| {
            let (fast, slow) = (f64::from(place), f64::from(place) / 100.0);
            [fast.sin(), slow.sin(), fast.cos(), slow.cos()]
        })
        .collect();
    assert_close("sinusoids", &found, &expected, 1e-6);
}
