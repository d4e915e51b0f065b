//! From text to ids and back: everything that is done to a text before a model sees it.
//!
//! A model carries its codec, so that training, evaluation and prediction cannot disagree.

use serde::{Deserialize, Serialize};

use super::{Encoded, Specials, Tokenization, Vocabulary};
use crate::config::{DecoderInput, Protocol, Recipe, VocabularyChoice};
use crate::data::{Example, Pair};

/// Where the blanks go when a source is filled up to its width.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Align {
    /// Before it, so that the text stands on the right.
    #[default]
    Right,
    /// After it.
    Left,
}

/// Tokenization and vocabulary of one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// How a text becomes symbols.
    pub tokenization: Tokenization,
    /// Which symbols there are.
    pub vocabulary: Vocabulary,
}

/// Preprocessing of a model, both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Codec {
    /// The source.
    pub source: Side,
    /// The target.
    pub target: Side,
    /// Width that a source is filled up to with blanks; 0 for none.
    pub source_width: usize,
    /// Where the source stands in that width.
    pub source_align: Align,
    /// Whether the source is fed backwards.
    pub reverse_source: bool,
    /// Whether the end mark closes the source, too.
    pub source_end_mark: bool,
}

impl Codec {
    /// The codec for a recipe: tokenizations as given, vocabularies from the training pairs.
    pub fn build(
        recipe: &Recipe,
        pairs: &[Pair],
        source: Tokenization,
        target: Tokenization,
    ) -> Self {
        let text = &recipe.text;
        let (source_vocabulary, target_vocabulary) = match text.vocabulary {
            VocabularyChoice::Notebook => (Vocabulary::notebook(), Vocabulary::notebook()),
            VocabularyChoice::FromData => {
                let model = &recipe.model;
                let begin = model.protocol == Protocol::BeginOfSequence
                    && model.decoder_input != DecoderInput::EncoderOutput;
                let source_marks = Specials {
                    begin: false,
                    end: text.source_end_mark,
                    unknown: true,
                };
                let target_marks = Specials {
                    begin,
                    end: true,
                    unknown: false,
                };
                (
                    Vocabulary::build(
                        pairs.iter().flat_map(|p| source.split(&p.source)),
                        source_marks,
                    ),
                    Vocabulary::build(
                        pairs.iter().flat_map(|p| target.split(&p.target)),
                        target_marks,
                    ),
                )
            }
        };
        Self {
            source: Side {
                tokenization: source,
                vocabulary: source_vocabulary,
            },
            target: Side {
                tokenization: target,
                vocabulary: target_vocabulary,
            },
            source_width: text.source_width,
            source_align: text.source_align,
            reverse_source: text.reverse_source,
            source_end_mark: text.source_end_mark,
        }
    }

    /// Symbols of a source, in the order in which they were written.
    pub fn source_symbols(&self, text: &str) -> Vec<String> {
        let symbols = self.source.tokenization.split(text);
        let blanks = vec![" ".to_owned(); self.source_width.saturating_sub(symbols.len())];
        let symbols = symbols.into_iter().map(str::to_owned);
        match self.source_align {
            Align::Right => blanks.into_iter().chain(symbols).collect(),
            Align::Left => symbols.chain(blanks).collect(),
        }
    }

    /// A source as the encoder reads it. Positions of unknown symbols are those in the text.
    pub fn encode_source(&self, text: &str) -> Encoded {
        let mut encoded = self.source.vocabulary.encode(&self.source_symbols(text));
        if self.reverse_source {
            encoded.ids.reverse();
        }
        if self.source_end_mark {
            encoded.ids.extend(self.source.vocabulary.end());
        }
        encoded
    }

    /// A target, closed by the end mark.
    pub fn encode_target(&self, text: &str) -> Encoded {
        let symbols = self.target.tokenization.split(text);
        let mut encoded = self.target.vocabulary.encode(&symbols);
        encoded.ids.extend(self.target.vocabulary.end());
        encoded
    }

    /// A pair, unknown symbols treated as the vocabularies say.
    pub fn encode(&self, pair: &Pair) -> Example {
        Example {
            source: self.encode_source(&pair.source).ids,
            target: self.encode_target(&pair.target).ids,
        }
    }

    /// Symbols of a decoded target, special ones left out.
    pub fn target_symbols(&self, ids: &[u32]) -> Vec<String> {
        self.target
            .vocabulary
            .decode(ids)
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    /// Text of a decoded target.
    pub fn decode_target(&self, ids: &[u32]) -> String {
        self.target.tokenization.join(&self.target_symbols(ids))
    }
}
