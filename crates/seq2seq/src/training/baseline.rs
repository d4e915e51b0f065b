//! The joint n-gram model beside a network (`training.mixture`). It is fitted before the network is trained and
//! is the baseline that the network must beat. In the end both are mixed, and what is best on the validation
//! pairs is kept.
//!
//! Whether there is such a model is decided here, for everything that trains.

use super::memory::check_counts_beside_network;
use super::mixture::fit_mixture;
use super::ngram::{Fitted, NgramReport, fit};
use super::run::history::Validation;
use super::selection::SelectionScore;
use super::task::Task;
use crate::config::{Mixing, MixtureChoice};
use crate::data::questions;
use crate::{Model, Provenance};

/// Validation questions that a comparison needs: the weights of a mixture are fitted on them, too.
const LEAST_QUESTIONS: usize = 20;
/// Validations of both models that a comparison takes about as long as: each alone, both together, their
/// weights, and the calibration.
const VALIDATIONS: f64 = 3.0;

/// Why no n-gram model stands beside a network although the recipe asks for one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoBaseline {
    /// The settings ask for what it cannot do.
    #[error("{0}")]
    Settings(&'static str),
    /// Nothing to compare by.
    #[error("there are no validation pairs to compare both by")]
    NoValidation,
    /// Too little to compare by.
    #[error(
        "validation has {0} of the {LEAST_QUESTIONS} questions that a comparison needs; give more with --dev"
    )]
    FewQuestions(usize),
    /// Counts know the training pairs by heart.
    #[error("validation asks the training pairs themselves, which it knows by heart")]
    ValidatesOnTraining,
    /// The pairs do not suit it.
    #[error("{0}")]
    NotFitted(String),
    /// They cannot be compared.
    #[error("both cannot be compared: {0}")]
    NotCompared(String),
}

/// What a run ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The network alone.
    Network,
    /// The n-gram model alone.
    Ngram,
    /// Both, mixed.
    Mixture,
}

/// Figures of a network, an n-gram model and their mixture on the validation pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The network alone.
    pub network: Validation,
    /// The n-gram model alone.
    pub ngram: Validation,
    /// Both mixed; none if one of them brings nothing to the other.
    pub mixture: Option<Validation>,
    /// Weights of network and n-gram model in the mixture; empty without one.
    pub weights: Vec<f64>,
    /// The best of them, by what the recipe monitors.
    pub kept: Kept,
}

/// A fitted n-gram model beside a network.
#[derive(Debug)]
pub struct Baseline {
    model: Model,
    /// How it was chosen.
    pub report: NgramReport,
    /// Its figures on some of the validation pairs.
    pub validation: Validation,
    /// Seconds of a validation with all validation pairs.
    seconds: f64,
    /// All validation questions.
    questions: usize,
}

impl Baseline {
    /// The n-gram model that a recipe asks for, or why there is none; nothing if it does not ask for one. Orders
    /// of n-grams that are left are not tried once `stop` says so.
    pub(super) fn fit(task: &Task, stop: &dyn Fn() -> bool) -> Option<Result<Self, NoBaseline>> {
        let asked_for = task.recipe.training.mixture == MixtureChoice::Auto;
        asked_for.then(|| Self::fit_asked_for(task, stop))
    }

    fn fit_asked_for(task: &Task, stop: &dyn Fn() -> bool) -> Result<Self, NoBaseline> {
        if let Some(reason) = task.recipe.no_ngrams_because() {
            return Err(NoBaseline::Settings(reason));
        }
        if task.dev.is_empty() {
            return Err(NoBaseline::NoValidation);
        }
        if task.validates_on_training() {
            return Err(NoBaseline::ValidatesOnTraining);
        }
        let questions = questions(&task.dev);
        if questions.len() < LEAST_QUESTIONS {
            return Err(NoBaseline::FewQuestions(questions.len()));
        }
        check_counts_beside_network(task).map_err(not_fitted)?;
        let fitted = fit(task, &questions, stop).map_err(not_fitted)?;
        let Fitted {
            model,
            report,
            measured,
        } = fitted;
        // There are questions, so every choice was measured.
        let measured = measured.ok_or(NoBaseline::NoValidation)?;
        Ok(Self {
            model,
            report,
            validation: measured.validation,
            seconds: measured.seconds_per_question * questions.len() as f64,
            questions: questions.len(),
        })
    }

    /// Seconds that [`compare`](Self::compare) will take, about, by those that a validation of the network with
    /// so many questions takes.
    pub(super) fn seconds_of_comparison(&self, validation: f64, questions: usize) -> f64 {
        let share = self.questions as f64 / questions.max(1) as f64;
        VALIDATIONS * (self.seconds + validation * share.max(1.0))
    }

    /// Mixes the network with this model, and gives what is best on the validation pairs.
    pub(super) fn compare(
        self,
        network: &Model,
        task: &Task,
    ) -> Result<(Model, Comparison), NoBaseline> {
        let models = [network.clone(), self.model];
        let fitted = fit_mixture(&models, Some(Mixing::LogLinear), &task.dev)
            .map_err(|error| NoBaseline::NotCompared(error.to_string()))?;
        let [network, ngram] = models;
        let &[of_network, of_ngram] = &fitted.alone[..] else {
            return Err(NoBaseline::NotCompared("a figure is missing".to_owned()));
        };
        let is_mixture = fitted.kept.len() > 1;
        let mixture = is_mixture.then_some(fitted.validation);
        let score =
            |figures: &Validation| SelectionScore::new(task.recipe.training.monitor, figures);
        let mut best = (score(&of_network), Kept::Network);
        for (score, kept) in [
            (score(&of_ngram), Kept::Ngram),
            (mixture.as_ref().and_then(score), Kept::Mixture),
        ] {
            if score > best.0 {
                best = (score, kept);
            }
        }
        let (score, kept) = best;
        let model = match kept {
            Kept::Network => network,
            Kept::Ngram => ngram.with_provenance(Provenance {
                best: score.map(|score| score.figure()),
                ..ngram.provenance().clone()
            }),
            Kept::Mixture => fitted.model.clone(),
        };
        let comparison = Comparison {
            network: of_network,
            ngram: of_ngram,
            mixture,
            weights: match is_mixture {
                true => fitted.model.settings().model.ensemble.weights.clone(),
                false => Vec::new(),
            },
            kept,
        };
        Ok((model, comparison))
    }
}

impl Comparison {
    /// Figures of what is kept.
    pub fn of_kept(&self) -> Validation {
        match self.kept {
            Kept::Network => self.network,
            Kept::Ngram => self.ngram,
            Kept::Mixture => self.mixture.unwrap_or(self.network),
        }
    }
}

fn not_fitted(error: impl std::fmt::Display) -> NoBaseline {
    NoBaseline::NotFitted(error.to_string())
}
