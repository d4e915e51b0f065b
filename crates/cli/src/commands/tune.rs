//! `seq2seq tune`: settings that suit the data, searched for in a given time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::{Args, ValueEnum};
use seq2seq::config::{MixtureChoice, Override, Recipe};
use seq2seq::shell_quoted;
use seq2seq::training::with_settings;
use seq2seq::tuning::{Range, Search, SearchObserver, Strategy, Trial};

use super::train::is_recipe;
use super::{time_budget, usage_of};
use crate::Done;
use crate::output::{count, duration, print_line, table, wrong_usage, wrong_usage_unless};
use crate::stop_signal::StopSignal;

/// Search for settings: short trainings, the best ones longer
#[derive(Args)]
pub struct Tune {
    /// A recipe (.toml), which may name what to vary under [tune]
    #[arg(value_name = "RECIPE")]
    recipe: PathBuf,
    /// Time for all trainings together, such as 2h, 30m or 90s
    #[arg(long, value_name = "TIME", value_parser = time_budget)]
    budget: Duration,
    /// Training pairs, for a recipe that leaves them open
    #[arg(long, value_name = "FILE")]
    train: Option<PathBuf>,
    /// Validation pairs, by which settings are compared
    #[arg(long, value_name = "FILE")]
    dev: Option<PathBuf>,
    /// A setting to vary, such as model.encoder_units=64,128 or training.learning_rate=0.0003..0.003;
    /// may be repeated
    #[arg(long, value_name = "KEY=RANGE")]
    vary: Vec<String>,
    /// Settings that are tried
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..))]
    trials: u16,
    /// How the time is shared out: halving gives the best third three times as long in the next round,
    /// random gives all the same time
    #[arg(
        long,
        value_enum,
        default_value = "halving",
        value_name = "halving|random",
        hide_possible_values = true
    )]
    strategy: StrategyOption,
    /// Folder for the trials and the best model [default: runs/NAME-tune, after the recipe]. A search
    /// that was interrupted goes on there
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Start of every random choice
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Change a setting of the recipe; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<Override>,
}

/// How the time is shared out
#[derive(Clone, Copy, ValueEnum)]
enum StrategyOption {
    /// The best third goes into the next round, where each trains three times as long
    Halving,
    /// All train equally long
    Random,
}

