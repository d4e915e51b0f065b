//! Which answers of a model become entries of a lexicon.

use std::fmt;

use seq2seq_runtime::{Answer, Hypothesis, Lexicon, Model, Origin, Predictor, Warning};

use super::PhoneList;

/// One pronunciation of a word.
#[derive(Clone, Debug, PartialEq)]
pub struct Pronunciation {
    /// Its phones.
    pub phones: Vec<String>,
    /// How likely it is to be right, from 0 to 1.
    pub probability: f64,
    /// Where it comes from.
    pub origin: Origin,
}

/// Which answers become entries.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Pronunciations of a word, at most.
    pub nbest: usize,
    /// Pronunciations are taken until their probabilities, as shares of those of all `nbest`, sum to
    /// this.
    pub mass: Option<f64>,
    /// Least confidence of the best answer.
    pub threshold: Option<f64>,
    /// The phones that the reader of the lexicon knows.
    pub phones: Option<PhoneList>,
}

/// A choice that cannot be meant.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{setting} {value} is no probability: give a number from 0 to 1, such as {example}")]
pub struct ChoiceError {
    setting: &'static str,
    value: f64,
    example: f64,
}

/// Why a word is not in the lexicon.
#[derive(Clone, Debug, PartialEq)]
pub enum Rejection {
    /// The model does not know a letter.
    UnknownLetter(String),
    /// The model did not end its answer.
    Cut {
        /// Symbols after which it was cut.
        limit: usize,
    },
    /// The confidence is too low.
    LowConfidence {
        /// The confidence.
        confidence: f64,
        /// What it must be at least.
        threshold: f64,
    },
    /// The reader of the lexicon does not know a phone.
    UnknownPhone {
        /// The phone.
        phone: String,
        /// The answer that has it.
        answer: String,
    },
    /// There is no pronunciation.
    NoOutput,
    /// The word has blanks, which end it in this format.
    WordWithBlanks,
    /// The word looks like a variant or a comment in this format.
    MarkOfTheFormat,
    /// A phone has blanks, which end it in every format.
    PhoneWithBlanks(String),
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownLetter(letter) => write!(formatter, "unknown letter {letter:?}"),
            Self::Cut { limit } => write!(formatter, "cut at the limit of {limit} phones"),
            Self::LowConfidence {
                confidence,
                threshold,
            } => write!(formatter, "confidence {confidence:.4} is below {threshold}"),
            Self::UnknownPhone { phone, answer } => write!(
                formatter,
                "phone {phone:?} of the answer {answer:?} is not in the list of phones"
            ),
            Self::NoOutput => formatter.write_str("no pronunciation"),
            Self::WordWithBlanks => {
                formatter.write_str("the word has blanks, which end a word in this format")
            }
            Self::MarkOfTheFormat => formatter
                .write_str("the word looks like a numbered variant or a comment in this format"),
            Self::PhoneWithBlanks(phone) => {
                write!(formatter, "the phone {phone:?} has blanks in it")
            }
        }
    }
}

impl Choice {
    /// Refuses what cannot be meant.
    ///
    /// # Errors
    /// Names the setting.
    pub fn check(&self) -> Result<(), ChoiceError> {
        let settings = [("mass", self.mass, 0.9), ("threshold", self.threshold, 0.5)];
        for (setting, value, example) in settings {
            if let Some(value) = value.filter(|value| !(0.0..=1.0).contains(value)) {
                return Err(ChoiceError {
                    setting,
                    value,
                    example,
                });
            }
        }
        Ok(())
    }

