//! The phones that the reader of a lexicon knows.

use std::collections::BTreeSet;

use seq2seq_runtime::Model;

/// The phones that the reader of a lexicon knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneList {
    phones: BTreeSet<String>,
}

/// Why a list of phones cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhoneListError {
    /// There is none.
    #[error("the list of phones is empty: give a phone a line")]
    Empty,
    /// It is that of another notation.
    #[error(
        "no phone of the list, such as {listed:?}, is one of the model's, such as {own:?}: give the \
         list in the model's notation, or a model in the notation of the list"
    )]
    NothingInCommon {
        /// A phone of the list.
        listed: String,
        /// A phone of the model.
        own: String,
    },
}

impl PhoneList {
    /// The phones of a text, the first on each line; what else stands there, such as the number in
    /// Kaldi's `phones.txt`, is passed over.
    pub fn parse(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let phones = text
            .lines()
            .filter_map(|line| line.split_whitespace().next());
        Self {
            phones: phones.map(str::to_owned).collect(),
        }
    }

    /// Holds the list against a model. What the model writes and the list lacks is given back.
    ///
    /// # Errors
    /// If they have no phone in common.
    pub fn check(&self, model: &Model) -> Result<Vec<String>, PhoneListError> {
        let vocabulary = &model.codec().target.vocabulary;
        let is_phone = |symbol: &&String| vocabulary.id(symbol).is_some();
        let own: Vec<&String> = vocabulary.symbols().iter().filter(is_phone).collect();
        let listed = self.phones.first().ok_or(PhoneListError::Empty)?;
        let lacking = own.iter().filter(|phone| !self.phones.contains(**phone));
        let lacking: Vec<String> = lacking.map(|phone| (*phone).clone()).collect();
        match own.first() {
            Some(first) if lacking.len() == own.len() => Err(PhoneListError::NothingInCommon {
                listed: listed.clone(),
                own: (*first).clone(),
            }),
            _ => Ok(lacking),
        }
    }

    /// The first of these phones that the list lacks.
    pub fn first_unknown<'a>(&self, phones: &'a [String]) -> Option<&'a str> {
        let unknown = phones.iter().find(|phone| !self.phones.contains(*phone));
        unknown.map(String::as_str)
    }
}
