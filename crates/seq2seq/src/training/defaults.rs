//! Settings for pairs that come without a recipe, by their number.
//!
//! `docs/defaults.md` has the table and the trials that it rests on.

use crate::config::{
    Architecture, AttentionKind, Embedding, ModelSettings, Recipe, ScheduleKind, TrainingSettings,
};
use crate::data::Pair;

/// Most pairs of a small data set.
const SMALL: usize = 2_000;
/// Most pairs of one of middle size.
const MIDDLE: usize = 20_000;

impl Recipe {
    /// Settings that suit these training pairs: a recurrent network with attention.
    pub fn for_pairs(pairs: &[Pair]) -> Self {
        Self::for_size(pairs.len(), Architecture::Recurrent)
    }

    /// Settings that suit an architecture and a number of training pairs.
    ///
    /// Fewer pairs get smaller batches and more epochs, so that every model sees enough weight
    /// updates; training stops early once free-running results no longer improve.
    pub fn for_size(pairs: usize, architecture: Architecture) -> Self {
        let (batch_size, epochs, patience, decay_epochs) = match pairs {
            0..=SMALL => (16, 100, 15, 6),
            n if n <= MIDDLE => (32, 60, 8, 3),
            _ => (64, 30, 5, 2),
        };
        Self {
            model: model(architecture, pairs),
            training: TrainingSettings {
                batch_size,
                epochs,
                patience,
                label_smoothing: 0.1,
                // A single bad batch must not undo an epoch.
                clip_norm: 5.0,
                schedule: ScheduleKind::Plateau,
                decay_epochs,
                ..TrainingSettings::default()
            },
            ..Self::default()
        }
    }
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
        Architecture::Monotonic => ModelSettings {
            encoder_units,
            embedding,
            ..default
        },
        Architecture::Transformer | Architecture::Ensemble => default,
    }
}
