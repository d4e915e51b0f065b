//! Models measured, compared and joined, and pairs made to order.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use seq2seq::config::Mixing;
use seq2seq::data::{Addition, Draw, questions};
use seq2seq::encoding::PairCodec;
use seq2seq::evaluation::{self, SymbolWithId, examine};
use seq2seq::report::{Subject, report};
use seq2seq::training::{EpochRecord, fit_mixture};
use seq2seq::{check_output, write_atomically};

use crate::answers;
use crate::errors::{Kind, OrRaise, exception};
use crate::inputs::{PairTuple, pairs, tuples};
use crate::model::{Model, Predictor, json};
use crate::threads::compute;

/// All figures on pairs, as JSON. With a path, a report is written there: its heading names the model, the pairs
/// and the search, and it shows the epochs that are given as JSON.
#[pyfunction]
pub fn evaluate(
    py: Python<'_>,
    predictor: &Predictor,
    items: Vec<Bound<'_, PyAny>>,
    report_path: Option<PathBuf>,
    names: (String, String, String),
    history: &str,
) -> PyResult<String> {
    let pairs = pairs(&items)?;
    if let Some(path) = &report_path {
        check_output(path).or_raise(py)?;
    }
    let (of, mut options) = (predictor.0.model(), predictor.0.options().clone());
    options.align = report_path.is_some() && of.has_attention();
    let found = compute(py, || examine(of, &pairs, &options)).or_raise(py)?;
    if let Some(path) = report_path {
        let history: Vec<EpochRecord> = serde_json::from_str(history)
            .map_err(|error| exception(py, Kind::Invalid, error.to_string()))?;
        let (model, file, search) = names;
        let subject = Subject {
            model,
            file,
            search,
        };
        let page = py.detach(|| report(&subject, &found, &history));
        write_atomically(&path, page.as_bytes()).or_raise(py)?;
    }
    json(py, &found.evaluation)
}

/// The steps of an explanation: the symbol that was chosen, none for the end, and the most probable ones.
type StepTuples = Vec<(Option<String>, Vec<(Option<String>, f64)>)>;

/// Symbols that are read, features that are read, steps, whether the first symbol was given, the right answer and
/// whether the model gave it, the answer.
type ExplanationTuple = (
    Vec<SymbolWithId>,
    Vec<SymbolWithId>,
    StepTuples,
    bool,
    Option<(String, bool)>,
    Py<PyTuple>,
);

/// How a model comes to its answer to a line, with so many choices of each step.
#[pyfunction]
pub fn explain(
    py: Python<'_>,
    predictor: &Predictor,
    line: &str,
    expected: Option<&str>,
    choices: usize,
) -> PyResult<ExplanationTuple> {
    let (model, options) = (predictor.0.model(), predictor.0.options());
    let found = compute(py, || {
        evaluation::explain(model, line, expected, choices, options)
    });
    let found = found.or_raise(py)?;
    let answer = answers::tuple(py, &found.answer)?.unbind();
    let steps = found
        .steps
        .into_iter()
        .map(|step| (step.chosen, step.choices));
    Ok((
        found.source,
        found.features,
        steps.collect(),
        found.first_is_given,
        found.expected,
        answer,
    ))
}

/// Two models on the same pairs, as JSON.
#[pyfunction]
pub fn compare(
    py: Python<'_>,
    first: &Predictor,
    second: &Predictor,
    items: Vec<Bound<'_, PyAny>>,
) -> PyResult<String> {
    let pairs = pairs(&items)?;
    let comparison = compute(py, || {
        let questions = questions(&first.0.model().codec().normalize(&pairs));
        let (first, second) = (
            (first.0.model(), first.0.options()),
            (second.0.model(), second.0.options()),
        );
        evaluation::compare(first, second, &questions)
    });
    json(py, &comparison.or_raise(py)?)
}

/// Members that were dropped: place, how much higher the loss of a target is without it, standard error.
type DroppedTuples = Vec<(usize, f64, f64)>;

/// One model that answers with the mean of the distributions of several. With validation pairs, it has the weights
/// that suit these, and members that bring nothing are dropped.
#[pyfunction]
pub fn ensemble(
    py: Python<'_>,
    models: Vec<PyRef<'_, Model>>,
    log_linear: Option<bool>,
    dev: Vec<Bound<'_, PyAny>>,
) -> PyResult<(Model, DroppedTuples)> {
    let dev = pairs(&dev)?;
    let models: Vec<seq2seq::Model> = models.iter().map(|model| model.0.clone()).collect();
    let mixing = log_linear.map(|log_linear| match log_linear {
        true => Mixing::LogLinear,
        false => Mixing::Arithmetic,
    });
    if dev.is_empty() {
        let mixing = mixing.unwrap_or(Mixing::Arithmetic);
        let joined = py.detach(|| seq2seq::Model::ensemble(&models, mixing));
        return Ok((Model(joined.or_raise(py)?), Vec::new()));
    }
    let mixture = compute(py, || fit_mixture(&models, mixing, &dev)).or_raise(py)?;
    Ok((Model(mixture.model), mixture.dropped))
}

/// Generated sums, as pairs.
#[pyfunction]
#[expect(
    clippy::too_many_arguments,
    reason = "each is an option that Python names"
)]
pub fn generate_addition(
    py: Python<'_>,
    terms: usize,
    digits: usize,
    count: usize,
    seed: u64,
    reverse: bool,
    unique: bool,
    by_length: bool,
    align_left: bool,
    exclude: std::collections::HashSet<String>,
) -> PyResult<Vec<PairTuple>> {
    let addition = Addition {
        terms,
        digits,
        count,
        seed,
        reverse,
        unique,
        draw: match by_length {
            true => Draw::DigitLength,
            false => Draw::Uniform,
        },
        align: match align_left {
            true => seq2seq::text::Align::Left,
            false => seq2seq::text::Align::Right,
        },
    };
    let pairs = py
        .detach(|| addition.generate_excluding(&exclude))
        .or_raise(py)?;
    Ok(tuples(pairs))
}
