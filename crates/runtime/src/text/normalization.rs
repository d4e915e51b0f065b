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
    /// The form that texts are written in, [`Nfc`](Self::Nfc) or [`Nfd`](Self::Nfd): that of most
    /// texts in which the two differ. None if they differ nowhere, or most texts mix them.
    pub fn of_texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let (mut composed, mut apart, mut mixed) = (0_usize, 0_usize, 0_usize);
        for text in texts.into_iter().filter(|text| !text.is_ascii()) {
            let in_form = |form: Self| matches!(form.apply(text), Cow::Borrowed(_));
            let count = match (in_form(Self::Nfc), in_form(Self::Nfd)) {
                (true, true) => continue,
                (true, false) => &mut composed,
                (false, true) => &mut apart,
                (false, false) => &mut mixed,
            };
            *count = count.saturating_add(1);
        }
        match (composed, apart) {
            (0, 0) => None,
            _ if composed.max(apart) <= mixed => None,
            _ if composed >= apart => Some(Self::Nfc),
            _ => Some(Self::Nfd),
        }
    }

    /// Whether texts brought into this form need no change to be in the other one: they have it, or
    /// are left as they are.
    pub fn is_in(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::None, _) | (Self::Nfkc | Self::Nfc, Self::Nfc) | (Self::Nfd, Self::Nfd)
        )
    }

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
        let normal: String = match self {
            Self::None => return Cow::Borrowed(text),
            Self::Nfc => text.nfc().collect(),
            Self::Nfd => text.nfd().collect(),
            Self::Nfkc => text.nfkc().collect(),
        };
        match normal == text {
            true => Cow::Borrowed(text),
            false => Cow::Owned(normal),
        }
    }
}
