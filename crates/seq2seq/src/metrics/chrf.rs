//! chrF (Popović 2015), as sacreBLEU computes it.

use std::collections::HashMap;

use serde::Serialize;

use super::ScoreError;
use super::bleu::is_space;
use super::free_running::check_counts;

/// Longest n-grams of characters that count.
const ORDER: usize = 6;
/// How much more recall counts than precision.
const BETA: f64 = 2.0;

/// n-grams of one order.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    answer: usize,
    reference: usize,
    common: usize,
}

type Ngrams = Vec<HashMap<Vec<char>, usize>>;

/// Corpus chrF2 of answers, from 0 to 100: the F-score of their n-grams of up to six characters,
/// spaces left out. Of several references, the one with which an answer scores best counts.
///
/// # Errors
/// If there are no answers, not as many as questions, or a question has no reference.
pub fn chrf<S: AsRef<str>, R: AsRef<str>>(
    answers: &[S],
    references: &[Vec<R>],
) -> Result<Chrf, ScoreError> {
    check_counts(answers.len(), references)?;
    let mut sum = [Counts::default(); ORDER];
    for (answer, references) in answers.iter().zip(references) {
        let answer = ngrams(answer.as_ref());
        let mut best: Option<(f64, [Counts; ORDER])> = None;
        for reference in references {
            let counts = compared(&answer, &ngrams(reference.as_ref()));
            let score = f_score(&counts);
            if best.is_none_or(|(most, _)| score > most) {
                best = Some((score, counts));
            }
        }
        for (sum, counts) in sum
            .iter_mut()
            .zip(best.into_iter().flat_map(|(_, counts)| counts))
        {
            sum.answer += counts.answer;
            sum.reference += counts.reference;
            sum.common += counts.common;
        }
    }
    Ok(Chrf {
        score: f_score(&sum),
    })
}

/// chrF2 of a set of answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Chrf {
    /// From 0 to 100.
    pub score: f64,
}

fn ngrams(text: &str) -> Ngrams {
    let characters: Vec<char> = text.chars().filter(|&c| !is_space(c)).collect();
    let count = |order| {
        let mut counts = HashMap::new();
        for ngram in characters.windows(order) {
            *counts.entry(ngram.to_vec()).or_default() += 1;
        }
        counts
    };
    (1..=ORDER).map(count).collect()
}

fn compared(answer: &Ngrams, reference: &Ngrams) -> [Counts; ORDER] {
    std::array::from_fn(|order| {
        let (answer, reference) = (&answer[order], &reference[order]);
        let common = answer
            .iter()
            .map(|(ngram, &count)| count.min(reference.get(ngram).copied().unwrap_or(0)));
        Counts {
            // Where the reference is too short for any, the answer's n-grams do not count.
            answer: if reference.is_empty() {
                0
            } else {
                answer.values().sum()
            },
            reference: reference.values().sum(),
            common: common.sum(),
        }
    })
}

/// F-score of mean precision and recall over the orders that both sides have.
fn f_score(counts: &[Counts; ORDER]) -> f64 {
    let (mut precision, mut recall, mut orders) = (0.0, 0.0, 0);
    for counts in counts.iter().filter(|c| c.answer > 0 && c.reference > 0) {
        precision += counts.common as f64 / counts.answer as f64;
        recall += counts.common as f64 / counts.reference as f64;
        orders += 1;
    }
    if orders == 0 {
        return 0.0;
    }
    let (precision, recall) = (precision / f64::from(orders), recall / f64::from(orders));
    if precision + recall == 0.0 {
        return 0.0;
    }
    let factor = BETA * BETA;
    100.0 * ((1.0 + factor) * precision * recall / (factor * precision + recall))
}
