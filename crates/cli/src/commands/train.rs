//! `seq2seq train`: from a recipe or a file of pairs to a model.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use clap::{Args, ValueEnum};
use seq2seq::config::{Architecture, Monitor, Override, Recipe, TrainingPrecision};
use seq2seq::data::{DataNote, OnBadLine, Pair, STDIN, StrayBlanks};
use seq2seq::evaluation::evaluate;
use seq2seq::text::Normalization;
use seq2seq::training::{
    Changes, ChosenTokenization, Cost, DataReport, Decomposed, Ending, ExistingRun, FEW_QUESTIONS,
    FinalPairs, Learner, Outcome, RunFolder, Task, TrainingData, TrainingError, TrainingRequest,
    bf16_speed, with_settings,
};
use seq2seq::{Model, shell_quoted};

use super::columns::FormatArgs;
use super::mixture;
use super::replay::{self, OldAndNew};
use super::watch::WatchArgs;
use super::{column, describe_notes, evaluation_table, time_budget, usage_of, warn_of_unknown};
use crate::Done;
use crate::memory;
use crate::output::{count, duration, print_line, wrong_usage};
use crate::progress::{Length, Progress};
use crate::stop_signal::StopSignal;

/// Train a model from a recipe (.toml) or a file of pairs
#[derive(Args)]
pub struct Train {
    /// A recipe (.toml), or a file of tab-separated pairs (- for standard input)
    #[arg(required_unless_present_any = ["train", "resume"], value_name = "RECIPE|PAIRS")]
    input: Option<PathBuf>,
    /// Training pairs, for a recipe that leaves them open
    #[arg(help_heading = "Pairs", long, value_name = "FILE")]
    train: Option<PathBuf>,
    /// Validation pairs; without them, some training pairs are split off
    #[arg(help_heading = "Pairs", long, value_name = "FILE")]
    dev: Option<PathBuf>,
    /// Folder for the run [default: runs/NAME, after the input]
    #[arg(help_heading = "Run", long, value_name = "RUN")]
    out: Option<PathBuf>,
    /// Replace the run that the folder holds
    #[arg(help_heading = "Run", long, conflicts_with = "resume")]
    overwrite: bool,
    /// Continue the run in this folder
    #[arg(help_heading = "Run", long, value_name = "RUN", conflicts_with_all = [
        "train", "dev", "out", "seed", "budget", "source_column", "target_column",
        "features_column", "format", "keys", "layout", "symbols", "on_bad_line", "header",
    ])]
    resume: Option<PathBuf>,
    /// Go on from this trained model on other pairs: a model file, or the folder of a run
    #[arg(
        help_heading = "Learning",
        long,
        value_name = "MODEL",
        conflicts_with = "resume"
    )]
    from: Option<PathBuf>,
    /// Pairs that the model of --from knows, some of which are mixed in so that it does not forget them
    #[arg(
        help_heading = "Learning",
        long,
        value_name = "FILE",
        conflicts_with = "resume"
    )]
    replay: Option<PathBuf>,
    /// Learn from this trained model, too: a model file, or the folder of a run
    #[arg(
        help_heading = "Learning",
        long,
        value_name = "MODEL",
        conflicts_with = "resume"
    )]
    distill: Option<PathBuf>,
    /// Train for so long, such as 10m, 90s or 1h30m, with a schedule that fits
    #[arg(help_heading = "Learning", long, value_name = "TIME", value_parser = time_budget)]
    budget: Option<Duration>,
    /// Start of every random choice
    #[arg(help_heading = "Learning", long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: Option<u64>,
    /// Column of the source, counted from 1
    #[arg(help_heading = "Pairs", long, value_name = "N", value_parser = column)]
    source_column: Option<usize>,
    /// Column of the target, counted from 1
    #[arg(help_heading = "Pairs", long, value_name = "N", value_parser = column)]
    target_column: Option<usize>,
    /// Column of features, counted from 1
    #[arg(help_heading = "Pairs", long, value_name = "N", value_parser = column)]
    features_column: Option<usize>,
    #[command(flatten)]
    format: FormatArgs,
    /// Table of target symbols: a file, arpabet-ipa or arpabet-xsampa; symbols that it lacks are an error
    #[arg(help_heading = "Pairs", long, value_name = "FILE")]
    symbols: Option<PathBuf>,
    /// What to do about lines that cannot be used: fail; skip them and show the first few; or report
    /// all of them, in skipped_lines.tsv of the run, too [default: fail]
    #[arg(
        help_heading = "Pairs",
        long,
        value_enum,
        value_name = "fail|skip|report",
        hide_possible_values = true
    )]
    on_bad_line: Option<BadLineOption>,
    /// The first line of each file names the columns
    #[arg(help_heading = "Pairs", long)]
    header: bool,
    /// Change a setting, such as training.epochs=5; may be repeated
    #[arg(help_heading = "Learning", long = "set", value_name = "KEY=VALUE")]
    set: Vec<Override>,
    #[command(flatten)]
    watch: WatchArgs,
    /// Show nothing but errors
    #[arg(help_heading = "Run", long)]
    quiet: bool,
}

