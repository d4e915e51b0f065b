//! Joining trained models into one.

use std::sync::Arc;

use serde_json::Value;

use super::{Model, ModelParts, Provenance};
use crate::layers::WeightError;
use crate::settings::{Architecture, EnsembleSettings, Mixing, ModelSettings};
use crate::storage::Weights;
use crate::text::{Codec, Vocabulary, quoted};

/// Why models cannot be joined.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EnsembleError {
    /// There is none.
    #[error("an ensemble needs at least one model")]
    Empty,
    /// A model reads or writes texts in another way than the first.
    #[error(
        "model {number} does not go with model 1: {difference}; the members of an ensemble must be \
         trained on the same data with the same [text] settings"
    )]
    Codec {
        /// The model, counted from 1.
        number: usize,
        /// How they differ.
        difference: String,
    },
    /// A model's decoder starts in another way than that of the first.
    #[error(
        "model {number} does not go with model 1: its model.{setting} is another; train all members \
         with the same one"
    )]
    Protocol {
        /// The model, counted from 1.
        number: usize,
        /// Which setting.
        setting: &'static str,
    },
    /// The weights do not fit the settings.
    #[error(transparent)]
    Weights(#[from] WeightError),
}

impl Model {
    /// One model that answers with the mean of the distributions of several, which may be of
    /// different architectures and sizes.
    ///
    /// What is not about the network (such as the length limit) is taken from the first.
    ///
    /// # Errors
    /// If there is no model, or they do not read and write texts in the same way; the message says
    /// how they differ.
    pub fn ensemble(models: &[Self], mixing: Mixing) -> Result<Self, EnsembleError> {
        Self::weighted_ensemble(models, mixing, Vec::new())
    }

    /// The same with a weight for each model; without any, all count alike.
    ///
    /// # Errors
    /// As [`ensemble`](Self::ensemble).
    pub fn weighted_ensemble(
        models: &[Self],
        mixing: Mixing,
        weights: Vec<f64>,
    ) -> Result<Self, EnsembleError> {
        let first = models.first().ok_or(EnsembleError::Empty)?;
        for (index, model) in models.iter().enumerate().skip(1) {
            check_agreement(first, model, index + 1)?;
        }
        let mut settings = first.settings().clone();
        settings.model = ModelSettings {
            architecture: Architecture::Ensemble,
            protocol: settings.model.protocol,
            decoder_input: settings.model.decoder_input,
            // What texts become is the same for all, so it stands where a single model has it.
            copy: settings.model.copy,
            features: settings.feature_use(),
            ensemble: EnsembleSettings {
                mixing,
                weights,
                members: models.iter().map(|m| m.settings().model.clone()).collect(),
            },
            ..ModelSettings::default()
        };
        Ok(Self::new(ModelParts {
            recipe: with_model(first.recipe(), &settings.model),
            settings,
            codec: Arc::clone(first.codec()),
            provenance: joined(models),
            weights: of_members(models),
        })?)
    }
}

impl Model {
    /// The network of a mixture with n-gram models, as a model of its own: what training can go on from. None if
    /// the model is no such mixture, or has several networks.
    pub fn network_of_mixture(&self) -> Option<Self> {
        let settings = self.settings();
        let members = &settings.model.ensemble.members;
        let mut networks = members.iter().enumerate().filter(|(_, it)| !it.counts());
        let (Some((place, network)), None) = (networks.next(), networks.next()) else {
            return None;
        };
        if members.len() < 2 || network.architecture == Architecture::Ensemble {
            return None;
        }
        let prefix = format!("member.{place}.");
        let weights = self.weights().iter().filter_map(|(name, array)| {
            Some((name.strip_prefix(&prefix)?.to_owned(), array.clone()))
        });
        let mut settings = settings.clone();
        settings.model = network.clone();
        let parts = ModelParts {
            recipe: with_model(self.recipe(), network),
            settings,
            codec: Arc::clone(self.codec()),
            provenance: Provenance {
                mixture: None,
                calibration: None,
                ..self.provenance().clone()
            },
            weights: weights.collect(),
        };
        // The weights are those of the member that the model was built with.
        Self::new(parts).ok()
    }
}

/// A recipe with another `[model]`.
fn with_model(recipe: &str, model: &ModelSettings) -> String {
    // Both have been read and written as TOML before.
    let mut recipe: toml::Table = toml::from_str(recipe).unwrap_or_default();
    let model = toml::Table::try_from(model).unwrap_or_default();
    recipe.insert("model".into(), model.into());
    toml::to_string(&recipe).unwrap_or_default()
}

