//! Where pairs come from.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::data::{Addition, Draw, Format, OnBadLine, SplitMethod};
use crate::text::Align;

/// `[data]`: where the pairs come from and how they are split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataSettings {
    /// Tab-separated training pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<PathBuf>,
    /// Pairs for validation; without it, `validation` splits them off the training pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dev: Option<PathBuf>,
    /// Pairs that the final model is evaluated on once training is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// Pairs that the model of `training.from` knows, some of which are mixed in so that it does not forget
    /// them (rehearsal). Those whose source is among the training pairs are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<PathBuf>,
    /// Generated addition problems instead of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addition: Option<AdditionSettings>,
    /// Format of the files: `auto` (told from each file), `table` (told
    /// from each file, but for lexicons), `tsv`, `tsv-quoted`, `csv`, `semicolons`, `pipes`,
    /// `json`, or that of a lexicon, `cmu`, `kaldi`, `kaldi-probabilities`, `mfa`, `mfa-probabilities`,
    /// `sherpa`, `phonetisaurus`, `sequitur`, `openutau`.
    pub format: Format,
    /// Names of source, target and features, such as `["word", "phones"]`: keys of JSON lines, or what the
    /// first line of a table calls its columns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Column of the source, counted from 1.
    pub source_column: usize,
    /// More columns of the source, such as `[3, 4]`; the source is then all of them in this order,
    /// with a separator symbol between them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_source_columns: Vec<usize>,
    /// Column of the target, counted from 1.
    pub target_column: usize,
    /// Column of features such as `V;PST;3;SG`, counted from 1; none if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features_column: Option<usize>,
    /// Whether the first line names the columns and is to be passed over.
    pub header: bool,
    /// Table of target symbols: a file with a symbol a line, or a symbol, a tab and what the model writes
    /// for it; or `arpabet-ipa`, `arpabet-xsampa`. Symbols that it lacks are an error. The model keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbols: Option<PathBuf>,
    /// What to do about a line that cannot be used: `fail`, `skip` it, or `report` (skip, show every
    /// one, and list them in the run's `skipped_lines.tsv`).
    pub on_bad_line: OnBadLine,
    /// Share of the training pairs that is split off for validation; 0 for none.
    pub validation: f64,
    /// Which pairs those are: the `last` ones in file order, as Keras takes them, or `random` ones. With
    /// `training` none are split off, and validation asks the training pairs themselves: for a handful of
    /// pairs that must all be learned.
    pub validation_split: SplitMethod,
    /// Keep all pairs of one source on the same side of the split.
    pub keep_sources_apart: bool,
}

impl Default for DataSettings {
    fn default() -> Self {
        Self {
            train: None,
            dev: None,
            test: None,
            replay: None,
            addition: None,
            format: Format::Auto,
            keys: Vec::new(),
            source_column: 1,
            more_source_columns: Vec::new(),
            target_column: 2,
            features_column: None,
            header: false,
            symbols: None,
            on_bad_line: OnBadLine::Fail,
            validation: 0.1,
            validation_split: SplitMethod::Random,
            keep_sources_apart: true,
        }
    }
}

/// `[data.addition]`: the notebook's generator as a data source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdditionSettings {
    /// Numbers to add, at least 2.
    pub terms: usize,
    /// Most digits of each number.
    pub digits: usize,
    /// Training questions.
    pub count: usize,
    /// Fresh questions for the final evaluation; 0 for none.
    pub test_count: usize,
    /// Write the padded question backwards.
    pub reverse: bool,
    /// No question twice (the order of the terms aside), and none shared with the test questions.
    pub unique: bool,
    /// How a number is drawn: `uniform`, or `digit-length` (number of digits first, as the Keras
    /// addition example does).
    pub draw: Draw,
    /// Where question and answer stand in their widths: `right`, as in the notebook, or `left`, as
    /// in the Keras addition example.
    pub align: Align,
}

impl Default for AdditionSettings {
    fn default() -> Self {
        Self {
            terms: 2,
            digits: 3,
            count: 5000,
            test_count: 1000,
            reverse: false,
            unique: false,
            draw: Draw::Uniform,
            align: Align::Right,
        }
    }
}

impl AdditionSettings {
    /// The generator for the training questions.
    pub fn generator(&self, seed: u64) -> Addition {
        Addition {
            terms: self.terms,
            digits: self.digits,
            count: self.count,
            seed,
            reverse: self.reverse,
            unique: self.unique,
            draw: self.draw,
            align: self.align,
        }
    }
}
