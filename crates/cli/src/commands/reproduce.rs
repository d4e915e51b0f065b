//! `seq2seq reproduce`: a recipe over several seeds, as a table of median (minimum - maximum).

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use seq2seq::config::{Override, Recipe};
use seq2seq::evaluation::{Evaluation, evaluate};
use seq2seq::training::{Learner, Task, with_settings};

use super::usage_of;
use crate::Done;
use crate::output::print_line;
use crate::spread::Spread;

/// Train recipes over several seeds and print a table of medians
#[derive(Args)]
pub struct Reproduce {
    /// Recipes (.toml)
    #[arg(required = true)]
    recipes: Vec<PathBuf>,
    /// Runs of each recipe, with seeds 1, 2, 3, …
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Change a setting of every recipe; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<Override>,
}

const HEADING: &str = "\
| recipe | seeds | evaluated on | loss (teacher-forced) | accuracy (teacher-forced) | exact match (free-running) | symbol error rate (free-running) | seconds of training |
|---|---|---|---|---|---|---|---|";

impl Reproduce {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        print_line(HEADING)?;
        for path in &self.recipes {
            let mut runs = Vec::new();
            for seed in 1..=self.seeds {
                let recipe = with_settings(Recipe::read(path)?, &self.set);
                let mut recipe = recipe.map_err(usage_of)?;
                recipe.training.seed = seed;
                runs.push(
                    self.train(recipe)
                        .with_context(|| path.display().to_string())?,
                );
                say!("{}, seed {seed}: done", path.display());
            }
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            print_line(&row(&name, &runs))?;
        }
        Ok(Done::Completed)
    }

    fn train(&self, recipe: Recipe) -> Result<(Evaluation, &'static str, f64)> {
        let trainer = Learner::new(Task::prepare(recipe)?, None)?;
        let (kind, pairs) = trainer
            .final_pairs()
            .context("there are neither test nor validation pairs")?;
        let outcome = trainer.run(&mut ())?;
        Ok((evaluate(&outcome.model, &pairs)?, kind, outcome.seconds))
    }
}

fn row(name: &str, runs: &[(Evaluation, &'static str, f64)]) -> String {
    let spread = |value: &dyn Fn(&Evaluation) -> f64, digits: usize| {
        summary(
            runs.iter()
                .map(|(evaluation, _, _)| value(evaluation))
                .collect(),
            digits,
        )
    };
    let evaluated = runs.first().map_or(String::new(), |(evaluation, kind, _)| {
        format!("{} {kind} pairs", evaluation.pairs)
    });
    [
        format!("| {name} | {}", runs.len()),
        evaluated,
        spread(&|e| e.teacher_forced.loss, 4),
        spread(&|e| e.teacher_forced.accuracy, 4),
        spread(&|e| e.free_running.exact_match, 4),
        spread(&|e| e.free_running.symbol_error_rate, 4),
        format!(
            "{} |",
            summary(runs.iter().map(|(_, _, seconds)| *seconds).collect(), 1)
        ),
    ]
    .join(" | ")
}

/// Median (minimum - maximum).
fn summary(values: Vec<f64>, digits: usize) -> String {
    let Spread { min, median, max } = Spread::of(values);
    format!("{median:.digits$} ({min:.digits$} - {max:.digits$})")
}