fn check_agreement(first: &Model, other: &Model, number: usize) -> Result<(), EnsembleError> {
    if let Some(difference) = difference(first.codec(), other.codec()) {
        return Err(EnsembleError::Codec { number, difference });
    }
    let (a, b) = (&first.settings().model, &other.settings().model);
    let setting = if a.protocol != b.protocol {
        "protocol"
    } else if a.decoder_input != b.decoder_input {
        "decoder_input"
    } else {
        return Ok(());
    };
    Err(EnsembleError::Protocol { number, setting })
}

/// The weights of all members, under the names that the ensemble gives them.
fn of_members(models: &[Model]) -> Weights {
    let members = models.iter().enumerate().flat_map(|(index, model)| {
        let weights = model.weights().iter();
        weights.map(move |(name, array)| (format!("member.{index}.{name}"), array.clone()))
    });
    members.collect()
}

/// What is known of the members' training, taken together.
fn joined(models: &[Model]) -> Provenance {
    let all = || models.iter().map(Model::provenance);
    let most = |value: fn(&Provenance) -> usize| all().map(value).max().unwrap_or(0);
    let mut first_symbols: Vec<u32> = all().flat_map(|p| p.first_symbols.clone()).collect();
    first_symbols.sort_unstable();
    first_symbols.dedup();
    Provenance {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pairs: most(|p| p.pairs),
        shortest_source: all().map(|p| p.shortest_source).min().unwrap_or(0),
        longest_source: most(|p| p.longest_source),
        longest_target: most(|p| p.longest_target),
        source_numbers: all()
            .map(|p| p.source_numbers)
            .reduce(|a, b| Some(a?.joined(b?)))
            .flatten(),
        // A member that does not say has no bound.
        length_bound: all()
            .map(|p| p.length_bound)
            .reduce(|a, b| Some(a?.above(b?)))
            .flatten(),
        first_symbols,
        epochs: most(|p| p.epochs),
        best: None,
        calibration: None,
        mixture: None,
    }
}

/// How two codecs differ, in words; nothing if they are the same.
pub fn difference(a: &Codec, b: &Codec) -> Option<String> {
    if a == b {
        return None;
    }
    let sides = [
        ("source", &a.source.vocabulary, &b.source.vocabulary),
        ("target", &a.target.vocabulary, &b.target.vocabulary),
    ];
    let symbols = sides.into_iter().find_map(|(side, a, b)| {
        symbols_apart(a, b).map(|apart| format!("their {side} vocabularies differ: {apart}"))
    });
    let other = || {
        let (a, b) = (serde_json::to_value(a), serde_json::to_value(b));
        let (path, a, b) = first_apart("", &a.ok()?, &b.ok()?)?;
        Some(format!("{path} is {a} in the first and {b} in the other"))
    };
    symbols
        .or_else(other)
        .or_else(|| Some("they treat texts differently".into()))
}

/// Symbols shown of those that one vocabulary lacks.
const SHOWN: usize = 5;

fn symbols_apart(a: &Vocabulary, b: &Vocabulary) -> Option<String> {
    let (a, b) = (a.symbols(), b.symbols());
    if a == b {
        return None;
    }
    let lacking = |of: &[String], others: &[String]| {
        let known: std::collections::HashSet<&String> = others.iter().collect();
        let lacking: Vec<&String> = of.iter().filter(|symbol| !known.contains(symbol)).collect();
        let dots = if lacking.len() > SHOWN { " …" } else { "" };
        let shown: Vec<String> = lacking
            .iter()
            .take(SHOWN)
            .map(|s| quoted(s).to_string())
            .collect();
        (!shown.is_empty()).then(|| format!("{}{dots}", shown.join(" ")))
    };
    let parts: Vec<String> = [("first", lacking(a, b)), ("other", lacking(b, a))]
        .into_iter()
        .filter_map(|(which, only)| Some(format!("only the {which} has {}", only?)))
        .collect();
    if parts.is_empty() {
        Some("the same symbols have other ids".into())
    } else {
        Some(parts.join(", "))
    }
}

/// The first place at which two JSON values differ.
fn first_apart(path: &str, a: &Value, b: &Value) -> Option<(String, String, String)> {
    match (a, b) {
        _ if a == b => None,
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort_unstable();
            keys.into_iter().find_map(|key| {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                let (a, b) = (a.get(key), b.get(key));
                first_apart(&path, a.unwrap_or(&Value::Null), b.unwrap_or(&Value::Null))
            })
        }
        _ => Some((path.to_owned(), a.to_string(), b.to_string())),
    }
}
