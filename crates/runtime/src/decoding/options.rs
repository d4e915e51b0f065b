//! All options of a search, and what is refused before it begins.

use std::sync::Arc;

use super::Constraint;
use super::length::MOST_RATIO;
use crate::settings::LARGEST_BEAM;
use crate::text::LONGEST_TEXT;

/// How the next symbols are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// The best hypotheses are kept at every step; a beam of one is greedy decoding.
    Beam {
        /// Hypotheses of an input that go on at each step.
        size: usize,
    },
    /// Symbols are drawn from the softmax; each of the `nbest` outputs is drawn on its own.
    Sample {
        /// Divides the logits: below 1 sharper, above 1 flatter.
        temperature: f32,
        /// Draw from the so many most probable symbols only; all if left out (Fan et al. 2018).
        top_k: Option<usize>,
        /// Draw from the fewest symbols that together have this probability; 1 for all (nucleus
        /// sampling, Holtzman et al. 2020). Applied after `temperature` and `top_k`.
        top_p: f32,
        /// Start of the random choices; each input and each output has a sequence of its own.
        seed: u64,
    },
}

impl Method {
    /// The most probable symbol at each step.
    pub const GREEDY: Self = Self::Beam { size: 1 };

    /// Hypotheses of an input that are pursued side by side.
    pub fn width(self, nbest: usize) -> usize {
        match self {
            Self::Beam { size } => size.max(1),
            Self::Sample { .. } => nbest.max(1),
        }
    }
}

/// What hypotheses keep of their steps, besides symbols and probability.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keep {
    /// The distribution of every step.
    pub distributions: bool,
    /// The attention of every step.
    pub attention: bool,
    /// Softmax temperatures at which the output's log-probability is wanted as well, for
    /// confidence; each must be above zero.
    pub temperatures: Vec<f64>,
}

/// All options of a search; the default is greedy decoding.
#[derive(Clone, Debug)]
pub struct SearchOptions {
    /// How the next symbols are chosen.
    pub method: Method,
    /// Outputs wanted of each input, best first.
    pub nbest: usize,
    /// Alpha of the length penalty `((5 + length) / 6)^alpha` by which log-probabilities are divided
    /// (Wu et al. 2016, equation 14); 0 for none. Length counts the end mark.
    pub length_penalty: f64,
    /// Beta of the coverage penalty, which prefers outputs that attended to the whole source (Wu et
    /// al. 2016, equation 14); 0 for none. Needs a model with attention.
    pub coverage_penalty: f64,
    /// Choose the output with the least expected edit distance to the others, instead of the one
    /// with the best score (Kumar and Byrne 2004).
    pub minimum_bayes_risk: bool,
    /// Which outputs are allowed; all if left out.
    pub constraint: Option<Arc<Constraint>>,
    /// What is kept of the steps.
    pub keep: Keep,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            method: Method::GREEDY,
            nbest: 1,
            length_penalty: 0.0,
            coverage_penalty: 0.0,
            minimum_bayes_risk: false,
            constraint: None,
            keep: Keep::default(),
        }
    }
}

