//! From settings to everything that training starts from: pairs read or generated, split,
//! tokenized, encoded.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::initial_model::InitialModel;
use super::loaded_pairs::LoadedPairs;
use super::observer::FinalPairs;
use super::reading::{ChosenTokenization, Decomposed, Sides};
use super::replay::Replay;
use super::seen::seen_in_training;
use crate::ModelFileError;
use crate::config::{ConfigError, Recipe};
use crate::data::{
    AdditionError, DataError, DataNote, Pair, Question, SkippedLines, Split, SplitError,
    SplitMethod, StrayBlanks, questions, split,
};
use crate::decoding::LengthBound;
use crate::encoding::{Example, PairCodec};
use crate::evaluation::UnknownSymbols;
use crate::text::{Codec, Normalization, NumbersOfTexts, Tokenization, quoted};

/// Why training cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// Settings that cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Single settings, asked for on top of a recipe, that cannot work.
    #[error(transparent)]
    Override(ConfigError),
    /// A file of pairs that cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The generator refused.
    #[error("data.addition: {0}")]
    Addition(#[from] AdditionError),
    /// No validation set could be split off.
    #[error(
        "{0} (settings: data.validation, data.validation_split, data.keep_sources_apart; or give the validation pairs with --dev FILE)"
    )]
    Split(#[from] SplitError),
    /// Neither file nor generator.
    #[error(
        "there is nothing to train on: give a file of pairs (--train FILE, or data.train in the recipe), or the generator [data.addition]"
    )]
    NoData,
    /// The notebook's 13 symbols do not cover the data.
    #[error(
        "the data has the symbol {}, which text.vocabulary = \"notebook\" does not: use \
         text.vocabulary = \"from-data\"",
        quoted(symbol)
    )]
    NotInNotebook {
        /// The first such symbol.
        symbol: String,
    },
    /// A model that copies, but sides that have nothing in common.
    #[error(
        "model.copy copies source symbols into the target, but the two sides of the training pairs have no symbol in common: remove model.copy, or see whether text.source and text.target cut both sides alike"
    )]
    NothingToCopy,
    /// The model to go on from cannot be used.
    #[error("training.from: {0}")]
    InitialModel(#[from] ModelFileError),
    /// Two sources of the same settings.
    #[error(
        "text and network settings come from the model to go on from, {0}, but there is a recipe that gives \
         them, too: give the pairs instead of the recipe (--train FILE), and change training with --set"
    )]
    FromAndRecipe(PathBuf),
    /// A network that the machine has no room for.
    #[error(
        "the network would have {weights} weights, which take at least {gigabytes} GB in training, but \
         {limit}: lower {setting}"
    )]
    TooLarge {
        /// Its weights.
        weights: u64,
        /// What they take.
        gigabytes: u64,
        /// What there is.
        limit: String,
        /// The setting that makes the most of it.
        setting: String,
    },
    /// A pair that the machine has no room for.
    #[error(
        "the pair whose source begins with {} has {source_symbols} source and {target_symbols} target symbols, \
         and training on it would take about {gigabytes} GB, but this machine has {memory} GB: leave the \
         pair out or cut it into shorter ones",
        quoted(source_start)
    )]
    PairTooLong {
        /// How its source begins.
        source_start: String,
        /// Symbols of its source.
        source_symbols: usize,
        /// Symbols of its target.
        target_symbols: usize,
        /// What training on it takes.
        gigabytes: u64,
        /// What the machine has.
        memory: u64,
    },
    /// Nothing to learn from.
    #[error("{0}")]
    Unusable(String),
}

/// What was read, for people to check.
#[derive(Clone, Debug)]
pub struct DataReport {
    /// Where the training pairs come from.
    pub origin: String,
    /// Lines that were passed over.
    pub skipped: SkippedLines,
    /// What there is to say about the pairs.
    pub notes: Vec<DataNote>,
    /// Different training sources.
    pub sources: usize,
    /// Why texts are taken apart into letters and marks, if that was not asked for.
    pub decomposed: Option<Decomposed>,
    /// Tokenization of the source.
    pub source: ChosenTokenization,
    /// Tokenization of the target.
    pub target: ChosenTokenization,
    /// Sources with blanks that are ignored, as they separate no symbols.
    pub source_blanks: StrayBlanks,
    /// Targets with blanks that are ignored.
    pub target_blanks: StrayBlanks,
    /// Shortest training source, in symbols.
    pub shortest_source: usize,
    /// Longest training source, in symbols.
    pub longest_source: usize,
    /// Longest training target, in symbols.
    pub longest_target: usize,
    /// Numbers of the training sources, where every source has some.
    pub source_numbers: Option<NumbersOfTexts>,
    /// How the longest targets grow with their sources.
    pub length_bound: Option<LengthBound>,
    /// Symbols of the validation pairs that training does not have.
    pub unseen: UnknownSymbols,
}

