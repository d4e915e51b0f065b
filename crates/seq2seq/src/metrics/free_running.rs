//! Scores of answers that a model wrote on its own, without seeing the right
//! one.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::edit_distance;
use crate::decoding::SearchError;

/// How well free-running answers agree with the references.
///
/// The rates are fractions, not percentages. Tasks whose answers are words or
/// pronunciations call `1 - exact_match` the word error rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FreeRunning {
    /// The share of questions answered exactly as some reference: `correct /
    /// questions`, from 0 to 1.
    pub exact_match: f64,
    /// `edits / reference_symbols`: 0 is perfect, and answers that are too long
    /// can bring it above 1. Where the references have no symbols at all, this
    /// is the number of edits.
    pub symbol_error_rate: f64,
    /// How many questions were asked.
    pub questions: usize,
    /// How many were answered exactly as some reference.
    pub correct: usize,
    /// Insertions, deletions and substitutions from the answers to their
    /// nearest references, summed over the questions.
    pub edits: usize,
    /// Symbols in those references, summed over the questions.
    pub reference_symbols: usize,
}

/// Why answers cannot be scored.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ScoreError {
    /// A rate over no questions has no value.
    #[error("there are no questions to score")]
    NoQuestions,
    /// The answers cannot be searched for.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// Answers and references do not belong together.
    #[error("there are {hypotheses} answers for {references} questions")]
    UnequalCounts {
        /// How many answers there are.
        hypotheses: usize,
        /// How many questions have references.
        references: usize,
    },
    /// A question has no right answer.
    #[error("question {question} (counted from 1) has no reference to compare its answer with")]
    NoReference {
        /// The question, counted from one.
        question: usize,
    },
}

/// Scores answers (sequences of symbols) against the references of their
/// questions. `references` has one list for each answer.
///
/// Any reference counts as right. An answer's edits are those to its nearest
/// reference; where several are as near, the shorter one is taken, which gives
/// the higher error rate and does not depend on the order of the references.
/// Edits and symbols are summed before they are divided, so long answers weigh
/// more than short ones, as is usual for error rates.
///
/// # Errors
///
/// There are no questions, the numbers of answers and questions differ, or a
/// question has no reference.
pub fn score(
    hypotheses: &[Vec<String>],
    references: &[Vec<Vec<String>>],
) -> Result<FreeRunning, ScoreError> {
    check_counts(hypotheses.len(), references)?;
    let questions = hypotheses.len();
    let (mut correct, mut edits, mut reference_symbols) = (0, 0, 0);
    for (hypothesis, references) in hypotheses.iter().zip(references) {
        let (distance, length) = nearest(hypothesis, references).unwrap_or_default();
        correct += usize::from(distance == 0);
        edits += distance;
        reference_symbols += length;
    }
    Ok(FreeRunning {
        exact_match: correct as f64 / questions as f64,
        symbol_error_rate: edits as f64 / reference_symbols.max(1) as f64,
        questions,
        correct,
        edits,
        reference_symbols,
    })
}

/// Refuses answers that cannot be scored.
pub(super) fn check_counts<R>(hypotheses: usize, references: &[Vec<R>]) -> Result<(), ScoreError> {
    if hypotheses != references.len() {
        let references = references.len();
        return Err(ScoreError::UnequalCounts {
            hypotheses,
            references,
        });
    }
    if hypotheses == 0 {
        return Err(ScoreError::NoQuestions);
    }
    match references.iter().position(Vec::is_empty) {
        Some(place) => Err(ScoreError::NoReference {
            question: place + 1,
        }),
        None => Ok(()),
    }
}

/// The distance to the nearest reference, and that reference's length.
fn nearest(hypothesis: &[String], references: &[Vec<String>]) -> Option<(usize, usize)> {
    references
        .iter()
        .map(|reference| (edit_distance(hypothesis, reference), reference.len()))
        .min()
}
