//! The codec of a model, from the pairs that it is trained on.

use seq2seq_runtime::settings::{CaseChoice, DecoderInput, FeatureUse, Protocol, VocabularyChoice};
use seq2seq_runtime::text::{Codec, Features, Side, Specials, Tokenization, Vocabulary};

use super::Example;
use crate::config::Recipe;
use crate::data::Pair;

/// What a codec does with pairs.
pub trait PairCodec: Sized {
    /// The codec for a recipe: tokenizations as given, vocabularies from the training pairs, whose
    /// texts are normalized already.
    fn build(recipe: &Recipe, pairs: &[Pair], source: Tokenization, target: Tokenization) -> Self;

    /// The same with the symbols of more training pairs, whose texts are normalized already. Ids
    /// keep their meaning, but for features among the source's symbols: these follow the new ones.
    #[must_use]
    fn extended(&self, pairs: &[Pair]) -> Self;

    /// The pairs with every text in the codec's spelling, so that texts can be compared.
    fn normalize(&self, pairs: &[Pair]) -> Vec<Pair>;

    /// A pair, unknown symbols treated as the vocabularies say.
    fn encode(&self, pair: &Pair) -> Example;
}

impl PairCodec for Codec {
    fn build(recipe: &Recipe, pairs: &[Pair], source: Tokenization, target: Tokenization) -> Self {
        let text = &recipe.text;
        let (source_vocabulary, target_vocabulary) = vocabularies(recipe, pairs, source, target);
        Self {
            source: Side {
                tokenization: source,
                vocabulary: source_vocabulary,
            },
            target: Side {
                tokenization: target,
                vocabulary: target_vocabulary,
            },
            normalization: text.normalization.fixed().unwrap_or_default(),
            answer_form: None,
            lower_case: text.case == CaseChoice::Lower,
            strip_stress: text.strip_stress,
            symbol_map: None,
            source_width: text.source_width,
            source_align: text.source_align,
            reverse_source: text.reverse_source,
            source_end_mark: text.source_end_mark,
            features: features(recipe, pairs),
            copy: recipe.model.copy,
        }
    }

    fn extended(&self, pairs: &[Pair]) -> Self {
        let (source, target) = (&self.source, &self.target);
        let sources = pairs
            .iter()
            .flat_map(|pair| source.tokenization.split(&pair.source));
        let targets = pairs
            .iter()
            .flat_map(|pair| target.tokenization.split(&pair.target));
        let mut extended = self.clone();
        if source.vocabulary == target.vocabulary {
            let shared = source.vocabulary.extended(sources.chain(targets));
            extended.source.vocabulary = shared.clone();
            extended.target.vocabulary = shared;
        } else {
            extended.source.vocabulary = source.vocabulary.extended(sources);
            extended.target.vocabulary = target.vocabulary.extended(targets);
        }
        if let Some(features) = &mut extended.features {
            let texts = pairs.iter().filter_map(|pair| pair.features.as_deref());
            let symbols: Vec<&str> = texts.flat_map(|text| features.split(text)).collect();
            features.vocabulary = features.vocabulary.extended(symbols);
        }
        extended
    }

    fn normalize(&self, pairs: &[Pair]) -> Vec<Pair> {
        let of_pair = |pair: &Pair| Pair {
            source: self.source_text(&pair.source).into_owned(),
            target: self.target_text(&pair.target).into_owned(),
            ..pair.normalized(self.normalization)
        };
        pairs.iter().map(of_pair).collect()
    }

    fn encode(&self, pair: &Pair) -> Example {
        Example {
            source: self
                .encode_source(&pair.source, pair.features.as_deref())
                .ids,
            target: self.encode_target(&pair.target).ids,
        }
    }
}

/// The features of training pairs, if the recipe makes use of them.
fn features(recipe: &Recipe, pairs: &[Pair]) -> Option<Features> {
    let among_symbols = match recipe.feature_use() {
        FeatureUse::Auto | FeatureUse::None => return None,
        FeatureUse::Symbols => true,
        FeatureUse::Encoder => false,
    };
    let separator = recipe.text.feature_separator.clone();
    let marks = Specials {
        unknown: true,
        ..Specials::default()
    };
    let texts = pairs.iter().filter_map(|pair| pair.features.as_deref());
    let symbols = texts.flat_map(|text| Features::parts(text, &separator));
    let has_some = |pair: &Pair| {
        let features = pair.features.as_deref().unwrap_or_default();
        Features::parts(features, &separator).next().is_some()
    };
    let optional = !pairs.iter().all(has_some);
    Some(Features {
        vocabulary: Vocabulary::build(symbols, marks),
        separator,
        among_symbols,
        optional,
    })
}

/// The vocabularies of source and target.
fn vocabularies(
    recipe: &Recipe,
    pairs: &[Pair],
    source: Tokenization,
    target: Tokenization,
) -> (Vocabulary, Vocabulary) {
    if recipe.text.vocabulary == VocabularyChoice::Notebook {
        return (Vocabulary::notebook(), Vocabulary::notebook());
    }
    let model = &recipe.model;
    let source_marks = Specials {
        begin: false,
        end: recipe.text.source_end_mark,
        unknown: true,
    };
    let target_marks = Specials {
        begin: model.protocol == Protocol::BeginOfSequence
            && model.decoder_input != DecoderInput::EncoderOutput,
        end: recipe.text.target_end_mark,
        // Stands for source symbols that were never seen and can only be copied.
        unknown: model.copy,
    };
    // The blanks that fill a source up to its width are symbols, whether the pairs have any or not.
    let blank = (recipe.text.source_width > 0).then_some(" ");
    let source_symbols = pairs
        .iter()
        .flat_map(|pair| source.split(&pair.source))
        .chain(blank);
    let target_symbols = pairs.iter().flat_map(|pair| target.split(&pair.target));
    if recipe.text.shared_vocabulary {
        let marks = Specials {
            unknown: true,
            ..target_marks
        };
        let shared = Vocabulary::build(source_symbols.chain(target_symbols), marks);
        return (shared.clone(), shared);
    }
    (
        Vocabulary::build(source_symbols, source_marks),
        Vocabulary::build(target_symbols, target_marks),
    )
}