/// Everything that training starts from.
#[derive(Clone, Debug)]
pub struct Task {
    /// The settings, tokenizations resolved.
    pub recipe: Recipe,
    /// How texts become symbols.
    pub codec: Arc<Codec>,
    /// Training pairs as symbols.
    pub train: Vec<Example>,
    /// Validation pairs; may be empty.
    pub dev: Vec<Pair>,
    /// Pairs for the final evaluation; may be empty.
    pub test: Vec<Pair>,
    /// What was read.
    pub report: DataReport,
    /// Old pairs that are among the training and validation pairs, if some are replayed.
    pub replay: Option<Replay>,
    /// The trained model whose weights training starts from.
    pub initial: Option<InitialModel>,
}

impl Task {
    /// Checks the settings and reads or generates the data.
    ///
    /// # Errors
    /// If settings, files or split cannot work; the message says how to fix it.
    pub fn prepare(recipe: Recipe) -> Result<Self, TaskError> {
        recipe.check()?;
        let loaded = LoadedPairs::load(&recipe)?;
        Self::new(recipe, loaded)
    }

    /// A task on pairs in memory; the recipe's own data settings apart from the split are ignored.
    ///
    /// # Errors
    /// If settings or split cannot work.
    pub fn from_pairs(
        recipe: Recipe,
        pairs: impl IntoIterator<Item = impl Into<Pair>>,
    ) -> Result<Self, TaskError> {
        let loaded = LoadedPairs::from_memory(pairs);
        Self::new(recipe, loaded)
    }

    /// A task on pairs that have been read already.
    ///
    /// # Errors
    /// If settings or split cannot work.
    pub fn new(mut recipe: Recipe, loaded: LoadedPairs) -> Result<Self, TaskError> {
        recipe.check()?;
        recipe.model.check_trainable().map_err(ConfigError::from)?;
        let written_in =
            Normalization::of_texts(loaded.train.iter().map(|pair| pair.target.as_str()));
        let asked_for = recipe.text.normalization.fixed();
        let mut loaded = loaded.normalized(asked_for.unwrap_or_default(), &recipe.text);
        let given = std::mem::take(&mut loaded.train);
        let (mut pairs, mut dev) = match loaded.dev.take() {
            Some(dev) if !dev.is_empty() => (given, dev),
            _ => validation_pairs(&recipe, given)?,
        };
        let mut replay = None;
        if recipe.data.replay.is_some() {
            let old = std::mem::take(&mut loaded.replay);
            let (mixed, train, both) = Replay::mix(pairs, dev, old, recipe.training.seed);
            (pairs, dev, replay) = (train, both, Some(mixed));
        }
        if pairs.is_empty() {
            return Err(TaskError::Unusable(
                "there is not a single training pair".into(),
            ));
        }
        let mut notes = std::mem::take(&mut loaded.notes);
        // Old pairs are known already: that training sees some of them again is no news.
        let new = replay
            .as_ref()
            .map_or(dev.len(), |replay: &Replay| replay.new.len());
        let new_dev = dev.get(..new).unwrap_or(&dev);
        let files = [
            ("validation", &recipe.data.dev, new_dev),
            ("test", &recipe.data.test, &loaded.test[..]),
        ];
        let files = files.into_iter().filter(|(_, file, _)| file.is_some());
        notes.extend(
            files.filter_map(|(kind, _, held_out)| seen_in_training(kind, held_out, &pairs)),
        );
        let Sides { source, target } = Sides::choose(&recipe.text, &pairs, &dev);
        recipe.text.source = source.tokenization.into();
        recipe.text.target = target.tokenization.into();
        let decomposed = match asked_for {
            Some(_) => None,
            None => Decomposed::if_needed(&source, &target, &pairs, &dev),
        };
        let form = asked_for.unwrap_or(match decomposed {
            Some(_) => Normalization::Nfd,
            None => Normalization::default(),
        });
        recipe.text.normalization = form.into();
        if decomposed.is_some() {
            for pair in pairs.iter_mut().chain(&mut dev).chain(&mut loaded.test) {
                *pair = pair.normalized(form);
            }
        }
        let initial = recipe
            .training
            .from
            .as_deref()
            .map(InitialModel::load)
            .transpose()?;
        let codec = match &initial {
            Some(initial) => initial.model.codec().extended(&pairs),
            None => Codec {
                answer_form: written_in.filter(|&written| !form.is_in(written)),
                symbol_map: loaded.symbol_map.as_deref().cloned(),
                ..Codec::build(&recipe, &pairs, source.tokenization, target.tokenization)
            },
        };
        check_covered(&codec, &pairs)?;
        if codec.copy && !codec.can_copy() {
            return Err(TaskError::NothingToCopy);
        }
        let train: Vec<Example> = pairs.iter().map(|pair| codec.encode(pair)).collect();
        check_lengths(&codec, &train)?;
        let report = DataReport {
            origin: loaded.origin,
            skipped: loaded.skipped,
            notes,
            sources: pairs
                .iter()
                .map(|p| p.source.as_str())
                .collect::<HashSet<_>>()
                .len(),
            decomposed,
            source_blanks: ignored(loaded.source_blanks, &source),
            target_blanks: ignored(loaded.target_blanks, &target),
            source,
            target,
            shortest_source: train.iter().map(|e| e.source.len()).min().unwrap_or(0),
            longest_source: train.iter().map(|e| e.source.len()).max().unwrap_or(0),
            longest_target: train.iter().map(|e| e.target.len()).max().unwrap_or(0),
            source_numbers: NumbersOfTexts::of_all(
                pairs.iter().map(|pair| codec.source_text(&pair.source)),
            ),
            length_bound: {
                let lengths: Vec<_> = (train.iter())
                    .map(|e| [e.source.len(), e.target.len()])
                    .collect();
                LengthBound::fitted(&lengths)
            },
            unseen: UnknownSymbols::of(&codec, &dev),
        };
        Ok(Self {
            recipe,
            codec: Arc::new(codec),
            train,
            dev,
            test: loaded.test,
            report,
            replay,
            initial,
        })
    }
}