/// Why a search cannot begin.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// There must be a hypothesis.
    #[error("a beam of 0 keeps no hypothesis: give at least 1 (1 is greedy decoding)")]
    BeamOfZero,
    /// More hypotheses than can be kept.
    #[error(
        "a beam of {0} is more than can be kept: give at most {LARGEST_BEAM} (beyond 100 it seldom \
         changes an answer)"
    )]
    BeamTooLarge(usize),
    /// There must be an output.
    #[error("an n-best list of 0 outputs leaves no answer: give at least 1")]
    NoOutputs,
    /// More outputs than hypotheses.
    #[error(
        "{nbest} outputs are wanted, but a beam of {beam} ends with at most {beam}: give a beam of \
         at least {nbest}"
    )]
    MoreOutputsThanBeam {
        /// Outputs wanted.
        nbest: usize,
        /// The beam.
        beam: usize,
    },
    /// Only temperatures above zero give a distribution.
    #[error(
        "a temperature of {0} gives no distribution: it must be a number above 0 (1 for the model's \
         own; for the most probable symbol, leave sampling out)"
    )]
    Temperature(f32),
    /// Nothing to draw from.
    #[error("top-k of 0 leaves no symbol to draw: give at least 1, or leave it out for all")]
    TopK,
    /// Not a share.
    #[error(
        "top-p of {0} is no share of probability: it must lie above 0 and at most at 1 (1 for all)"
    )]
    TopP(f32),
    /// Only penalties of zero or more are penalties.
    #[error("a {name} penalty of {value} is none: it must be a number from 0 (no penalty) upwards")]
    Penalty {
        /// `length` or `coverage`.
        name: &'static str,
        /// What was given.
        value: f64,
    },
    /// A choice among one.
    #[error(
        "minimum Bayes risk chooses among several outputs, but only one is pursued: give a beam of \
         at least 2 (or sample an n-best list)"
    )]
    RiskOfOne,
    /// The model looks at no single source symbols.
    #[error(
        "{0} needs a model with attention, which this one is not: its decoder sees the source only as \
         one state; train a model with attention, or leave this out"
    )]
    NoAttention(&'static str),
    /// A limit that is none.
    #[error(
        "a length limit of {ratio:?} output symbols for each input symbol is none: give a number from 0 to {MOST_RATIO}"
    )]
    LengthRatio {
        /// What was given.
        ratio: f64,
    },
    /// A limit beyond what can be written.
    #[error(
        "a length limit of {0} symbols is more than an output can have: give at most {LONGEST_TEXT}"
    )]
    LengthLimit(usize),
    /// No output is allowed within the limit.
    #[error(
        "the shortest output that the constraint allows has {shortest} symbols, but outputs may have \
         at most {limit}: raise the length limit"
    )]
    ConstraintTooLong {
        /// Symbols of the shortest allowed output.
        shortest: usize,
        /// Longest output.
        limit: usize,
    },
}

impl SearchOptions {
    /// Refuses what cannot work.
    ///
    /// # Errors
    /// Names the first option at fault and how to fix it.
    pub fn check(&self) -> Result<(), SearchError> {
        if self.nbest == 0 {
            return Err(SearchError::NoOutputs);
        }
        let width = self.method.width(self.nbest);
        match self.method {
            Method::Beam { size: 0 } => return Err(SearchError::BeamOfZero),
            _ if width > LARGEST_BEAM => return Err(SearchError::BeamTooLarge(width)),
            Method::Beam { size: beam } if self.nbest > beam => {
                let nbest = self.nbest;
                return Err(SearchError::MoreOutputsThanBeam { nbest, beam });
            }
            Method::Beam { .. } => {}
            Method::Sample {
                temperature,
                top_k,
                top_p,
                ..
            } => check_sampling(temperature, top_k, top_p)?,
        }
        check_penalty("length", self.length_penalty)?;
        check_penalty("coverage", self.coverage_penalty)?;
        if self.minimum_bayes_risk && width == 1 {
            return Err(SearchError::RiskOfOne);
        }
        Ok(())
    }

    /// Symbols of the shortest output that the constraint allows.
    pub(crate) fn shortest(&self) -> usize {
        let constraint = self.constraint.as_ref();
        constraint.map_or(0, |constraint| constraint.shortest())
    }

    /// Finished outputs that the search must have before it may stop.
    pub(super) fn wanted(&self) -> usize {
        if self.minimum_bayes_risk {
            self.method.width(self.nbest)
        } else {
            self.nbest.max(1)
        }
    }
}

fn check_sampling(temperature: f32, top_k: Option<usize>, top_p: f32) -> Result<(), SearchError> {
    if !(temperature > 0.0 && temperature.is_finite()) {
        return Err(SearchError::Temperature(temperature));
    }
    if top_k == Some(0) {
        return Err(SearchError::TopK);
    }
    if !(top_p > 0.0 && top_p <= 1.0) {
        return Err(SearchError::TopP(top_p));
    }
    Ok(())
}

fn check_penalty(name: &'static str, value: f64) -> Result<(), SearchError> {
    if value >= 0.0 && value.is_finite() {
        Ok(())
    } else {
        Err(SearchError::Penalty { name, value })
    }
}
