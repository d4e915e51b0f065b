//! Whether a model is right as often as its confidence says.

use serde::Serialize;

pub use seq2seq_runtime::model::Calibration;

/// Bins of the expected calibration error, as in Guo et al. 2017.
pub const BINS: usize = 15;

/// Fits the softmax temperature of the confidence (temperature scaling, Guo et al. 2017).
///
/// `log_probabilities` has for each answer its log-probability at each of the temperatures,
/// `right` whether it was right. The temperature with the least cross-entropy between
/// confidence and being right is taken, with the targets a little inside 0 and 1 (Platt 1999)
/// so that a few answers that are all right do not make for certainty. The one nearest 1 if
/// several are as good. None without answers or temperatures.
pub fn fit_calibration(
    temperatures: &[f64],
    log_probabilities: &[Vec<f64>],
    right: &[bool],
) -> Option<Calibration> {
    if right.is_empty() {
        return None;
    }
    let at = |index: usize| -> Vec<f64> {
        let confidence = |answer: &Vec<f64>| answer.get(index).copied().unwrap_or(0.0).exp();
        log_probabilities.iter().map(confidence).collect()
    };
    let loss = |index: usize| cross_entropy(&at(index), right);
    let (_, _, best) = (0..temperatures.len())
        .map(|index| (loss(index), temperatures[index].ln().abs(), index))
        .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)))?;
    let own = (0..temperatures.len()).min_by(|&a, &b| {
        let distance = |index: usize| temperatures[index].ln().abs();
        distance(a).total_cmp(&distance(b))
    })?;
    Some(Calibration {
        temperature: temperatures[best],
        questions: right.len(),
        error_before: expected_calibration_error(&at(own), right),
        error_after: expected_calibration_error(&at(best), right),
    })
}

/// Mean cross-entropy between Platt's targets and confidences.
fn cross_entropy(confidences: &[f64], right: &[bool]) -> f64 {
    let positive = right.iter().filter(|right| **right).count() as f64;
    let negative = right.len() as f64 - positive;
    let (high, low) = ((positive + 1.0) / (positive + 2.0), 1.0 / (negative + 2.0));
    let loss = |(&confidence, &right): (&f64, &bool)| {
        let confidence = confidence.clamp(1e-12, 1.0 - 1e-12);
        let target = if right { high } else { low };
        -target * confidence.ln() - (1.0 - target) * (1.0 - confidence).ln()
    };
    confidences.iter().zip(right).map(loss).sum::<f64>() / right.len() as f64
}

/// Answers of similar confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// Their mean confidence.
    pub confidence: f64,
    /// The share of them that is right.
    pub accuracy: f64,
    /// How many they are.
    pub count: usize,
}

/// Answers in bins of equal width of confidence, empty bins left out.
pub fn reliability(confidences: &[f64], right: &[bool]) -> Vec<Bin> {
    let mut sums = [(0.0, 0, 0); BINS];
    for (&confidence, &right) in confidences.iter().zip(right) {
        let bin = (confidence * BINS as f64) as usize;
        let sum = &mut sums[bin.min(BINS - 1)];
        *sum = (sum.0 + confidence, sum.1 + usize::from(right), sum.2 + 1);
    }
    let bins = sums.into_iter().filter(|(_, _, count)| *count > 0);
    bins.map(|(confidence, right, count)| Bin {
        confidence: confidence / count as f64,
        accuracy: right as f64 / count as f64,
        count,
    })
    .collect()
}

/// The gap between confidence and share of right answers, weighed over the bins (Naeini et al.
/// 2015); 0 is perfect.
pub fn expected_calibration_error(confidences: &[f64], right: &[bool]) -> f64 {
    let bins = reliability(confidences, right);
    let gaps = bins
        .iter()
        .map(|bin| (bin.confidence - bin.accuracy).abs() * bin.count as f64);
    gaps.sum::<f64>() / right.len().max(1) as f64
}

/// What is gained by leaving answers out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Answered {
    /// Share of the questions that are answered.
    pub share: f64,
    /// Share of those that are answered right.
    pub accuracy: f64,
    /// The confidence from which on an answer is given.
    pub confidence: f64,
}

/// Accuracy over share answered: the most confident answers first, in as many steps as there are
/// shares. Answers of the same confidence are given or left out together, so that a step may answer
/// more than its share.
pub fn answered(confidences: &[f64], right: &[bool], shares: &[f64]) -> Vec<Answered> {
    let mut order: Vec<usize> = (0..confidences.len().min(right.len())).collect();
    order.sort_by(|&a, &b| confidences[b].total_cmp(&confidences[a]));
    let step = |share: &f64| {
        let wanted = (share * order.len() as f64).ceil() as usize;
        let threshold = confidences[*order.get(wanted.max(1) - 1)?];
        let given: Vec<usize> = order
            .iter()
            .copied()
            .take_while(|&answer| confidences[answer] >= threshold)
            .collect();
        let good = given.iter().filter(|&&answer| right[answer]).count();
        Some(Answered {
            share: given.len() as f64 / order.len() as f64,
            accuracy: good as f64 / given.len() as f64,
            confidence: threshold,
        })
    };
    shares.iter().filter_map(step).collect()
}
