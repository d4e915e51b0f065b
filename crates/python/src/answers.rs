//! Answers as plain tuples, of which the package makes its objects.

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use seq2seq::{Alignment, Answer, Hypothesis};

/// First and last source symbol of a target symbol; none for a first symbol that was given.
type SpanTuple = Option<(usize, usize)>;

/// Source symbols, target symbols, spans and attention `[target, source]`.
type AlignmentTuple<'py> = (
    Bound<'py, PyTuple>,
    Bound<'py, PyTuple>,
    Bound<'py, PyTuple>,
    Bound<'py, PyTuple>,
);

/// Text, symbols, log-probability, score, confidence, whether it was finished, alignment.
type HypothesisTuple<'py> = (
    &'py str,
    Bound<'py, PyTuple>,
    f64,
    f64,
    f64,
    bool,
    Option<AlignmentTuple<'py>>,
);

fn alignment<'py>(py: Python<'py>, alignment: &Alignment) -> PyResult<AlignmentTuple<'py>> {
    let span = |span: &Option<seq2seq::decoding::Span>| -> SpanTuple {
        span.as_ref().map(|span| (*span.start(), *span.end()))
    };
    let rows: PyResult<Vec<_>> = (alignment.weights.iter())
        .map(|row| PyTuple::new(py, row))
        .collect();
    Ok((
        PyTuple::new(py, &alignment.source)?,
        PyTuple::new(py, &alignment.target)?,
        PyTuple::new(py, alignment.spans.iter().map(span))?,
        PyTuple::new(py, rows?)?,
    ))
}

fn hypothesis<'py>(py: Python<'py>, output: &'py Hypothesis) -> PyResult<HypothesisTuple<'py>> {
    let aligned = output.alignment.as_ref();
    Ok((
        &output.text,
        PyTuple::new(py, &output.symbols)?,
        output.log_probability,
        output.score,
        output.confidence.unwrap_or(0.0),
        output.finished,
        aligned.map(|it| alignment(py, it)).transpose()?,
    ))
}

/// The hypotheses of an answer, best first, its warnings, and where it comes from.
pub fn tuple<'py>(py: Python<'py>, answer: &'py Answer) -> PyResult<Bound<'py, PyTuple>> {
    let hypotheses: PyResult<Vec<_>> = (answer.hypotheses.iter())
        .map(|output| hypothesis(py, output))
        .collect();
    let warnings = answer.warnings.iter().map(ToString::to_string);
    (
        PyTuple::new(py, hypotheses?)?,
        PyTuple::new(py, warnings.collect::<Vec<_>>())?,
        answer.origin.to_string(),
    )
        .into_pyobject(py)
}