impl Tune {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        let mut recipe = with_settings(self.read_recipe()?, &self.set).map_err(usage_of)?;
        recipe.data.train = self.train.clone().or(recipe.data.train.take());
        recipe.data.dev = self.dev.clone().or(recipe.data.dev.take());
        recipe.training.seed = self.seed.unwrap_or(recipe.training.seed);
        let mixes = recipe.training.mixture == MixtureChoice::Auto;
        let folder = self.folder();
        let search = Search {
            ranges: self.ranges(&recipe).map_err(wrong_usage)?,
            recipe,
            set: self.set.clone(),
            trials: usize::from(self.trials),
            seconds: self.budget.as_secs_f64(),
            strategy: match self.strategy {
                StrategyOption::Halving => Strategy::Halving,
                StrategyOption::Random => Strategy::Random,
            },
            folder: folder.clone(),
        };
        let signal = StopSignal::listen();
        let (trials, complete) = search.run(&mut Shown(signal.asked()))?;
        signal.training_is_over();
        if !complete {
            say!("stopped; the same command goes on from here");
            return Ok(Done::Interrupted);
        }
        print_line(&rows(&trials))?;
        if trials.iter().all(Trial::never_right) {
            say!(
                "\nwarning: exact match is 0 in every trial, so settings were compared by finer \
                 figures; a longer --budget, or more training pairs, would tell more"
            );
        }
        if let Some(best) = trials.first() {
            let model = folder.join(seq2seq::MODEL_NAME);
            say!("\nbest model: {}", model.display());
            say!("train with its settings: {}", self.training(best));
            if mixes {
                say!(
                    "note: trials train networks alone; that command mixes its network with an n-gram model \
                     where that is better"
                );
            }
        }
        Ok(Done::Completed)
    }

    /// The recipe; files of pairs are given beside it.
    fn read_recipe(&self) -> Result<Recipe> {
        wrong_usage_unless(is_recipe(&self.recipe), || {
            let file = self.recipe.display();
            format!(
                "{file} is no recipe (.toml), which `tune` takes first; give pairs with --train: \
                 seq2seq tune RECIPE --train {}",
                shell_quoted(&self.recipe)
            )
        })?;
        Ok(Recipe::read(&self.recipe)?)
    }

    /// The command that trains as the trial did.
    fn training(&self, trial: &Trial) -> String {
        let mut words = vec!["seq2seq".into(), "train".into(), shell_quoted(&self.recipe)];
        let files = [("--train", &self.train), ("--dev", &self.dev)];
        for (flag, file) in files {
            words.extend(
                file.iter()
                    .flat_map(|file| [flag.into(), shell_quoted(file)]),
            );
        }
        let budget = Duration::from_secs(trial.seconds.ceil().max(1.0) as u64);
        let budget = humantime::format_duration(budget).to_string();
        words.extend(["--budget".into(), budget.replace(' ', "")]);
        if let Some(seed) = self.seed {
            words.extend(["--seed".into(), seed.to_string()]);
        }
        let set = self.set.iter().map(Override::to_string);
        for setting in set.chain(trial.settings.iter().cloned()) {
            words.extend(["--set".into(), shell_quoted(setting)]);
        }
        words.join(" ")
    }

    /// What the recipe varies, and what the flags do: these count where both name a key.
    fn ranges(&self, recipe: &Recipe) -> Result<Vec<(String, Range)>> {
        let mut ranges = recipe.tune.clone();
        for text in &self.vary {
            let (key, range) = text
                .split_once('=')
                .with_context(|| format!("--vary {text} is not of the form KEY=RANGE"))?;
            ranges.insert(key.trim().to_owned(), range.to_owned());
        }
        let parse = |(key, range): (String, String)| {
            let range = range.parse().map_err(|error| anyhow!("{key}: {error}"))?;
            Ok((key, range))
        };
        ranges.into_iter().map(parse).collect()
    }

    fn folder(&self) -> PathBuf {
        let name = self.recipe.file_stem().unwrap_or("recipe".as_ref());
        let name = format!("{}-tune", name.to_string_lossy());
        self.out
            .clone()
            .unwrap_or_else(|| Path::new("runs").join(name))
    }
}

/// Shows trials on standard error as they end.
struct Shown(Arc<AtomicBool>);

impl SearchObserver for Shown {
    fn trial_done(&mut self, trial: &Trial) {
        let result = match (&trial.validation, &trial.failure) {
            (Some(validation), _) => format!(
                "exact match {:.4}, symbol errors {:.4}, loss {:.4}",
                validation.exact_match, validation.symbol_error_rate, validation.loss
            ),
            (None, failure) => format!("failed: {}", failure.as_deref().unwrap_or("")),
        };
        say!(
            "round {}, settings {} ({}), {}: {result}",
            trial.round + 1,
            trial.number + 1,
            trial.settings.join(" "),
            duration(trial.seconds)
        );
    }

    fn wants_to_stop(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn rows(trials: &[Trial]) -> String {
    let heading = [
        "settings",
        "round",
        "training",
        "exact match",
        "symbol errors",
        "loss",
    ]
    .map(str::to_owned);
    let row = |trial: &Trial| {
        let figures = match trial.validation {
            Some(v) => [v.exact_match, v.symbol_error_rate, v.loss].map(|v| format!("{v:.4}")),
            None => ["failed".to_owned(), String::new(), String::new()],
        };
        let mut row = vec![
            trial.settings.join(" "),
            (trial.round + 1).to_string(),
            duration(trial.seconds),
        ];
        row.extend(figures);
        row
    };
    let rows: Vec<Vec<String>> = std::iter::once(heading.to_vec())
        .chain(trials.iter().map(row))
        .collect();
    format!("{}\n{}", count(trials.len(), "trial"), table(&rows))
}
