//! A trained model and its answers.

mod alignment;
mod answer;
mod ensemble;
mod file;
mod input;
mod lexicon;
mod outputs;
mod predictor;
mod provenance;
mod quantization;
mod search_request;
mod trace;
mod warning;

use std::fmt;
use std::sync::Arc;

pub use alignment::Alignment;
pub use answer::{Answer, Hypothesis, Origin};
pub use ensemble::{EnsembleError, difference};
pub use file::{
    MODEL_NAME, ModelFileError, check_output, unreadable, unwritable, write_atomically,
};
pub use input::{SourceText, SourceWithFeatures};
pub use lexicon::{Lexicon, LexiconTooLarge};
pub use predictor::{PredictOptions, Predictor};
pub use provenance::{Calibration, MemberEvidence, MixtureEvidence, Provenance};
pub use quantization::QuantizeError;
pub use search_request::SearchRequest;
pub use trace::{Gates, HiddenState, Trace, TraceStep};
pub use warning::Warning;

use crate::decoding::{Attention, LogProbs, StepModel, StepOutput};
use crate::layers::{Given, Parameters, WeightError};
use crate::networks::{Network, NetworkState};
use crate::settings::{Protocol, Settings};
use crate::storage::Weights;
use crate::text::{Codec, SourceIds};

/// A network with everything that is needed to use it: settings, vocabularies, preprocessing.
///
/// Clones share everything.
#[derive(Clone)]
pub struct Model(Arc<Inner>);

/// What a model is made of.
#[derive(Clone, Debug)]
pub struct ModelParts {
    /// The settings that it runs with.
    pub settings: Settings,
    /// The recipe with which it was trained, as TOML; `settings` are a part of it.
    pub recipe: String,
    /// How texts become symbols and back.
    pub codec: Arc<Codec>,
    /// What it was trained on.
    pub provenance: Provenance,
    /// Its weights by name.
    pub weights: Weights,
}

struct Inner {
    parts: ModelParts,
    /// What the network took of the weights.
    given: Given,
    network: Arc<Network>,
}

impl fmt::Debug for Model {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = |(_, shape): (&str, &[usize])| shape.iter().product::<usize>();
        let weights: usize = self.parameters().map(numbers).sum();
        let architecture = self.settings().model.architecture;
        write!(formatter, "Model({architecture:?}, {weights} weights)")
    }
}

impl Model {
    /// A model from its parts; the weights must fit the settings.
    ///
    /// # Errors
    /// If a weight is missing, left over, has another shape, or is not a finite number.
    pub fn new(parts: ModelParts) -> Result<Self, WeightError> {
        let mut params = Parameters::new(parts.weights.clone());
        let (settings, sizes) = (&parts.settings.model, parts.codec.sizes());
        let network = Arc::new(Network::build(settings, sizes, &mut params)?);
        let given = params.finish()?;
        Ok(Self(Arc::new(Inner {
            parts,
            given,
            network,
        })))
    }

    /// The same model with another account of its training.
    #[must_use]
    pub fn with_provenance(&self, provenance: Provenance) -> Self {
        let parts = ModelParts {
            provenance,
            ..self.0.parts.clone()
        };
        Self(Arc::new(Inner {
            parts,
            given: self.0.given.clone(),
            network: Arc::clone(&self.0.network),
        }))
    }

    /// What it is made of.
    pub fn parts(&self) -> &ModelParts {
        &self.0.parts
    }

    /// The settings that it runs with.
    pub fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }

    /// The recipe with which it was trained, as TOML.
    pub fn recipe(&self) -> &str {
        &self.0.parts.recipe
    }

    /// How texts become symbols and back.
    pub fn codec(&self) -> &Arc<Codec> {
        &self.0.parts.codec
    }

    /// What it was trained on.
    pub fn provenance(&self) -> &Provenance {
        &self.0.parts.provenance
    }

    /// Its weights by name.
    pub fn weights(&self) -> &Weights {
        &self.0.parts.weights
    }

    /// Name and shape of every weight, in the order of the layers.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &[usize])> {
        let shape = |name: &String| self.weights().get(name).map(|array| &array.shape[..]);
        let names = self.0.given.names.iter();
        names.filter_map(move |name| Some((&name[..], shape(name)?)))
    }

    /// Whether the model attends to single source symbols.
    pub fn has_attention(&self) -> bool {
        self.settings().model.has_attention()
    }

    /// Whether the first target symbol must be given (the notebook's protocol).
    pub fn needs_first_symbol(&self) -> bool {
        self.settings().model.protocol == Protocol::FirstSymbol
    }
}

impl StepModel for Model {
    type State = NetworkState;

    fn start(&self, sources: &[&SourceIds]) -> NetworkState {
        self.0.network.encode(sources)
    }

    fn step(&self, state: &mut NetworkState, last: &[u32]) -> StepOutput {
        let step = self.0.network.step(state, last);
        let (classes, mut values) = (step.scores.width, step.scores.values);
        rnn_kernels::log_softmax(&mut values, classes);
        StepOutput {
            log_probs: LogProbs { classes, values },
            attention: step.attention.map(|weights| Attention {
                time: weights.width,
                weights: weights.values,
            }),
        }
    }

    fn select(&self, state: &mut NetworkState, rows: &[usize]) {
        state.select(rows);
    }
}
