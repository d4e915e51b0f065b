//! From text to ids and back: everything that is done to a text before a model sees it.
//!
//! A model carries its codec, so that training, evaluation and prediction cannot disagree.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::features::Features;
use super::{
    Encoded, Normalization, SymbolMap, Tokenization, UnknownSymbol, Vocabulary, without_stress,
};

/// Symbols of each vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VocabularySizes {
    /// Symbols that a source can have.
    pub source: usize,
    /// Features, where they have an encoder of their own; 0 otherwise.
    pub features: usize,
    /// Symbols that a target can have.
    pub target: usize,
}

/// A source as a network reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SourceIds {
    /// Source symbols, end mark included where the model has one.
    pub symbols: Vec<u32>,
    /// Features, where they have an encoder of their own.
    pub features: Option<Vec<u32>>,
    /// For a model that copies: the id of each source symbol in the target's vocabulary, or
    /// [`NOT_COPIED`]; as many as there are symbols.
    pub copy_ids: Option<Vec<i32>>,
}

/// Marks a source symbol that the target's vocabulary lacks, in [`SourceIds::copy_ids`].
pub const NOT_COPIED: i32 = -1;

impl SourceIds {
    /// Source symbols.
    pub fn len(&self) -> usize {
        self.symbols.len()
    }

    /// Whether there are no source symbols.
    pub fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }

    /// The positions from which a target symbol can be copied.
    pub fn copied_from(&self, symbol: u32) -> impl Iterator<Item = usize> {
        let ids = self.copy_ids.iter().flatten().enumerate();
        ids.filter(move |&(_, &id)| id == symbol as i32)
            .map(|(position, _)| position)
    }
}

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
    /// Spelling that every text is brought into first.
    #[serde(default)]
    pub normalization: Normalization,
    /// Form that answers are given in, where it is another: that of the training targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_form: Option<Normalization>,
    /// Whether sources are read in small letters.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lower_case: bool,
    /// Whether target symbols lose the digits at their ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strip_stress: bool,
    /// How target symbols of files are written, where it is another way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol_map: Option<SymbolMap>,
    /// Width that a source is filled up to with blanks; 0 for none.
    pub source_width: usize,
    /// Where the source stands in that width.
    pub source_align: Align,
    /// Whether the source is fed backwards.
    pub reverse_source: bool,
    /// Whether the end mark closes the source, too.
    pub source_end_mark: bool,
    /// How features are read, for a model that has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Features>,
    /// Whether the model copies source symbols.
    #[serde(default)]
    pub copy: bool,
}

/// A source text as ids, and what the vocabulary did not know in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncodedSource {
    /// What the network reads.
    pub ids: SourceIds,
    /// All symbols, in the order in which they were written.
    pub symbols: Vec<String>,
    /// The unseen symbols, in order; positions are those in the text as it was written.
    pub unknown: Vec<UnknownSymbol>,
    /// The unseen features, in order.
    pub unknown_features: Vec<String>,
    /// Whether there are no features, although the model reads some.
    pub lacks_features: bool,
}

impl Codec {
    /// Symbols of each vocabulary.
    pub fn sizes(&self) -> VocabularySizes {
        let features = self.features.as_ref();
        let among_symbols = |features: &&Features| features.among_symbols;
        let count = |features: &Features| features.vocabulary.len();
        VocabularySizes {
            source: (self.source.vocabulary.len())
                .saturating_add(features.filter(among_symbols).map_or(0, count)),
            features: features.filter(|f| !f.among_symbols).map_or(0, count),
            target: self.target.vocabulary.len(),
        }
    }

    /// Symbols of a source, in the order in which they were written.
    pub fn source_symbols(&self, text: &str) -> Vec<String> {
        let text = self.source_text(text);
        let symbols = self.source.tokenization.split(&text);
        let blanks = vec![" ".to_owned(); self.source_width.saturating_sub(symbols.len())];
        let symbols = symbols.into_iter().map(str::to_owned);
        match self.source_align {
            Align::Right => blanks.into_iter().chain(symbols).collect(),
            Align::Left => symbols.chain(blanks).collect(),
        }
    }

