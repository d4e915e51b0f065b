//! What a model answers.

use std::fmt;

use super::{Alignment, Warning};
use crate::decoding::Step;
use crate::text::UnknownSymbol;

/// An answer: the best output, what else was considered, and what to know about it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// Outputs, best first; never empty.
    pub hypotheses: Vec<Hypothesis>,
    /// Where it comes from.
    pub origin: Origin,
    /// Symbols of the input that the model does not know.
    pub unknown: Vec<UnknownSymbol>,
    /// What a user of the answer should know about it.
    pub warnings: Vec<Warning>,
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// The model gave it.
    #[default]
    Model,
    /// The lexicon of known words had it.
    Lexicon,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Model => "model",
            Self::Lexicon => "lexicon",
        })
    }
}

/// An output.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Hypothesis {
    /// The output.
    pub text: String,
    /// The same as symbols.
    pub symbols: Vec<String>,
    /// Natural logarithm of its probability, end mark included.
    pub log_probability: f64,
    /// What outputs are ranked by: the log-probability after length and coverage penalty.
    pub score: f64,
    /// How likely it is to be right, if that was asked for: its probability at the softmax
    /// temperature that fits the validation set; zero if it was cut.
    pub confidence: Option<f64>,
    /// Whether the model ended it; otherwise the length limit did.
    pub finished: bool,
    /// Where its symbols came from, if that was asked for.
    pub alignment: Option<Alignment>,
    /// Log-probability under each of the temperatures that were asked for.
    pub tempered: Vec<f64>,
    /// The steps, if anything of them is kept.
    pub steps: Vec<Step>,
}

impl Answer {
    /// The best output. Where nothing that is allowed has any probability, it is empty and its
    /// log-probability minus infinity.
    pub fn best(&self) -> &Hypothesis {
        &self.hypotheses[0]
    }

    /// The other outputs, best first.
    pub fn others(&self) -> &[Hypothesis] {
        &self.hypotheses[1..]
    }
}
