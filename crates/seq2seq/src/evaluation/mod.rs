//! Two kinds of figures that must never be mixed: teacher-forced ones, as Keras reports them, and
//! free-running ones, which tell what a user of the model gets.

mod audit;
mod calibrate;
mod compare;
mod examine;
mod explain;
mod unknown;

use serde::Serialize;

use crate::config::{ModelSettings, Protocol};
use crate::data::Question;
use crate::decoding::{ForcedSymbol, each_forced, score_outputs};
use crate::encoding::{Example, SourceIds};
use crate::metrics::{FreeRunning, Part, ScoreError, edit_distance, nearest_reference, score};
use crate::parallel;
use crate::text::Codec;
use crate::{Answer, Model, PredictOptions, Predictor};

pub use audit::{Audited, audit};
pub use calibrate::calibrate;
pub use compare::{CompareError, Comparison, Disagreement, compare};
pub use examine::{Confidence, Evaluation, Examination, Intervals, NBest, evaluate, examine};
pub use explain::{ExplainedStep, Explanation, SymbolWithId, explain};
pub use unknown::UnknownSymbols;

/// Figures over symbols that are each predicted from the true ones before; padding is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TeacherForced {
    /// Mean cross-entropy of a symbol, in nats.
    pub loss: f64,
    /// Share of symbols predicted right, end marks included.
    pub accuracy: f64,
}

/// Batches for each thread after which an evaluation looks whether it is to end.
const BATCHES: usize = 4;

/// Teacher-forced loss and accuracy.
pub fn teacher_forced(model: &Model, examples: &[Example]) -> TeacherForced {
    teacher_forced_unless(model, examples, &|| false).unwrap_or(TeacherForced {
        loss: 0.0,
        accuracy: 0.0,
    })
}

/// The same; nothing if `ended` says that nobody waits for it any more.
pub(crate) fn teacher_forced_unless(
    model: &Model,
    examples: &[Example],
    ended: &dyn Fn() -> bool,
) -> Option<TeacherForced> {
    // Pairs of similar length together: less padding to compute on.
    let mut order: Vec<&Example> = examples.iter().collect();
    order.sort_by_key(|example| (example.target.len(), example.source.len()));
    let batches: Vec<&[&Example]> = order.chunks(model.settings().decoding.batch_size).collect();
    let (mut loss, mut correct, mut symbols) = (0.0, 0, 0_usize);
    for batches in batches.chunks(BATCHES * parallel::threads()) {
        if ended() {
            return None;
        }
        let found = parallel::map(batches.to_vec(), |examples: &[&Example]| {
            let scores = forced_scores(model, examples).into_iter().flatten();
            scores.fold((0.0, 0, 0_usize), |(loss, correct, symbols), score| {
                let right = usize::from(score.most_probable);
                (loss - score.log_probability, correct + right, symbols + 1)
            })
        });
        for (of_batch, right, count) in found {
            loss += of_batch;
            correct += right;
            symbols += count;
        }
    }
    let symbols = symbols.max(1) as f64;
    Some(TeacherForced {
        loss: loss / symbols,
        accuracy: correct as f64 / symbols,
    })
}

/// How every target symbol that the model predicts is foretold from the true ones before it.
fn forced_scores(model: &Model, batch: &[&Example]) -> Vec<Vec<ForcedSymbol>> {
    let Forced {
        sources,
        first,
        outputs,
    } = Forced::of(model, batch);
    score_outputs(model, &sources, &first, &outputs)
}

/// Log-probabilities of all symbols at each target symbol that the model predicts, after the true ones before
/// it: `[symbols of all targets, target symbols]`, one example after the other.
pub(crate) fn forced_distributions(model: &Model, examples: &[&Example]) -> Vec<f32> {
    let batches = examples
        .chunks(model.settings().decoding.batch_size)
        .collect();
    let found = parallel::map(batches, |batch: &[&Example]| {
        let Forced {
            sources,
            first,
            outputs,
        } = Forced::of(model, batch);
        let mut each = vec![Vec::new(); batch.len()];
        each_forced(model, &sources, &first, &outputs, |input, _, log_probs| {
            each[input].extend_from_slice(log_probs);
        });
        each.concat()
    });
    found.concat()
}

/// What is forced on a model.
struct Forced<'a> {
    sources: Vec<&'a SourceIds>,
    /// What the decoder reads first.
    first: Vec<u32>,
    /// What it has to write.
    outputs: Vec<&'a [u32]>,
}

impl<'a> Forced<'a> {
    fn of(model: &Model, batch: &[&'a Example]) -> Self {
        let begin = begin_symbol(&model.settings().model, model.codec());
        // Without a begin symbol, the first target symbol is given.
        let given = usize::from(begin.is_none());
        let examples = || batch.iter().copied();
        let first = |example: &Example| begin.or(example.target.first().copied()).unwrap_or(0);
        Self {
            sources: examples().map(|example| &example.source).collect(),
            first: examples().map(first).collect(),
            outputs: examples()
                .map(|example| example.target.get(given..).unwrap_or(&[]))
                .collect(),
        }
    }
}

/// What the decoder reads first when it is trained: the begin symbol, unless the first target
/// symbol is given. A decoder that reads no target at all predicts every symbol, too.
pub(crate) fn begin_symbol(model: &ModelSettings, codec: &Codec) -> Option<u32> {
    let given = model.protocol == Protocol::FirstSymbol;
    (!given).then(|| codec.target.vocabulary.begin().unwrap_or(0))
}

/// Free-running exact match and symbol error rate of greedy decoding.
///
/// A model of the first-symbol protocol is given the first symbol of the first reference, as it is
/// in training.
///
/// # Errors
/// If there are no questions.
pub fn free_running(model: &Model, questions: &[Question]) -> Result<FreeRunning, ScoreError> {
    let free = free_running_unless(model, questions, &|| false)?;
    free.ok_or(ScoreError::NoQuestions)
}

/// The same; nothing if `ended` says that nobody waits for it any more.
pub(crate) fn free_running_unless(
    model: &Model,
    questions: &[Question],
    ended: &dyn Fn() -> bool,
) -> Result<Option<FreeRunning>, ScoreError> {
    let predictor = model.predictor(PredictOptions::default())?;
    let mut answers: Vec<Vec<String>> = Vec::with_capacity(questions.len());
    for questions in questions.chunks(predictor.inputs_at_once()) {
        if ended() {
            return Ok(None);
        }
        let some = answer_questions(&predictor, questions);
        answers.extend(some.iter().map(|answer| answer.best().symbols.clone()));
    }
    score(&answers, &reference_symbols(model.codec(), questions)).map(Some)
}

/// Answers to questions, in their order.
///
/// A model of the first-symbol protocol is given the first symbol of the first reference, as it is
/// in training.
pub fn answer_questions(predictor: &Predictor, questions: &[Question]) -> Vec<Answer> {
    let model = predictor.model();
    if model.needs_first_symbol() {
        predictor.predict_from(questions, &first_symbols(model, questions))
    } else {
        predictor.predict(questions)
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
        model.codec().encode_target(reference).ids.first().copied()
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
