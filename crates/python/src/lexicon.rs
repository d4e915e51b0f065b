//! Known words, and the entries of a lexicon.

use std::sync::Arc;

use pyo3::prelude::*;
use seq2seq_exchange::lexicon::{
    Choice, ChoiceError, LexiconFormat, PhoneList, PhoneListError, UnknownLexiconFormat,
};
use seq2seq_runtime::model::LexiconTooLarge;

use crate::errors::{LibraryError, OrRaise};
use crate::inputs::pairs;
use crate::model::{Model, Predictor};
use crate::threads::compute;

impl LibraryError for ChoiceError {}
impl LibraryError for PhoneListError {}
impl LibraryError for UnknownLexiconFormat {}
impl LibraryError for LexiconTooLarge {}

/// Known words with their pronunciations, as a model spells them; `Model.lexicon` makes one. Its length is the number
/// of words.
#[pyclass(frozen, module = "seq2seq._native")]
pub struct Lexicon(pub Arc<seq2seq::Lexicon>);

#[pymethods]
impl Lexicon {
    /// The lexicon of pairs of word and pronunciation.
    #[new]
    fn new(py: Python<'_>, model: &Model, items: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        let pairs = pairs(&items)?;
        let texts = pairs.iter().map(|pair| (&pair.source, &pair.target));
        let lexicon = py.detach(|| seq2seq::Lexicon::new(&model.0, texts));
        Ok(Self(Arc::new(lexicon.or_raise(py)?)))
    }

    fn __len__(&self) -> usize {
        self.0.words()
    }

    fn __repr__(&self) -> String {
        let (words, pronunciations) = (self.0.words(), self.0.pronunciations());
        format!("<seq2seq.Lexicon: {words} words, {pronunciations} pronunciations>")
    }
}

/// Which answers become entries of a lexicon, and how these are written.
#[pyclass(frozen, module = "seq2seq._native")]
pub struct LexiconWriter {
    format: LexiconFormat,
    choice: Choice,
}

#[pymethods]
impl LexiconWriter {
    /// A writer; `phones` is a text with a phone a line.
    #[new]
    fn new(
        py: Python<'_>,
        model: &Model,
        format: &str,
        n_best: usize,
        mass: Option<f64>,
        threshold: Option<f64>,
        phones: Option<&str>,
    ) -> PyResult<Self> {
        let phones = phones.map(PhoneList::parse);
        if let Some(phones) = &phones {
            phones.check(&model.0).or_raise(py)?;
        }
        let choice = Choice {
            nbest: n_best,
            mass,
            threshold,
            phones,
        };
        choice.check().or_raise(py)?;
        let format = format.parse::<LexiconFormat>().or_raise(py)?;
        Ok(Self { format, choice })
    }

    /// For each word whether it has an entry, and the lines of the entry or why there is none.
    fn entries(
        &self,
        py: Python<'_>,
        predictor: &Predictor,
        lexicon: Option<&Lexicon>,
        words: Vec<String>,
    ) -> Vec<(bool, String)> {
        let known = lexicon.map(|lexicon| &*lexicon.0);
        let entries = compute(py, || self.choice.entries(&predictor.0, known, &words));
        let written = words.iter().zip(entries).map(|(word, entry)| {
            match entry.and_then(|entry| self.format.lines(word, &entry)) {
                Ok(lines) => (true, lines),
                Err(rejection) => (false, rejection.to_string()),
            }
        });
        written.collect()
    }
}
