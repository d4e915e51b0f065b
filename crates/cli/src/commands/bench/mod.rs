//! `seq2seq bench`: how fast this machine trains and decodes, beside what products alone allow.

mod limit;
mod measure;
mod works;

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use limit::limit_gflops;
use measure::{Effort, Measurement, Phase, measure};
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
    /// Repetitions of each measurement
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    repetitions: u16,
    /// Least seconds of a repetition
    #[arg(long, default_value_t = 1.0, value_name = "S")]
    seconds: f64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
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
        if !(self.seconds > 0.0 && self.seconds <= 600.0) {
            bail!("--seconds {}: must lie between 0 and 600", self.seconds);
        }
        let effort = Effort {
            repetitions: self.repetitions.into(),
            time: Duration::from_secs_f64(self.seconds),
        };
        let threads = rayon::current_num_threads();
        let limit = limit_gflops(Work::A, threads, Duration::from_millis(500));
        if !self.json {
            print_line(&format!(
                "matrix products alone: {limit:.0} GFLOP/s with {threads} threads"
            ))?;
        }
        let mut results = Vec::new();
        let phases = asked(Phase::ALL, &self.phase);
        for work in asked(Work::ALL, &self.work) {
            say!("measuring {}: {}", work.name(), work.description());
            results.extend(measure(work, &phases, effort)?);
        }
        if self.json {
            print_data(&json!({ "limit_gflops": limit, "results": results }).to_string())?;
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
