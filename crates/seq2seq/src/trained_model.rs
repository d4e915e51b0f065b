//! A trained model: a network with everything that is needed to use it.

use std::collections::BTreeSet;
use std::sync::Arc;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::config::{Protocol, Recipe};
use crate::data::{Pair, Question, SourceIds};
use crate::decoding::{Attention, LogProbs, StepModel, StepOutput};
use crate::metrics::Calibration;
use crate::model::parameters::{ParameterError, Parameters, Weights, first_not_finite, shapes_of};
use crate::model::prepared::Prepared;
use crate::model::{DecoderState, Network, SourceBatch};
use crate::text::Codec;

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
    /// Longest target in symbols.
    pub longest_target: usize,
    /// Symbols with which targets begin: what a model of the first-symbol protocol can be given.
    pub first_symbols: Vec<u32>,
    /// Epochs that the weights were trained for.
    pub epochs: usize,
    /// The figure by which these weights were chosen, if they were.
    pub best: Option<f64>,
    /// How its probabilities relate to being right, measured on the validation set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
}

/// A network with everything that is needed to use it: settings, vocabularies, preprocessing.
#[derive(Clone, Debug)]
pub struct Model {
    /// The settings that it was made and trained with.
    pub recipe: Recipe,
    /// How texts become symbols and back.
    pub codec: Arc<Codec>,
    /// What it was trained on.
    pub provenance: Provenance,
    network: Network,
    /// Kept from call to call, as the weights stay as they are.
    prepared: Prepared,
}

/// What a model can be asked: a source, and features where it was trained with them.
///
/// Any text is a source without features. Threads share the texts of a call.
pub trait SourceText: Sync {
    /// The source.
    fn source(&self) -> &str;

    /// The features.
    fn features(&self) -> Option<&str> {
        None
    }
}

impl<T: AsRef<str> + Sync> SourceText for T {
    fn source(&self) -> &str {
        self.as_ref()
    }
}

/// A source with features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceWithFeatures<'a> {
    /// The source.
    pub source: &'a str,
    /// Its features.
    pub features: Option<&'a str>,
}

impl SourceText for SourceWithFeatures<'_> {
    fn source(&self) -> &str {
        self.source
    }

    fn features(&self) -> Option<&str> {
        self.features
    }
}

impl SourceText for Pair {
    fn source(&self) -> &str {
        &self.source
    }

    fn features(&self) -> Option<&str> {
        self.features.as_deref()
    }
}

impl SourceText for Question {
    fn source(&self) -> &str {
        &self.source
    }

    fn features(&self) -> Option<&str> {
        self.features.as_deref()
    }
}

impl Model {
    /// A model from its parts; the weights must fit the settings.
    ///
    /// # Errors
    /// If a weight is missing, left over, has another shape, or is not a number.
    pub fn from_weights(
        recipe: Recipe,
        codec: Arc<Codec>,
        provenance: Provenance,
        weights: Weights,
    ) -> Result<Self, ParameterError> {
        if let Some(name) = first_not_finite(&weights) {
            return Err(ParameterError::NotFinite(name.to_owned()));
        }
        let mut names: BTreeSet<String> = weights.keys().cloned().collect();
        let mut params = Parameters::stored(weights, &Device::flex());
        let network = Network::new(&recipe.model, codec.sizes(), &mut params)?;
        for (name, _) in shapes_of(&network) {
            names.remove(&name);
        }
        if let Some(name) = names.pop_first() {
            return Err(ParameterError::LeftOver(name));
        }
        Ok(Self::new(recipe, codec, provenance, network))
    }

    pub(crate) fn new(
        recipe: Recipe,
        codec: Arc<Codec>,
        provenance: Provenance,
        network: Network,
    ) -> Self {
        Self {
            recipe,
            codec,
            provenance,
            network,
            prepared: Prepared::default(),
        }
    }

    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    /// Name and shape of every weight, in the order of the layers.
    pub fn parameters(&self) -> Vec<(String, Vec<usize>)> {
        shapes_of(&self.network)
    }

    /// A line of input as the model reads it: the source, of as many columns as in training, and
    /// in the next column the features if the model has them. What else stands in further columns
    /// is not looked at.
    pub fn line<'a>(&self, line: &'a str) -> SourceWithFeatures<'a> {
        let tab = line
            .match_indices('\t')
            .nth(self.recipe.data.more_source_columns.len());
        let (source, rest) = match tab {
            Some((place, _)) => (&line[..place], Some(&line[place + 1..])),
            None => (line, None),
        };
        let features = rest.and_then(|rest| rest.split('\t').next());
        SourceWithFeatures {
            source,
            features: features.filter(|_| self.codec.features.is_some()),
        }
    }

    /// Whether an input line has columns that the model does not read.
    pub fn has_unread_columns(&self, line: &str) -> bool {
        let data = &self.recipe.data;
        let read = 1 + data.more_source_columns.len() + usize::from(self.codec.features.is_some());
        line.split('\t').count() > read
    }

    /// Reads a batch of sources, of which a call writes so many sequences altogether.
    pub(crate) fn start_for(&self, sources: &[&SourceIds], sequences: usize) -> DecoderState {
        let prepared = self.prepared.for_sequences(sequences);
        self.network.encode(&SourceBatch::new(sources), prepared)
    }

    /// Whether the first target symbol must be given (the notebook's protocol).
    pub fn needs_first_symbol(&self) -> bool {
        self.recipe.model.protocol == Protocol::FirstSymbol
    }
}

impl StepModel for Model {
    type State = DecoderState;

    fn start(&self, sources: &[&SourceIds]) -> DecoderState {
        self.start_for(sources, sources.len())
    }

    fn step(&self, state: &mut DecoderState, last: &[u32]) -> StepOutput {
        let scores = self.network.step(state, last);
        let classes = scores.scores.dims()[1];
        // Weights are f32 on every backend that a model is loaded on, so this cannot fail.
        let mut values = (scores.scores.try_into_vec_as::<f32>()).unwrap_or_default();
        rnn_kernels::log_softmax(&mut values, classes);
        let attention = scores.attention.map(|weights| Attention {
            time: weights.dims()[1],
            weights: weights.try_into_vec_as::<f32>().unwrap_or_default(),
        });
        StepOutput {
            log_probs: LogProbs { classes, values },
            attention,
        }
    }

    fn select(&self, state: &DecoderState, rows: &[usize]) -> DecoderState {
        state.select(rows)
    }
}
