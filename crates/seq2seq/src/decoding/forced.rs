//! How probable a model finds outputs that are given.

use super::StepModel;
use crate::data::SourceIds;

/// Log-probability of every symbol of the given outputs, each after the ones before it.
///
/// - `first`: what the decoder reads first, for each source;
/// - `outputs`: the symbols to score, end mark included where there is one.
pub fn score_outputs<M: StepModel>(
    model: &M,
    sources: &[&SourceIds],
    first: &[u32],
    outputs: &[&[u32]],
) -> Vec<Vec<f64>> {
    let mut scores: Vec<Vec<f64>> = outputs
        .iter()
        .map(|o| Vec::with_capacity(o.len()))
        .collect();
    let mut rows: Vec<usize> = (0..sources.len()).collect();
    let mut last = first.to_vec();
    let mut state = if sources.is_empty() {
        return scores;
    } else {
        model.start(sources)
    };
    for step in 0.. {
        let left: Vec<usize> = (0..rows.len())
            .filter(|&row| outputs[rows[row]].len() > step)
            .collect();
        if left.is_empty() {
            break;
        }
        if left.len() < rows.len() {
            state = model.select(&state, &left);
            last = left.iter().map(|&row| last[row]).collect();
            rows = left.iter().map(|&row| rows[row]).collect();
        }
        let output = model.step(&mut state, &last);
        for (row, &input) in rows.iter().enumerate() {
            let symbol = outputs[input][step];
            let log_probs = output.log_probs.row(row);
            let log_prob = log_probs.get(symbol as usize);
            scores[input].push(log_prob.map_or(f64::NEG_INFINITY, |&value| f64::from(value)));
            last[row] = symbol;
        }
    }
    scores
}
