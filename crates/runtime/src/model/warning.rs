//! What a user of an answer should know about it.

use std::collections::HashMap;
use std::fmt;

use super::Model;
use super::predictor::Input;
use crate::decoding::Output;
use crate::text::{Case, EncodedSource, NumbersOfTexts, UnknownSymbol, quoted};

/// What a user of an answer should know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The input has a symbol that training did not have.
    UnknownSymbol {
        /// Where it stands first.
        first: UnknownSymbol,
        /// How often the input has it.
        times: usize,
    },
    /// The input has symbols that training had in the other case only.
    UnknownCase {
        /// The symbols, in order.
        symbols: Vec<String>,
        /// The case in which the model knows the first of them.
        known: Case,
    },
    /// The input has a feature that training did not have.
    UnknownFeature(String),
    /// The input has no features, but all in training had some.
    NoFeatures {
        /// The end of the source, after a blank, if it is nothing but features.
        after_blank: Option<String>,
    },
    /// The input is longer than any in training.
    LongInput {
        /// Symbols of the input.
        symbols: usize,
        /// Symbols of the longest training input.
        longest: usize,
    },
    /// All inputs in training had one width, and this one is narrower.
    OtherWidth {
        /// Symbols of the input.
        symbols: usize,
        /// Symbols of every training input.
        width: usize,
    },
    /// A number of the input has more digits than any in training, where every input had numbers.
    LongNumber {
        /// Digits of the longest number of the input.
        digits: usize,
        /// Digits of the longest number in training.
        longest: usize,
    },
    /// The input has fewer or more numbers than any in training, where every input had some.
    OtherNumbers {
        /// Numbers of the input.
        numbers: usize,
        /// Fewest numbers of a training input.
        fewest: usize,
        /// Most numbers of a training input.
        most: usize,
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
            Self::UnknownSymbol { first, times } => {
                let (place, symbol) = (first.position + 1, quoted(&first.symbol));
                write!(
                    formatter,
                    "the model does not know symbol {place}, {symbol}"
                )?;
                match times {
                    1 => Ok(()),
                    times => write!(formatter, ", which the input has {times} times"),
                }
            }
            Self::UnknownCase { symbols, known } => write!(
                formatter,
                "the model knows {} in {known} only: write inputs in {known}",
                some(symbols)
            ),
            Self::UnknownFeature(feature) => {
                let feature = quoted(feature);
                write!(formatter, "the model does not know the feature {feature}")
            }
            Self::NoFeatures { after_blank } => {
                formatter.write_str(
                    "the input has no features, which this model was trained with: give them after a \
                     tab, as SOURCE<TAB>FEATURES",
                )?;
                match after_blank {
                    None => Ok(()),
                    Some(features) => write!(
                        formatter,
                        "; {} looks like features after a blank, where a tab should be",
                        quoted(features)
                    ),
                }
            }
            Self::LongInput { symbols, longest } => write!(
                formatter,
                "the input has {symbols} symbols, but the longest in training had {longest}: the \
                 answer may be wrong"
            ),
            Self::OtherWidth { symbols, width } => write!(
                formatter,
                "the input has {symbols} symbols, but every input in training had {width}: the answer may be \
                 wrong; fill it up as the training inputs were"
            ),
            Self::LongNumber { digits, longest } => write!(
                formatter,
                "the input has a number of {digits} digits, but the longest in training had {longest}: the \
                 answer may be wrong"
            ),
            Self::OtherNumbers {
                numbers,
                fewest,
                most,
            } => {
                let count = match numbers {
                    1 => "1 number".to_owned(),
                    numbers => format!("{numbers} numbers"),
                };
                let known = match fewest == most {
                    true => most.to_string(),
                    false => format!("{fewest} to {most}"),
                };
                write!(
                    formatter,
                    "the input has {count}, but every input in training had {known}: the answer may be wrong"
                )
            }
            Self::Cut { limit } => write!(
                formatter,
                "the output reached the length limit of {limit} symbols and was cut"
            ),
            Self::NoOutput => write!(formatter, "no output that is allowed has any probability"),
        }
    }
}

impl Warning {
    /// Whether it is about something in the input that the model does not know, or misses.
    pub fn is_about_input(&self) -> bool {
        matches!(
            self,
            Self::UnknownSymbol { .. }
                | Self::UnknownCase { .. }
                | Self::UnknownFeature(_)
                | Self::NoFeatures { .. }
        )
    }

