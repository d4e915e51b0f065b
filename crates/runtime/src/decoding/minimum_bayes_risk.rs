//! The output that is closest to all others, instead of the most probable one.

use super::edit_distance;
use super::{Method, Output, SearchOptions};

/// Brings the outputs of an input (best first) into their final order and number.
///
/// With minimum Bayes risk (Kumar and Byrne 2004) that is the order of the expected edit distance to
/// the others. Outputs of a beam weigh as much as their probability, renormalised over the list;
/// sampled ones weigh the same, since the more probable are drawn more often.
pub fn choose(mut outputs: Vec<Output>, options: &SearchOptions) -> Vec<Output> {
    if options.minimum_bayes_risk {
        let weights = weights(&outputs, options.method);
        let risks: Vec<f64> = outputs
            .iter()
            .map(|output| risk(output, &outputs, &weights))
            .collect();
        for (output, risk) in outputs.iter_mut().zip(risks) {
            output.risk = Some(risk);
        }
        // The sort is stable: of equal risks the better score stays first.
        outputs.sort_by(|a, b| {
            let risk = |output: &Output| output.risk.unwrap_or(f64::INFINITY);
            b.finished
                .cmp(&a.finished)
                .then(risk(a).total_cmp(&risk(b)))
        });
    }
    outputs.truncate(options.nbest.max(1));
    outputs
}

fn risk(output: &Output, others: &[Output], weights: &[f64]) -> f64 {
    let distances = others
        .iter()
        .map(|other| edit_distance(&output.ids, &other.ids) as f64);
    distances.zip(weights).map(|(d, weight)| d * weight).sum()
}

/// How much each output counts; the sum is one.
fn weights(outputs: &[Output], method: Method) -> Vec<f64> {
    let highest = outputs
        .iter()
        .map(|output| output.log_probability)
        .fold(f64::NEG_INFINITY, f64::max);
    let weight = |output: &Output| match method {
        Method::Sample { .. } => 1.0,
        Method::Beam { .. } => (output.log_probability - highest).exp(),
    };
    let weights: Vec<f64> = outputs.iter().map(weight).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}
