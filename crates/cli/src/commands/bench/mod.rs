//! `seq2seq bench`: how fast this machine trains and decodes, beside what products alone allow.

mod limit;
mod measure;
mod works;

use std::time::Duration;

use anyhow::{Result, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use limit::limit_gflops;
use measure::{Effort, Measurement, Phase, measure};
use seq2seq::config::TrainingPrecision;
use serde_json::json;
use works::Work;

use crate::Done;
use crate::output::{print_data, print_line, table};

/// Measure training and decoding speed on this machine
#[derive(Args)]
pub struct Bench {
    /// Work to measure; may be repeated [default: all]
    #[arg(long, value_parser = named(Work::ALL, Work::name), ignore_case = true, value_name = "A|A-small|B|C")]
    work: Vec<Work>,
    /// Phase to measure; may be repeated [default: all]
    #[arg(long, value_parser = named(Phase::ALL, Phase::name), value_name = "PHASE")]
    phase: Vec<Phase>,
    /// Precision of the products in training [default: f32]
    #[arg(long, value_enum, default_value_t = BenchPrecision::F32, value_name = "f32|bf16", hide_possible_values = true, hide_default_value = true)]
    precision: BenchPrecision,
    /// Repetitions of each measurement
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    repetitions: u16,
    /// Least seconds of a repetition
    #[arg(long, default_value_t = 1.0, value_name = "S")]
    seconds: f64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Print the pairs of a work, for other programs, and measure nothing
    #[arg(long, value_parser = named(Work::ALL, Work::name), ignore_case = true, value_name = "WORK", exclusive = true)]
    pairs: Option<Work>,
}

/// Precision of the products in training
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum BenchPrecision {
    /// Single precision
    F32,
    /// Operands rounded to bf16
    Bf16,
}

impl From<BenchPrecision> for TrainingPrecision {
    fn from(precision: BenchPrecision) -> Self {
        match precision {
            BenchPrecision::F32 => Self::F32,
            BenchPrecision::Bf16 => Self::Bf16,
        }
    }
}

/// A parser for the names of some values, in any case.
fn named<T: Copy + Send + Sync + 'static, const N: usize>(
    all: [T; N],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.map(name)).try_map(move |text| {
        let found = all
            .into_iter()
            .find(|&value| name(value).eq_ignore_ascii_case(&text));
        found.ok_or("there is no such name")
    })
}

/// The values that were asked for, in their own order; all if none was.
fn asked<T: Copy + PartialEq, const N: usize>(all: [T; N], asked: &[T]) -> Vec<T> {
    all.into_iter()
        .filter(|value| asked.is_empty() || asked.contains(value))
        .collect()
}

impl Bench {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        if let Some(work) = self.pairs {
            for pair in work.pairs() {
                print_line(&format!("{}\t{}", pair.source, pair.target))?;
            }
            return Ok(Done::Completed);
        }
        if !(self.seconds > 0.0 && self.seconds <= 600.0) {
            bail!("--seconds {}: must lie between 0 and 600", self.seconds);
        }
        let effort = Effort {
            repetitions: self.repetitions.into(),
            time: Duration::from_secs_f64(self.seconds),
        };
        let threads = rayon::current_num_threads();
        let precision = TrainingPrecision::from(self.precision);
        let time = Duration::from_millis(500);
        let limit = limit_gflops(Work::A, precision.into(), threads, time);
        let name = match precision {
            TrainingPrecision::F32 => "f32",
            TrainingPrecision::Bf16 => "bf16",
        };
        if !self.json {
            print_line(&format!(
                "matrix products alone, {name}: {limit:.0} GFLOP/s with {threads} threads"
            ))?;
        }
        let mut results = Vec::new();
        let phases = asked(Phase::ALL, &self.phase);
        for work in asked(Work::ALL, &self.work) {
            say!("measuring {}: {}", work.name(), work.description());
            results.extend(measure(work, precision, &phases, effort)?);
        }
        if self.json {
            let report = json!({ "precision": name, "limit_gflops": limit, "results": results });
            print_data(&report.to_string())?;
        } else {
            print_line(&results_table(&results))?;
        }
        Ok(Done::Completed)
    }
}

fn results_table(results: &[Measurement]) -> String {
    let heading = [
        "work", "phase", "threads", "min/s", "median/s", "max/s", "GFLOP/s", "of limit",
    ];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(results.iter().map(|result| {
        vec![
            result.work.to_owned(),
            result.phase.to_owned(),
            result.threads.to_string(),
            format!("{:.0}", result.per_second.min),
            format!("{:.0}", result.per_second.median),
            format!("{:.0}", result.per_second.max),
            format!("{:.1}", result.gflops),
            format!("{:.0} %", 100.0 * result.share_of_limit),
        ]
    }));
    table(&rows)
}
