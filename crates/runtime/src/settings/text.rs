//! How a text becomes symbols.

use serde::{Deserialize, Serialize};

use crate::text::{Align, Normalization, Tokenization};

/// How one side's tokenization is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenizationChoice {
    /// Look at the training pairs and say what was found.
    #[default]
    Auto,
    /// One symbol a character.
    Characters,
    /// One symbol a grapheme cluster: a letter with its accents.
    Graphemes,
    /// Symbols separated by spaces.
    Spaces,
}

impl TokenizationChoice {
    /// The tokenization asked for, unless it is to be guessed.
    pub fn fixed(self) -> Option<Tokenization> {
        match self {
            Self::Auto => None,
            Self::Characters => Some(Tokenization::Characters),
            Self::Graphemes => Some(Tokenization::Graphemes),
            Self::Spaces => Some(Tokenization::Spaces),
        }
    }
}

/// How the Unicode form of texts is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormalizationChoice {
    /// NFC, or NFD where only that makes most symbols of the validation pairs known.
    #[default]
    Auto,
    /// Texts stay as they are.
    None,
    /// Letters and accents put together where Unicode has such a letter.
    Nfc,
    /// Letters and accents taken apart.
    Nfd,
    /// As NFC, and variants such as ligatures and full-width letters become plain letters.
    Nfkc,
}

impl From<Tokenization> for TokenizationChoice {
    fn from(tokenization: Tokenization) -> Self {
        match tokenization {
            Tokenization::Characters => Self::Characters,
            Tokenization::Graphemes => Self::Graphemes,
            Tokenization::Spaces => Self::Spaces,
        }
    }
}

impl NormalizationChoice {
    /// The form asked for, unless it is to be chosen by the pairs.
    pub fn fixed(self) -> Option<Normalization> {
        match self {
            Self::Auto => None,
            Self::None => Some(Normalization::None),
            Self::Nfc => Some(Normalization::Nfc),
            Self::Nfd => Some(Normalization::Nfd),
            Self::Nfkc => Some(Normalization::Nfkc),
        }
    }
}

impl From<Normalization> for NormalizationChoice {
    fn from(form: Normalization) -> Self {
        match form {
            Normalization::None => Self::None,
            Normalization::Nfc => Self::Nfc,
            Normalization::Nfd => Self::Nfd,
            Normalization::Nfkc => Self::Nfkc,
        }
    }
}

/// In which case sources are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseChoice {
    /// As they are written.
    #[default]
    Keep,
    /// In small letters.
    Lower,
}

/// Where the symbols come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VocabularyChoice {
    /// The symbols of the training pairs, each side its own, and the special symbols.
    #[default]
    FromData,
    /// The notebook's 13 symbols on both sides: ten digits, space, `+` and the end of line, which
    /// ends source and target.
    Notebook,
}

/// `[text]`: how a text becomes symbols.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TextSettings {
    /// Symbols of the source: `auto`, `characters`, `graphemes` or `spaces`.
    pub source: TokenizationChoice,
    /// Symbols of the target: `auto`, `characters`, `graphemes` or `spaces`.
    pub target: TokenizationChoice,
    /// Unicode form that every text is brought into, in training and in use: `nfc`, `none`, `nfd` or
    /// `nfkc`; `auto` is `nfd` where over 1 % of the validation symbols are seen in training in that
    /// form only (Hangul), and else `nfc`. Answers have the form of the training targets.
    pub normalization: NormalizationChoice,
    /// `keep`, or `lower` to read sources in small letters (Unicode), in training and in use.
    pub case: CaseChoice,
    /// Leave out digits at the end of target symbols, such as the stress of `AH0`.
    pub strip_stress: bool,
    /// `from-data`, or `notebook` for its 13 symbols in its order.
    pub vocabulary: VocabularyChoice,
    /// What stands between two features: `;` unless set, such as `,` or a space.
    pub feature_separator: String,
    /// Use one vocabulary for source and target.
    pub shared_vocabulary: bool,
    /// Width that every source is filled up to with blanks; 0 for none.
    pub source_width: usize,
    /// Where a source stands in that width: `right` or `left`.
    pub source_align: Align,
    /// Feed the source backwards (Sutskever et al. 2014), whatever the data.
    pub reverse_source: bool,
    /// Close the source with the end mark, too.
    pub source_end_mark: bool,
    /// Close the target with the end mark. Without it every output has the length of the training
    /// targets, which must agree (the Keras addition example).
    pub target_end_mark: bool,
}

impl Default for TextSettings {
    fn default() -> Self {
        Self {
            source: TokenizationChoice::Auto,
            target: TokenizationChoice::Auto,
            normalization: NormalizationChoice::Auto,
            case: CaseChoice::Keep,
            strip_stress: false,
            vocabulary: VocabularyChoice::FromData,
            feature_separator: ";".into(),
            shared_vocabulary: false,
            source_width: 0,
            source_align: Align::Right,
            reverse_source: false,
            source_end_mark: true,
            target_end_mark: true,
        }
    }
}
