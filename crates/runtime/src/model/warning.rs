//! What a user of an answer should know about it.

use std::fmt;

use super::Model;
use super::predictor::Input;
use crate::decoding::Output;
use crate::text::UnknownSymbol;

/// What a user of an answer should know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The input has a symbol that training did not have.
    UnknownSymbol(UnknownSymbol),
    /// The input is longer than any in training.
    LongInput {
        /// Symbols of the input.
        symbols: usize,
        /// Symbols of the longest training input.
        longest: usize,
    },
    /// The model did not end the output.
    Cut {
        /// Symbols after which it was cut.
        limit: usize,
    },
    /// Nothing that is allowed has any probability.
    NoOutput,
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownSymbol(unknown) => write!(
                formatter,
                "the model does not know symbol {}, {:?}",
                unknown.position + 1,
                unknown.symbol
            ),
            Self::LongInput { symbols, longest } => write!(
                formatter,
                "the input has {symbols} symbols, but the longest in training had {longest}: the \
                 answer may be wrong"
            ),
            Self::Cut { limit } => write!(
                formatter,
                "the output reached the length limit of {limit} symbols and was cut"
            ),
            Self::NoOutput => write!(formatter, "no output that is allowed has any probability"),
        }
    }
}

impl Model {
    /// What there is to say about the best output for an input, if there is one.
    pub(super) fn warnings(&self, input: &Input, best: Option<&Output>) -> Vec<Warning> {
        let unknown = input.encoded.unknown.iter().cloned();
        let mut warnings: Vec<Warning> = unknown.map(Warning::UnknownSymbol).collect();
        let longest = self.provenance().longest_source;
        // A model made by hand knows of no training data.
        let symbols = input.encoded.ids.len();
        if longest > 0 && symbols > longest {
            // Both count the end mark, where there is one; people do not.
            let mark = usize::from(self.codec().source_end_mark);
            warnings.push(Warning::LongInput {
                symbols: symbols - mark,
                longest: longest - mark,
            });
        }
        match best {
            None => warnings.push(Warning::NoOutput),
            Some(best) if best.finished || self.fixed_length().is_some() => {}
            Some(best) if best.ids.len() < input.limit => warnings.push(Warning::NoOutput),
            Some(_) => warnings.push(Warning::Cut { limit: input.limit }),
        }
        warnings
    }
}
