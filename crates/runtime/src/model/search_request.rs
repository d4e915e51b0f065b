//! What somebody asks of a search, on top of what a model's own settings say.

use std::sync::Arc;

use super::{Model, PredictOptions};
use crate::decoding::{Constraint, LengthLimit, Method};

/// What somebody asks of a search; what is left out is as the model's settings say (`[decoding]`).
#[derive(Clone, Debug)]
pub struct SearchRequest {
    /// Hypotheses of beam search; if left out, as in the settings, but no fewer than `nbest`.
    pub beam: Option<usize>,
    /// Draw the outputs instead: a [`Method::Sample`]. `beam` is then not looked at.
    pub sampling: Option<Method>,
    /// Outputs wanted of each input.
    pub nbest: usize,
    /// Alpha of the length penalty.
    pub length_penalty: Option<f64>,
    /// Beta of the coverage penalty.
    pub coverage_penalty: Option<f64>,
    /// Choose by minimum Bayes risk. Where the settings ask for it, it holds as long as there are several
    /// outputs to choose from.
    pub minimum_bayes_risk: bool,
    /// Longest output in symbols.
    pub max_length: Option<usize>,
    /// Output symbols for each source symbol, at most.
    pub max_length_ratio: Option<f64>,
    /// Output symbols on top of `max_length_ratio`.
    pub max_length_extra: Option<usize>,
    /// Which outputs are allowed.
    pub constraint: Option<Arc<Constraint>>,
}

impl Default for SearchRequest {
    fn default() -> Self {
        Self {
            beam: None,
            sampling: None,
            nbest: 1,
            length_penalty: None,
            coverage_penalty: None,
            minimum_bayes_risk: false,
            max_length: None,
            max_length_ratio: None,
            max_length_extra: None,
            constraint: None,
        }
    }
}

impl SearchRequest {
    /// The options for a model. [`Model::predictor`] refuses those that cannot work.
    pub fn options(self, model: &Model) -> PredictOptions {
        let settings = &model.settings().decoding;
        let mut options = PredictOptions::of(model);
        // Who asks for greedy decoding, or for a limit, gets what it gives.
        let limited = self.max_length.is_some() || self.max_length_ratio.is_some();
        if self.beam.is_some() || limited {
            options.beam_if_cut = 0;
        }
        let search = &mut options.search;
        search.method = self.sampling.unwrap_or(Method::Beam {
            size: self.beam.unwrap_or(settings.beam.max(self.nbest)),
        });
        search.nbest = self.nbest;
        search.length_penalty = self.length_penalty.unwrap_or(search.length_penalty);
        search.coverage_penalty = self.coverage_penalty.unwrap_or(search.coverage_penalty);
        search.minimum_bayes_risk &= search.method.width(self.nbest) > 1;
        search.minimum_bayes_risk |= self.minimum_bayes_risk;
        search.constraint = self.constraint;
        options.limit = Some(LengthLimit {
            most: self.max_length.unwrap_or(settings.max_length),
            ratio: self.max_length_ratio.unwrap_or(settings.max_length_ratio),
            extra: self.max_length_extra.unwrap_or(settings.max_length_extra),
        });
        options
    }
}
