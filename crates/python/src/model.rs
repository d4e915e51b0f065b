//! A trained model and its answers.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use seq2seq::decoding::{Constraint, Method};
use seq2seq::evaluation::audit;
use seq2seq::training::{read_history, read_options};
use seq2seq::{MODEL_NAME, Recipe, SearchRequest, check_output};

use crate::errors::{Kind, OrRaise, exception};
use crate::inputs::{self, PairTuple, pairs, sources};
use crate::lexicon::Lexicon;
use crate::threads::{compute, threads};
use crate::{answers, errors};

/// A trained model.
#[pyclass(frozen, module = "seq2seq._native")]
#[derive(Clone)]
pub struct Model(pub seq2seq::Model);

/// Name, shape and little-endian numbers of 32 bits.
pub type WeightTuple<'py> = (String, Vec<usize>, Bound<'py, PyBytes>);

/// Log-probability, the same for each symbol, the least likely symbol and its place, symbols that the model
/// cannot write.
type ScoreTuple = (f64, f64, Option<String>, usize, Vec<String>);

#[pymethods]
impl Model {
    /// Reads a model file, or that of a run's folder, with the epochs of the run as JSON.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<(Self, String)> {
        let model = py.detach(|| seq2seq::Model::load(&path)).or_raise(py)?;
        let run = match path.is_dir() {
            true => Some(path.as_path()),
            false if path.ends_with(MODEL_NAME) => path.parent(),
            false => None,
        };
        let history = run.map(read_history).unwrap_or_default();
        Ok((Self(model), json(py, &history)?))
    }

    /// Reads the bytes of a model file.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, bytes: &[u8]) -> PyResult<Self> {
        let model = py.detach(|| seq2seq::Model::from_bytes(bytes, "the model in memory"));
        Ok(Self(model.or_raise(py)?))
    }

    /// The bytes of a model file.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &py.detach(|| self.0.to_bytes()))
    }

    /// Writes a model file.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| check_output(&path).and_then(|()| self.0.save(&path)))
            .or_raise(py)
    }

    /// The recipe with which it was trained, as TOML.
    fn recipe(&self) -> &str {
        self.0.recipe()
    }

    /// Architecture, weights, provenance and vocabularies as JSON.
    fn description(&self, py: Python<'_>) -> PyResult<String> {
        let codec = self.0.codec();
        let side = |side: &seq2seq::text::Side| {
            serde_json::json!({
                "tokenization": side.tokenization.to_string(),
                "symbols": side.vocabulary.symbols(),
            })
        };
        let weights = |(_, shape): (&str, &[usize])| shape.iter().product::<usize>();
        let description = serde_json::json!({
            "architecture": self.0.settings().model.architecture,
            "weights": self.0.parameters().map(weights).sum::<usize>(),
            "has_attention": self.0.has_attention(),
            "needs_first_symbol": self.0.needs_first_symbol(),
            "has_features": codec.features.is_some(),
            "max_length": self.0.max_length(),
            "provenance": self.0.provenance(),
            "source": side(&codec.source),
            "target": side(&codec.target),
        });
        json(py, &description)
    }

    /// Name, shape and numbers of each array of weights, in the order of the layers; in single precision, also
    /// those of a quantized model.
    fn weights<'py>(&self, py: Python<'py>) -> Vec<WeightTuple<'py>> {
        let weights = self.0.dequantized_weights();
        let weight = |(name, _): (&str, &[usize])| weight_tuple(py, name, weights.get(name)?);
        self.0.parameters().filter_map(weight).collect()
    }

    /// The model with options of a search, and what there is to say about these.
    #[pyo3(signature = (*, beam, n_best, length_penalty, coverage_penalty, minimum_bayes_risk, sampling, max_length, max_length_ratio, max_length_extra, allow, pattern, align, lexicon))]
    #[expect(
        clippy::too_many_arguments,
        reason = "each is an option that Python names"
    )]
    fn predictor(
        &self,
        py: Python<'_>,
        beam: Option<usize>,
        n_best: usize,
        length_penalty: Option<f64>,
        coverage_penalty: Option<f64>,
        minimum_bayes_risk: bool,
        sampling: Option<(f32, Option<usize>, f32, u64)>,
        max_length: Option<usize>,
        max_length_ratio: Option<f64>,
        max_length_extra: Option<usize>,
        allow: Option<Vec<String>>,
        pattern: Option<String>,
        align: bool,
        lexicon: Option<&Lexicon>,
    ) -> PyResult<(Predictor, Vec<String>)> {
        let (constraint, left_out) = self.constraint(py, allow, pattern.as_deref())?;
        let request = SearchRequest {
            beam,
            sampling: sampling.map(|(temperature, top_k, top_p, seed)| Method::Sample {
                temperature,
                top_k,
                top_p,
                seed,
            }),
            nbest: n_best,
            length_penalty,
            coverage_penalty,
            minimum_bayes_risk,
            max_length,
            max_length_ratio,
            max_length_extra,
            constraint: constraint.map(Arc::new),
        };
        let mut options = request.options(&self.0);
        options.confidence = true;
        options.align = align;
        options.lexicon = lexicon.map(|lexicon| Arc::clone(&lexicon.0));
        let predictor = self.0.predictor(options).or_raise(py)?;
        Ok((Predictor(predictor), left_out))
    }

    /// How likely the model finds the targets of pairs, in their order.
    fn score(&self, py: Python<'_>, items: Vec<Bound<'_, PyAny>>) -> PyResult<Vec<ScoreTuple>> {
        let pairs = pairs(&items)?;
        let mut found = compute(py, || audit(&self.0, &pairs));
        found.sort_by_key(|one| one.pair);
        let score = |one: seq2seq::evaluation::Audited| {
            (
                one.log_probability,
                one.per_symbol,
                one.weakest,
                one.weakest_place,
                one.unknown,
            )
        };
        Ok(found.into_iter().map(score).collect())
    }

    /// The pairs of a file laid out as in training, and what there is to say about them.
    fn read_pairs(&self, py: Python<'_>, path: PathBuf) -> PyResult<(Vec<PairTuple>, Vec<String>)> {
        let recipe = Recipe::of_model(&self.0).or_raise(py)?;
        let (pairs, notes) = inputs::read(py, &path, &read_options(&recipe))?;
        Ok((inputs::tuples(pairs), notes))
    }
}

