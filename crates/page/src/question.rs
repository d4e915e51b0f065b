//! What pages ask of a model.

use seq2seq_runtime::decoding::Method;
use seq2seq_runtime::{Model, PredictOptions};
use serde::Deserialize;

use crate::answer::{ExplainResponse, Output};
use crate::symbols::warnings;

/// Hypotheses or samples that a page may ask for.
const MOST_HYPOTHESES: usize = 32;

/// An input to follow through the model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceRequest {
    /// The input.
    pub input: String,
    /// Symbols that the first steps write.
    #[serde(default)]
    pub forced: Vec<String>,
    /// The answer whose symbols are read instead of the model's own (teacher forcing).
    pub teacher: Option<String>,
}

/// An input whose likeliest answers, or some that are drawn, are asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchRequest {
    /// The input.
    pub input: String,
    /// Hypotheses of the beam; samples where there is a temperature.
    pub beam: usize,
    /// Draw at this temperature instead of searching.
    pub temperature: Option<f32>,
    /// Start of the random choices.
    pub seed: Option<u64>,
}

impl TraceRequest {
    /// The steps of the answer, with all symbols and states.
    ///
    /// # Errors
    /// If the model cannot write a symbol that is forced: names it.
    pub fn answer(&self, model: &Model) -> Result<ExplainResponse, String> {
        let vocabulary = &model.codec().target.vocabulary;
        let unknown =
            |symbol: &String| format!("{symbol:?} is no symbol that this model can write");
        let forced = match &self.teacher {
            Some(answer) => model.codec().encode_target(answer).ids,
            None => (self.forced.iter())
                .map(|symbol| vocabulary.id(symbol).ok_or_else(|| unknown(symbol)))
                .collect::<Result<_, _>>()?,
        };
        let trace = model.trace(&self.input, &forced);
        let warnings = warnings(model, &self.input);
        let (name, symbols) = (String::new(), vocabulary.len());
        Ok(ExplainResponse::new(
            name, model, trace, warnings, symbols, true,
        ))
    }
}

impl SearchRequest {
    /// The answers, best first.
    ///
    /// # Errors
    /// If they cannot be searched for in this way: says why not.
    pub fn answer(self, model: &Model) -> Result<Output, String> {
        if self.beam > MOST_HYPOTHESES {
            return Err(format!(
                "a beam of {} was asked for, but it has at most {MOST_HYPOTHESES} hypotheses here",
                self.beam
            ));
        }
        let mut options = PredictOptions::default();
        options.search.nbest = self.beam;
        options.search.method = match self.temperature {
            None => Method::Beam { size: self.beam },
            Some(temperature) => Method::Sample {
                temperature,
                top_k: None,
                top_p: 1.0,
                seed: self.seed.unwrap_or(1),
            },
        };
        let predictor = model
            .predictor(options)
            .map_err(|error| error.to_string())?;
        let answer = predictor.predict(&[&self.input]).into_iter().next();
        let answer = answer.ok_or_else(|| "the model gave no answer".to_owned())?;
        Ok(Output::new(self.input, answer))
    }
}
