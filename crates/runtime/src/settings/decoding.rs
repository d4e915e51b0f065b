//! How outputs are produced.

use serde::{Deserialize, Serialize};

/// Hypotheses beyond which a beam would take more memory than it could bring in accuracy.
pub const LARGEST_BEAM: usize = 10_000;

/// `[decoding]`: how outputs are produced. Validation during training decodes greedily, whatever
/// is set here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecodingSettings {
    /// Hypotheses that beam search keeps of an input at each step; 1 is greedy decoding.
    pub beam: usize,
    /// Alpha of the length penalty `((5 + length) / 6)^alpha` (Wu et al. 2016) that
    /// log-probabilities are divided by; 0 for none. Higher values prefer longer outputs.
    pub length_penalty: f64,
    /// Beta of the coverage penalty (Wu et al. 2016), for models with attention; 0 for none.
    pub coverage_penalty: f64,
    /// Choose the output of the beam with the least expected edit distance to the others.
    pub minimum_bayes_risk: bool,
    /// Longest output in symbols, whatever the input; 0 for none but the limit that follows from
    /// the input.
    pub max_length: usize,
    /// Output symbols for each source symbol, at most; 0 to go by the training data: what
    /// its targets allow for a source of this length, with a margin.
    pub max_length_ratio: f64,
    /// Output symbols on top of `max_length_ratio`.
    pub max_length_extra: usize,
    /// Inputs that are decoded together; such batches are decoded side by side, one a thread.
    pub batch_size: usize,
}

impl Default for DecodingSettings {
    fn default() -> Self {
        Self {
            beam: 1,
            length_penalty: 0.0,
            coverage_penalty: 0.0,
            minimum_bayes_risk: false,
            max_length: 0,
            max_length_ratio: 0.0,
            max_length_extra: 10,
            batch_size: 32,
        }
    }
}
