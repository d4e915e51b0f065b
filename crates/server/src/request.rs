//! What can be asked: JSON to questions that are known to be answerable.

use axum::http::StatusCode;
use seq2seq_runtime::decoding::Method;
use seq2seq_runtime::{Model, PredictOptions, Predictor, SearchRequest};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::limits::Limits;
use crate::models::Models;
use crate::refusal::Refusal;

/// Inputs to answer, and how. What is left out is as the model's recipe says (`[decoding]`).
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PredictRequest {
    /// Texts to answer; features follow after a tab, for models that read some.
    pub inputs: Vec<String>,
    /// Name of the model; the first if left out.
    pub model: Option<String>,
    /// Outputs wanted of each input, best first; 1 if left out.
    pub n_best: Option<usize>,
    /// Give the source symbols that each target symbol came from.
    #[serde(default)]
    pub align: bool,
    /// Hypotheses that beam search keeps at each step; 1 is greedy decoding.
    pub beam: Option<usize>,
    /// Alpha of the length penalty.
    pub length_penalty: Option<f64>,
    /// Beta of the coverage penalty.
    pub coverage_penalty: Option<f64>,
    /// Choose the output with the least expected edit distance to the others.
    #[serde(default)]
    pub mbr: bool,
    /// Draw from the softmax instead of taking the most probable symbols.
    #[serde(default)]
    pub sample: bool,
    /// Sharper below 1, flatter above; with `sample`.
    pub temperature: Option<f32>,
    /// Draw from the so many most probable symbols only; with `sample`.
    pub top_k: Option<usize>,
    /// Draw from the fewest symbols that together have this probability; with `sample`.
    pub top_p: Option<f32>,
    /// Start of the random choices; with `sample`.
    pub seed: Option<u64>,
    /// Longest output in symbols, whatever the input.
    pub max_length: Option<usize>,
    /// Output symbols for each source symbol, at most.
    pub max_length_ratio: Option<f64>,
    /// Output symbols on top of `max_length_ratio`.
    pub max_length_extra: Option<usize>,
}

/// An input to explain.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    /// The text.
    pub input: String,
    /// Name of the model; the first if left out.
    pub model: Option<String>,
    /// Target symbols that the first steps write, whatever the model finds probable.
    #[serde(default)]
    pub forced: Vec<String>,
    /// Choices shown at each step; 5 if left out.
    pub top: Option<usize>,
    /// Give hidden states and gates, for recurrent networks.
    #[serde(default)]
    pub states: bool,
}

/// A checked request for predictions.
#[derive(Debug)]
pub struct Question {
    /// Name of its model.
    pub model: String,
    /// The model with options that work.
    pub predictor: Predictor,
    /// Texts to answer.
    pub inputs: Vec<String>,
    /// What must be equal for questions to be answered together; none if this one is answered alone.
    pub group: Option<Group>,
}

/// Model and options, such that equal ones may be answered together.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    model: String,
    counts: [Option<usize>; 4],
    numbers: [Option<f64>; 3],
    flags: [bool; 2],
}

/// Reads JSON.
///
/// # Errors
/// If it is none, or has other fields or types than asked for.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    if let Err(error) = std::str::from_utf8(body) {
        let message = format!(
            "the body is not valid UTF-8: byte {} begins no character",
            error.valid_up_to()
        );
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "invalid_utf8",
            message,
        ));
    }
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|&byte| byte != b'{') {
        let message = "the body is no JSON object: send one, as {\"inputs\": [\"a text\"]}";
        return Err(Refusal::unprocessable("wrong_fields", message));
    }
    serde_json::from_slice(body).map_err(|error| {
        if error.is_data() {
            let message = format!("the JSON does not fit this request: {error}");
            return Refusal::unprocessable("wrong_fields", message);
        }
        let message = match body.is_empty() {
            true => "the body is empty: send a JSON object".to_owned(),
            false => format!("the body is not JSON: {error}"),
        };
        Refusal::new(StatusCode::BAD_REQUEST, "malformed_json", message)
    })
}

/// Refuses an input that is too long.
pub fn check_length(input: &str, place: usize, limits: &Limits) -> Result<(), Refusal> {
    let characters = input.chars().count();
    if characters <= limits.input_length {
        return Ok(());
    }
    let message = format!(
        "input {} has {characters} characters, but at most {} are allowed (--max-input-length)",
        place.saturating_add(1),
        limits.input_length
    );
    Err(Refusal::unprocessable("input_too_long", message).over(
        "max-input-length",
        limits.input_length as u64,
        Some(characters as u64),
    ))
}

