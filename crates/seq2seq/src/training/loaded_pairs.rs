//! The pairs that a recipe names: read from files, generated, or handed over in memory.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use seq2seq_runtime::settings::CaseChoice;

use super::task::TaskError;
use crate::Model;
use crate::config::{AdditionSettings, Recipe, TextSettings};
use crate::data::{
    DataError, DataNote, Pair, PairFile, ReadOptions, SkippedLines, StrayBlanks, read_pairs,
    read_symbols,
};
use crate::text::{Normalization, SymbolMap, without_stress};

/// The pairs of a recipe before they are split and encoded.
#[derive(Clone, Debug, Default)]
pub struct LoadedPairs {
    /// Where the training pairs come from.
    pub origin: String,
    /// Training pairs, of which validation pairs may still be split off.
    pub train: Vec<Pair>,
    /// Validation pairs, if they come from a file of their own.
    pub dev: Option<Vec<Pair>>,
    /// Pairs for the final evaluation; may be empty.
    pub test: Vec<Pair>,
    /// Pairs that the model to go on from knows, of which some are mixed in; may be empty.
    pub replay: Vec<Pair>,
    /// Lines that were passed over.
    pub skipped: SkippedLines,
    /// What there is to say about the files.
    pub notes: Vec<DataNote>,
    /// The table of target symbols by which the files were read.
    pub symbol_map: Option<Arc<SymbolMap>>,
    /// Sources with blanks that would separate no symbols.
    pub source_blanks: StrayBlanks,
    /// Targets with such blanks.
    pub target_blanks: StrayBlanks,
}

impl LoadedPairs {
    /// Reads or generates the pairs that a recipe names.
    ///
    /// # Errors
    /// If it names none, a file cannot be used, or the generator refuses.
    pub fn load(recipe: &Recipe) -> Result<Self, TaskError> {
        match (&recipe.data.addition, &recipe.data.train) {
            (Some(addition), _) => generated(addition, recipe.training.seed),
            (None, Some(path)) => from_file(recipe, path),
            (None, None) => Err(TaskError::NoData),
        }
    }

    /// Training pairs in memory.
    pub fn from_memory(pairs: impl IntoIterator<Item = impl Into<Pair>>) -> Self {
        Self {
            origin: "memory".into(),
            train: pairs.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    fn look_for_stray_blanks(&mut self, file: &PairFile) {
        for (pair, &line) in file.pairs.iter().zip(&file.line_numbers) {
            self.source_blanks.add(&pair.source, &file.name, line);
            self.target_blanks.add(&pair.target, &file.name, line);
        }
    }

    /// All pairs with every text in one spelling, and as the settings of texts ask for.
    #[must_use]
    pub fn normalized(mut self, normalization: Normalization, text: &TextSettings) -> Self {
        let dev = self.dev.iter_mut().flatten();
        let held_out = dev.chain(&mut self.test);
        for pair in self
            .train
            .iter_mut()
            .chain(&mut self.replay)
            .chain(held_out)
        {
            if text.case == CaseChoice::Lower {
                pair.source = pair.source.to_lowercase();
            }
            if text.strip_stress {
                pair.target = without_stress(&pair.target).into_owned();
            }
            *pair = pair.normalized(normalization);
        }
        self
    }
}

/// Seeds of test questions are far from those of training questions.
const TEST_SEED: u64 = 1 << 32;

fn generated(addition: &AdditionSettings, seed: u64) -> Result<LoadedPairs, TaskError> {
    let train = addition.generator(seed).generate()?;
    let test = if addition.test_count == 0 {
        Vec::new()
    } else {
        let mut generator = addition.generator(seed.wrapping_add(TEST_SEED));
        generator.count = addition.test_count;
        let taken = if addition.unique {
            train.iter().map(|pair| pair.source.clone()).collect()
        } else {
            HashSet::new()
        };
        generator.generate_excluding(&taken)?
    };
    let origin = format!(
        "generated addition of {} terms of up to {} digits",
        addition.terms, addition.digits
    );
    Ok(LoadedPairs {
        origin,
        train,
        test,
        ..LoadedPairs::default()
    })
}

fn from_file(recipe: &Recipe, path: &Path) -> Result<LoadedPairs, TaskError> {
    let mut options = read_options(recipe);
    options.symbol_map = symbol_map(recipe)?.map(Arc::new);
    let symbol_map = options.symbol_map.clone();
    let mut loaded = LoadedPairs {
        origin: path.display().to_string(),
        ..LoadedPairs::default()
    };
    let mut read = |path: &Path| {
        let file = read_pairs(path, &options)?;
        loaded.look_for_stray_blanks(&file);
        loaded.skipped.extend(file.skipped);
        loaded.notes.extend(file.notes);
        Ok::<_, DataError>(file.pairs)
    };
    let train = read(path)?;
    let dev = recipe.data.dev.as_deref().map(&mut read).transpose()?;
    let test = recipe.data.test.as_deref().map(&mut read).transpose()?;
    let replay = recipe.data.replay.as_deref().map(&mut read).transpose()?;
    Ok(LoadedPairs {
        train,
        dev,
        test: test.unwrap_or_default(),
        replay: replay.unwrap_or_default(),
        symbol_map,
        ..loaded
    })
}

/// The table of target symbols: the recipe's, or that of the model to go on from.
fn symbol_map(recipe: &Recipe) -> Result<Option<SymbolMap>, TaskError> {
    match (&recipe.data.symbols, &recipe.training.from) {
        (Some(path), _) => Ok(Some(read_symbols(path)?)),
        (None, Some(model)) => Ok(Model::load(model)?.codec().symbol_map.clone()),
        (None, None) => Ok(None),
    }
}

/// How the files of a recipe are read.
pub fn read_options(recipe: &Recipe) -> ReadOptions {
    ReadOptions {
        format: recipe.data.format,
        keys: recipe.data.keys.clone(),
        source_column: recipe.data.source_column,
        more_source_columns: recipe.data.more_source_columns.clone(),
        target_column: recipe.data.target_column,
        features_column: recipe.data.features_column,
        header: recipe.data.header,
        on_bad_line: recipe.data.on_bad_line,
        symbol_map: None,
        strip_stress: recipe.text.strip_stress,
    }
}
