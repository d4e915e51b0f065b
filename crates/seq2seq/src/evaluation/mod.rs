//! Two kinds of figures that must never be mixed: teacher-forced ones, as Keras reports them, and
//! free-running ones, which tell what a user of the model gets.

mod audit;
mod calibrate;
mod compare;
mod examine;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::{Protocol, Recipe};
use crate::data::{Example, Pair, Question};
use crate::metrics::{FreeRunning, Part, ScoreError, edit_distance, nearest_reference, score};
use crate::model::Network;
use crate::prediction::{PredictOptions, Prediction};
use crate::side_by_side::side_by_side;
use crate::text::Codec;
use crate::trained_model::Model;
use crate::training::{Figures, TrainingBatch};

pub use audit::{Audited, audit};
pub use calibrate::calibrate;
pub use compare::{CompareError, Comparison, Disagreement, compare};
pub use examine::{Confidence, Evaluation, Examination, Intervals, NBest, evaluate, examine};

/// Figures over symbols that are each predicted from the true ones before; padding is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TeacherForced {
    /// Mean cross-entropy of a symbol, in nats.
    pub loss: f64,
    /// Share of symbols predicted right, end marks included.
    pub accuracy: f64,
}

/// Symbols that a model does not know, and how often they come.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct UnknownSymbols {
    /// In sources.
    pub source: BTreeMap<String, usize>,
    /// In targets.
    pub target: BTreeMap<String, usize>,
}

impl UnknownSymbols {
    /// Looks for them in pairs.
    pub fn of(codec: &Codec, pairs: &[Pair]) -> Self {
        let mut found = Self::default();
        for pair in pairs {
            for unknown in codec
                .encode_source(&pair.source, pair.features.as_deref())
                .unknown
            {
                *found.source.entry(unknown.symbol).or_default() += 1;
            }
            for unknown in codec.encode_target(&pair.target).unknown {
                *found.target.entry(unknown.symbol).or_default() += 1;
            }
        }
        found
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.source.is_empty() && self.target.is_empty()
    }
}

/// Teacher-forced loss and accuracy.
pub fn teacher_forced(model: &Model, examples: &[Example]) -> TeacherForced {
    let begin = begin_symbol(&model.recipe, &model.codec);
    let (mut loss, mut correct, mut symbols) = (0.0, 0, 0);
    // Pairs of similar length together: less padding to compute on.
    let mut order: Vec<&Example> = examples.iter().collect();
    order.sort_by_key(|example| (example.target.len(), example.source.len()));
    let batches = order.chunks(model.recipe.decoding.batch_size).collect();
    let found = side_by_side(batches, |examples: &[&Example]| {
        let batch = TrainingBatch::new(examples, begin);
        let figures = forced_batch(model.network(), &batch);
        (figures, batch.expected.symbols)
    });
    for (figures, of_batch) in found {
        loss += figures.cross_entropy * of_batch as f64;
        correct += figures.correct;
        symbols += of_batch;
    }
    let symbols = symbols.max(1) as f64;
    TeacherForced {
        loss: loss / symbols,
        accuracy: correct as f64 / symbols,
    }
}

/// What the decoder reads first when it is trained: the begin symbol, unless the first target
/// symbol is given. A decoder that reads no target at all predicts every symbol, too.
pub(crate) fn begin_symbol(recipe: &Recipe, codec: &Codec) -> Option<u32> {
    let given = recipe.model.protocol == Protocol::FirstSymbol;
    (!given).then(|| codec.target.vocabulary.begin().unwrap_or(0))
}

pub(crate) fn forced_batch(network: &Network, batch: &TrainingBatch) -> Figures {
    let scores = network.forward(&batch.source, &batch.decoder_input, None);
    Figures::new(scores, &batch.expected)
}

/// Free-running exact match and symbol error rate of greedy decoding.
///
/// A model of the first-symbol protocol is given the first symbol of the first reference, as it is
/// in training.
///
/// # Errors
/// If there are no questions.
pub fn free_running(model: &Model, questions: &[Question]) -> Result<FreeRunning, ScoreError> {
    let predictions = answer_questions(model, questions, &PredictOptions::default());
    let hypotheses: Vec<_> = predictions.into_iter().map(|p| p.symbols).collect();
    score(&hypotheses, &reference_symbols(&model.codec, questions))
}

/// Answers to questions, in their order.
///
/// A model of the first-symbol protocol is given the first symbol of the first reference, as it is
/// in training.
pub fn answer_questions(
    model: &Model,
    questions: &[Question],
    options: &PredictOptions,
) -> Vec<Prediction> {
    if model.needs_first_symbol() {
        model.predict_from(questions, Some(&first_symbols(model, questions)), options)
    } else {
        model.predict(questions, options)
    }
}

/// Which answers are exactly one of the references of their questions.
fn are_right<'a>(
    answers: impl IntoIterator<Item = &'a Vec<String>>,
    references: &[Vec<Vec<String>>],
) -> Vec<bool> {
    let answers = answers.into_iter().zip(references);
    answers
        .map(|(answer, references)| references.contains(answer))
        .collect()
}

/// What a question adds to the rates, for drawing questions anew.
#[derive(Clone, Copy, Debug)]
struct QuestionParts {
    /// Whether it is answered exactly, of one.
    exact: Part,
    /// Edits to the nearest reference, of its symbols.
    edits: Part,
}

fn question_parts(answers: &[Vec<String>], references: &[Vec<Vec<String>>]) -> Vec<QuestionParts> {
    let parts = |(answer, references): (&Vec<String>, &Vec<Vec<String>>)| {
        let reference = nearest_reference(answer, references);
        let edits = reference.map_or(answer.len(), |reference| edit_distance(answer, reference));
        QuestionParts {
            exact: (f64::from(u8::from(references.contains(answer))), 1.0),
            edits: (edits as f64, reference.map_or(0, Vec::len) as f64),
        }
    };
    answers.iter().zip(references).map(parts).collect()
}

/// The first symbol of each question's first reference.
pub fn first_symbols(model: &Model, questions: &[Question]) -> Vec<u32> {
    let first = |question: &Question| {
        let reference = question.references.first()?;
        model.codec.encode_target(reference).ids.first().copied()
    };
    questions
        .iter()
        .map(|question| first(question).unwrap_or(0))
        .collect()
}

/// References as symbols, for scoring.
pub fn reference_symbols(codec: &Codec, questions: &[Question]) -> Vec<Vec<Vec<String>>> {
    let split = |text: &String| codec.split_target(text);
    questions
        .iter()
        .map(|q| q.references.iter().map(split).collect())
        .collect()
}
