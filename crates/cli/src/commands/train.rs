//! `seq2seq train`: from a recipe or a file of pairs to a model.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use clap::Args;
use seq2seq::config::{Override, Recipe};
use seq2seq::evaluation::evaluate;
use seq2seq::training::{Chosen, Ending, Existing, FinalPairs, Outcome, RunFolder, Task, Trainer};

use super::{evaluation_table, warn_of_unknown};
use crate::Done;
use crate::output::{count, duration, print_line};
use crate::progress::Progress;

/// Train a model from a recipe (.toml) or a file of tab-separated pairs
#[derive(Args)]
pub struct Train {
    /// A recipe (.toml), or a file of tab-separated pairs
    #[arg(required_unless_present_any = ["train", "resume"], value_name = "RECIPE|PAIRS")]
    input: Option<PathBuf>,
    /// Training pairs, for a recipe that leaves them open
    #[arg(long, value_name = "FILE")]
    train: Option<PathBuf>,
    /// Validation pairs; without them, some training pairs are split off
    #[arg(long, value_name = "FILE")]
    dev: Option<PathBuf>,
    /// Folder for the run [default: runs/NAME, after the input]
    #[arg(long, value_name = "RUN")]
    out: Option<PathBuf>,
    /// Replace the run that the folder holds
    #[arg(long, conflicts_with = "resume")]
    overwrite: bool,
    /// Continue the run in this folder
    #[arg(long, value_name = "RUN", conflicts_with_all = ["input", "train", "dev", "out", "seed"])]
    resume: Option<PathBuf>,
    /// Start of every random choice
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Column of the source, counted from 1
    #[arg(long, value_name = "N")]
    source_column: Option<usize>,
    /// Column of the target, counted from 1
    #[arg(long, value_name = "N")]
    target_column: Option<usize>,
    /// The first line of each file names the columns
    #[arg(long)]
    header: bool,
    /// Change a setting, such as training.epochs=5; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<Override>,
    /// Show nothing but errors
    #[arg(long)]
    quiet: bool,
}

impl Train {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        let (trainer, folder, epochs) = match &self.resume {
            Some(folder) => self.resumed(folder)?,
            None => self.fresh()?,
        };
        let stop = stop_on_signal()?;
        let final_pairs = trainer.final_pairs();
        let outcome = trainer.run(&mut Progress::new(epochs, self.quiet, stop))?;
        self.report(&outcome, &folder, final_pairs)
    }

    fn fresh(&self) -> Result<(Trainer, PathBuf, usize)> {
        let recipe = self.recipe()?;
        let folder = self.folder();
        let task = Task::prepare(recipe)?;
        self.describe(&task);
        let epochs = task.recipe.training.epochs;
        let existing = if self.overwrite {
            Existing::Overwrite
        } else {
            Existing::Refuse
        };
        Ok((
            Trainer::new(task, Some((&folder, existing)))?,
            folder,
            epochs,
        ))
    }

    fn resumed(&self, path: &Path) -> Result<(Trainer, PathBuf, usize)> {
        let (folder, recipe) = RunFolder::open(path)?;
        let task = Task::prepare(recipe.with_overrides(&self.set)?)?;
        let epochs = task.recipe.training.epochs;
        Ok((Trainer::resume(task, folder)?, path.to_owned(), epochs))
    }

    /// The recipe as given, then the flags, then `--set`.
    fn recipe(&self) -> Result<Recipe> {
        let mut recipe = match &self.input {
            Some(path)
                if path
                    .extension()
                    .is_some_and(|extension| extension == "toml") =>
            {
                Recipe::read(path)?
            }
            Some(pairs) => {
                if self.train.is_some() {
                    bail!(
                        "both {} and --train give training pairs: leave one out",
                        pairs.display()
                    );
                }
                Recipe::for_pairs(pairs)
            }
            None => Recipe::default(),
        };
        let data = &mut recipe.data;
        if let Some(train) = &self.train {
            (data.train, data.addition) = (Some(train.clone()), None);
        }
        data.dev = self.dev.clone().or(data.dev.take());
        data.source_column = self.source_column.unwrap_or(data.source_column);
        data.target_column = self.target_column.unwrap_or(data.target_column);
        data.header |= self.header;
        recipe.training.seed = self.seed.unwrap_or(recipe.training.seed);
        Ok(recipe.with_overrides(&self.set)?)
    }

    fn folder(&self) -> PathBuf {
        let input = self.input.as_deref().or(self.train.as_deref());
        let name = input.and_then(Path::file_stem).unwrap_or("run".as_ref());
        self.out
            .clone()
            .unwrap_or_else(|| Path::new("runs").join(name))
    }

    /// Says what was read, before any work starts.
    fn describe(&self, task: &Task) {
        if self.quiet {
            return;
        }
        let report = &task.report;
        eprintln!(
            "{}: {} with {}; validation on {}",
            report.origin,
            count(task.train.len(), "training pair"),
            count(report.sources, "different source"),
            count(task.dev.len(), "pair"),
        );
        let codec = &task.codec;
        describe_side(
            "source",
            &report.source,
            codec.source.vocabulary.len(),
            report.longest_source,
        );
        describe_side(
            "target",
            &report.target,
            codec.target.vocabulary.len(),
            report.longest_target,
        );
        for skipped in report.skipped.iter().take(5) {
            eprintln!("skipped line {}: {}", skipped.line, skipped.reason);
        }
        if report.skipped.len() > 5 {
            eprintln!("skipped {} more", count(report.skipped.len() - 5, "line"));
        }
        warn_of_unknown(&report.unseen, "the validation pairs");
    }

    fn report(&self, outcome: &Outcome, folder: &Path, pairs: FinalPairs) -> Result<Done> {
        let folder = folder.display();
        if outcome.ending == Ending::Interrupted {
            eprintln!("stopped; everything is saved. To go on: seq2seq train --resume {folder}");
            return Ok(Done::Interrupted);
        }
        if self.quiet {
            return Ok(Done::Completed);
        }
        if outcome.ending == Ending::EarlyStopping {
            eprintln!("stopped early: validation has not improved for a while");
        }
        let seconds = outcome.history.last().map_or(0.0, |record| record.seconds);
        if let Some((kind, pairs)) = pairs {
            let evaluation = evaluate(&outcome.model, &pairs)?;
            eprintln!("\n{kind} pairs:");
            print_line(&evaluation_table(&evaluation))?;
            eprintln!();
        }
        eprintln!(
            "trained in {}; model: {folder}/{}",
            duration(seconds),
            seq2seq::MODEL_NAME
        );
        eprintln!("use it:   echo INPUT | seq2seq predict {folder}");
        eprintln!("measure:  seq2seq eval {folder} PAIRS.tsv");
        Ok(Done::Completed)
    }
}

fn describe_side(side: &str, chosen: &Chosen, symbols: usize, longest: usize) {
    let why = chosen
        .reason
        .as_ref()
        .map(|why| format!(" (guessed: {why}; --set text.{side}=… to change)"));
    eprintln!(
        "{side}: {}, {symbols} symbols, longest {longest}{}",
        chosen.tokenization,
        why.unwrap_or_default()
    );
}

/// The first Ctrl-C or SIGTERM asks training to stop after the batch; a second one ends it at once.
fn stop_on_signal() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("\nfinishing the batch and saving; once more to stop at once");
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(stop)
}
