//! One answer step by step, as arrays.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use seq2seq_runtime::model::HiddenState;

use crate::errors::{Kind, exception};
use crate::inputs::sources;
use crate::model::Model;
use crate::threads::compute;

/// Rows of equal length and their number: a matrix.
fn matrix<'a, 'py>(
    py: Python<'py>,
    rows: impl Iterator<Item = &'a [f32]>,
) -> (Vec<usize>, Bound<'py, PyBytes>) {
    let (mut count, mut bytes) = (0_usize, Vec::new());
    for row in rows {
        count += 1;
        bytes.extend(row.iter().flat_map(|value| value.to_le_bytes()));
    }
    let width = (bytes.len() / size_of::<f32>()).checked_div(count);
    (vec![count, width.unwrap_or(0)], PyBytes::new(py, &bytes))
}

/// Writes an answer to a source, the first symbols of which are given: symbols, and matrices by name.
#[pyfunction]
pub fn trace<'py>(
    py: Python<'py>,
    model: &Model,
    item: Bound<'py, PyAny>,
    forced: &str,
) -> PyResult<Bound<'py, PyDict>> {
    let model = &model.0;
    let source = sources(&[item], 0)?;
    let (codec, vocabulary) = (model.codec(), &model.codec().target.vocabulary);
    let symbols = codec.split_target(forced);
    let id = |symbol: &String| {
        vocabulary.id(symbol).ok_or_else(|| {
            let message = format!("forced has {symbol:?}, which the model cannot write");
            exception(py, Kind::Invalid, message)
        })
    };
    let forced: Vec<u32> = symbols.iter().map(id).collect::<PyResult<_>>()?;
    let trace = compute(py, || model.trace(&source[0].of(model), &forced));
    let known = |id: &u32| {
        vocabulary
            .symbol(*id)
            .filter(|_| Some(*id) != vocabulary.end())
    };
    let written = trace.steps.iter().map(|step| known(&step.written));
    let read = trace.source.ids.symbols.iter();
    let out = PyDict::new(py);
    out.set_item("source", &trace.source.symbols)?;
    out.set_item(
        "read",
        read.map(|&id| codec.source_symbol(id)).collect::<Vec<_>>(),
    )?;
    out.set_item("first", trace.first.as_ref().and_then(known))?;
    out.set_item("written", written.collect::<Vec<_>>())?;
    out.set_item("symbols", vocabulary.symbols())?;
    out.set_item("finished", trace.finished)?;
    let steps = &trace.steps;
    let states: Vec<&HiddenState> = trace.initial.iter().collect();
    let states: Vec<&HiddenState> = states
        .into_iter()
        .chain(steps.iter().filter_map(|step| step.state.as_ref()))
        .collect();
    let array = |name: &str, rows: Vec<&[f32]>| match rows.is_empty() {
        true => out.set_item(name, py.None()),
        false => out.set_item(name, matrix(py, rows.into_iter())),
    };
    array("encoder", trace.encoder.iter().map(Vec::as_slice).collect())?;
    array("h", states.iter().map(|state| &state.h[..]).collect())?;
    array(
        "c",
        states
            .iter()
            .filter_map(|state| state.c.as_deref())
            .collect(),
    )?;
    array(
        "probabilities",
        steps.iter().map(|step| &step.probabilities[..]).collect(),
    )?;
    array(
        "attention",
        steps
            .iter()
            .filter_map(|step| step.attention.as_deref())
            .collect(),
    )?;
    let gates = || steps.iter().filter_map(|step| step.gates.as_ref());
    array("input", gates().map(|gates| &gates.input[..]).collect())?;
    array("forget", gates().map(|gates| &gates.forget[..]).collect())?;
    array(
        "candidate",
        gates().map(|gates| &gates.candidate[..]).collect(),
    )?;
    array("output", gates().map(|gates| &gates.output[..]).collect())?;
    Ok(out)
}
