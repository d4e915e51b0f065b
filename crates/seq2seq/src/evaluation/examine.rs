//! Everything that is measured of a model on a set of pairs.

use serde::Serialize;

use super::compare::SEED;
use super::{
    QuestionParts, TeacherForced, UnknownSymbols, answer_questions, are_right, question_parts,
    reference_symbols, teacher_forced,
};
use crate::data::{Pair, Question, questions};
use crate::encoding::{Example, PairCodec};
use crate::metrics::{
    Answered, Bin, Bleu, BleuTokenizer, Breakdown, Chrf, FreeRunning, Interval, RESAMPLES,
    ScoreError, answered, bleu, bootstrap_interval, chrf, expected_calibration_error, reliability,
    score,
};
use crate::text::Tokenization;
use crate::{Answer, Model, Origin, PredictOptions, Warning};

/// Shares of the questions for which the accuracy is given when only so many are answered.
const SHARES: [f64; 10] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// All figures of a model on a set of pairs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Pairs that the model was evaluated on.
    pub pairs: usize,
    /// Whether answers were given their true first symbol, as the notebook's protocol has it: its users,
    /// who cannot, get fewer right answers than `free_running` says.
    pub first_symbol_given: bool,
    /// Each symbol predicted from the true ones before it.
    pub teacher_forced: TeacherForced,
    /// Each symbol predicted from the model's own ones before it.
    pub free_running: FreeRunning,
    /// How far the free-running rates could be off by the choice of questions.
    pub intervals: Intervals,
    /// Whether every reference is one number, of which BLEU says nothing.
    #[serde(skip)]
    pub numbers: bool,
    /// BLEU of the answers, as sacreBLEU computes it.
    pub bleu: Bleu,
    /// chrF of the answers, as sacreBLEU computes it.
    pub chrf: Chrf,
    /// Questions that the lexicon of known words answered, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<usize>,
    /// Outputs that reached the length limit and were cut.
    pub cut: usize,
    /// Whether a right answer was among the n best, if more than one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbest: Option<NBest>,
    /// What the model's confidence is worth.
    pub confidence: Confidence,
    /// Where the errors are.
    pub breakdown: Breakdown,
    /// Symbols that training has not seen, and how often they come.
    pub unknown_symbols: UnknownSymbols,
}

/// 95 % bootstrap intervals over questions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Intervals {
    /// Of the share of questions answered exactly.
    pub exact_match: Interval,
    /// Of the symbol error rate.
    pub symbol_error_rate: Interval,
}

/// How good the best of n answers is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NBest {
    /// Answers to each question, at most.
    pub n: usize,
    /// Share of questions with a right answer among them.
    pub exact_match: f64,
}

/// Whether the model is right as often as its confidence says, on these questions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Confidence {
    /// Softmax temperature of the confidence, fitted on the validation set in training; none if
    /// there was none, and the model's own probability is taken.
    pub temperature: Option<f64>,
    /// Expected calibration error of the model's own probabilities.
    pub error_before: f64,
    /// Expected calibration error of the confidence.
    pub error_after: f64,
    /// Mean confidence and share right in bins of confidence.
    pub reliability: Vec<Bin>,
    /// Accuracy when only the most confident answers are given.
    pub answered: Vec<Answered>,
}

/// An evaluation with the answers that it is about.
#[derive(Clone, Debug)]
pub struct Examination {
    /// The figures.
    pub evaluation: Evaluation,
    /// The questions.
    pub questions: Vec<Question>,
    /// The answers, in the order of the questions.
    pub answers: Vec<Answer>,
    /// The references as symbols, likewise.
    pub references: Vec<Vec<Vec<String>>>,
}

impl Examination {
    /// Whether a question is answered exactly as some reference.
    pub fn is_right(&self, question: usize) -> bool {
        self.references[question].contains(&self.answers[question].best().symbols)
    }
}

/// Evaluates a model on pairs, decoding as its recipe says.
///
/// # Errors
/// If there are no pairs, or the model's own options cannot work.
pub fn evaluate(model: &Model, pairs: &[Pair]) -> Result<Evaluation, ScoreError> {
    Ok(examine(model, pairs, &PredictOptions::of(model))?.evaluation)
}

