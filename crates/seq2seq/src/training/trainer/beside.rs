//! The joint n-gram model beside the network: before training and after it.

use std::time::Instant;

use super::Trainer;
use crate::evaluation::calibrate;
use crate::training::baseline::{Baseline, Comparison};
use crate::training::observer::Observer;
use crate::training::run::history::Validation;
use crate::{Model, Provenance};

/// Share of a time budget after which no further n-gram models are tried.
const SHARE_OF_BUDGET: f64 = 0.1;

/// The n-gram model of a run.
#[derive(Debug, Default)]
pub(super) enum Beside {
    /// Nobody has looked whether there is one.
    #[default]
    Open,
    /// There is none.
    Nothing,
    /// It is fitted.
    Fitted(Box<Baseline>),
}

impl Trainer {
    /// Fits the n-gram model that the recipe asks for, once a process: it comes to the same bits. If the observer
    /// wants to stop, the next call fits it.
    pub(super) fn fit_baseline(&mut self, observer: &mut dyn Observer) {
        if !matches!(self.beside, Beside::Open) {
            return;
        }
        let begun = Instant::now();
        let limit = match self.task.recipe.training.budget_seconds {
            0.0 => f64::INFINITY,
            seconds => SHARE_OF_BUDGET * seconds,
        };
        let stop = || observer.wants_to_stop() || begun.elapsed().as_secs_f64() > limit;
        let Some(fitted) = Baseline::fit(&self.task, &stop) else {
            self.beside = Beside::Nothing;
            return;
        };
        if observer.wants_to_stop() {
            return;
        }
        self.beside = match fitted {
            Ok(baseline) => {
                observer.baseline(&baseline.report, &baseline.validation);
                Beside::Fitted(Box::new(baseline))
            }
            Err(reason) => {
                observer.no_baseline(&reason);
                Beside::Nothing
            }
        };
        let seconds = begun.elapsed().as_secs_f64();
        self.position.prepared += seconds;
        self.budget.prepared(seconds);
    }

    /// Takes note of how long a validation of the network took, and what comes after the last one.
    pub(super) fn validated_in(&mut self, seconds: f64) {
        let after = match &self.beside {
            Beside::Fitted(baseline) => {
                baseline.seconds_of_comparison(seconds, self.questions.len())
            }
            Beside::Open | Beside::Nothing => 0.0,
        };
        self.budget.validated(seconds, after);
    }

    /// The best of the network, the n-gram model and their mixture, with its figures: the network where there is
    /// no n-gram model.
    pub(super) fn best_of_both(
        &mut self,
        network: Model,
        validation: Option<Validation>,
        observer: &mut dyn Observer,
    ) -> (Model, Option<Validation>, Option<Comparison>) {
        let Beside::Fitted(baseline) = std::mem::take(&mut self.beside) else {
            return (network, validation, None);
        };
        match baseline.compare(&network, &self.task) {
            Ok((model, comparison)) => {
                let figures = comparison.of_kept();
                (model, Some(figures), Some(comparison))
            }
            Err(reason) => {
                observer.no_baseline(&reason);
                (network, validation, None)
            }
        }
    }

    /// The model with the temperature at which its probabilities are its confidence, unless it has one.
    pub(super) fn calibrated(&self, model: &Model) -> Model {
        if model.provenance().calibration.is_some() {
            return model.clone();
        }
        model.with_provenance(Provenance {
            calibration: calibrate(model, &self.questions),
            ..model.provenance().clone()
        })
    }
}
