//! What pairs have that a model does not know.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::data::Pair;
use crate::text::{Case, Codec, quoted};

/// Symbols and features that a model does not know, and how often they come.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct UnknownSymbols {
    /// In sources.
    pub source: BTreeMap<String, usize>,
    /// In targets.
    pub target: BTreeMap<String, usize>,
    /// Features.
    pub features: BTreeMap<String, usize>,
    /// Pairs without features, for a model whose training pairs all had some.
    pub without_features: usize,
    /// The case in which the model knows all unknown source symbols that have one, if there is one.
    #[serde(skip)]
    pub source_case: Option<Case>,
}

impl UnknownSymbols {
    /// Looks for them in pairs.
    pub fn of(codec: &Codec, pairs: &[Pair]) -> Self {
        let mut found = Self::default();
        for pair in pairs {
            let source = codec.encode_source(&pair.source, pair.features.as_deref());
            for unknown in source.unknown {
                *found.source.entry(unknown.symbol).or_default() += 1;
            }
            for feature in source.unknown_features {
                *found.features.entry(feature).or_default() += 1;
            }
            found.without_features += usize::from(source.lacks_features);
            for unknown in codec.encode_target(&pair.target).unknown {
                *found.target.entry(unknown.symbol).or_default() += 1;
            }
        }
        let vocabulary = &codec.source.vocabulary;
        let mut cases = found.source.keys().filter_map(|s| vocabulary.other_case(s));
        let first = cases.next();
        found.source_case = first.filter(|first| cases.all(|case| case == *first));
        found
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.source.is_empty()
            && self.target.is_empty()
            && self.features.is_empty()
            && self.without_features == 0
    }

    /// What there is to say about them; `of` names the pairs.
    pub fn warnings(&self, of: &str) -> Vec<String> {
        let kinds = [
            ("source symbols", &self.source),
            ("target symbols", &self.target),
            ("features", &self.features),
        ];
        let kinds = kinds.into_iter().filter(|(_, symbols)| !symbols.is_empty());
        let mut warnings: Vec<String> = kinds
            .map(|(kind, symbols)| {
                let listed = listed(symbols);
                format!("the {kind} of {of} that training has not seen: {listed}")
            })
            .collect();
        warnings.extend(self.source_case.map(|case| {
            format!(
                "training has seen letters of those source symbols in {case}: give sources in {case}"
            )
        }));
        if self.without_features > 0 {
            let pairs = match self.without_features {
                1 => "1 pair".to_owned(),
                count => format!("{count} pairs"),
            };
            warnings.push(format!(
                "{pairs} of {of} without features, which all training pairs had: give their column with \
                 --features-column"
            ));
        }
        warnings
    }
}

/// Most symbols that a message lists.
const LISTED: usize = 20;

fn listed(symbols: &BTreeMap<String, usize>) -> String {
    let named = symbols
        .iter()
        .take(LISTED)
        .map(|(symbol, times)| format!("{} ({times} x)", quoted(symbol)));
    let mut list = named.collect::<Vec<_>>().join(", ");
    if symbols.len() > LISTED {
        list += &format!(" and {} more", symbols.len().saturating_sub(LISTED));
    }
    list
}
