//! A trained model as its users see it: texts in, texts out.

use std::sync::Arc;

use burn::tensor::Device;
use burn::tensor::activation::log_softmax;
use serde::{Deserialize, Serialize};

use crate::config::{Protocol, Recipe};
use crate::data::Padded;
use crate::decoding::{Choice, Generation, Hypothesis, LogProbs, Step, StepModel, generate};
use crate::model::parameters::{ParameterError, Parameters, Weights, shapes_of};
use crate::model::{DecoderState, Seq2Seq};
use crate::text::{Codec, UnknownSymbol};

/// What a model keeps of the data that it was trained on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    pub(crate) network: Seq2Seq,
}

/// Options of [`Model::predict`]; the default is greedy decoding.
#[derive(Clone, Debug, Default)]
pub struct PredictOptions {
    /// How the next symbol is chosen.
    pub choice: Choice,
    /// Longest output in symbols; the model's own limit if left out.
    pub max_length: Option<usize>,
    /// Number of the first text, from which its random choices start.
    pub first_number: u64,
    /// Keep the distribution of every step.
    pub keep_steps: bool,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The output.
    pub text: String,
    /// The same as symbols.
    pub symbols: Vec<String>,
    /// Natural logarithm of its probability, end mark included.
    pub log_probability: f64,
    /// Whether the model ended it; otherwise the length limit did.
    pub finished: bool,
    /// Symbols of the input that the model does not know.
    pub unknown: Vec<UnknownSymbol>,
    /// The distributions, if they were asked for.
    pub steps: Vec<Step>,
}

impl Model {
    /// A model from its parts; the weights must fit the settings.
    ///
    /// # Errors
    /// If a weight is missing or has another shape.
    pub fn from_weights(
        recipe: Recipe,
        codec: Arc<Codec>,
        provenance: Provenance,
        weights: Weights,
    ) -> Result<Self, ParameterError> {
        let mut params = Parameters::stored(weights, &Device::flex());
        let network = Seq2Seq::new(
            &recipe.model,
            codec.source.vocabulary.len(),
            codec.target.vocabulary.len(),
            &mut params,
        )?;
        Ok(Self {
            recipe,
            codec,
            provenance,
            network,
        })
    }

    /// Name and shape of every weight, in the order of the layers.
    pub fn parameters(&self) -> Vec<(String, Vec<usize>)> {
        shapes_of(&self.network)
    }

    /// Longest output in symbols: as set, or twice the longest training target.
    pub fn max_length(&self) -> usize {
        match self.recipe.decoding.max_length {
            0 => 2 * self.provenance.longest_target.max(1),
            limit => limit,
        }
    }

    /// Whether the first target symbol must be given (the notebook's protocol).
    pub fn needs_first_symbol(&self) -> bool {
        self.recipe.model.protocol == Protocol::FirstSymbol
    }

    /// Answers texts, in their order.
    ///
    /// A model of the first-symbol protocol tries every symbol with which a training target began
    /// and keeps the answer that it finds most probable.
    pub fn predict<S: AsRef<str>>(&self, texts: &[S], options: &PredictOptions) -> Vec<Prediction> {
        if !self.needs_first_symbol() {
            return self.predict_from(texts, None, options);
        }
        let tries = self
            .provenance
            .first_symbols
            .iter()
            .map(|&first| self.predict_from(texts, Some(&vec![first; texts.len()]), options));
        tries
            .reduce(|best, other| best.into_iter().zip(other).map(better).collect())
            .unwrap_or_default()
    }

    /// Answers texts whose first target symbols are given.
    pub fn predict_from<S: AsRef<str>>(
        &self,
        texts: &[S],
        first: Option<&[u32]>,
        options: &PredictOptions,
    ) -> Vec<Prediction> {
        let batch = self.recipe.decoding.batch_size;
        let mut predictions = Vec::with_capacity(texts.len());
        for (index, texts) in texts.chunks(batch).enumerate() {
            let start = index * batch;
            let first = first.map(|first| &first[start..start + texts.len()]);
            let number = options.first_number + start as u64;
            predictions.extend(self.predict_batch(texts, first, number, options));
        }
        predictions
    }

    fn predict_batch<S: AsRef<str>>(
        &self,
        texts: &[S],
        first: Option<&[u32]>,
        number: u64,
        options: &PredictOptions,
    ) -> Vec<Prediction> {
        let encoded: Vec<_> = texts
            .iter()
            .map(|t| self.codec.encode_source(t.as_ref()))
            .collect();
        let sources: Vec<&[u32]> = encoded.iter().map(|e| e.ids.as_slice()).collect();
        let begin = self.codec.target.vocabulary.begin().unwrap_or(0);
        let given = first.map_or_else(|| vec![begin; texts.len()], <[u32]>::to_vec);
        let numbers: Vec<u64> = (number..).take(texts.len()).collect();
        let generation = Generation {
            choice: options.choice,
            max_length: options.max_length.unwrap_or_else(|| self.max_length()),
            end: self.codec.target.vocabulary.end(),
            keep_steps: options.keep_steps,
        };
        let outputs = generate(self, &sources, &given, &numbers, &generation);
        let answers = outputs.into_iter().zip(encoded).enumerate();
        answers
            .map(|(row, (output, source))| {
                let first = first.map(|first| first[row]);
                self.prediction(first, output, source.unknown)
            })
            .collect()
    }

    fn prediction(
        &self,
        first: Option<u32>,
        output: Hypothesis,
        unknown: Vec<UnknownSymbol>,
    ) -> Prediction {
        let ids: Vec<u32> = first.into_iter().chain(output.ids).collect();
        Prediction {
            text: self.codec.decode_target(&ids),
            symbols: self.codec.target_symbols(&ids),
            log_probability: output.log_probability,
            finished: output.finished,
            unknown,
            steps: output.steps,
        }
    }
}

fn better((a, b): (Prediction, Prediction)) -> Prediction {
    if b.log_probability > a.log_probability {
        b
    } else {
        a
    }
}

impl StepModel for Model {
    type State = DecoderState;

    fn start(&self, sources: &[&[u32]]) -> DecoderState {
        self.network.encode(&Padded::new(sources))
    }

    fn step(&self, state: &mut DecoderState, last: &[u32]) -> LogProbs {
        let log_probs = log_softmax(self.network.step(state, last), 1);
        let classes = log_probs.dims()[1];
        // Weights are f32 on every backend that a model is loaded on, so this cannot fail.
        let values = log_probs.try_into_vec_as::<f32>().unwrap_or_default();
        LogProbs { classes, values }
    }

    fn select(&self, state: &DecoderState, rows: &[usize]) -> DecoderState {
        state.select(rows)
    }
}
