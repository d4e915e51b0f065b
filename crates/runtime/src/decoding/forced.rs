//! How probable a model finds outputs that are given.

use super::StepModel;
use crate::text::SourceIds;

/// How a model foretells a symbol from the true ones before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForcedSymbol {
    /// Its log-probability.
    pub log_probability: f64,
    /// Whether no other is more probable, nor an earlier one as probable.
    pub most_probable: bool,
}

/// Scores every symbol of the given outputs, each after the ones before it (teacher forcing).
///
/// - `first`: what the decoder reads first, for each source;
/// - `outputs`: the symbols to score, end mark included where there is one.
pub fn score_outputs<M: StepModel>(
    model: &M,
    sources: &[&SourceIds],
    first: &[u32],
    outputs: &[&[u32]],
) -> Vec<Vec<ForcedSymbol>> {
    let mut scores: Vec<Vec<ForcedSymbol>> = outputs
        .iter()
        .map(|o| Vec::with_capacity(o.len()))
        .collect();
    each_forced(
        model,
        sources,
        first,
        outputs,
        |input, symbol, log_probs| {
            scores[input].push(ForcedSymbol::new(log_probs, symbol as usize));
        },
    );
    scores
}

/// Calls `found` for every symbol of the given outputs, with the number of the output and the
/// log-probabilities of all symbols after the ones before it. The symbols of an output come in their order.
pub fn each_forced<M: StepModel>(
    model: &M,
    sources: &[&SourceIds],
    first: &[u32],
    outputs: &[&[u32]],
    mut found: impl FnMut(usize, u32, &[f32]),
) {
    let mut rows: Vec<usize> = (0..sources.len()).collect();
    let mut last = first.to_vec();
    if sources.is_empty() {
        return;
    }
    let mut state = model.start(sources);
    for step in 0.. {
        let left: Vec<usize> = (0..rows.len())
            .filter(|&row| outputs[rows[row]].len() > step)
            .collect();
        if left.is_empty() {
            break;
        }
        if left.len() < rows.len() {
            model.select(&mut state, &left);
            last = left.iter().map(|&row| last[row]).collect();
            rows = left.iter().map(|&row| rows[row]).collect();
        }
        let output = model.step(&mut state, &last);
        for (row, &input) in rows.iter().enumerate() {
            let symbol = outputs[input][step];
            found(input, symbol, output.log_probs.row(row));
            last[row] = symbol;
        }
    }
}

impl ForcedSymbol {
    /// A symbol among the log-probabilities of all; one that is not among them is impossible.
    fn new(log_probs: &[f32], symbol: usize) -> Self {
        let Some(&own) = log_probs.get(symbol) else {
            return Self {
                log_probability: f64::NEG_INFINITY,
                most_probable: false,
            };
        };
        let (before, after) = log_probs.split_at(symbol);
        Self {
            log_probability: f64::from(own),
            most_probable: before.iter().all(|&other| other < own)
                && after.iter().all(|&other| other <= own),
        }
    }
}