/// Evaluates a model on pairs; those with the same source (and features) are one question with
/// several right answers.
///
/// # Errors
/// If there are no pairs, or the options cannot work with the model.
pub fn examine(
    model: &Model,
    pairs: &[Pair],
    options: &PredictOptions,
) -> Result<Examination, ScoreError> {
    let pairs = &model.codec().normalize(pairs)[..];
    let questions = questions(pairs);
    let mut options = options.clone();
    options.confidence = true;
    let predictor = model.predictor(options)?;
    let answers = answer_questions(&predictor, &questions);
    let references = reference_symbols(model.codec(), &questions);
    let best = || answers.iter().map(Answer::best);
    let symbols: Vec<Vec<String>> = best().map(|best| best.symbols.clone()).collect();
    let finished: Vec<bool> = best().map(|best| best.finished).collect();
    let texts: Vec<&str> = best().map(|best| best.text.as_str()).collect();
    let spelled = |texts: &Vec<String>| -> Vec<String> {
        let texts = texts.iter();
        texts
            .map(|text| model.codec().in_answer_form(text))
            .collect()
    };
    let reference_texts: Vec<Vec<String>> =
        questions.iter().map(|q| spelled(&q.references)).collect();
    // Symbols between spaces are words already.
    let tokenizer = match model.codec().target.tokenization {
        Tokenization::Spaces => BleuTokenizer::None,
        _ => BleuTokenizer::V13a,
    };
    let examples: Vec<Example> = pairs
        .iter()
        .map(|pair| model.codec().encode(pair))
        .collect();
    let is_cut = |answer: &&Answer| {
        let mut warnings = answer.warnings.iter();
        warnings.any(|warning| matches!(warning, Warning::Cut { .. }))
    };
    let evaluation = Evaluation {
        pairs: pairs.len(),
        first_symbol_given: model.needs_first_symbol(),
        free_running: score(&symbols, &references)?,
        teacher_forced: teacher_forced(model, &examples),
        intervals: intervals(&question_parts(&symbols, &references))?,
        numbers: reference_texts.iter().flatten().all(is_number),
        bleu: bleu(&texts, &reference_texts, tokenizer)?,
        chrf: chrf(&texts, &reference_texts)?,
        known: (predictor.options().lexicon.as_ref()).map(|_| {
            let known = |answer: &&Answer| answer.origin == Origin::Lexicon;
            answers.iter().filter(known).count()
        }),
        cut: answers.iter().filter(is_cut).count(),
        nbest: (predictor.options().search.nbest > 1)
            .then(|| nbest(predictor.options().search.nbest, &answers, &references)),
        confidence: confidence(model, &answers, &references),
        breakdown: Breakdown::of(&symbols, &references, &finished).with_features(
            &symbols,
            &references,
            &features(model, &questions),
        ),
        unknown_symbols: UnknownSymbols::of(model.codec(), pairs),
    };
    Ok(Examination {
        evaluation,
        questions,
        answers,
        references,
    })
}

fn is_number(text: impl AsRef<str>) -> bool {
    text.as_ref().trim().parse::<f64>().is_ok()
}

/// The features of each question that the model reads.
fn features<'a>(model: &'a Model, questions: &'a [Question]) -> Vec<Vec<&'a str>> {
    let reader = model.codec().features.as_ref();
    let of_question = |question: &'a Question| {
        let text = question.features.as_deref().unwrap_or_default();
        reader.map_or(Vec::new(), |reader| reader.split(text).collect())
    };
    questions.iter().map(of_question).collect()
}

fn intervals(parts: &[QuestionParts]) -> Result<Intervals, ScoreError> {
    let of = |part: &dyn Fn(&QuestionParts) -> (f64, f64)| {
        let parts: Vec<_> = parts.iter().map(part).collect();
        bootstrap_interval(&parts, RESAMPLES, SEED).ok_or(ScoreError::NoQuestions)
    };
    Ok(Intervals {
        exact_match: of(&|part| part.exact)?,
        symbol_error_rate: of(&|part| part.edits)?,
    })
}

fn nbest(n: usize, answers: &[Answer], references: &[Vec<Vec<String>>]) -> NBest {
    let hit = |(answer, references): &(&Answer, &Vec<Vec<String>>)| {
        let mut outputs = answer.hypotheses.iter();
        outputs.any(|output| references.contains(&output.symbols))
    };
    let hits = answers.iter().zip(references).filter(hit).count();
    NBest {
        n,
        exact_match: hits as f64 / answers.len().max(1) as f64,
    }
}

fn confidence(model: &Model, answers: &[Answer], references: &[Vec<Vec<String>>]) -> Confidence {
    let best = || answers.iter().map(Answer::best);
    let right = are_right(best().map(|best| &best.symbols), references);
    let own: Vec<f64> = best().map(|best| best.log_probability.exp()).collect();
    let confidences: Vec<f64> = best().map(|best| best.confidence.unwrap_or(0.0)).collect();
    let calibration = model.provenance().calibration;
    Confidence {
        temperature: calibration.map(|calibration| calibration.temperature),
        error_before: expected_calibration_error(&own, &right),
        error_after: expected_calibration_error(&confidences, &right),
        reliability: reliability(&confidences, &right),
        answered: answered(&confidences, &right, &SHARES),
    }
}
