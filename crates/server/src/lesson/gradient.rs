//! How much of the loss's gradient reaches each symbol that the encoder reads.
//!
//! Backpropagation through time by the library's own recurrent kernels, in double precision: from the
//! teacher-forced loss through the decoder and its first state to the input of every encoder step. Only for
//! one-layer networks whose encoder hands its last state over as it is, without attention.

use rnn_kernels::{Cell, Direction, Input, Layout, Precision, Problem, backward, forward};
use seq2seq::Model;
use seq2seq::config::{AttentionKind, BridgeKind};
use seq2seq::data::Pair;

/// Questions that are averaged over.
const QUESTIONS: usize = 32;

/// Weights of one recurrent layer, with the vectors of its symbols multiplied by the input weights already.
struct Layer {
    cell: Cell,
    units: usize,
    /// `[symbols, gates * units]`.
    table: Vec<f64>,
    recurrent: Vec<f64>,
    bias: Vec<f64>,
}

/// Mean length of the gradient at each symbol of the source, in the order of the text, as shares of their sum;
/// none for networks whose decoder sees more than the encoder's last state.
pub fn reach(model: &Model, pairs: &[Pair]) -> Option<Vec<f64>> {
    let settings = &model.settings().model;
    let plain = settings.attention == AttentionKind::None
        && !settings.bidirectional
        && settings.encoder_layers == 1
        && settings.decoder_layers == 1
        && settings.decoder_units() == settings.encoder_units
        && matches!(settings.bridge, BridgeKind::Auto | BridgeKind::Copy)
        && model.needs_first_symbol();
    if !plain {
        return None;
    }
    let cell = settings.cell.kernel();
    let units = settings.encoder_units;
    let encoder = Layer::of(
        model,
        "source_embedding",
        "encoder.layers.0.forward",
        cell,
        units,
    )?;
    let decoder = Layer::of(
        model,
        "target_embedding",
        "decoder.layers.0.recurrent",
        cell,
        units,
    )?;
    let output = values(model, "output.kernel")?;
    let output_bias = values(model, "output.bias")?;
    let mut sums: Vec<f64> = Vec::new();
    for pair in pairs.iter().take(QUESTIONS) {
        let source = model.codec().encode_source(&pair.source, None);
        let target = model.codec().encode_target(&pair.target).ids;
        let lengths = of_question(
            &encoder,
            &decoder,
            [&output, &output_bias],
            &source.ids.symbols,
            &target,
        )?;
        let positions = model.codec().source_positions(&source);
        sums.resize(source.symbols.len().max(sums.len()), 0.0);
        for (length, position) in lengths.iter().zip(positions) {
            if let Some(sum) = position.and_then(|place| sums.get_mut(place)) {
                *sum += length;
            }
        }
    }
    let all: f64 = sums.iter().sum();
    (all > 0.0).then(|| sums.iter().map(|sum| sum / all).collect())
}

/// Length of the gradient at each symbol that the encoder reads, in the order of reading.
fn of_question(
    encoder: &Layer,
    decoder: &Layer,
    [output, output_bias]: [&[f64]; 2],
    source: &[u32],
    target: &[u32],
) -> Option<Vec<f64>> {
    let (_, expected) = target.split_first()?;
    let read = encoder.rows(source);
    let reading = encoder.problem(&read, None);
    let (state, encoder_saved) = forward(&reading, Layout::FinalState);
    let written = decoder.rows(target.get(..expected.len())?);
    let problem = decoder.problem(&written, Some(&state));
    let (hidden, decoder_saved) = forward(&problem, Layout::Sequence);
    let d_hidden: Vec<f64> = (hidden.chunks_exact(decoder.units).zip(expected))
        .flat_map(|(h, &symbol)| d_loss(h, output, output_bias, symbol as usize))
        .collect();
    let decoded = backward(
        &problem,
        Layout::Sequence,
        &hidden,
        decoder_saved.as_ref(),
        &d_hidden,
    );
    let saved = encoder_saved.as_ref();
    let encoded = backward(
        &reading,
        Layout::FinalState,
        &state,
        saved,
        &decoded.initial,
    );
    let step = encoder.cell.gates().checked_mul(encoder.units)?;
    let length = |gradient: &[f64]| gradient.iter().map(|x| x * x).sum::<f64>().sqrt();
    Some(encoded.input.chunks_exact(step).map(length).collect())
}

