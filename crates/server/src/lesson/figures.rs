//! Figures of a model that pages show.

use std::collections::BTreeMap;

use seq2seq::data::{Pair, questions};
use seq2seq::encoding::Example;
use seq2seq::encoding::PairCodec;
use seq2seq::evaluation::{answer_questions, reference_symbols, teacher_forced};
use seq2seq::metrics::score;
use seq2seq::{Model, PredictOptions};
use serde::Serialize;

use super::gradient::reach;

/// Questions whose answers a page shows while they improve.
const SHOWN: usize = 10;

/// Figures on held-out pairs.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Figures {
    /// Teacher-forced loss, in nats a symbol.
    pub loss: f64,
    /// Teacher-forced share of symbols predicted right.
    pub accuracy: f64,
    /// Free-running share of answers that are right to the last symbol.
    pub exact_match: f64,
    /// Free-running share of symbols that need an edit.
    pub symbol_error_rate: f64,
}

/// A held-out question with its answers.
#[derive(Clone, Debug, Serialize)]
pub struct Answered {
    /// The question.
    pub source: String,
    /// The right answer.
    pub target: String,
    /// The model's.
    pub answer: String,
}

/// Right symbols at each place of the answer.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ByPosition {
    /// Free-running share of answers whose symbol at this place is right.
    pub accuracy: Vec<f64>,
    /// Share of the loss's gradient that reaches each symbol of the question, in the order of the text; none
    /// where the decoder sees more than the encoder's last state.
    pub gradient: Option<Vec<f64>>,
    /// Answers by length of the question.
    pub by_length: Vec<Length>,
}

/// Questions of nearly the same length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Length {
    /// Symbols of the shortest.
    pub from: usize,
    /// Symbols of the longest.
    pub to: usize,
    /// Questions.
    pub questions: usize,
    /// Those answered exactly.
    pub right: usize,
}

/// Symbols of questions that are counted together.
const LENGTHS: usize = 5;

impl Figures {
    /// Figures of a model, and its answers to the first questions.
    pub fn of(model: &Model, held_out: &[Pair]) -> (Self, Vec<Answered>) {
        let examples: Vec<Example> = held_out
            .iter()
            .map(|pair| model.codec().encode(pair))
            .collect();
        let forced = teacher_forced(model, &examples);
        let questions = questions(held_out);
        // Without a question nothing is right.
        let predictor = model.predictor(PredictOptions::default());
        let answers = predictor.map_or_else(|_| Vec::new(), |it| answer_questions(&it, &questions));
        let best = answers.iter().map(|answer| answer.best().symbols.clone());
        let free = score(
            &best.collect::<Vec<_>>(),
            &reference_symbols(model.codec(), &questions),
        );
        let free = free.map_or((0.0, 1.0), |it| (it.exact_match, it.symbol_error_rate));
        let answered = questions
            .iter()
            .zip(&answers)
            .take(SHOWN)
            .map(|(question, answer)| Answered {
                source: question.source.clone(),
                target: question.references.first().cloned().unwrap_or_default(),
                answer: answer.best().text.clone(),
            });
        let figures = Self {
            loss: forced.loss,
            accuracy: forced.accuracy,
            exact_match: free.0,
            symbol_error_rate: free.1,
        };
        (figures, answered.collect())
    }
}

impl ByPosition {
    /// Measures a model whose answers all have the same width.
    pub fn of(model: &Model, held_out: &[Pair]) -> Self {
        let questions = questions(held_out);
        let Ok(predictor) = model.predictor(PredictOptions::default()) else {
            return Self::default();
        };
        let answers = answer_questions(&predictor, &questions);
        let width = held_out
            .iter()
            .map(|pair| pair.target.chars().count())
            .max();
        let mut right = vec![0_usize; width.unwrap_or(0)];
        for (answer, question) in answers.iter().zip(&questions) {
            let reference = question.references.first().map_or("", String::as_str);
            let written = answer.best().text.chars();
            for (count, (wanted, written)) in right.iter_mut().zip(reference.chars().zip(written)) {
                *count = count.saturating_add(usize::from(wanted == written));
            }
        }
        let share = |count: usize| count as f64 / questions.len().max(1) as f64;
        Self {
            accuracy: right.into_iter().map(share).collect(),
            gradient: reach(model, held_out),
            by_length: lengths((questions.iter().zip(&answers)).map(|(question, answer)| {
                let right = question.references.contains(&answer.best().text);
                (question.source.chars().count(), right)
            })),
        }
    }
}

/// Counts answers by length, each with whether it is right.
fn lengths(answers: impl Iterator<Item = (usize, bool)>) -> Vec<Length> {
    let mut groups = BTreeMap::<usize, Length>::new();
    for (length, right) in answers {
        let from = (length / LENGTHS).saturating_mul(LENGTHS);
        let group = groups.entry(from).or_insert(Length {
            from,
            to: from.saturating_add(LENGTHS).saturating_sub(1),
            ..Length::default()
        });
        group.questions = group.questions.saturating_add(1);
        group.right = group.right.saturating_add(usize::from(right));
    }
    groups.into_values().collect()
}
