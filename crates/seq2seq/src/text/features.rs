//! Features of a source, such as the tags `V;PST;3;SG` of an inflected form.

use serde::{Deserialize, Serialize};

use super::{Encoded, Specials, Vocabulary};
use crate::config::{FeatureUse, Recipe};
use crate::data::Pair;

/// How features are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Features {
    /// What stands between two of them.
    pub separator: String,
    /// Which of them there are.
    pub vocabulary: Vocabulary,
    /// Whether they are symbols of the source, rather than read by an encoder of their own.
    pub among_symbols: bool,
}

impl Features {
    /// The features of training pairs, if the recipe makes use of them.
    pub(super) fn build(recipe: &Recipe, pairs: &[Pair]) -> Option<Self> {
        let among_symbols = match recipe.feature_use() {
            FeatureUse::Auto | FeatureUse::None => return None,
            FeatureUse::Symbols => true,
            FeatureUse::Encoder => false,
        };
        let separator = recipe.text.feature_separator.clone();
        let texts = pairs.iter().filter_map(|pair| pair.features.as_deref());
        let marks = Specials {
            unknown: true,
            ..Specials::default()
        };
        Some(Self {
            vocabulary: Vocabulary::build(texts.flat_map(|text| split(text, &separator)), marks),
            separator,
            among_symbols,
        })
    }

    /// The same with the features of more training pairs.
    pub(super) fn extended(&self, pairs: &[Pair]) -> Self {
        let texts = pairs.iter().filter_map(|pair| pair.features.as_deref());
        Self {
            vocabulary: (self.vocabulary).extended(texts.flat_map(|text| self.split(text))),
            ..self.clone()
        }
    }

    /// The single features of a text. Spaces around them count for nothing, nor do empty ones.
    pub fn split<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a str> {
        split(text, &self.separator)
    }

    /// Their ids. The positions of unknown ones follow the `before` symbols of the source.
    pub(super) fn encode(&self, text: &str, before: usize) -> Encoded {
        let features: Vec<&str> = self.split(text).collect();
        let mut encoded = self.vocabulary.encode(&features);
        for unknown in &mut encoded.unknown {
            unknown.position = unknown.position.saturating_add(before);
        }
        encoded
    }
}

fn split<'a>(text: &'a str, separator: &'a str) -> impl Iterator<Item = &'a str> {
    let parts = text.split(separator).map(str::trim);
    parts.filter(|feature| !feature.is_empty())
}
