//! One spelling for texts that look the same.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use unicode_normalization::{IsNormalized, UnicodeNormalization};

/// Which of Unicode's normalization forms (Unicode Standard Annex 15) texts are brought into before
/// they become symbols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalization {
    /// None: texts stay as they are.
    None,
    /// Letters and accents put together where Unicode has such a letter.
    #[default]
    Nfc,
    /// Letters and accents taken apart.
    Nfd,
    /// As NFC, and variants such as ligatures and full-width letters become plain letters.
    Nfkc,
}

impl Normalization {
    /// The text in this form; borrowed if it is in it already.
    pub fn apply(self, text: &str) -> Cow<'_, str> {
        // What is ASCII alone is in every form.
        if self == Self::None || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let quick = match self {
            Self::None => IsNormalized::Yes,
            Self::Nfc => unicode_normalization::is_nfc_quick(text.chars()),
            Self::Nfd => unicode_normalization::is_nfd_quick(text.chars()),
            Self::Nfkc => unicode_normalization::is_nfkc_quick(text.chars()),
        };
        if quick == IsNormalized::Yes {
            return Cow::Borrowed(text);
        }
        Cow::Owned(match self {
            Self::None => text.to_owned(),
            Self::Nfc => text.nfc().collect(),
            Self::Nfd => text.nfd().collect(),
            Self::Nfkc => text.nfkc().collect(),
        })
    }
}