impl Task {
    /// What a model is evaluated on when training is over: test pairs, else validation pairs.
    pub(super) fn final_pairs(&self) -> FinalPairs {
        if !self.test.is_empty() {
            Some(("test", self.test.clone()))
        } else if !self.dev.is_empty() {
            Some(("validation", self.dev.clone()))
        } else {
            None
        }
    }

    /// What validations ask: the validation pairs, pairs of one source being one question.
    pub fn validation_questions(&self) -> Vec<Question> {
        let mut questions = questions(&self.dev);
        let most = self.recipe.training.validation_questions;
        if most > 0 {
            questions.truncate(most);
        }
        questions
    }
}

impl Task {
    /// Whether validation asks the training pairs themselves.
    pub fn validates_on_training(&self) -> bool {
        let data = &self.recipe.data;
        data.dev.is_none()
            && data.validation > 0.0
            && data.validation_split == SplitMethod::Training
    }
}

/// Splits validation pairs off, unless they come from a file or none are wanted.
pub(super) fn validation_pairs(
    recipe: &Recipe,
    pairs: Vec<Pair>,
) -> Result<(Vec<Pair>, Vec<Pair>), TaskError> {
    let data = &recipe.data;
    if data.dev.is_some() || data.validation == 0.0 {
        return Ok((pairs, Vec::new()));
    }
    let options = Split {
        fraction: data.validation,
        method: data.validation_split,
        seed: recipe.training.seed,
        keep_sources_apart: data.keep_sources_apart,
    };
    Ok(split(pairs, &options)?)
}

/// Stray blanks count for nothing where symbols stand between spaces; elsewhere they are data.
fn ignored(blanks: StrayBlanks, side: &ChosenTokenization) -> StrayBlanks {
    match side.tokenization {
        Tokenization::Spaces => blanks,
        Tokenization::Characters | Tokenization::Graphemes => StrayBlanks::default(),
    }
}

/// Without an end mark nothing tells a model where to stop, so all targets must be equally long.
fn check_lengths(codec: &Codec, train: &[Example]) -> Result<(), TaskError> {
    let lengths = || train.iter().map(|example| example.target.len());
    match (lengths().min(), lengths().max()) {
        (Some(shortest), Some(longest))
            if codec.target.vocabulary.end().is_none() && shortest < longest =>
        {
            Err(TaskError::Unusable(format!(
                "text.target_end_mark = false needs targets of one length, but these have {shortest} \
                 to {longest} symbols: set it to true"
            )))
        }
        _ => Ok(()),
    }
}

/// Vocabularies from the data know all its symbols; the notebook's may not.
fn check_covered(codec: &Codec, pairs: &[Pair]) -> Result<(), TaskError> {
    let unknown = UnknownSymbols::of(codec, pairs);
    match unknown
        .source
        .into_keys()
        .chain(unknown.target.into_keys())
        .next()
    {
        Some(symbol) => Err(TaskError::NotInNotebook { symbol }),
        None => Ok(()),
    }
}
