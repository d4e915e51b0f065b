//! Fitting a joint n-gram model: no epochs, no gradients, no random choices.

use std::path::Path;
use std::time::Instant;

use seq2seq_ngram::{Alignments, Counts, PairIds, SmoothedCounts, Symbols};

use super::error::TrainingError;
use super::memory::check_counts;
use super::new_model::new_model;
use super::observer::{Ending, FinalPairs, Observer, Outcome};
use super::run::folder::{ExistingRun, RunFolder};
use super::run::history::{EpochRecord, Validation};
use super::selection::SelectionScore;
use super::task::{Task, TaskError};
use crate::config::{Architecture, ModelSettings, NgramSettings, Recipe};
use crate::data::Question;
use crate::encoding::{Example, PairCodec};
use crate::evaluation::{TeacherForced, calibrate, teacher_forced};
use crate::{Model, Provenance};

/// Units of the longest n-gram that is tried where the recipe leaves it open.
pub const LONGEST: usize = 8;
/// Units of the longest n-gram where there are no validation pairs to choose it by.
const WITHOUT_DEV: usize = 6;
/// Validation pairs, and questions, that each choice is measured on, at most.
pub(super) const MEASURED: usize = 2_000;

/// What was chosen for an n-gram model, and by what.
#[derive(Clone, Debug, PartialEq)]
pub struct NgramReport {
    /// Source symbols that a unit reads, at most.
    pub span: usize,
    /// Units of the longest n-gram.
    pub order: usize,
    /// Different units.
    pub units: usize,
    /// N-grams of the model.
    pub ngrams: usize,
    /// Training pairs that could not be aligned.
    pub left_out: usize,
    /// Seconds that fitting took.
    pub seconds: f64,
    /// Each choice that was tried.
    pub tried: Vec<NgramTrial>,
}

/// A choice that was tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NgramTrial {
    /// Source symbols that a unit reads, at most.
    pub span: usize,
    /// Units of the longest n-gram.
    pub order: usize,
    /// Figures on some of the validation pairs.
    pub validation: Validation,
}

/// A model, and how it was chosen.
pub(super) struct Fitted {
    pub model: Model,
    pub report: NgramReport,
    /// Its figures on some of the validation pairs, if there are any.
    pub measured: Option<Measured>,
}

/// Figures of a choice.
#[derive(Clone, Copy)]
pub(super) struct Measured {
    pub validation: Validation,
    /// None if a figure is NaN or infinite.
    score: Option<SelectionScore>,
    /// Seconds that it took to measure them, for each question.
    pub seconds_per_question: f64,
}

/// A run that fits an n-gram model. It takes seconds, so nothing is kept to go on from: a run that is
/// resumed starts again, and comes to the same bits.
#[derive(Debug)]
pub struct NgramRun {
    task: Task,
    folder: Option<RunFolder>,
}

impl NgramRun {
    /// A run on the pairs of a task; with a folder, the model is kept there.
    ///
    /// # Errors
    /// If the folder cannot be used, or the counts would not fit the memory.
    pub fn new(task: Task, folder: Option<(&Path, ExistingRun)>) -> Result<Self, TrainingError> {
        check_counts(&task)?;
        let folder = folder
            .map(|(path, existing)| RunFolder::create(path, existing))
            .transpose()?;
        Ok(Self { task, folder })
    }

    /// Starts the run in a folder again.
    ///
    /// # Errors
    /// If the counts would not fit the memory.
    pub fn resume(task: Task, folder: RunFolder) -> Result<Self, TrainingError> {
        check_counts(&task)?;
        let folder = Some(folder);
        Ok(Self { task, folder })
    }

    /// The settings of the run.
    pub fn recipe(&self) -> &Recipe {
        &self.task.recipe
    }

    /// What the model is fitted to.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// What the model is evaluated on in the end.
    pub fn final_pairs(&self) -> FinalPairs {
        self.task.final_pairs()
    }

    /// Fits the model.
    ///
    /// # Errors
    /// If the pairs cannot be aligned, or a file cannot be written.
    pub fn run(self, observer: &mut dyn Observer) -> Result<Outcome, TrainingError> {
        let begun = Instant::now();
        if let Some(folder) = &self.folder {
            folder.begin_task(&self.task)?;
        }
        let questions = self.task.validation_questions();
        let Fitted { model, report, .. } =
            fit(&self.task, &questions, &|| observer.wants_to_stop())?;
        let dev = encoded_dev(&self.task);
        let validation = match questions.is_empty() {
            true => None,
            false => Some(validate(&model, &dev, &questions)?),
        };
        let record = self.record(&model, &report, validation);
        observer.fitted(&report, &record);
        let best = validation.as_ref().and_then(|validation| {
            SelectionScore::new(self.task.recipe.training.monitor, validation)
        });
        let model = model.with_provenance(Provenance {
            best: best.map(|score| score.figure()),
            calibration: calibrate(&model, &questions),
            ..model.provenance().clone()
        });
        let history = vec![record];
        if let Some(folder) = &self.folder {
            folder.append_metrics(&history[0])?;
            folder.save_plot(&history)?;
            model.save(&folder.model())?;
        }
        Ok(Outcome {
            model,
            validation,
            comparison: None,
            history,
            ending: Ending::Finished,
            seconds: begun.elapsed().as_secs_f64(),
        })
    }