impl Model {
    fn constraint(
        &self,
        py: Python<'_>,
        allow: Option<Vec<String>>,
        pattern: Option<&str>,
    ) -> PyResult<(Option<Constraint>, Vec<String>)> {
        let (side, form) = (&self.0.codec().target, self.0.codec().normalization);
        match (allow, pattern) {
            (Some(_), Some(_)) => {
                let message = "allow and pattern both say which outputs are allowed: leave one out";
                Err(exception(py, Kind::Invalid, message.into()))
            }
            (Some(outputs), None) => {
                let (constraint, left_out) = Constraint::list(&outputs, side, form).or_raise(py)?;
                Ok((Some(constraint), left_out))
            }
            (None, Some(pattern)) => {
                let constraint = Constraint::pattern(pattern, side, form).or_raise(py)?;
                Ok((Some(constraint), Vec::new()))
            }
            (None, None) => Ok((None, Vec::new())),
        }
    }
}

/// A model with options that are known to work with it.
#[pyclass(frozen, module = "seq2seq._native")]
pub struct Predictor(pub seq2seq::Predictor);

#[pymethods]
impl Predictor {
    /// As many inputs as are worth handing over together.
    fn inputs_at_once(&self) -> usize {
        rnn_kernels::with_threads(threads(), || self.0.inputs_at_once())
    }

    /// Answers sources, the first of which has a number from which its random choices start.
    fn predict<'py>(
        &self,
        py: Python<'py>,
        items: Vec<Bound<'py, PyAny>>,
        first_number: usize,
    ) -> PyResult<Vec<Py<PyTuple>>> {
        let sources = sources(&items, first_number)?;
        let texts: Vec<_> = sources
            .iter()
            .map(|source| source.of(self.0.model()))
            .collect();
        let answers = compute(py, || self.0.predict_numbered(&texts, first_number as u64));
        let tuple = |answer| answers::tuple(py, answer).map(Bound::unbind);
        answers.iter().map(tuple).collect()
    }
}

/// An array of weights as Python has it.
pub fn weight_tuple<'py>(
    py: Python<'py>,
    name: &str,
    array: &seq2seq::storage::Array,
) -> Option<WeightTuple<'py>> {
    let values = array.as_f32()?;
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    Some((
        name.to_owned(),
        array.shape.clone(),
        PyBytes::new(py, &bytes),
    ))
}

/// A value as JSON.
pub fn json(py: Python<'_>, value: &impl serde::Serialize) -> PyResult<String> {
    serde_json::to_string(value)
        .map_err(|error| exception(py, errors::Kind::Invalid, error.to_string()))
}