/// What to do about lines that cannot be used
#[derive(Clone, Copy, ValueEnum)]
enum BadLineOption {
    /// Stop and show the line
    Fail,
    /// Leave them out; show the first few
    Skip,
    /// Leave them out; show all, and list them in skipped_lines.tsv of the run
    Report,
}

impl From<BadLineOption> for OnBadLine {
    fn from(option: BadLineOption) -> Self {
        match option {
            BadLineOption::Fail => Self::Fail,
            BadLineOption::Skip => Self::Skip,
            BadLineOption::Report => Self::Report,
        }
    }
}

impl Train {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        let watched = self.watch.bind(self.quiet)?;
        let (mut learner, folder) = match &self.resume {
            Some(folder) => self.resumed(folder)?,
            None => self.fresh()?,
        };
        let signal = StopSignal::listen();
        let final_pairs = learner.final_pairs();
        let old_and_new = OldAndNew::of(learner.task());
        if !self.quiet
            && let Some(cost) = learner.measure()?
        {
            describe_cost(&cost, learner.recipe());
        }
        let training = &learner.recipe().training;
        let elapsed = learner.position().map_or(0.0, |at| at.elapsed);
        let length = match training.budget_seconds {
            0.0 => Length::Epochs(training.epochs),
            seconds => Length::Seconds(seconds - elapsed),
        };
        let mut progress = Progress::new(length, self.quiet, signal.asked());
        let outcome = watched.train(learner, &folder, &mut progress);
        progress.finish();
        let outcome = outcome.map_err(|error| with_way_on(error, &folder))?;
        signal.training_is_over();
        self.report(&outcome, &folder, final_pairs, old_and_new.as_ref())
    }

    fn fresh(&self) -> Result<(Learner, PathBuf)> {
        let (task, defaults) = self.task()?;
        let folder = self.folder();
        self.describe(&task, &defaults);
        let existing = if self.overwrite {
            ExistingRun::Overwrite
        } else {
            ExistingRun::Refuse
        };
        Ok((Learner::new(task, Some((&folder, existing)))?, folder))
    }

    fn resumed(&self, path: &Path) -> Result<(Learner, PathBuf)> {
        let (folder, recipe) = RunFolder::open(path)?;
        let recipe = with_settings(recipe, &self.set).map_err(usage_of)?;
        self.check_same_input(path, &recipe)?;
        let learner = Learner::resume(Task::prepare(recipe)?, folder)?;
        for damaged in learner.set_aside() {
            say!(
                "warning: a checkpoint is damaged, so the one before is taken; it is now {}",
                damaged.display()
            );
        }
        if !self.quiet {
            match learner.position().map(|at| (at.epoch, at.batch)) {
                None => say!("an n-gram model is fitted anew: it comes to the same bits"),
                Some((0, 0)) => say!("there is no checkpoint yet: starting from the beginning"),
                Some((epoch, batch)) => {
                    say!("going on after epoch {epoch}, batch {batch} of the next");
                }
            }
        }
        Ok((learner, path.to_owned()))
    }

    /// Refuses to resume a run with another recipe, or other pairs, than it began with.
    fn check_same_input(&self, folder: &Path, of_run: &Recipe) -> Result<()> {
        let Some(input) = &self.input else {
            return Ok(());
        };
        let folder = folder.display();
        if is_recipe(input) {
            let mut given = Recipe::read(input)?;
            // The run's recipe has the files that came with --train and --dev.
            given.data.train = given.data.train.or(of_run.data.train.clone());
            given.data.dev = given.data.dev.or(of_run.data.dev.clone());
            let given = given.with_overrides(&self.set).map_err(wrong_usage)?;
            if let Some(difference) = given.difference(of_run) {
                bail!(
                    "{} and the run in {folder} differ: {difference}; leave the recipe out, as the \
                     run has its own, and change it with --set",
                    input.display()
                );
            }
            return Ok(());
        }
        let same =
            |file: &PathBuf| std::path::absolute(file).ok() == std::path::absolute(input).ok();
        if !of_run.data.train.as_ref().is_some_and(same) {
            bail!(
                "the run in {folder} was not begun with the pairs of {}: leave them out, as the run \
                 knows its own",
                input.display()
            );
        }
        Ok(())
    }

    /// The task of the recipe, or of the file of pairs with the settings that suit them; then the flags,
    /// then `--set`. With it come the settings that nobody asked for, from which it starts.
    fn task(&self) -> Result<(Task, Recipe)> {
        let recipe = self.input.as_deref().filter(|path| is_recipe(path));
        let pairs = self.input.as_deref().filter(|path| !is_recipe(path));
        let data = match (pairs, self.train.as_deref()) {
            (Some(pairs), Some(_)) => bail!(
                "both {} and --train give training pairs: leave one out",
                pairs.display()
            ),
            (Some(pairs), None) | (None, Some(pairs)) => {
                self.refuse_model(pairs)?;
                TrainingData::File(pairs.to_owned())
            }
            (None, None) => TrainingData::OfRecipe,
        };
        let request = TrainingRequest {
            recipe: recipe.map(Recipe::read).transpose()?,
            data,
            from: self.from.clone(),
            change: |recipe: &mut Recipe| self.change(recipe),
            target_is_given: self.gives_target_column(),
            set: self.set.clone(),
        };
        request.task().map_err(usage_of)
    }

    /// Refuses a trained model in the place of pairs.
    fn refuse_model(&self, path: &Path) -> Result<()> {
        let may_be = path.is_dir() || path.extension().is_some_and(|e| e == "safetensors");
        if !may_be || Model::load(path).is_err() {
            return Ok(());
        }
        let (name, path) = (path.display(), shell_quoted(path));
        bail!(
            "{name} is a trained model, not a file of pairs: seq2seq train --resume {path} continues its \
             run, seq2seq train PAIRS --from {path} goes on from it on other pairs"
        )
    }

    fn gives_target_column(&self) -> bool {
        let is_set = |set: &Override| set.key() == "data.target_column";
        self.target_column.is_some() || self.set.iter().any(is_set)
    }

    fn names_columns(&self) -> bool {
        let flags = [self.source_column, self.target_column, self.features_column];
        let is_column = |set: &Override| {
            let key = set.key();
            key.starts_with("data.") && key.ends_with("_column")
        };
        flags.iter().any(Option::is_some) || self.set.iter().any(is_column)
    }

    /// Makes the changes that flags ask for.
    fn change(&self, recipe: &mut Recipe) {
        let data = &mut recipe.data;
        data.replay = self.replay.clone().or(data.replay.take());
        data.symbols = self.symbols.clone().or(data.symbols.take());
        data.on_bad_line = self.on_bad_line.map_or(data.on_bad_line, OnBadLine::from);
        // A layout names columns, too: those that flags name count.
        self.format.change(data, self.names_columns());
        let changes = Changes {
            dev: self.dev.clone(),
            teacher: self.distill.clone(),
            seed: self.seed,
            budget: self.budget.map(|budget| budget.as_secs_f64()),
            source_column: self.source_column,
            target_column: self.target_column,
            features_column: self.features_column,
            header: self.header,
        };
        changes.make(recipe);
    }

    fn folder(&self) -> PathBuf {
        let input = self.input.as_deref().or(self.train.as_deref());
        let named = input.filter(|path| *path != Path::new(STDIN));
        let name = named.and_then(Path::file_stem).unwrap_or("run".as_ref());
        let packed = |path: &&Path| path.extension().is_some_and(|e| e == "gz" || e == "zst");
        // The name of words.tsv.gz is words.
        let inner = named.filter(packed).map(|_| Path::new(name));
        let name = inner.and_then(Path::file_stem).unwrap_or(name);
        self.out
            .clone()
            .unwrap_or_else(|| Path::new("runs").join(name))
    }

    /// Says what was read, before any work starts. The defaults are the settings that nobody asked for.
    fn describe(&self, task: &Task, defaults: &Recipe) {
        if self.quiet {
            return;
        }
        let report = &task.report;
        say!(
            "{}: {} with {}; validation on {}",
            report.origin,
            count(task.train.len(), "training pair"),
            count(report.sources, "different source"),
            match task.validates_on_training() {
                true => "the same pairs".to_owned(),
                false => count(task.dev.len(), "pair"),
            },
        );
        mixture::describe_sources(task);
        replay::describe(task);
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
        if let Some(decomposed) = &report.decomposed {
            describe_decomposed(decomposed, codec.answer_form);
        }
        describe_stray_blanks("source", &report.source_blanks);
        describe_stray_blanks("target", &report.target_blanks);
        let meant = |note: &&DataNote| is_about_numbers(note) && self.gives_target_column();
        describe_notes(report.notes.iter().filter(|note| !meant(note)));
        describe_skipped(report, task.recipe.data.on_bad_line);
        let from_pairs = !self.input.as_deref().is_some_and(is_recipe) && self.from.is_none();
        if from_pairs && (task.recipe.architecture_asked_for(&self.set)).is_none() {
            describe_network(&task.recipe);
        }
        for unused in task.recipe.unused_settings(defaults) {
            say!("warning: {unused}");
        }
        warn_of_precision(&task.recipe);
        warn_of_unknown(&report.unseen, "the validation pairs");
        describe_validation(task);
    }

    fn report(
        &self,
        outcome: &Outcome,
        folder: &Path,
        pairs: FinalPairs,
        old_and_new: Option<&OldAndNew>,
    ) -> Result<Done> {
        let (shown, folder) = (folder.display(), shell_quoted(folder));
        if outcome.ending == Ending::Interrupted {
            say!("stopped; everything is saved. To go on: seq2seq train --resume {folder}");
            return Ok(Done::Interrupted);
        }
        if self.quiet {
            return Ok(Done::Completed);
        }
        if outcome.ending == Ending::EarlyStopping {
            say!("stopped early: validation has not improved for a while");
        }
        if outcome.never_right() {
            say!("warning: {}", never_right(outcome));
        }
        if let Some(comparison) = &outcome.comparison {
            mixture::describe(comparison);
        }
        let example = pairs.as_ref().and_then(|(_, pairs)| example(pairs));
        if let Some((kind, pairs)) = pairs {
            let evaluation = evaluate(&outcome.model, &pairs)?;
            say!("\n{kind} pairs:");
            print_line(&evaluation_table(&evaluation))?;
            say!("");
        }
        if let Some(old_and_new) = old_and_new {
            print_line(&old_and_new.table(&outcome.model)?)?;
            say!("");
        }
        say!(
            "trained in {}; model: {shown}/{}",
            duration(outcome.seconds),
            seq2seq::MODEL_NAME
        );
        let input = example.unwrap_or_else(|| "echo INPUT".into());
        say!("use it:   {input} | seq2seq predict {folder}");
        say!("measure:  seq2seq eval {folder} PAIRS.tsv");
        Ok(Done::Completed)
    }
}

