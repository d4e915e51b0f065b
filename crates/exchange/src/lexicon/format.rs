//! How an entry is written.

use std::str::FromStr;

use serde_json::json;

use super::{Pronunciation, Rejection};

/// How a lexicon is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexiconFormat {
    /// The CMU Pronouncing Dictionary: `word PH ON ES`, a second pronunciation as `word(2)`.
    Cmu,
    /// The Montreal Forced Aligner: word, tab, phones.
    Mfa,
    /// The same with the probability of the pronunciation, relative to the most probable one of the word.
    MfaProbabilities,
    /// Kaldi's `lexicon.txt`: word and phones, separated by blanks.
    Kaldi,
    /// Kaldi's `lexiconp.txt`: the same with the probability, relative to the most probable one.
    KaldiProbabilities,
    /// The lexicon of sherpa-onnx: word and phones, separated by blanks.
    Sherpa,
    /// The training lexicon of Phonetisaurus: word, tab, phones.
    Phonetisaurus,
    /// The `dict.txt` of OpenUtau: word, two blanks, phones.
    OpenUtau,
    /// A JSON object a line with `source`, `target`, `probability` and `origin`.
    Json,
}

const NAMES: [(&str, LexiconFormat); 9] = [
    ("cmu", LexiconFormat::Cmu),
    ("mfa", LexiconFormat::Mfa),
    ("mfa-probabilities", LexiconFormat::MfaProbabilities),
    ("kaldi", LexiconFormat::Kaldi),
    ("kaldi-probabilities", LexiconFormat::KaldiProbabilities),
    ("sherpa", LexiconFormat::Sherpa),
    ("phonetisaurus", LexiconFormat::Phonetisaurus),
    ("openutau", LexiconFormat::OpenUtau),
    ("json", LexiconFormat::Json),
];

/// A name that no format has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no format: give {}", names())]
pub struct UnknownLexiconFormat {
    given: String,
}

fn names() -> String {
    NAMES.map(|(name, _)| name).join(", ")
}

impl FromStr for LexiconFormat {
    type Err = UnknownLexiconFormat;

    fn from_str(name: &str) -> Result<Self, UnknownLexiconFormat> {
        let known = NAMES.iter().find(|(known, _)| *known == name);
        known
            .map(|(_, format)| *format)
            .ok_or(UnknownLexiconFormat {
                given: name.to_owned(),
            })
    }
}

impl LexiconFormat {
    /// Its name.
    pub fn name(self) -> &'static str {
        let known = NAMES.iter().find(|(_, format)| *format == self);
        known.map_or("", |(name, _)| name)
    }

    /// The lines of a word, each ended.
    ///
    /// # Errors
    /// If the word or a phone cannot be told from what separates it, or there is no pronunciation.
    pub fn lines(self, word: &str, pronunciations: &[Pronunciation]) -> Result<String, Rejection> {
        self.check(word, pronunciations)?;
        let highest = pronunciations.iter().map(|p| p.probability);
        let highest = highest.fold(f64::MIN_POSITIVE, f64::max);
        let mut lines = String::new();
        for (number, pronunciation) in (1_usize..).zip(pronunciations) {
            let phones = pronunciation.phones.join(" ");
            // Readers take zero for an error, so the smallest has a digit left.
            let relative = (pronunciation.probability / highest).max(1e-4);
            let line = match self {
                Self::Cmu if number > 1 => format!("{word}({number}) {phones}"),
                Self::Cmu | Self::Kaldi | Self::Sherpa => format!("{word} {phones}"),
                Self::Mfa | Self::Phonetisaurus => format!("{word}\t{phones}"),
                Self::OpenUtau => format!("{word}  {phones}"),
                Self::MfaProbabilities => format!("{word}\t{relative:.4}\t{phones}"),
                Self::KaldiProbabilities => format!("{word} {relative:.4} {phones}"),
                Self::Json => json!({
                    "source": word,
                    "target": phones,
                    "probability": pronunciation.probability,
                    "origin": pronunciation.origin.to_string(),
                })
                .to_string(),
            };
            lines.push_str(&line);
            lines.push('\n');
        }
        Ok(lines)
    }

    fn check(self, word: &str, pronunciations: &[Pronunciation]) -> Result<(), Rejection> {
        let separates = |c: char| match self {
            Self::Json => false,
            Self::Mfa | Self::MfaProbabilities | Self::Phonetisaurus => c == '\t',
            _ => c.is_whitespace(),
        };
        if word.is_empty() || word.contains(['\n', '\r']) || word.contains(separates) {
            return Err(Rejection::WordWithBlanks);
        }
        let numbered = word
            .strip_suffix(')')
            .and_then(|word| word.rsplit_once('('));
        let numbered = numbered.is_some_and(|(_, number)| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        let comment = word.starts_with(";;;") || word.starts_with('#');
        if self == Self::Cmu && (numbered || comment) {
            return Err(Rejection::MarkOfTheFormat);
        }
        if pronunciations.is_empty() {
            return Err(Rejection::NoOutput);
        }
        for pronunciation in pronunciations {
            if pronunciation.phones.is_empty() {
                return Err(Rejection::NoOutput);
            }
            let blank = |phone: &&String| phone.is_empty() || phone.contains(char::is_whitespace);
            if let Some(phone) = pronunciation.phones.iter().find(blank) {
                return Err(Rejection::PhoneWithBlanks(phone.clone()));
            }
        }
        Ok(())
    }
}