    /// The run as one epoch: its loss is that of some training pairs.
    fn record(
        &self,
        model: &Model,
        report: &NgramReport,
        validation: Option<Validation>,
    ) -> EpochRecord {
        let every = self.task.train.len().div_ceil(MEASURED).max(1);
        let some: Vec<Example> = self.task.train.iter().step_by(every).cloned().collect();
        let TeacherForced { loss, accuracy } = teacher_forced(model, &some);
        EpochRecord {
            epoch: 1,
            step: 0,
            learning_rate: 0.0,
            loss,
            accuracy,
            pairs_per_second: self.task.train.len() as f64 / report.seconds.max(1e-9),
            seconds: report.seconds,
            validation,
        }
    }
}

/// The validation pairs as ids.
fn encoded_dev(task: &Task) -> Vec<Example> {
    let dev = task.dev.iter();
    dev.map(|pair| task.codec.encode(pair)).collect()
}

/// The figures of a model on validation pairs and questions.
fn validate(
    model: &Model,
    dev: &[Example],
    questions: &[Question],
) -> Result<Validation, TrainingError> {
    let measured = Validation::measured(model, dev, questions);
    Ok(measured.map_err(|error| TaskError::Unusable(error.to_string()))?)
}

/// The best n-gram model for the pairs of a task: of spans and orders that the recipe leaves open, those that
/// are best on the validation pairs and some of these questions, by what the recipe monitors. Choices that are
/// left are not tried once `stop` says so.
///
/// # Errors
/// If the pairs cannot be aligned.
pub(super) fn fit(
    task: &Task,
    questions: &[Question],
    stop: &dyn Fn() -> bool,
) -> Result<Fitted, TrainingError> {
    let begun = Instant::now();
    let settings = &task.recipe.model.ngram;
    let mut dev = encoded_dev(task);
    dev.truncate(MEASURED);
    let questions = questions.get(..MEASURED).unwrap_or(questions);
    let spans = match (settings.source_span, dev.is_empty()) {
        (0, false) => vec![1, 2],
        (0, true) => vec![1],
        (span, _) => vec![span],
    };
    let longest = match (settings.order, dev.is_empty()) {
        (0, false) => LONGEST,
        (0, true) => WITHOUT_DEV,
        (order, _) => order,
    };
    let (pairs, symbols) = pairs_and_symbols(task);
    let mut best: Option<Fitted> = None;
    let mut tried = Vec::new();
    'choices: for span in spans {
        let alignments = Alignments::new(&pairs, symbols, span)
            .map_err(|error| TaskError::Unusable(error.to_string()))?;
        let counts = Counts::new(alignments, longest);
        let smoothed = counts.smooth(&pairs, symbols);
        let shortest = match settings.order == 0 && !dev.is_empty() {
            true => 1,
            false => counts.longest(),
        };
        for order in (shortest..=counts.longest()).rev() {
            let (model, ngrams) = model(task, &smoothed, span, order)?;
            let mut measured = None;
            if !questions.is_empty() {
                let measuring = Instant::now();
                let validation = validate(&model, &dev, questions)?;
                measured = Some(Measured {
                    validation,
                    score: SelectionScore::new(task.recipe.training.monitor, &validation),
                    seconds_per_question: measuring.elapsed().as_secs_f64()
                        / questions.len() as f64,
                });
                tried.push(NgramTrial {
                    span,
                    order,
                    validation,
                });
            }
            let score = |measured: &Option<Measured>| measured.and_then(|it| it.score);
            let is_better = |best: &Fitted| score(&measured) > score(&best.measured);
            if best.as_ref().is_none_or(is_better) {
                let report = NgramReport {
                    span,
                    order,
                    units: counts.alignments().units.len(),
                    ngrams,
                    left_out: counts.alignments().left_out,
                    seconds: 0.0,
                    tried: Vec::new(),
                };
                best = Some(Fitted {
                    model,
                    report,
                    measured,
                });
            }
            if stop() {
                break 'choices;
            }
        }
    }
    let mut best = best.ok_or_else(|| TaskError::Unusable("there is no n-gram".to_owned()))?;
    best.report.tried = tried;
    best.report.seconds = begun.elapsed().as_secs_f64();
    Ok(best)
}

/// A model of n-grams of up to so many units, and how many there are.
fn model(
    task: &Task,
    smoothed: &SmoothedCounts,
    span: usize,
    order: usize,
) -> Result<(Model, usize), TrainingError> {
    let mut recipe = task.recipe.clone();
    recipe.model = ModelSettings {
        architecture: Architecture::Ngram,
        ngram: NgramSettings {
            order,
            source_span: span,
        },
        ..ModelSettings::default()
    };
    let tables = smoothed.tables(order);
    let ngrams = tables.get("ngram.unit").map_or(0, |unit| unit.shape[0]);
    let provenance = task.provenance(1);
    let model = new_model(&recipe, task.codec.clone(), provenance, tables)?;
    Ok((model, ngrams))
}

/// The training pairs without end marks, and what their ids stand for.
fn pairs_and_symbols(task: &Task) -> (Vec<PairIds<'_>>, Symbols) {
    let codec = &task.codec;
    let sizes = codec.sizes();
    let source_end = codec
        .source
        .vocabulary
        .end()
        .filter(|_| codec.source_end_mark);
    // Settings without an end mark are refused.
    let target_end = codec.target.vocabulary.end().unwrap_or(0);
    let pairs = task.train.iter().map(|example| {
        let source = &example.source.symbols[..];
        let source = source_end
            .and_then(|end| source.strip_suffix(&[end]))
            .unwrap_or(source);
        let target = &example.target[..];
        let target = target.strip_suffix(&[target_end]).unwrap_or(target);
        PairIds { source, target }
    });
    let symbols = Symbols {
        source: sizes.source,
        target: sizes.target,
        source_end,
        target_end,
    };
    (pairs.collect(), symbols)
}