fn is_about_numbers(note: &DataNote) -> bool {
    matches!(note, DataNote::NumbersAsTarget { .. })
}

/// Whether an argument names a recipe.
pub fn is_recipe(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "toml")
}

/// Longest input that is shown as an example.
const LONGEST_EXAMPLE: usize = 40;

/// A command that prints an input as it must look, with its features after a tab.
fn example(pairs: &[Pair]) -> Option<String> {
    let plain = |text: &str| {
        !text.contains(|c: char| c.is_control() || c == '\'' || c == '\\') && !text.starts_with('-')
    };
    let fits = |pair: &&Pair| {
        let features = pair.features.as_deref().unwrap_or_default();
        pair.source.chars().count() <= LONGEST_EXAMPLE && plain(&pair.source) && plain(features)
    };
    let Pair {
        source, features, ..
    } = pairs.iter().find(fits)?;
    Some(match features {
        None => format!("echo '{source}'"),
        Some(features) => format!("printf '%s\\t%s\\n' '{source}' '{features}'"),
    })
}

/// Says that training has come to nothing yet.
fn never_right(outcome: &Outcome) -> String {
    let validations = outcome.history.iter().filter_map(|epoch| epoch.validation);
    let questions = outcome.validation.map_or(0, |figures| figures.questions);
    format!(
        "exact match was 0 at {}: none of {} was answered right. Train longer \
         (training.epochs, training.patience), give more training pairs, or see whether text.source \
         and text.target cut the texts into the right symbols",
        count(validations.count(), "validation"),
        count(questions, "question")
    )
}

