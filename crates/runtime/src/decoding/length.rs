//! How long an output may become.

use serde::{Deserialize, Serialize};

use super::SearchError;
use crate::text::LONGEST_TEXT;

/// Output symbols for each source symbol, at most.
pub(super) const MOST_RATIO: f64 = 1000.0;

/// The longest output of an input, in symbols, end mark not counted. No output is endless.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LengthLimit {
    /// No output is longer than this; 0 for no such limit.
    pub most: usize,
    /// Output symbols for each source symbol; 0 to go by the training data instead: what its targets
    /// allow for a source of this length, with a margin ([`LengthBound`]), but no more than twice the
    /// longest, or in proportion more where the source is longer than any in training.
    pub ratio: f64,
    /// Output symbols on top of `ratio`.
    pub extra: usize,
}

/// Lengths of the training data in symbols, end marks included.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Longest {
    /// Longest source.
    pub source: usize,
    /// Longest target.
    pub target: usize,
    /// How the longest targets grow with their sources; none in models that do not say.
    pub bound: Option<LengthBound>,
}

/// A line that no training target lies above, over the length of its source: its slope is that of the
/// line with the least squared distance to all targets.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LengthBound {
    /// Target symbols for each source symbol.
    pub per_symbol: f64,
    /// Target symbols on top of them.
    pub extra: f64,
}

impl LengthBound {
    /// Outputs may be longer than the line by this factor, and by [`ROOM`](Self::ROOM) symbols.
    const MARGIN: f64 = 1.25;
    const ROOM: f64 = 2.0;

    /// The line for pairs of a source's and its target's length; none for no pairs.
    pub fn fitted(lengths: &[[usize; 2]]) -> Option<Self> {
        let count = lengths.len() as f64;
        let mean = |side: usize| lengths.iter().map(|pair| pair[side] as f64).sum::<f64>() / count;
        let [sources, targets] = [0, 1].map(mean);
        let (mut together, mut alone) = (0.0, 0.0);
        for &[source, target] in lengths {
            let distance = source as f64 - sources;
            together += distance * (target as f64 - targets);
            alone += distance * distance;
        }
        let slope = if alone > 0.0 { together / alone } else { 0.0 };
        let per_symbol = slope.clamp(0.0, MOST_RATIO);
        let above = |&[source, target]: &[usize; 2]| target as f64 - per_symbol * source as f64;
        let extra = lengths.iter().map(above).reduce(f64::max)?;
        Some(Self { per_symbol, extra })
    }

    /// The line above both.
    #[must_use]
    pub fn above(self, other: Self) -> Self {
        Self {
            per_symbol: self.per_symbol.max(other.per_symbol),
            extra: self.extra.max(other.extra),
        }
    }

    pub(crate) fn is_possible(self) -> bool {
        (0.0..=MOST_RATIO).contains(&self.per_symbol) && self.extra.is_finite()
    }

    fn of(self, source: usize) -> usize {
        let line = self.per_symbol * source as f64 + self.extra;
        (Self::MARGIN * line + Self::ROOM).ceil() as usize
    }
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
            let most = (twice * source.max(training) as f64 / training as f64) as usize;
            longest
                .bound
                .map_or(most, |bound| bound.of(source).min(most))
        };
        let most = if self.most > 0 {
            self.most
        } else {
            LONGEST_TEXT
        };
        limit.clamp(1, most.min(LONGEST_TEXT))
    }
}
