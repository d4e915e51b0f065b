//! `seq2seq eval`: how good a model is on a file of pairs.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use seq2seq::data::ReadOptions;
use seq2seq::evaluation::{Evaluation, Examination, examine};
use seq2seq::report::{Subject, report};
use seq2seq::text::quoted;
use seq2seq::training::read_history;
use seq2seq::{Model, Pair, check_output, write_atomically};

use super::columns::ColumnArgs;
use super::search_args::SearchArgs;
use super::{evaluation_table, load_model, warn_of_unknown};
use crate::Done;
use crate::inputs;
use crate::output::{print_data, print_line, table};

/// Measure a model on a file of pairs
#[derive(Args)]
pub struct Eval {
    /// A model file, or the folder of a run
    model: PathBuf,
    /// Tab-separated pairs; with --references, inputs
    file: PathBuf,
    /// Right answers to the inputs, line by line; give several files for several answers each
    #[arg(long, value_name = "FILE")]
    references: Vec<PathBuf>,
    /// Look for a right answer among the N best, too; all figures are then those of a beam of at least N
    #[arg(long, default_value_t = 1, value_name = "N")]
    nbest: usize,
    /// Write a page for a browser into this folder: scores, errors, attention, calibration
    #[arg(long, value_name = "FOLDER")]
    report: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    columns: ColumnArgs,
    #[command(flatten)]
    search: SearchArgs,
}

/// Name of the report within its folder.
const REPORT_NAME: &str = "index.html";

impl Eval {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        if let Some(folder) = &self.report {
            check_output(&folder.join(REPORT_NAME))?;
        }
        let model = load_model(&self.model, &[&self.file])?;
        let mut options = self.search.options(&model, self.nbest)?;
        options.align = self.report.is_some() && model.has_attention();
        let pairs = self.pairs(&model)?;
        let examination = examine(&model, &pairs, &options)?;
        let evaluation = &examination.evaluation;
        warn_of_unknown(
            &evaluation.unknown_symbols,
            &self.file.display().to_string(),
        );
        if evaluation.cut > 0 {
            say!(
                "warning: {} of {} outputs reached the length limit and were cut",
                evaluation.cut,
                evaluation.free_running.questions
            );
        }
        let search = self.search.description(&options);
        if let Some(folder) = &self.report {
            self.write_report(folder, &examination, search.clone())?;
        }
        if self.json {
            print_data(&serde_json::to_string(evaluation)?)?;
        } else {
            print_line(&evaluation_table(evaluation))?;
            print_line(&format!("searched by {search}"))?;
            print_line(&details(evaluation))?;
        }
        Ok(Done::Completed)
    }

    fn pairs(&self, model: &Model) -> Result<Vec<Pair>> {
        if self.references.is_empty() {
            return Ok(self.columns.read(&self.file, &[model])?.pairs);
        }
        let options = self.columns.options(&[model])?;
        let inputs = self.lines(&self.file)?;
        ensure!(
            !inputs.is_empty(),
            "{}: there are no inputs in this file",
            self.file.display()
        );
        let mut pairs = Vec::new();
        let mut answered = vec![false; inputs.len()];
        for path in &self.references {
            let references = self.lines(path)?;
            if references.len() != inputs.len() {
                bail!(
                    "{} has {} lines, but {} has {}: line by line, a reference file must answer the inputs",
                    path.display(),
                    references.len(),
                    self.file.display(),
                    inputs.len()
                );
            }
            // An input may have fewer answers than others: then some files have an empty line for it.
            for (index, target) in references.into_iter().enumerate() {
                if !target.trim().is_empty() {
                    let target = model.codec().target_of_file(&target);
                    pairs.push(pair(&inputs[index], target, &options));
                    answered[index] = true;
                }
            }
        }
        if let Some(index) = answered.iter().position(|answered| !answered) {
            bail!(
                "line {} of {} has no answer: its line is empty in every reference file",
                index + 1,
                self.file.display()
            );
        }
        Ok(pairs)
    }

    /// The lines of a file of inputs or references.
    fn lines(&self, path: &Path) -> Result<Vec<String>> {
        let mut lines = inputs::all_lines(path)?;
        if self.columns.asks_for_header() && !lines.is_empty() {
            lines.remove(0);
        }
        Ok(lines)
    }

    fn write_report(&self, folder: &Path, examination: &Examination, search: String) -> Result<()> {
        std::fs::create_dir_all(folder).with_context(|| {
            format!(
                "cannot make the folder {} for the report: give another one",
                folder.display()
            )
        })?;
        let subject = Subject {
            model: name(&self.model),
            file: name(&self.file),
            search,
        };
        // A run's folder has its history beside the model.
        let run = if self.model.is_dir() {
            Some(self.model.as_path())
        } else {
            self.model.parent()
        };
        let history = run.map(read_history).unwrap_or_default();
        let path = folder.join(REPORT_NAME);
        write_atomically(&path, report(&subject, examination, &history).as_bytes())?;
        say!("report: {}", path.display());
        Ok(())
    }
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// An input, of which other columns than source and features are not part, with its answer.
fn pair(input: &str, target: String, options: &ReadOptions) -> Pair {
    let columns: Vec<&str> = input.split('\t').collect();
    let column = |number: usize| columns.get(number.checked_sub(1)?).copied();
    let source = [options.source_column].into_iter();
    let source: Option<Vec<&str>> = source
        .chain(options.more_source_columns.iter().copied())
        .map(column)
        .collect();
    Pair {
        source: source.map_or_else(|| input.to_owned(), |columns| columns.join("\t")),
        target,
        features: options.features_column.and_then(column).map(str::to_owned),
    }
}