/// Warns of products in bf16 that take longer here than those in single precision.
fn warn_of_precision(recipe: &Recipe) {
    if recipe.training.precision == TrainingPrecision::F32 {
        return;
    }
    let speed = bf16_speed(&recipe.model);
    if speed < 1.0 {
        say!(
            "warning: training.precision = \"bf16\" is slower than \"f32\" on this processor: its products \
             take {:.1} times as long. Use training.precision = \"f32\" here",
            1.0 / speed
        );
    }
}

/// Says how models are compared where one answer would decide.
fn describe_validation(task: &Task) {
    let settings = &task.recipe.training;
    let compares = settings.keep_best || settings.patience > 0;
    // Those that are all to be learned are as many as they are.
    if !compares || settings.monitor != Monitor::ExactMatch || task.validates_on_training() {
        return;
    }
    let questions = task.validation_questions().len();
    if (1..FEW_QUESTIONS).contains(&questions) {
        say!(
            "note: validation asks only {}, so one answer moves exact match by {:.3}. Models are \
             compared by exact match minus symbol error rate, then loss; --dev FILE gives more",
            count(questions, "question"),
            1.0 / questions as f64
        );
    }
}

fn describe_side(side: &str, chosen: &ChosenTokenization, symbols: usize, longest: usize) {
    let why = chosen.guessed.as_ref().map(|guessed| {
        format!(
            " (guessed: {}; to change: --set text.{side}={})",
            guessed.reason, guessed.alternative
        )
    });
    say!(
        "{side}: {}, {symbols} symbols, longest {longest}{}",
        chosen.tokenization,
        why.unwrap_or_default()
    );
}

