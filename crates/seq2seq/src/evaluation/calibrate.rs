//! Measuring what a model's probabilities say about being right.

use std::ops::RangeInclusive;

use super::{answer_questions, are_right, reference_symbols};
use crate::data::Question;
use crate::metrics::{Calibration, fit_calibration};
use crate::{Model, PredictOptions};

/// Questions that a temperature is fitted on, at most: more would hardly change it.
const MOST_QUESTIONS: usize = 1000;

/// Fits the softmax temperature at which the probability of the model's answers is their confidence.
///
/// The answers are those that the model's own settings give. The temperature is looked for in two
/// passes, from 1/8 to 8 and then closely around the best. None without
/// questions.
pub fn calibrate(model: &Model, questions: &[Question]) -> Option<Calibration> {
    let questions = &questions[..questions.len().min(MOST_QUESTIONS)];
    let coarse = fit(model, questions, around(1.0, 2.0, -6..=6))?;
    let fine = around(coarse.temperature, 16.0, -7..=7);
    // The model's own probabilities belong to the comparison.
    let fine = fine.into_iter().chain([1.0]).collect();
    fit(model, questions, fine)
}

/// Temperatures around one, so many steps to an octave.
fn around(center: f64, steps: f64, range: RangeInclusive<i32>) -> Vec<f64> {
    range
        .map(|step| center * 2_f64.powf(f64::from(step) / steps))
        .collect()
}

fn fit(model: &Model, questions: &[Question], temperatures: Vec<f64>) -> Option<Calibration> {
    let mut options = PredictOptions::of(model);
    options.search.keep.temperatures = temperatures.clone();
    let answers = answer_questions(&model.predictor(options).ok()?, questions);
    let references = reference_symbols(model.codec(), questions);
    let right = are_right(
        answers.iter().map(|answer| &answer.best().symbols),
        &references,
    );
    let log_probabilities: Vec<Vec<f64>> = answers
        .iter()
        .map(|answer| answer.best().tempered.clone())
        .collect();
    fit_calibration(&temperatures, &log_probabilities, &right)
}
