//! Where the errors are: by length, by symbol, and which symbols are taken for which.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Edit, edit_alignment, edit_distance, nearest_reference};

/// Answers whose references have the same length.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ByLength {
    /// Symbols of the reference.
    pub length: usize,
    /// Questions with such a reference.
    pub questions: usize,
    /// Those answered exactly.
    pub correct: usize,
    /// Edits over all of them.
    pub edits: usize,
}

/// How often a symbol of the references is missed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BySymbol {
    /// The symbol.
    pub symbol: String,
    /// How often references have it.
    pub count: usize,
    /// How often it was written where it was wanted.
    pub correct: usize,
    /// How often it was written where it was not wanted.
    pub inserted: usize,
}

/// Answers to questions with a feature.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ByFeature {
    /// The feature.
    pub feature: String,
    /// Questions with it.
    pub questions: usize,
    /// Those answered exactly.
    pub correct: usize,
    /// Edits over all of them.
    pub edits: usize,
}

/// A symbol that was taken for another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Confusion {
    /// What was wanted; nothing for an insertion.
    pub wanted: Option<String>,
    /// What was written; nothing for a deletion.
    pub written: Option<String>,
    /// How often.
    pub count: usize,
}

/// All of these, over a set of answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Breakdown {
    /// By length of the nearest reference, shortest first.
    pub by_length: Vec<ByLength>,
    /// By symbol, those with the most errors first.
    pub by_symbol: Vec<BySymbol>,
    /// Most frequent first.
    pub confusions: Vec<Confusion>,
    /// By feature of the question, those with the most wrong answers first; empty without features.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_feature: Vec<ByFeature>,
}

impl Breakdown {
    /// Breaks answers down, each compared with its nearest reference; a question without any
    /// reference counts for nothing. Answers that are not finished are left out of the confusions: one that
    /// runs on repeats the same symbols a hundred times.
    pub fn of(answers: &[Vec<String>], references: &[Vec<Vec<String>>], finished: &[bool]) -> Self {
        let mut lengths: BTreeMap<usize, ByLength> = BTreeMap::new();
        let mut symbols: BTreeMap<&str, BySymbol> = BTreeMap::new();
        let mut confusions: BTreeMap<(Option<&str>, Option<&str>), usize> = BTreeMap::new();
        for ((answer, references), &finished) in answers.iter().zip(references).zip(finished) {
            let Some(reference) = nearest_reference(answer, references) else {
                continue;
            };
            let wanted: Vec<&str> = reference.iter().map(String::as_str).collect();
            let written: Vec<&str> = answer.iter().map(String::as_str).collect();
            let edits = edit_alignment(&wanted, &written);
            let errors = edits.iter().filter(|edit| !edit.is_match()).count();
            let length = lengths.entry(wanted.len()).or_insert(ByLength {
                length: wanted.len(),
                questions: 0,
                correct: 0,
                edits: 0,
            });
            length.questions += 1;
            length.correct += usize::from(errors == 0);
            length.edits += errors;
            for edit in edits {
                let (wanted, written) = match edit {
                    Edit::Match(symbol) => (Some(symbol), Some(symbol)),
                    Edit::Substitute(wanted, written) => (Some(wanted), Some(written)),
                    Edit::Delete(wanted) => (Some(wanted), None),
                    Edit::Insert(written) => (None, Some(written)),
                };
                count_symbol(&mut symbols, wanted, written);
                if finished && wanted != written {
                    *confusions.entry((wanted, written)).or_default() += 1;
                }
            }
        }
        Self {
            by_length: lengths.into_values().collect(),
            by_symbol: worst_first(symbols),
            confusions: most_frequent_first(confusions),
            by_feature: Vec::new(),
        }
    }

    /// The same with the features of each question. A question counts for each of its features.
    #[must_use]
    pub fn with_features(
        self,
        answers: &[Vec<String>],
        references: &[Vec<Vec<String>>],
        features: &[Vec<&str>],
    ) -> Self {
        let mut groups: BTreeMap<&str, ByFeature> = BTreeMap::new();
        let questions = answers.iter().zip(references).zip(features);
        for ((answer, references), features) in
            questions.filter(|(_, features)| !features.is_empty())
        {
            let Some(reference) = nearest_reference(answer, references) else {
                continue;
            };
            let edits = edit_distance(answer, reference);
            let different: BTreeSet<&str> = features.iter().copied().collect();
            for feature in different {
                let group = groups.entry(feature).or_insert_with(|| ByFeature {
                    feature: feature.to_owned(),
                    questions: 0,
                    correct: 0,
                    edits: 0,
                });
                group.questions += 1;
                group.correct += usize::from(edits == 0);
                group.edits += edits;
            }
        }
        let mut by_feature: Vec<ByFeature> = groups.into_values().collect();
        by_feature.sort_by_key(|group| std::cmp::Reverse(group.questions - group.correct));
        Self { by_feature, ..self }
    }
}

fn count_symbol<'a>(
    symbols: &mut BTreeMap<&'a str, BySymbol>,
    wanted: Option<&'a str>,
    written: Option<&'a str>,
) {
    let mut entry = |symbol: &'a str, change: &dyn Fn(&mut BySymbol)| {
        change(symbols.entry(symbol).or_insert_with(|| BySymbol {
            symbol: symbol.to_owned(),
            count: 0,
            correct: 0,
            inserted: 0,
        }));
    };
    if let Some(wanted) = wanted {
        entry(wanted, &|symbol| {
            symbol.count += 1;
            symbol.correct += usize::from(Some(wanted) == written);
        });
    }
    if let Some(written) = written.filter(|_| wanted != written) {
        entry(written, &|symbol| symbol.inserted += 1);
    }
}

fn worst_first(symbols: BTreeMap<&str, BySymbol>) -> Vec<BySymbol> {
    let mut symbols: Vec<BySymbol> = symbols.into_values().collect();
    let errors = |symbol: &BySymbol| symbol.count - symbol.correct + symbol.inserted;
    symbols.sort_by_key(|symbol| std::cmp::Reverse(errors(symbol)));
    symbols
}

fn most_frequent_first(
    confusions: BTreeMap<(Option<&str>, Option<&str>), usize>,
) -> Vec<Confusion> {
    let confusion = |((wanted, written), count): ((Option<&str>, Option<&str>), usize)| Confusion {
        wanted: wanted.map(str::to_owned),
        written: written.map(str::to_owned),
        count,
    };
    let mut confusions: Vec<Confusion> = confusions.into_iter().map(confusion).collect();
    confusions.sort_by_key(|confusion| std::cmp::Reverse(confusion.count));
    confusions
}
