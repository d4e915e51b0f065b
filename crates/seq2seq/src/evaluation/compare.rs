//! Whether one model is better than another, on the same questions.

use serde::Serialize;

use super::{answer_questions, are_right, question_parts, reference_symbols};
use crate::data::Question;
use crate::metrics::{
    FreeRunning, PairedDifference, RESAMPLES, ScoreError, mcnemar, paired_bootstrap, score,
};
use crate::text::quoted;
use crate::{Hypothesis, Model, PredictOptions};

/// Start of the random choices of the bootstrap.
pub(super) const SEED: u64 = 1;

/// Two models side by side; differences are those of the second from the first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Scores of the first.
    pub first: FreeRunning,
    /// Scores of the second.
    pub second: FreeRunning,
    /// Difference of the shares answered exactly, with a paired bootstrap.
    pub exact_match: PairedDifference,
    /// Difference of the symbol error rates, with a paired bootstrap.
    pub symbol_error_rate: PairedDifference,
    /// Questions to which their answers differ, right or not.
    pub different_answers: usize,
    /// Questions that both answer right.
    pub both_right: usize,
    /// Questions that only the first answers right.
    pub only_first_right: usize,
    /// Questions that only the second answers right.
    pub only_second_right: usize,
    /// How likely so uneven a division of those is if both are equally good (McNemar's exact test).
    pub mcnemar_p: f64,
    /// Questions that exactly one of them answers right.
    pub disagreements: Vec<Disagreement>,
}

/// A question that exactly one model answers right.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Disagreement {
    /// The source.
    pub source: String,
    /// Its features, where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<String>,
    /// Its right answers.
    pub references: Vec<String>,
    /// Answer of the first model.
    pub first: String,
    /// Answer of the second model.
    pub second: String,
}

/// Why two models cannot be compared.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CompareError {
    /// One writes characters, the other something else.
    #[error(
        "the two models have different outputs: texts of the first are cut into symbols by {first}, \
         those of the second by {second}; only answers in the same symbols can be compared"
    )]
    Tokenizations {
        /// Tokenization of the first.
        first: String,
        /// Tokenization of the second.
        second: String,
    },
    /// They have no output symbol in common.
    #[error(
        "the two models have different outputs: they have no output symbol in common (the first writes \
         such as {}, the second such as {})",
        quoted(first),
        quoted(second)
    )]
    NothingInCommon {
        /// A symbol of the first.
        first: String,
        /// A symbol of the second.
        second: String,
    },
    /// The answers cannot be scored.
    #[error(transparent)]
    Score(#[from] ScoreError),
}

/// Compares the answers of two models to the same questions.
///
/// # Errors
/// If their outputs are of different kinds, or there are no questions.
pub fn compare(
    first: (&Model, &PredictOptions),
    second: (&Model, &PredictOptions),
    questions: &[Question],
) -> Result<Comparison, CompareError> {
    check_outputs(first.0, second.0)?;
    let codec = first.0.codec();
    let references = reference_symbols(codec, questions);
    let answers = |(model, options): (&Model, &PredictOptions)| {
        let predictor = model.predictor(options.clone()).map_err(ScoreError::from)?;
        let answers = answer_questions(&predictor, questions);
        let same_form = model.codec().normalization == codec.normalization;
        let parts = answers.iter().map(|answer| {
            let Hypothesis { text, symbols, .. } = answer.best();
            match same_form {
                true => (text.clone(), symbols.clone()),
                false => (codec.in_answer_form(text), codec.split_target(text)),
            }
        });
        Ok::<(Vec<String>, Vec<Vec<String>>), ScoreError>(parts.unzip())
    };
    let ((first_texts, a), (second_texts, b)) = (answers(first)?, answers(second)?);
    let (right_a, right_b) = (are_right(&a, &references), are_right(&b, &references));
    let count = |wanted: (bool, bool)| {
        let pairs = right_a.iter().copied().zip(right_b.iter().copied());
        pairs.filter(|pair| *pair == wanted).count()
    };
    let (first_parts, second_parts) = (
        question_parts(&a, &references),
        question_parts(&b, &references),
    );
    let paired = |exact: bool| {
        let of = |parts: &[super::QuestionParts]| -> Vec<_> {
            parts
                .iter()
                .map(|p| if exact { p.exact } else { p.edits })
                .collect()
        };
        paired_bootstrap(&of(&first_parts), &of(&second_parts), RESAMPLES, SEED)
            .ok_or(ScoreError::NoQuestions)
    };
    let disagreements = (0..questions.len()).filter(|&q| right_a[q] != right_b[q]);
    Ok(Comparison {
        first: score(&a, &references)?,
        second: score(&b, &references)?,
        exact_match: paired(true)?,
        symbol_error_rate: paired(false)?,
        different_answers: a.iter().zip(&b).filter(|(a, b)| a != b).count(),
        both_right: count((true, true)),
        only_first_right: count((true, false)),
        only_second_right: count((false, true)),
        mcnemar_p: mcnemar(count((true, false)), count((false, true))),
        disagreements: disagreements
            .map(|q| Disagreement {
                source: questions[q].source.clone(),
                features: questions[q].features.clone(),
                references: (questions[q].references.iter())
                    .map(|reference| codec.in_answer_form(reference))
                    .collect(),
                first: first_texts[q].clone(),
                second: second_texts[q].clone(),
            })
            .collect(),
    })
}

fn check_outputs(first: &Model, second: &Model) -> Result<(), CompareError> {
    let (a, b) = (&first.codec().target, &second.codec().target);
    if a.tokenization != b.tokenization {
        return Err(CompareError::Tokenizations {
            first: a.tokenization.to_string(),
            second: b.tokenization.to_string(),
        });
    }
    // Letters of one may be parts of those of the other.
    if first.codec().normalization != second.codec().normalization {
        return Ok(());
    }
    let ordinary = |side: &crate::text::Side| -> Vec<String> {
        let symbols = side.vocabulary.symbols().iter();
        symbols
            .filter(|s| side.vocabulary.id(s).is_some())
            .cloned()
            .collect()
    };
    let (a, b) = (ordinary(a), ordinary(b));
    if a.iter().any(|symbol| b.contains(symbol)) {
        return Ok(());
    }
    Err(CompareError::NothingInCommon {
        first: a.first().cloned().unwrap_or_default(),
        second: b.first().cloned().unwrap_or_default(),
    })
}
