//! BLEU (Papineni et al. 2002), as sacreBLEU computes it (Post 2018).

use std::collections::HashMap;

use serde::Serialize;

use super::ScoreError;
use super::free_running::check_counts;

/// Longest n-grams that count.
const ORDER: usize = 4;

/// How a text becomes words before n-grams are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum BleuTokenizer {
    /// mteval's rules for Western languages: punctuation stands alone. sacreBLEU's default.
    #[default]
    #[serde(rename = "13a")]
    V13a,
    /// Words as they are between spaces, for targets whose symbols are separated already.
    #[serde(rename = "none")]
    None,
}

/// BLEU of a set of answers, from 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bleu {
    /// The score.
    pub score: f64,
    /// Share of the answers' n-grams that references have, in percent, for n from 1 to 4; smoothed
    /// where there are none (exponentially, as in mteval-v13a).
    pub precisions: [f64; ORDER],
    /// What answers that are shorter than their references lose.
    pub brevity_penalty: f64,
    /// Words of the answers.
    pub answer_words: usize,
    /// Words of the references that are closest in length.
    pub reference_words: usize,
    /// How texts became words.
    pub tokenizer: BleuTokenizer,
}

/// What is added up over the answers.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    answer_words: usize,
    reference_words: usize,
    correct: [usize; ORDER],
    total: [usize; ORDER],
}

/// Corpus BLEU of answers against the references of their questions.
///
/// # Errors
/// If there are no answers, not as many as questions, or a question has no reference.
pub fn bleu<S: AsRef<str>, R: AsRef<str>>(
    answers: &[S],
    references: &[Vec<R>],
    tokenizer: BleuTokenizer,
) -> Result<Bleu, ScoreError> {
    check_counts(answers.len(), references)?;
    let mut counts = Counts::default();
    for (answer, references) in answers.iter().zip(references) {
        let references = references.iter().map(|r| words(r.as_ref(), tokenizer));
        counts.add(
            &words(answer.as_ref(), tokenizer),
            &references.collect::<Vec<_>>(),
        );
    }
    Ok(counts.bleu(tokenizer))
}

impl Counts {
    fn add(&mut self, answer: &[String], references: &[Vec<String>]) {
        self.answer_words += answer.len();
        let closest = references
            .iter()
            .map(Vec::len)
            .min_by_key(|&length| (length.abs_diff(answer.len()), length));
        self.reference_words += closest.unwrap_or(0);
        for order in 1..=ORDER {
            let mut wanted: HashMap<&[String], usize> = HashMap::new();
            for reference in references {
                for (ngram, count) in ngrams(reference, order) {
                    let most = wanted.entry(ngram).or_default();
                    *most = count.max(*most);
                }
            }
            for (ngram, count) in ngrams(answer, order) {
                self.total[order - 1] += count;
                self.correct[order - 1] += count.min(wanted.get(ngram).copied().unwrap_or(0));
            }
        }
    }

    fn bleu(&self, tokenizer: BleuTokenizer) -> Bleu {
        let mut bleu = Bleu {
            score: 0.0,
            precisions: [0.0; ORDER],
            brevity_penalty: brevity_penalty(self.answer_words, self.reference_words),
            answer_words: self.answer_words,
            reference_words: self.reference_words,
            tokenizer,
        };
        if self.correct.iter().all(|&correct| correct == 0) {
            return bleu;
        }
        let mut smoothing = 1.0;
        for order in 0..ORDER {
            let (correct, total) = (self.correct[order] as f64, self.total[order] as f64);
            if self.total[order] == 0 {
                break;
            }
            bleu.precisions[order] = if self.correct[order] == 0 {
                smoothing *= 2.0;
                100.0 / (smoothing * total)
            } else {
                100.0 * correct / total
            };
        }
        let logarithms: f64 = bleu.precisions.iter().copied().map(logarithm).sum();
        bleu.score = bleu.brevity_penalty * (logarithms / ORDER as f64).exp();
        bleu
    }
}

/// sacreBLEU's stand-in for the logarithm of nothing.
fn logarithm(value: f64) -> f64 {
    if value == 0.0 {
        -9_999_999_999.0
    } else {
        value.ln()
    }
}

fn brevity_penalty(answer: usize, reference: usize) -> f64 {
    match answer {
        _ if answer >= reference => 1.0,
        0 => 0.0,
        _ => (1.0 - reference as f64 / answer as f64).exp(),
    }
}

fn ngrams(words: &[String], order: usize) -> HashMap<&[String], usize> {
    let mut counts = HashMap::new();
    for ngram in words.windows(order) {
        *counts.entry(ngram).or_default() += 1;
    }
    counts
}

/// Words of a text, as sacreBLEU finds them.
fn words(text: &str, tokenizer: BleuTokenizer) -> Vec<String> {
    match tokenizer {
        BleuTokenizer::None => split(text),
        BleuTokenizer::V13a => split(&v13a(text)),
    }
}

/// Python's idea of what is between spaces.
pub(super) fn split(text: &str) -> Vec<String> {
    text.split(is_space)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Python counts four control characters as spaces that Unicode does not.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// mteval-v13a's rules, with spaces around what stands alone.
fn v13a(text: &str) -> String {
    let mut text = text
        .trim_end_matches(is_space)
        .replace("<skipped>", "")
        .replace("-\n", "")
        .replace('\n', " ");
    if text.contains('&') {
        text = text
            .replace("&quot;", "\"")
            .replace("&amp;", "&")
            .replace("&lt;", "<")
            .replace("&gt;", ">");
    }
    let text = punctuation_apart(&format!(" {text} "));
    let digit = |c: char| c.is_ascii_digit();
    let mark = |c: char| c == '.' || c == ',';
    // Periods and commas apart unless a digit is before them, or behind them; dashes after digits.
    let text = pairs_apart(
        &text,
        |a, b| !digit(a) && mark(b),
        |a, b| format!("{a} {b} "),
    );
    let text = pairs_apart(
        &text,
        |a, b| mark(a) && !digit(b),
        |a, b| format!(" {a} {b}"),
    );
    pairs_apart(
        &text,
        |a, b| digit(a) && b == '-',
        |a, b| format!("{a} {b} "),
    )
}

/// Spaces around every symbol of ASCII punctuation but `'`, `,`, `-`, `.`.
fn punctuation_apart(text: &str) -> String {
    let mut apart = String::with_capacity(2 * text.len());
    for c in text.chars() {
        if matches!(c, '{'..='~' | '['..='`' | ' '..='&' | '('..='+' | ':'..='@' | '/') {
            apart.extend([' ', c, ' ']);
        } else {
            apart.push(c);
        }
    }
    apart
}

/// Replaces pairs of neighbours that fit, from left to right, none sharing a character.
fn pairs_apart(
    text: &str,
    fits: impl Fn(char, char) -> bool,
    replaced: impl Fn(char, char) -> String,
) -> String {
    let mut apart = String::with_capacity(2 * text.len());
    let mut chars = text.chars().peekable();
    while let Some(a) = chars.next() {
        match chars.peek() {
            Some(&b) if fits(a, b) => {
                apart.push_str(&replaced(a, b));
                chars.next();
            }
            _ => apart.push(a),
        }
    }
    apart
}
