//! What a model keeps of its training.

use serde::{Deserialize, Serialize};

use crate::decoding::LengthBound;
use crate::text::{LONGEST_TEXT, NumbersOfTexts};

/// Columns that a source may be joined from, at most: what bounds its symbols.
const MOST_COLUMNS: usize = 16;

/// What a model keeps of the data that it was trained on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Provenance {
    /// Version of this library.
    pub version: String,
    /// Training pairs.
    pub pairs: usize,
    /// Longest source in symbols.
    pub longest_source: usize,
    /// Shortest source in symbols; 0 where it is not known.
    pub shortest_source: usize,
    /// Longest target in symbols.
    pub longest_target: usize,
    /// Numbers of the sources, where every source has some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_numbers: Option<NumbersOfTexts>,
    /// How the longest targets grow with their sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_bound: Option<LengthBound>,
    /// Symbols with which targets begin: what a model of the first-symbol protocol can be given.
    pub first_symbols: Vec<u32>,
    /// Epochs that the weights were trained for.
    pub epochs: usize,
    /// The figure by which these weights were chosen, if they were.
    pub best: Option<f64>,
    /// How its probabilities relate to being right, measured on the validation set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// Why an ensemble has its weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mixture: Option<MixtureEvidence>,
}

/// Figures on which the weights of an ensemble rest, measured on a validation set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MixtureEvidence {
    /// Questions that were answered.
    pub questions: usize,
    /// Teacher-forced loss of a symbol.
    pub loss: f64,
    /// Free-running share of questions that greedy decoding answers right.
    pub exact_match: f64,
    /// Figures of each member.
    pub members: Vec<MemberEvidence>,
}

/// Figures of a member of an ensemble.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberEvidence {
    /// How much it counts.
    pub weight: f64,
    /// Its teacher-forced loss of a symbol.
    pub loss: f64,
    /// Its free-running share of questions that greedy decoding answers right.
    pub exact_match: f64,
    /// By how much the loss of a whole target is higher without it.
    pub loss_without: f64,
    /// Standard error of that.
    pub standard_error: f64,
}

/// How a model's probabilities relate to being right, measured on a validation set.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Softmax temperature at which an output's probability is its confidence.
    pub temperature: f64,
    /// Questions that it was fitted on.
    pub questions: usize,
    /// Expected calibration error of the model's own probabilities, on the same questions.
    pub error_before: f64,
    /// The same at the temperature.
    pub error_after: f64,
}

impl Provenance {
    /// Refuses numbers that no training gives: decoding goes by them, and a file may come from a
    /// stranger.
    ///
    /// # Errors
    /// Names the first.
    pub(super) fn check(&self) -> Result<(), String> {
        let lengths = [
            (
                "longest_source",
                self.longest_source,
                LONGEST_TEXT * MOST_COLUMNS,
            ),
            ("longest_target", self.longest_target, LONGEST_TEXT + 1),
        ];
        if let Some((name, found, most)) = lengths.iter().find(|(_, found, most)| found > most) {
            return Err(format!(
                "{name} is {found}, but no text has over {most} symbols"
            ));
        }
        if let Some(bound) = self.length_bound.filter(|bound| !bound.is_possible()) {
            return Err(format!("{bound:?} bounds no lengths"));
        }
        match self.calibration {
            Some(Calibration { temperature, .. })
                if !(temperature > 0.0 && temperature.is_finite()) =>
            {
                Err(format!(
                    "the temperature {temperature} is not a number above 0"
                ))
            }
            _ => Ok(()),
        }
    }
}