    /// A source in the model's case and spelling.
    pub fn source_text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let is_lower = |text: &str| {
            let capital = |byte: u8| byte.is_ascii_uppercase() || !byte.is_ascii();
            !text.bytes().any(capital)
        };
        if !self.lower_case || is_lower(text) {
            return self.normalization.apply(text);
        }
        Cow::Owned(self.normalization.apply(&text.to_lowercase()).into_owned())
    }

    /// A target in the model's spelling.
    pub fn target_text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.strip_stress {
            false => self.normalization.apply(text),
            true => match without_stress(text) {
                Cow::Borrowed(text) => self.normalization.apply(text),
                Cow::Owned(text) => Cow::Owned(self.normalization.apply(&text).into_owned()),
            },
        }
    }

    /// A target of a file as the model would write it: a pronunciation in the notation of the training
    /// file becomes one in that of the model's answers.
    pub fn target_of_file(&self, text: &str) -> String {
        let text = match self.strip_stress {
            true => without_stress(text),
            false => Cow::Borrowed(text),
        };
        match &self.symbol_map {
            Some(map) => self.target_text(&map.apply(&text).0).into_owned(),
            None => self.target_text(&text).into_owned(),
        }
    }

    /// A source, with its features where the model has them, as the network reads it.
    ///
    /// Features that are symbols of the source come first; their ids follow those of the source's
    /// vocabulary.
    pub fn encode_source(&self, text: &str, features: Option<&str>) -> EncodedSource {
        let symbols = self.source_symbols(text);
        let Encoded { mut ids, unknown } = self.source.vocabulary.encode(&symbols);
        let mut copy_ids = self.copy.then(|| self.copy_ids(&symbols));
        if self.reverse_source {
            ids.reverse();
            copy_ids.iter_mut().for_each(|copy_ids| copy_ids.reverse());
        }
        if self.source_end_mark {
            ids.extend(self.source.vocabulary.end());
        }
        let (mut feature_ids, mut unknown_features, mut lacks_features) = (None, Vec::new(), false);
        if let Some(reader) = &self.features {
            let encoded = reader.encode(&self.normalization.apply(features.unwrap_or("")));
            lacks_features = encoded.ids.is_empty() && !reader.optional;
            unknown_features.extend(encoded.unknown.into_iter().map(|feature| feature.symbol));
            if reader.among_symbols {
                let first = self.source.vocabulary.len() as u32;
                let features = encoded.ids.iter().map(|id| first.saturating_add(*id));
                ids.splice(0..0, features);
                if let Some(copy_ids) = &mut copy_ids {
                    copy_ids.splice(0..0, encoded.ids.iter().map(|_| NOT_COPIED));
                }
            } else {
                feature_ids = Some(encoded.ids);
            }
        }
        if let Some(copy_ids) = &mut copy_ids {
            copy_ids.resize(ids.len(), NOT_COPIED);
        }
        EncodedSource {
            ids: SourceIds {
                symbols: ids,
                features: feature_ids,
                copy_ids,
            },
            symbols,
            unknown,
            unknown_features,
            lacks_features,
        }
    }

    /// The end of a source that is nothing but known features, after a blank where a tab should be.
    pub fn features_after_blank<'a>(&self, source: &'a str) -> Option<&'a str> {
        let (before, last) = source.trim_end_matches(' ').rsplit_once(' ')?;
        let known = self.features.as_ref()?.knows_all(last);
        (known && !before.trim_matches(' ').is_empty()).then_some(last)
    }

    /// For each position that the encoder reads, the place of its symbol among the source's symbols;
    /// none for the end mark, and for features that are read as symbols.
    pub fn source_positions(&self, source: &EncodedSource) -> Vec<Option<usize>> {
        let vocabulary = &self.source.vocabulary;
        // A symbol that has no id, nor an unknown id in its place, is not read.
        let read = |symbol: &String| vocabulary.id(symbol).or(vocabulary.unknown()).is_some();
        let mut positions: Vec<Option<usize>> = (source.symbols.iter().enumerate())
            .filter(|(_, symbol)| read(symbol))
            .map(|(place, _)| Some(place))
            .collect();
        if self.reverse_source {
            positions.reverse();
        }
        if self.source_end_mark && vocabulary.end().is_some() {
            positions.push(None);
        }
        // Features that are symbols of the source come first.
        let features = source.ids.len().saturating_sub(positions.len());
        vec![None; features].into_iter().chain(positions).collect()
    }

    /// The symbol that an id of an encoded source stands for, a feature among them included.
    pub fn source_symbol(&self, id: u32) -> Option<&str> {
        let symbols = &self.source.vocabulary;
        symbols.symbol(id).or_else(|| {
            let features = self.features.as_ref().filter(|f| f.among_symbols)?;
            features
                .vocabulary
                .symbol(id.checked_sub(symbols.len() as u32)?)
        })
    }

    /// The id of each source symbol that has a place among the ids, in the target's vocabulary. One
    /// that both vocabularies lack is copied as an unknown one.
    fn copy_ids(&self, symbols: &[String]) -> Vec<i32> {
        let has_id = |symbol: &&String| {
            let source = &self.source.vocabulary;
            source.unknown().is_some() || source.id(symbol).is_some()
        };
        let target = |symbol: &String| {
            let unseen = self.source.vocabulary.id(symbol).is_none();
            let unknown = self.target.vocabulary.unknown().filter(|_| unseen);
            self.target.vocabulary.id(symbol).or(unknown)
        };
        symbols
            .iter()
            .filter(has_id)
            .map(|symbol| target(symbol).map_or(NOT_COPIED, |id| id as i32))
            .collect()
    }

    /// Whether any symbol of the source's vocabulary can be copied.
    pub fn can_copy(&self) -> bool {
        let (source, target) = (&self.source.vocabulary, &self.target.vocabulary);
        (0..source.len() as u32)
            .filter_map(|id| source.symbol(id))
            .any(|symbol| source.id(symbol).is_some() && target.id(symbol).is_some())
    }

    /// A target, closed by the end mark if targets have one.
    pub fn encode_target(&self, text: &str) -> Encoded {
        let text = self.target_text(text);
        let symbols = self.target.tokenization.split(&text);
        let mut encoded = self.target.vocabulary.encode(&symbols);
        encoded.ids.extend(self.target.vocabulary.end());
        encoded
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

    /// Symbols of a target, in the order in which they are written.
    pub fn split_target(&self, text: &str) -> Vec<String> {
        let text = self.target_text(text);
        let symbols = self.target.tokenization.split(&text);
        symbols.into_iter().map(str::to_owned).collect()
    }

    /// Text of a decoded target.
    pub fn decode_target(&self, ids: &[u32]) -> String {
        self.answer(&self.target_symbols(ids))
    }

    /// Target symbols as an answer's text.
    pub fn answer<S: AsRef<str>>(&self, symbols: &[S]) -> String {
        self.in_answer_form(&self.target.tokenization.join(symbols))
    }

    /// A text as answers are spelled, so that it can be compared with them.
    pub fn in_answer_form(&self, text: &str) -> String {
        let text = self.target_text(text);
        let form = self.answer_form.unwrap_or(Normalization::None);
        form.apply(&text).into_owned()
    }
}