    /// Whether it is about the kind of input: no training input was like it.
    pub fn is_about_kind(&self) -> bool {
        matches!(
            self,
            Self::LongInput { .. }
                | Self::OtherWidth { .. }
                | Self::LongNumber { .. }
                | Self::OtherNumbers { .. }
        )
    }
}

/// Symbols that a message names.
const NAMED: usize = 5;

/// Different symbols in quotes, the first few.
fn some(symbols: &[String]) -> String {
    let mut different: Vec<&String> = Vec::new();
    for symbol in symbols {
        if !different.contains(&symbol) {
            different.push(symbol);
        }
    }
    let named: Vec<String> = (different.iter().take(NAMED))
        .map(|symbol| quoted(symbol).to_string())
        .collect();
    let more = different.len().saturating_sub(NAMED);
    match more {
        0 => named.join(", "),
        _ => format!("{} and {more} more symbols", named.join(", ")),
    }
}

/// One warning for each symbol, in the order in which they come.
fn unknown_symbols(unknown: &[&UnknownSymbol]) -> Vec<Warning> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for unknown in unknown {
        *counts.entry(&unknown.symbol).or_default() += 1;
    }
    let warning = |unknown: &&UnknownSymbol| {
        let times = counts.remove(unknown.symbol.as_str())?;
        let first = (*unknown).clone();
        Some(Warning::UnknownSymbol { first, times })
    };
    unknown.iter().filter_map(warning).collect()
}

impl Model {
    /// What there is to say about an encoded source.
    fn warnings_of_source(&self, source: &str, encoded: &EncodedSource) -> Vec<Warning> {
        let codec = self.codec();
        let vocabulary = &codec.source.vocabulary;
        let case = |unknown: &&UnknownSymbol| vocabulary.other_case(&unknown.symbol).is_some();
        let (other_case, unknown): (Vec<_>, Vec<_>) = encoded.unknown.iter().partition(case);
        let mut warnings = Vec::new();
        if encoded.lacks_features {
            warnings.push(Warning::NoFeatures {
                after_blank: codec.features_after_blank(source).map(str::to_owned),
            });
        }
        let first = other_case.first();
        if let Some(known) = first.and_then(|first| vocabulary.other_case(&first.symbol)) {
            let symbols = other_case.iter().map(|unknown| unknown.symbol.clone());
            warnings.push(Warning::UnknownCase {
                symbols: symbols.collect(),
                known,
            });
        }
        warnings.extend(unknown_symbols(&unknown));
        let features = encoded.unknown_features.iter().cloned();
        warnings.extend(features.map(Warning::UnknownFeature));
        warnings
    }

    /// What there is to say about the numbers of an input, where all in training had some.
    fn warnings_of_numbers(&self, input: &Input) -> impl Iterator<Item = Warning> {
        let known = self.provenance().source_numbers;
        let of_input = input.numbers.unwrap_or(NumbersOfTexts {
            fewest: 0,
            most: 0,
            digits: 0,
        });
        let long = known.filter(|known| of_input.digits > known.digits);
        let long = long.map(|known| Warning::LongNumber {
            digits: of_input.digits,
            longest: known.digits,
        });
        let other = known.filter(|known| !(known.fewest..=known.most).contains(&of_input.most));
        let other = other.map(|known| Warning::OtherNumbers {
            numbers: of_input.most,
            fewest: known.fewest,
            most: known.most,
        });
        long.into_iter().chain(other)
    }

    /// What there is to say about an input and the best output for it, if there is one.
    pub(super) fn warnings(&self, input: &Input, best: Option<&Output>) -> Vec<Warning> {
        let mut warnings = self.warnings_of_source(&input.source, &input.encoded);
        let longest = self.provenance().longest_source;
        // A model made by hand knows of no training data.
        let symbols = input.encoded.ids.len();
        // Both count the end mark, where there is one; people do not.
        let mark = usize::from(self.codec().source_end_mark);
        if symbols < longest && self.provenance().shortest_source == longest {
            warnings.push(Warning::OtherWidth {
                symbols: symbols.saturating_sub(mark),
                width: longest.saturating_sub(mark),
            });
        }
        if longest > 0 && symbols > longest {
            warnings.push(Warning::LongInput {
                symbols: symbols - mark,
                longest: longest - mark,
            });
        }
        warnings.extend(self.warnings_of_numbers(input));
        match best {
            None => warnings.push(Warning::NoOutput),
            Some(best) if best.finished || self.fixed_length().is_some() => {}
            Some(best) if best.ids.len() < input.limit => warnings.push(Warning::NoOutput),
            Some(_) => warnings.push(Warning::Cut { limit: input.limit }),
        }
        warnings
    }
}