/// Most lengths, symbols and confusions that are listed; `--json` has all.
const LISTED: usize = 8;

/// What stands below the main figures.
fn details(evaluation: &Evaluation) -> String {
    let mut parts = Vec::new();
    if let Some(nbest) = evaluation.nbest {
        parts.push(format!(
            "right among the {} best: {:.4} of questions",
            nbest.n, nbest.exact_match
        ));
    }
    if let Some(known) = evaluation.known {
        parts.push(format!(
            "{known} of {} questions answered from the lexicon",
            evaluation.free_running.questions
        ));
    }
    parts.push(calibration(evaluation));
    parts.push(answered(evaluation));
    parts.push(confusions(evaluation));
    parts.push(by_feature(evaluation));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

fn calibration(evaluation: &Evaluation) -> String {
    let confidence = &evaluation.confidence;
    match confidence.temperature {
        Some(temperature) => format!(
            "confidence: expected calibration error {:.4}, {:.4} before temperature scaling (temperature {temperature:.2})",
            confidence.error_after, confidence.error_before
        ),
        None => format!(
            "confidence: expected calibration error {:.4} (not calibrated: the model came about without validation pairs)",
            confidence.error_before
        ),
    }
}

fn answered(evaluation: &Evaluation) -> String {
    let steps = &evaluation.confidence.answered;
    let row = |name: &str, value: &dyn Fn(&seq2seq::metrics::Answered) -> String| {
        std::iter::once(name.to_owned())
            .chain(steps.iter().map(value))
            .collect::<Vec<_>>()
    };
    let rows = [
        row("  share answered", &|step| format!("{:.2}", step.share)),
        row("  accuracy", &|step| format!("{:.4}", step.accuracy)),
        row("  from confidence", &|step| {
            format!("{:.4}", step.confidence)
        }),
    ];
    format!(
        "accuracy when only the most confident answers are given (predict --abstain)\n{}",
        table(&rows)
    )
}

/// Features whose questions have the most wrong answers.
fn by_feature(evaluation: &Evaluation) -> String {
    let groups = &evaluation.breakdown.by_feature;
    if groups.is_empty() {
        return String::new();
    }
    let heading = ["  feature", "questions", "wrong", "exact match"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(groups.iter().take(LISTED).map(|group| {
        vec![
            format!("  {}", group.feature),
            group.questions.to_string(),
            (group.questions - group.correct).to_string(),
            format!("{:.4}", group.correct as f64 / group.questions as f64),
        ]
    }));
    format!(
        "features with the most wrong answers ({} in all)\n{}",
        groups.len(),
        table(&rows)
    )
}

fn confusions(evaluation: &Evaluation) -> String {
    let shown = |symbol: &Option<String>| match symbol {
        Some(symbol) => quoted(symbol).to_string(),
        None => "nothing".to_owned(),
    };
    let listed: Vec<String> = evaluation
        .breakdown
        .confusions
        .iter()
        .take(LISTED)
        .map(|c| {
            format!(
                "{} for {} ({} x)",
                shown(&c.written),
                shown(&c.wanted),
                c.count
            )
        })
        .collect();
    if listed.is_empty() {
        return String::new();
    }
    format!("most frequent errors: {}", listed.join(", "))
}
