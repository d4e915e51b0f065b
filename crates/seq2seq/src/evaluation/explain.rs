//! What a model reads and writes, step by step.

use crate::decoding::SearchError;
use crate::text::Vocabulary;
use crate::{Answer, Model, PredictOptions};

/// A symbol with its id.
pub type SymbolWithId = (String, u32);

/// How a model comes to its answer.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What the encoder reads as symbols.
    pub source: Vec<SymbolWithId>,
    /// What it reads as features, where these have an encoder of their own.
    pub features: Vec<SymbolWithId>,
    /// What the decoder writes; symbols that were given have no step.
    pub steps: Vec<ExplainedStep>,
    /// Whether the first symbol was given, as in training.
    pub first_is_given: bool,
    /// The answer.
    pub answer: Answer,
    /// The right answer, as answers are spelled, and whether the model gave it.
    pub expected: Option<(String, bool)>,
}

/// One step of the decoder.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainedStep {
    /// The symbol that was chosen; none for the end.
    pub chosen: Option<String>,
    /// The most probable symbols with their probabilities, most probable first.
    pub choices: Vec<(Option<String>, f64)>,
}

/// Explains the best answer to a line of input, with so many choices of each step. A model of the first-symbol
/// protocol is given the first symbol of the expected answer, if there is one.
///
/// # Errors
/// If the options cannot work with the model.
pub fn explain(
    model: &Model,
    line: &str,
    expected: Option<&str>,
    choices: usize,
    options: &PredictOptions,
) -> Result<Explanation, SearchError> {
    let codec = model.codec();
    let expected = expected.map(|expected| codec.target_of_file(expected));
    let mut options = options.clone();
    options.search.keep.distributions = true;
    let first = expected.as_deref().filter(|_| model.needs_first_symbol());
    let first = first.and_then(|text| codec.encode_target(text).ids.first().copied());
    let predictor = model.predictor(options)?;
    let asked = model.line(line);
    let answers = match first {
        Some(first) => predictor.predict_from(&[asked], &[first]),
        None => predictor.predict(&[asked]),
    };
    // There is an answer to every input.
    let answer = answers.into_iter().next().ok_or(SearchError::NoOutputs)?;
    let encoded = codec.encode_source(asked.source, asked.features);
    let source = |&id: &u32| (codec.source_symbol(id).unwrap_or("?").to_owned(), id);
    let features = encoded.ids.features.as_ref().zip(codec.features.as_ref());
    let features = features.map_or(Vec::new(), |(ids, features)| {
        let name = |id| features.vocabulary.symbol(id).unwrap_or("?").to_owned();
        ids.iter().map(|&id| (name(id), id)).collect()
    });
    let vocabulary = &codec.target.vocabulary;
    let steps = answer.best().steps.iter().map(|step| ExplainedStep {
        chosen: name(vocabulary, step.chosen),
        choices: most_probable(vocabulary, &step.log_probs, choices),
    });
    Ok(Explanation {
        source: encoded.ids.symbols.iter().map(source).collect(),
        features,
        steps: steps.collect(),
        first_is_given: first.is_some(),
        expected: expected.map(|text| {
            let is_answer = codec.split_target(&text) == answer.best().symbols;
            (codec.in_answer_form(&text), is_answer)
        }),
        answer,
    })
}

fn name(vocabulary: &Vocabulary, id: u32) -> Option<String> {
    let symbol = vocabulary.symbol(id).unwrap_or("?");
    (vocabulary.end() != Some(id)).then(|| symbol.to_owned())
}

fn most_probable(
    vocabulary: &Vocabulary,
    log_probs: &[f32],
    most: usize,
) -> Vec<(Option<String>, f64)> {
    let mut order: Vec<(u32, f32)> = (0..).zip(log_probs.iter().copied()).collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    let choice = |&(id, log_prob): &(u32, f32)| (name(vocabulary, id), f64::from(log_prob.exp()));
    order.iter().take(most).map(choice).collect()
}
