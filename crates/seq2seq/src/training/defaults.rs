//! Settings for pairs that come without a recipe, by their number, their lengths and their symbols.
//!
//! `docs/defaults.md` has the table and the trials that it rests on.

use std::collections::HashSet;

use super::reading::Sides;
use crate::config::{
    Architecture, AttentionKind, CellKind, Embedding, MixtureChoice, ModelSettings, Override,
    Recipe, ScheduleKind, TrainingSettings,
};
use crate::data::Pair;

/// Most pairs of a small data set.
const SMALL: usize = 2_000;
/// Most pairs of one of middle size.
const MIDDLE: usize = 20_000;
/// Most pairs of one whose learning rate falls when validation stands still, and not by a plan.
const LARGE: usize = 100_000;
/// Most cells of a table of source by target symbols, on average, for hard monotonic attention, which
/// fills such a table for every pair: words, forms, dates, but not sentences by characters.
const MOST_CELLS: usize = 200;
/// Most cells of any pair: all pairs of a batch take as much memory as the largest.
const MOST_CELLS_OF_ONE: usize = 4_000;
/// Most target symbols for it, as each cell has a score for every one.
const MOST_SYMBOLS: usize = 500;

/// What pairs look like, as far as it decides on a network for them.
struct PairStatistics {
    /// Symbols of a source times those of its target, on average.
    cells: usize,
    /// The same of the largest pair.
    most_cells: usize,
    /// Different target symbols.
    symbols: usize,
    /// There are features.
    has_features: bool,
    /// There are features, and targets have letters of their sources.
    inflects: bool,
}

impl PairStatistics {
    /// Of pairs whose texts are cut up as the recipe says, or as they seem to ask for.
    fn of(pairs: &[Pair], recipe: &Recipe) -> Self {
        let sides = Sides::choose(&recipe.text, pairs, &[]);
        let (source, target) = (sides.source.tokenization, sides.target.tokenization);
        let (mut read, mut written) = (HashSet::new(), HashSet::new());
        let (mut all_cells, mut most_cells) = (0usize, 0);
        for pair in pairs {
            let (from, to) = (source.split(&pair.source), target.split(&pair.target));
            let cells = from.len().saturating_mul(to.len());
            all_cells = all_cells.saturating_add(cells);
            most_cells = most_cells.max(cells);
            read.extend(from);
            written.extend(to);
        }
        let has_features = pairs.iter().any(|pair| pair.features.is_some());
        Self {
            cells: all_cells / pairs.len().max(1),
            most_cells,
            symbols: written.len(),
            has_features,
            inflects: has_features && !read.is_disjoint(&written),
        }
    }

    fn architecture(&self) -> Architecture {
        let short = self.cells <= MOST_CELLS && self.most_cells <= MOST_CELLS_OF_ONE;
        match short && self.symbols <= MOST_SYMBOLS {
            true => Architecture::Monotonic,
            false => Architecture::Recurrent,
        }
    }
}

impl Recipe {
    /// Settings that suit these training pairs, see [`Recipe::suiting`].
    pub fn for_pairs(pairs: &[Pair]) -> Self {
        Self::suiting(pairs, &Self::default(), &[])
    }

    /// Settings that suit these training pairs, which `reading` says how to read: hard monotonic attention
    /// for short ones, attention for others, or the network that the overrides ask for. They are not
    /// applied yet. Beside hard monotonic attention, pairs without features get a joint n-gram model.
    pub fn suiting(pairs: &[Pair], reading: &Self, overrides: &[Override]) -> Self {
        let statistics = PairStatistics::of(pairs, reading);
        let asked_for = reading.architecture_asked_for(overrides);
        let architecture = asked_for.unwrap_or_else(|| statistics.architecture());
        let mut recipe = Self::for_size(pairs.len(), architecture);
        if architecture == Architecture::Monotonic && !statistics.has_features {
            recipe.training.mixture = MixtureChoice::Auto;
        }
        recipe.model.copy = statistics.inflects && architecture == Architecture::Monotonic;
        recipe
    }

    /// Settings that suit an architecture and a number of training pairs.
    ///
    /// Fewer pairs get smaller batches and more epochs, so that every model sees enough weight
    /// updates; training stops early once free-running results no longer improve. More than a hundred
    /// thousand pairs for hard monotonic attention get a smaller network, so that an epoch takes less
    /// time, and a rate that falls to nothing at the end, so that training goes on until then.
    pub fn for_size(pairs: usize, architecture: Architecture) -> Self {
        Self {
            model: model(architecture, pairs),
            training: training(architecture, pairs),
            ..Self::default()
        }
    }
}

fn training(architecture: Architecture, pairs: usize) -> TrainingSettings {
    let default = TrainingSettings {
        // A single bad batch must not undo an epoch.
        clip_norm: 5.0,
        ..TrainingSettings::default()
    };
    if is_large_lexicon(architecture, pairs) {
        return TrainingSettings {
            batch_size: 128,
            epochs: 25,
            learning_rate: 0.004,
            schedule: ScheduleKind::Cosine,
            ..default
        };
    }
    let (batch_size, epochs, patience, decay_epochs) = match pairs {
        0..=SMALL => (16, 100, 15, 6),
        n if n <= MIDDLE => (32, 60, 8, 3),
        _ => (64, 30, 5, 2),
    };
    TrainingSettings {
        batch_size,
        epochs,
        patience,
        label_smoothing: 0.1,
        schedule: ScheduleKind::Plateau,
        decay_epochs,
        learning_rate: match architecture {
            Architecture::Monotonic => 0.002,
            _ => default.learning_rate,
        },
        ..default
    }
}

/// Whether these pairs are a large lexicon.
fn is_large_lexicon(architecture: Architecture, pairs: usize) -> bool {
    architecture == Architecture::Monotonic && pairs > LARGE
}

/// What suits an architecture. The dropout of the others is in sections of their own, with defaults
/// that suit them.
fn model(architecture: Architecture, pairs: usize) -> ModelSettings {
    let (encoder_units, embedding) = if pairs <= MIDDLE {
        (128, Embedding::Size(64))
    } else {
        (256, Embedding::Size(128))
    };
    let default = ModelSettings {
        architecture,
        ..ModelSettings::default()
    };
    match architecture {
        Architecture::Recurrent => ModelSettings {
            encoder_units,
            bidirectional: true,
            attention: AttentionKind::General,
            embedding,
            dropout: 0.3,
            ..default
        },
        Architecture::Monotonic => {
            let mut model = ModelSettings {
                cell: CellKind::Gru,
                encoder_units,
                embedding,
                ..default
            };
            if is_large_lexicon(architecture, pairs) {
                (model.encoder_units, model.embedding) = (160, Embedding::Size(64));
                model.monotonic.dropout = 0.2;
            }
            model
        }
        Architecture::Transformer | Architecture::Ngram | Architecture::Ensemble => default,
    }
}
