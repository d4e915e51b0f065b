//! Hard monotonic attention: its likelihood is exactly the sum over all alignments, its gradients
//! agree with finite differences, and padding and batching change nothing.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod networks_support;

use burn::tensor::{DType, Tensor};
use networks_support::{
    SIZES, assert_close, assert_gradients, assert_padding_is_invisible, batch, network, ragged,
    rows_of, source, uneven_loss, values,
};
use seq2seq::config::{Architecture, Embedding, ModelSettings, MonotonicSettings};
use seq2seq::encoding::{Padded, SourceIds};
use seq2seq::layers::recurrent::{Direction, LayerInput, Layout, Run};
use seq2seq::networks::Network;
use seq2seq::networks::monotonic::{MonotonicNetwork, transitions};
use seq2seq::text::VocabularySizes;

/// Every order, with and without monotonicity.
const KINDS: [(usize, bool); 4] = [(0, false), (0, true), (1, false), (1, true)];

fn settings((order, monotonic): (usize, bool)) -> ModelSettings {
    ModelSettings {
        architecture: Architecture::Monotonic,
        encoder_units: 4,
        decoder_units: Some(5),
        embedding: Embedding::Size(3),
        monotonic: MonotonicSettings {
            order,
            monotonic,
            window: 2,
            summary: false, // enumerated below without one, as in the paper
            ..MonotonicSettings::default()
        },
        ..ModelSettings::default()
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    let (sources, targets) = ragged();
    let (source, input) = (batch(&sources), Padded::new(&targets));
    for kind in KINDS {
        let network = network(&settings(kind), SIZES);
        assert_gradients(&network, |network| {
            uneven_loss(network.forward(&source, &input, None))
        });
    }
}

#[test]
fn padding_is_invisible() {
    for kind in KINDS {
        assert_padding_is_invisible(&network(&settings(kind), SIZES));
    }
}

/// Each row is a distribution: the alignments' shares add up to one.
#[test]
fn probabilities_add_up() {
    let (sources, targets) = ragged();
    for kind in KINDS {
        let network = network(&settings(kind), SIZES);
        let scores = network.forward(&batch(&sources), &Padded::new(&targets), None);
        for row in values(scores.exp()).chunks(SIZES.target) {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }
}

/// The states that alignment and emission are computed from, one row a position or step.
struct States {
    encoder: Vec<Vec<f64>>,
    decoder: Vec<Vec<f64>>,
}

fn states(network: &MonotonicNetwork, source: &[u32], read: &[u32]) -> States {
    let run = |layer: &seq2seq::layers::recurrent::Recurrent, table, ids: &[u32], direction| {
        let symbols = Padded::new(&[ids]);
        let input = LayerInput::Symbols {
            vectors: Some(table),
            symbols: &symbols,
        };
        let run = Run {
            initial: None,
            lengths: None,
            direction,
            layout: Layout::Sequence,
            mask: None,
        };
        let output = layer.forward(input, run);
        let width = output.dims()[2];
        let rows = values(output);
        rows.chunks(width).map(<[f64]>::to_vec).collect::<Vec<_>>()
    };
    let (table, encoder) = (network.source_embedding.val(), &network.encoder);
    let ahead = run(
        &encoder.forward[0],
        table.clone(),
        source,
        Direction::Forward,
    );
    let back = run(&encoder.backward[0], table, source, Direction::Reverse);
    let joined = ahead.into_iter().zip(back);
    States {
        encoder: joined.map(|(ahead, back)| [ahead, back].concat()).collect(),
        decoder: run(
            &network.decoder[0],
            network.target_embedding.val(),
            read,
            Direction::Forward,
        ),
    }
}

fn dense(layer: &seq2seq::layers::dense::Dense, input: &[f64]) -> Vec<f64> {
    let (kernel, bias) = (values(layer.kernel.val()), values(layer.bias.val()));
    let width = bias.len();
    let column = |place: usize| {
        let products = input.iter().enumerate();
        products
            .map(|(row, x)| x * kernel[row * width + place])
            .sum::<f64>()
            + bias[place]
    };
    (0..width).map(column).collect()
}

fn normalised(scores: &[f64]) -> Vec<f64> {
    let sum: f64 = scores.iter().map(|score| score.exp()).sum();
    scores.iter().map(|score| score.exp() / sum).collect()
}

/// `p(a_t = . | a_{t-1} = from)`, written out.
fn transition(
    network: &MonotonicNetwork,
    (order, monotonic): (usize, bool),
    states: &States,
    step: usize,
    from: usize,
) -> Vec<f64> {
    let decoder = &states.decoder[step];
    let jumps = network
        .alignment
        .jump
        .as_ref()
        .map(|jump| dense(jump, decoder));
    assert_eq!(jumps.is_some(), order == 1);
    let score = |to: usize| {
        if monotonic && to < from {
            return f64::NEG_INFINITY;
        }
        let content = dense(&network.alignment.content, &states.encoder[to]);
        let content: f64 = content.iter().zip(decoder).map(|(a, b)| a * b).sum();
        let distance = (to as i64 - from as i64).clamp(-2, 2);
        let bucket = if monotonic { distance } else { distance + 2 };
        content + jumps.as_ref().map_or(0.0, |jumps| jumps[bucket as usize])
    };
    normalised(&(0..states.encoder.len()).map(score).collect::<Vec<_>>())
}

/// `p(y_t = . | a_t = place)`, written out.
fn emission(network: &MonotonicNetwork, states: &States, step: usize, place: usize) -> Vec<f64> {
    let part = dense(&network.emission.decoder, &states.decoder[step]);
    let other = dense(&network.emission.encoder, &states.encoder[place]);
    let hidden: Vec<f64> = part
        .iter()
        .zip(&other)
        .map(|(a, b)| (a + b).tanh())
        .collect();
    normalised(&dense(&network.emission.output, &hidden))
}

/// The probability of a target, summed over every alignment one by one.
fn enumerated(
    network: &MonotonicNetwork,
    kind: (usize, bool),
    states: &States,
    target: &[u32],
) -> f64 {
    let places = states.encoder.len();
    let alignments = places.pow(target.len() as u32);
    (0..alignments)
        .map(|number| {
            let (mut number, mut from, mut product) = (number, 0, 1.0);
            for (step, &symbol) in target.iter().enumerate() {
                let to = number % places;
                number /= places;
                product *= transition(network, kind, states, step, from)[to]
                    * emission(network, states, step, to)[symbol as usize];
                from = to;
            }
            product
        })
        .sum()
}

/// The marginal likelihood is exact: the product over the steps of what the network gives is the sum
/// over all 64 alignments.
#[test]
fn likelihood_is_the_sum_over_all_alignments() {
    let (read, target) = ([0, 2, 1], [2_u32, 1, 3]);
    for kind in KINDS {
        let network = network(&settings(kind), SIZES);
        let Network::Monotonic(inner) = &network else {
            panic!("another network");
        };
        let symbols = [1, 5, 2, 4];
        let scores = network.forward(&batch(&[source(&symbols)]), &Padded::new(&[read]), None);
        let rows = rows_of(scores, 1, 0, 3);
        let found: f64 = rows
            .iter()
            .zip(target)
            .map(|(row, y)| row[y as usize])
            .sum();
        let expected = enumerated(inner, kind, &states(inner, &symbols, &read), &target).ln();
        assert_close(&format!("{kind:?}"), &[found], &[expected], 1e-9);
    }
}

/// Once the alignment has moved on, a monotonic one gives no weight to what is left behind.
#[test]
fn monotonic_alignment_never_moves_left() {
    let network = network(&settings((1, true)), SIZES);
    let Network::Monotonic(inner) = &network else {
        panic!("another network");
    };
    let device = inner.target_embedding.val().device();
    let ones = |shape: [usize; 3]| Tensor::<3>::ones(shape, (&device, DType::F64));
    let places = inner.alignment.places(ones([4, 1, 8]), &[4]);
    let decoder = ones([1, 1, 5]);
    let content = inner.alignment.content_scores(decoder.clone(), &places);
    let jumps = inner.alignment.jump_scores(decoder);
    let table = values(transitions(content, jumps, inner.alignment.moves).exp());
    for from in 0..4 {
        let row = &table[from * 4..(from + 1) * 4];
        assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(
            row[..from].iter().all(|&share| share == 0.0),
            "{from}: {row:?}"
        );
    }
}

/// Features with an encoder of their own count, have no order, and their padding is invisible.
#[test]
fn features_are_summed() {
    let sizes = VocabularySizes {
        features: 4,
        ..SIZES
    };
    let network = network(&settings((1, true)), sizes);
    let with = |features: &[u32]| SourceIds {
        features: Some(features.to_vec()),
        ..source(&[1, 2])
    };
    let sources = [with(&[1, 3]), with(&[3, 1]), with(&[2])];
    let targets = [vec![0, 1], vec![0, 1], vec![0, 1]];
    let scores = network.forward(&batch(&sources), &Padded::new(&targets), None);
    let rows = |sequence| rows_of(scores.clone(), 3, sequence, 2).concat();
    assert_close("order", &rows(0), &rows(1), 1e-9);
    assert!(
        rows(0)
            .iter()
            .zip(&rows(2))
            .any(|(a, b)| (a - b).abs() > 1e-4)
    );
    let alone = network.forward(&batch(&sources[2..]), &Padded::new(&targets[2..]), None);
    assert_close("alone", &rows(2), &rows_of(alone, 1, 0, 2).concat(), 1e-9);
}
