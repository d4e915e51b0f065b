//! Texts and pairs from Python. The package has checked their types; here they become Rust's.

use std::path::{Path, PathBuf};

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use seq2seq::data::{ReadOptions, read_pairs};
use seq2seq::{Model, Pair, SourceWithFeatures};

use crate::errors::{Kind, OrRaise, exception};

/// Bytes of the longest text.
pub const LONGEST_TEXT: usize = seq2seq::data::LONGEST_TEXT;

/// A source that a model is asked: a line, whose columns it tells apart itself, or source and features.
pub struct Source {
    text: String,
    features: Option<Option<String>>,
}

impl Source {
    /// As the model reads it.
    pub fn of<'a>(&'a self, model: &Model) -> SourceWithFeatures<'a> {
        match &self.features {
            None => model.line(&self.text),
            Some(features) => SourceWithFeatures {
                source: &self.text,
                features: features.as_deref(),
            },
        }
    }
}

/// A text of an item; `what` and its place name it in errors.
fn text(value: &Bound<'_, PyAny>, what: &str, place: usize) -> PyResult<String> {
    let py = value.py();
    let string = value.cast::<PyString>()?;
    let text = string.to_str().map_err(|error| {
        let message = format!("{what} {place} is not valid Unicode: {error}");
        exception(py, Kind::Invalid, message)
    })?;
    if text.len() > LONGEST_TEXT {
        let message = format!(
            "{what} {place} has {} bytes, but {LONGEST_TEXT} are the most",
            text.len()
        );
        return Err(exception(py, Kind::Invalid, message));
    }
    Ok(text.to_owned())
}

fn optional(value: &Bound<'_, PyAny>, what: &str, place: usize) -> PyResult<Option<String>> {
    match value.is_none() {
        true => Ok(None),
        false => text(value, what, place).map(Some),
    }
}

/// Sources: strings, or tuples of source and features. The first has the number `first`.
pub fn sources(items: &[Bound<'_, PyAny>], first: usize) -> PyResult<Vec<Source>> {
    let source = |(index, item): (usize, &Bound<'_, PyAny>)| {
        let place = first + index;
        let Ok(tuple) = item.cast::<PyTuple>() else {
            let text = text(item, "input", place)?;
            return Ok(Source {
                text,
                features: None,
            });
        };
        Ok(Source {
            text: text(&tuple.get_item(0)?, "input", place)?,
            features: Some(optional(
                &tuple.get_item(1)?,
                "the features of input",
                place,
            )?),
        })
    };
    items.iter().enumerate().map(source).collect()
}

/// Pairs: tuples of source, target and features.
pub fn pairs(items: &[Bound<'_, PyAny>]) -> PyResult<Vec<Pair>> {
    let pair = |(place, item): (usize, &Bound<'_, PyAny>)| {
        let tuple = item.cast::<PyTuple>()?;
        Ok(Pair {
            source: text(&tuple.get_item(0)?, "the source of pair", place)?,
            target: text(&tuple.get_item(1)?, "the target of pair", place)?,
            features: optional(&tuple.get_item(2)?, "the features of pair", place)?,
        })
    };
    items.iter().enumerate().map(pair).collect()
}

/// A pair as Python has it.
pub type PairTuple = (String, String, Option<String>);

/// Pairs as Python has them.
pub fn tuples(pairs: Vec<Pair>) -> Vec<PairTuple> {
    let tuple = |pair: Pair| (pair.source, pair.target, pair.features);
    pairs.into_iter().map(tuple).collect()
}

/// The pairs of a file and what there is to say about them.
pub fn read(
    py: Python<'_>,
    path: &Path,
    options: &ReadOptions,
) -> PyResult<(Vec<Pair>, Vec<String>)> {
    let file = py.detach(|| read_pairs(path, options)).or_raise(py)?;
    let notes = file.notes.iter().filter(|note| !note.is_harmless());
    Ok((file.pairs, notes.map(ToString::to_string).collect()))
}

/// The pairs of a file whose columns are counted from 1, and what there is to say about them.
#[pyfunction(name = "read_pairs")]
pub fn read_pairs_of_file(
    py: Python<'_>,
    path: PathBuf,
    source_column: usize,
    target_column: usize,
    features_column: Option<usize>,
    header: bool,
) -> PyResult<(Vec<PairTuple>, Vec<String>)> {
    let options = ReadOptions {
        source_column,
        target_column,
        features_column,
        header,
        ..ReadOptions::default()
    };
    let (pairs, notes) = read(py, &path, &options)?;
    Ok((tuples(pairs), notes))
}