    /// The entry of each word: what the lexicon knows, else what the model answers. The predictor gives
    /// [`nbest`](Self::nbest) outputs with their confidence, and has no lexicon of its own.
    pub fn entries<W: AsRef<str> + Sync>(
        &self,
        predictor: &Predictor,
        lexicon: Option<&Lexicon>,
        words: &[W],
    ) -> Vec<Result<Vec<Pronunciation>, Rejection>> {
        let known = |word: &W| match lexicon {
            Some(lexicon) => known(predictor.model(), lexicon, word.as_ref()),
            None => Vec::new(),
        };
        let known: Vec<Vec<Pronunciation>> = words.iter().map(known).collect();
        let asked = words.iter().zip(&known);
        let asked = asked.filter(|(_, known)| known.is_empty());
        let asked: Vec<&str> = asked.map(|(word, _)| word.as_ref()).collect();
        let mut answers = predictor.predict(&asked).into_iter();
        let entry = |known: Vec<Pronunciation>| match known.is_empty() {
            false => self.check_phones(&known).map(|()| known),
            true => match answers.next() {
                Some(answer) => self.chosen(&answer),
                None => Err(Rejection::NoOutput),
            },
        };
        known.into_iter().map(entry).collect()
    }

    /// Refuses pronunciations with a phone that the reader of the lexicon does not know.
    ///
    /// # Errors
    /// Names the first such phone.
    pub fn check_phones(&self, pronunciations: &[Pronunciation]) -> Result<(), Rejection> {
        let Some(known) = &self.phones else {
            return Ok(());
        };
        for pronunciation in pronunciations {
            if let Some(phone) = known.first_unknown(&pronunciation.phones) {
                return Err(Rejection::UnknownPhone {
                    phone: phone.to_owned(),
                    answer: pronunciation.phones.join(" "),
                });
            }
        }
        Ok(())
    }

    /// The pronunciations of a model's answer. Alternatives that were cut, or that have a phone that the
    /// reader of the lexicon does not know, are passed over; the best answer must have neither.
    ///
    /// # Errors
    /// Says why there are none.
    pub fn chosen(&self, answer: &Answer) -> Result<Vec<Pronunciation>, Rejection> {
        for warning in &answer.warnings {
            match warning {
                Warning::UnknownSymbol { first, .. } => {
                    return Err(Rejection::UnknownLetter(first.symbol.clone()));
                }
                Warning::UnknownCase { symbols, .. } => {
                    let letter = symbols.first().cloned().unwrap_or_default();
                    return Err(Rejection::UnknownLetter(letter));
                }
                Warning::Cut { limit } => return Err(Rejection::Cut { limit: *limit }),
                Warning::NoOutput => return Err(Rejection::NoOutput),
                _ => {}
            }
        }
        let confidence = |output: &Hypothesis| output.confidence.unwrap_or(0.0);
        let best = confidence(answer.best());
        if let Some(threshold) = self.threshold.filter(|threshold| best < *threshold) {
            return Err(Rejection::LowConfidence {
                confidence: best,
                threshold,
            });
        }
        let mut chosen: Vec<Pronunciation> = Vec::new();
        let (all, mut sum) = (answer.hypotheses.iter().map(confidence).sum::<f64>(), 0.0);
        for output in answer.hypotheses.iter().take(self.nbest.max(1)) {
            let pronunciation = Pronunciation {
                phones: output.symbols.clone(),
                probability: confidence(output),
                origin: answer.origin,
            };
            let usable = output.finished && !output.symbols.is_empty();
            match self.check_phones(std::slice::from_ref(&pronunciation)) {
                Err(rejection) if chosen.is_empty() => return Err(rejection),
                Ok(()) if usable => chosen.push(pronunciation),
                _ => {}
            }
            sum += confidence(output);
            if self.mass.is_some_and(|mass| sum >= mass * all) {
                break;
            }
        }
        match chosen.is_empty() {
            true => Err(Rejection::NoOutput),
            false => Ok(chosen),
        }
    }
}

/// The pronunciations that a lexicon has for a word, in its order and as they are; none if it lacks the
/// word.
fn known(model: &Model, lexicon: &Lexicon, word: &str) -> Vec<Pronunciation> {
    let codec = model.codec();
    let known = lexicon.get(&codec.source_text(word));
    let known = known.map(|pronunciation| Pronunciation {
        phones: codec.split_target(pronunciation),
        probability: 1.0,
        origin: Origin::Lexicon,
    });
    known.collect()
}
