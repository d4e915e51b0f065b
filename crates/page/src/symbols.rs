//! A text as a model reads it: symbols, ids and vectors.

use seq2seq_runtime::{Model, PredictOptions, Warning};
use serde::Serialize;

/// A text as a model reads it.
#[derive(Clone, Debug, Serialize)]
pub struct Encoded {
    /// All symbols of sources, each at the place of its id.
    pub vocabulary: Vec<String>,
    /// Symbols of the text, blanks filled up.
    pub symbols: Vec<String>,
    /// Ids in the order of reading.
    pub ids: Vec<u32>,
    /// Embedding of each symbol that is read, where the model has an embedding.
    pub vectors: Option<Vec<Vec<f32>>>,
    /// What is wrong with the text.
    pub warnings: Vec<String>,
}

impl Encoded {
    /// The text as this model reads it.
    pub fn new(model: &Model, text: &str) -> Self {
        let source = model.codec().encode_source(text, None);
        let vectors = model.weights().get("source_embedding").map(|table| {
            let width = table.shape.get(1).copied().unwrap_or(0);
            let values = table.as_f32().map_or(&[][..], |values| values);
            let row = |&id: &u32| {
                let from = (id as usize).saturating_mul(width);
                let row = values.get(from..from.saturating_add(width));
                row.unwrap_or(&[]).to_vec()
            };
            source.ids.symbols.iter().map(row).collect()
        });
        Self {
            vocabulary: model.codec().source.vocabulary.symbols().to_vec(),
            warnings: warnings(model, text),
            symbols: source.symbols,
            ids: source.ids.symbols,
            vectors,
        }
    }
}

/// What a user of the model should know about an input.
pub fn warnings(model: &Model, input: &str) -> Vec<String> {
    let predictor = model.predictor(PredictOptions::default());
    let answers = predictor.map_or_else(|_| Vec::new(), |it| it.predict(&[input]));
    let all = answers.iter().flat_map(|answer| &answer.warnings);
    let about_input = |warning: &&Warning| warning.is_about_input() || warning.is_about_kind();
    all.filter(about_input).map(Warning::to_string).collect()
}
