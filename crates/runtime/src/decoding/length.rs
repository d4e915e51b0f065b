//! How long an output may become.

use super::SearchError;
use crate::text::LONGEST_TEXT;

/// Output symbols for each source symbol, at most.
pub(super) const MOST_RATIO: f64 = 1000.0;

/// The longest output of an input, in symbols, end mark not counted. No output is endless.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LengthLimit {
    /// No output is longer than this; 0 for no such limit.
    pub most: usize,
    /// Output symbols for each source symbol; 0 to go by the training data instead: twice the
    /// longest training target, and more in proportion where the source is longer than any in
    /// training.
    pub ratio: f64,
    /// Output symbols on top of `ratio`.
    pub extra: usize,
}

/// Longest source and target of the training data, in symbols, end marks included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Longest {
    /// Longest source.
    pub source: usize,
    /// Longest target.
    pub target: usize,
}

impl LengthLimit {
    /// Refuses limits that are none.
    ///
    /// # Errors
    /// Says which number is at fault.
    pub(crate) fn check(&self) -> Result<(), SearchError> {
        if !(0.0..=MOST_RATIO).contains(&self.ratio) {
            return Err(SearchError::LengthRatio { ratio: self.ratio });
        }
        match self.most.max(self.extra) {
            most if most > LONGEST_TEXT => Err(SearchError::LengthLimit(most)),
            _ => Ok(()),
        }
    }

    /// The limit for a source of so many symbols, end mark included: at most [`LONGEST_TEXT`], whatever
    /// settings, flags and training data ask for.
    pub fn of(&self, source: usize, longest: Longest) -> usize {
        let limit = if self.ratio > 0.0 {
            let proportion = (self.ratio * source as f64).ceil() as usize;
            proportion.saturating_add(self.extra)
        } else if self.most > 0 {
            self.most
        } else {
            let (twice, training) = (2.0 * longest.target.max(1) as f64, longest.source.max(1));
            (twice * source.max(training) as f64 / training as f64) as usize
        };
        let most = if self.most > 0 {
            self.most
        } else {
            LONGEST_TEXT
        };
        limit.clamp(1, most.min(LONGEST_TEXT))
    }
}
