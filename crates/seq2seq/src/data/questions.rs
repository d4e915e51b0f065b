//! Pairs with the same source, seen as one question with several right answers.

use std::collections::HashMap;

use super::Pair;
use crate::SourceText;

/// A source text and everything that counts as its right answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The source text.
    pub source: String,
    /// Its features, where the task has them.
    pub features: Option<String>,
    /// The distinct target texts, in order of first appearance.
    pub references: Vec<String>,
}

/// Groups pairs by source and features, in order of first appearance. A word
/// with two pronunciations becomes one question with two references.
pub fn questions(pairs: &[Pair]) -> Vec<Question> {
    let mut questions: Vec<Question> = Vec::new();
    let mut places = HashMap::new();
    for pair in pairs {
        let key = (pair.source.as_str(), pair.features.as_deref());
        let place = *places.entry(key).or_insert(questions.len());
        match questions.get_mut(place) {
            Some(question) => question.add(&pair.target),
            None => questions.push(Question::new(pair)),
        }
    }
    questions
}

impl SourceText for Question {
    fn source(&self) -> &str {
        &self.source
    }

    fn features(&self) -> Option<&str> {
        self.features.as_deref()
    }
}

impl Question {
    fn new(pair: &Pair) -> Self {
        Self {
            source: pair.source.clone(),
            features: pair.features.clone(),
            references: vec![pair.target.clone()],
        }
    }

    fn add(&mut self, reference: &str) {
        if !self.references.iter().any(|known| known == reference) {
            self.references.push(reference.to_owned());
        }
    }
}