fn describe_decomposed(decomposed: &Decomposed, answers: Option<Normalization>) {
    let answers = match answers {
        Some(Normalization::Nfc) => "; answers are put together again, as in the training pairs",
        _ => "",
    };
    say!(
        "normalization: nfd, as {:.1} % of the {} symbols of the validation pairs are known from training \
         only when they are taken apart (to change: --set text.normalization=nfc){answers}",
        100.0 * decomposed.share,
        decomposed.side,
    );
}

fn describe_network(recipe: &Recipe) {
    match recipe.model.architecture {
        Architecture::Monotonic => say!(
            "model: hard monotonic attention (these pairs are short; --set \
             model.architecture=recurrent for attention)"
        ),
        _ => say!(
            "model: attention (these pairs are long, or have many symbols; --set \
             model.architecture=monotonic for hard monotonic attention)"
        ),
    }
}

/// What the run will take on this machine.
fn describe_cost(cost: &Cost, recipe: &Recipe) {
    let less = match recipe.training.patience {
        0 => "",
        _ if cost.validation == 0.0 => "",
        _ => ", less if it stops early",
    };
    let memory = memory::peak().map_or(String::new(), |bytes| {
        format!("; memory about {} MB", bytes.div_ceil(10_000_000) * 10)
    });
    let budget = recipe.training.budget_seconds;
    if budget > 0.0 {
        say!(
            "cost on this machine: {} as asked for{memory}",
            duration(budget)
        );
        return;
    }
    if cost.epochs == 0 {
        return;
    }
    let epoch = cost.training + cost.validation * cost.validations as f64 / cost.epochs as f64;
    let about = if cost.seconds() < 1.0 { "" } else { "about " };
    say!(
        "cost on this machine: {about}{} for {} ({epoch:.2} s each){less}{memory}",
        duration(cost.seconds()),
        count(cost.epochs, "epoch"),
    );
}

/// Says how many texts have blanks that are ignored, and where the first is.
fn describe_stray_blanks(side: &str, blanks: &StrayBlanks) {
    if let Some(first) = &blanks.first {
        say!(
            "note: {} leading, trailing or doubled blanks, which are ignored; the first: {first}",
            match blanks.texts {
                1 => format!("1 {side} has"),
                texts => format!("{} have", count(texts, side)),
            }
        );
    }
}

/// Lines that are shown where not all are asked for.
const SHOWN: usize = 5;

/// Says which lines were left out, and how many.
fn describe_skipped(report: &DataReport, on_bad_line: OnBadLine) {
    let skipped = &report.skipped;
    let shown = match on_bad_line {
        OnBadLine::Report => skipped.first.len(),
        OnBadLine::Skip | OnBadLine::Fail => SHOWN,
    };
    for line in skipped.first.iter().take(shown) {
        say!(
            "skipped {}, line {}: {}: {}",
            line.file,
            line.line,
            line.reason,
            line.text
        );
    }
    if skipped.count > 0 {
        say!("skipped {} in all", count(skipped.count, "line"));
    }
}

/// Says how to go on when there was no room to write: what was saved before is whole.
fn with_way_on(error: TrainingError, folder: &Path) -> anyhow::Error {
    if !error.is_refused_write() {
        return error.into();
    }
    let folder = shell_quoted(folder);
    anyhow!(
        "{error}\n  what was saved before is whole; once there is room: seq2seq train --resume {folder}"
    )
}
