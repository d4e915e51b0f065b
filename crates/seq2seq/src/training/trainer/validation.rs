//! Validation, and the best model that it has found.

use std::time::Instant;

use super::{Trainer, TrainingError};
use crate::evaluation::{free_running_unless, teacher_forced_unless};
use crate::training::not_finite::KeptModel;
use crate::training::observer::Observer;
use crate::training::run::history::Validation;
use crate::training::selection::SelectionScore;
use crate::training::task::TaskError;
use crate::{Model, Provenance};

impl Trainer {
    /// Measures the model as it is now, and keeps it if it is the best. Nothing, and nothing changed, if the
    /// observer wants to stop.
    pub(super) fn validate(
        &mut self,
        observer: &dyn Observer,
    ) -> Result<Option<Validation>, TrainingError> {
        let begun = Instant::now();
        let model = self.model()?;
        let ended = || observer.wants_to_stop();
        let Some(forced) = teacher_forced_unless(&model, &self.dev, &ended) else {
            return Ok(None);
        };
        // There are questions whenever there are validation pairs.
        let free = free_running_unless(&model, &self.questions, &ended)
            .map_err(|error| TaskError::Unusable(error.to_string()))?;
        let Some(free) = free else {
            return Ok(None);
        };
        let mut validation = Validation::new(forced, &free);
        let score = SelectionScore::new(self.task.recipe.training.monitor, &validation);
        let better = score.filter(|score| self.best_score.is_none_or(|best| *score > best));
        validation.best = better.is_some();
        let position = &mut self.position;
        position.stale = better.map_or(position.stale + 1, |_| 0);
        let patience = self.task.recipe.training.decay_epochs.max(1);
        if position.stale > 0 && position.stale.is_multiple_of(patience) {
            position.plateaus += 1;
        }
        if let Some(score) = better {
            self.best_score = better;
            self.position.best = Some(score.figure());
            if self.task.recipe.training.keep_best {
                let best = Provenance {
                    best: Some(score.figure()),
                    ..model.provenance().clone()
                };
                self.keep(model.with_provenance(best))?;
            }
        }
        self.validated_in(begun.elapsed().as_secs_f64());
        Ok(Some(validation))
    }

    pub(super) fn keep(&mut self, model: Model) -> Result<(), TrainingError> {
        if let Some(folder) = &self.folder {
            model.save(&folder.model())?;
        }
        self.best = Some(model);
        Ok(())
    }

    /// Keeps the last good model of a run that diverged, and tells where it is.
    pub(super) fn keep_last_good(&mut self) -> Result<Option<KeptModel>, TrainingError> {
        if self.best.is_none()
            && let Some(model) = self.last_good.take()
        {
            self.keep(model)?;
        }
        let kept = self.folder.as_ref().zip(self.best.as_ref());
        Ok(kept.map(|(folder, model)| KeptModel {
            path: folder.model(),
            epochs: model.provenance().epochs,
        }))
    }

    /// Whether there has been no better model for too long.
    pub(super) fn is_stale(&self) -> bool {
        let patience = self.task.recipe.training.patience;
        patience > 0 && self.position.stale >= patience
    }
}