impl PredictRequest {
    /// The question, if it can be answered within the limits.
    pub fn check(self, models: &Models, limits: &Limits) -> Result<Question, Refusal> {
        let (name, served) = models.get(self.model.as_deref())?;
        let model = &served.model;
        let count = self.inputs.len();
        if count == 0 {
            let message = "inputs is empty: give at least one text";
            return Err(Refusal::unprocessable("no_inputs", message));
        }
        if count > limits.inputs {
            let message = format!(
                "{count} inputs were sent, but a request may have at most {} (--max-inputs): send several \
                 requests",
                limits.inputs
            );
            let refusal = Refusal::unprocessable("too_many_inputs", message);
            return Err(refusal.over("max-inputs", limits.inputs as u64, Some(count as u64)));
        }
        for (place, input) in self.inputs.iter().enumerate() {
            check_length(input, place, limits)?;
        }
        let options = PredictOptions {
            lexicon: served.lexicon.clone(),
            ..self.options(model, limits)?
        };
        let predictor = model
            .predictor(options)
            .map_err(|error| Refusal::unprocessable("impossible_options", error.to_string()))?;
        Ok(Question {
            model: name.to_owned(),
            group: self.group(name),
            predictor,
            inputs: self.inputs,
        })
    }

    fn options(&self, model: &Model, limits: &Limits) -> Result<PredictOptions, Refusal> {
        self.check_sampling()?;
        let nbest = self.n_best.unwrap_or(1);
        check_beam(self.beam.unwrap_or(0).max(nbest), limits)?;
        self.check_limit(limits)?;
        let request = SearchRequest {
            beam: self.beam,
            sampling: self.sample.then_some(Method::Sample {
                temperature: self.temperature.unwrap_or(1.0),
                top_k: self.top_k,
                top_p: self.top_p.unwrap_or(1.0),
                seed: self.seed.unwrap_or(1),
            }),
            nbest,
            length_penalty: self.length_penalty,
            coverage_penalty: self.coverage_penalty,
            minimum_bayes_risk: self.mbr,
            max_length: self.max_length,
            max_length_ratio: self.max_length_ratio,
            max_length_extra: self.max_length_extra,
            constraint: None,
        };
        Ok(PredictOptions {
            confidence: true,
            align: self.align,
            ..request.options(model)
        })
    }

    /// Refuses what only sampling looks at without it, and a beam with it.
    fn check_sampling(&self) -> Result<(), Refusal> {
        let given = [
            ("temperature", self.temperature.is_some()),
            ("top_k", self.top_k.is_some()),
            ("top_p", self.top_p.is_some()),
            ("seed", self.seed.is_some()),
        ];
        let alone = given.iter().find(|(_, given)| *given && !self.sample);
        let message = match alone {
            Some((name, _)) => {
                format!("{name} is for sampling only: give \"sample\": true with it")
            }
            None if self.sample && self.beam.is_some() => {
                "beam and sample exclude each other: leave one out".to_owned()
            }
            None if self.max_length_extra.is_some() && self.max_length_ratio.is_none() => {
                "max_length_extra is on top of max_length_ratio: give that, too".to_owned()
            }
            None => return Ok(()),
        };
        Err(Refusal::unprocessable("impossible_options", message))
    }

    /// Refuses outputs that are longer than allowed, and outputs of nothing.
    fn check_limit(&self, limits: &Limits) -> Result<(), Refusal> {
        let asked = self
            .max_length
            .unwrap_or(1)
            .max(self.max_length_extra.unwrap_or(1));
        if asked > limits.output_length {
            let message = format!(
                "outputs of {asked} symbols were asked for, but at most {} are allowed (--max-output-length)",
                limits.output_length
            );
            let refusal = Refusal::unprocessable("output_too_long", message);
            let value = limits.output_length as u64;
            return Err(refusal.over("max-output-length", value, Some(asked as u64)));
        }
        if self.max_length == Some(0) {
            let message = "max_length of 0 leaves no output: give at least 1, or leave it out";
            return Err(Refusal::unprocessable("impossible_options", message));
        }
        Ok(())
    }

    /// What draws is answered alone: its choices go by the place of an input in its request.
    fn group(&self, model: &str) -> Option<Group> {
        let group = Group {
            model: model.to_owned(),
            counts: [
                self.n_best,
                self.beam,
                self.max_length,
                self.max_length_extra,
            ],
            numbers: [
                self.length_penalty,
                self.coverage_penalty,
                self.max_length_ratio,
            ],
            flags: [self.align, self.mbr],
        };
        (!self.sample).then_some(group)
    }
}

fn check_beam(asked: usize, limits: &Limits) -> Result<(), Refusal> {
    if asked <= limits.beam {
        return Ok(());
    }
    let message = format!(
        "{asked} hypotheses were asked for with beam or n_best, but at most {} are allowed (--max-beam)",
        limits.beam
    );
    let refusal = Refusal::unprocessable("beam_too_large", message);
    Err(refusal.over("max-beam", limits.beam as u64, Some(asked as u64)))
}