/// Gradient of the cross-entropy of one step by h.
fn d_loss(h: &[f64], output: &[f64], bias: &[f64], expected: usize) -> Vec<f64> {
    let rows = || output.chunks_exact(bias.len());
    let mut scores = bias.to_vec();
    for (h, row) in h.iter().zip(rows()) {
        for (score, weight) in scores.iter_mut().zip(row) {
            *score += h * weight;
        }
    }
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exponentials: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    let d_score = |(symbol, exponential): (usize, &f64)| {
        exponential / sum - f64::from(u8::from(symbol == expected))
    };
    let d_scores: Vec<f64> = exponentials.iter().enumerate().map(d_score).collect();
    let d_h = |row: &[f64]| {
        row.iter()
            .zip(&d_scores)
            .map(|(weight, d)| weight * d)
            .sum()
    };
    rows().map(d_h).collect()
}

impl Layer {
    fn of(model: &Model, embedding: &str, name: &str, cell: Cell, units: usize) -> Option<Self> {
        let kernel = values(model, &format!("{name}.kernel"))?;
        let columns = cell.gates().checked_mul(units)?;
        // One-hot input picks rows of the input weights.
        let table = match values(model, embedding) {
            None => kernel,
            Some(vectors) => {
                let size = kernel.len().checked_div(columns)?;
                product(&vectors, &kernel, size, columns)
            }
        };
        Some(Self {
            cell,
            units,
            table,
            recurrent: values(model, &format!("{name}.recurrent_kernel"))?,
            bias: values(model, &format!("{name}.bias"))?,
        })
    }

    /// What the input weights make of symbols, `[time, gates * units]`.
    fn rows(&self, symbols: &[u32]) -> Vec<f64> {
        let width = self.cell.gates().saturating_mul(self.units);
        let row = |&symbol: &u32| self.table.chunks_exact(width).nth(symbol as usize);
        symbols.iter().filter_map(row).flatten().copied().collect()
    }

    fn problem<'a>(&'a self, rows: &'a [f64], initial: Option<&'a [f64]>) -> Problem<'a, f64> {
        let width = self.cell.gates().saturating_mul(self.units).max(1);
        Problem {
            cell: self.cell,
            direction: Direction::Forward,
            time: rows.chunks_exact(width).count(),
            batch: 1,
            hidden: self.units,
            lengths: None,
            input: Input::Dense(rows),
            recurrent: &self.recurrent,
            bias: &self.bias,
            initial,
            mask: None,
            precision: Precision::Single,
        }
    }
}

/// `[rows, inner]` times `[inner, columns]`.
fn product(left: &[f64], right: &[f64], inner: usize, columns: usize) -> Vec<f64> {
    let row = |left: &[f64]| {
        let mut sums = vec![0.0; columns];
        for (value, right) in left.iter().zip(right.chunks_exact(columns.max(1))) {
            for (sum, weight) in sums.iter_mut().zip(right) {
                *sum += value * weight;
            }
        }
        sums
    };
    left.chunks_exact(inner.max(1)).flat_map(row).collect()
}

fn values(model: &Model, name: &str) -> Option<Vec<f64>> {
    let array = model.weights().get(name)?.as_f32()?;
    Some(array.iter().map(|&value| f64::from(value)).collect())
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::super::setup::Setup;
    use super::*;

    #[test]
    fn gradients_reach_every_symbol() {
        let setup = Setup {
            units: 5,
            digits: 2,
            pairs: 20,
            ..Setup::default()
        };
        let model = setup.untrained().unwrap();
        let held_out = setup.prepare().unwrap().held_out;
        let reached = reach(&model, &held_out).unwrap();
        assert_eq!(reached.len(), 5);
        assert!((reached.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        // Early in training the last symbols that are read get most.
        assert!(reached[4] > reached[0], "{reached:?}");
        let reversed = Setup {
            reversed: true,
            ..setup
        };
        let reached = reach(&reversed.untrained().unwrap(), &held_out).unwrap();
        assert!(reached[0] > reached[4], "{reached:?}");
        let attention = Setup {
            attention: AttentionKind::Dot,
            ..reversed
        };
        assert_eq!(reach(&attention.untrained().unwrap(), &held_out), None);
    }

    #[test]
    fn the_loss_of_a_step_has_the_gradient_of_differences() {
        let (h, output, bias) = (
            [0.3, -0.7],
            [0.5, -0.2, 0.1, 0.4, 0.9, -0.6],
            [0.1, 0.0, -0.1],
        );
        let loss = |h: &[f64]| {
            let scores: Vec<f64> = (0..3)
                .map(|s| bias[s] + h[0] * output[s] + h[1] * output[3 + s])
                .collect();
            scores.iter().map(|score| score.exp()).sum::<f64>().ln() - scores[2]
        };
        let gradient = d_loss(&h, &output, &bias, 2);
        for unit in 0..2 {
            let moved = |by: f64| {
                let mut h = h;
                h[unit] += by;
                loss(&h)
            };
            let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((difference - gradient[unit]).abs() < 1e-8);
        }
    }
}
