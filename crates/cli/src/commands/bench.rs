//! `seq2seq bench`: how fast this machine trains and decodes, beside what products alone allow.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use seq2seq::bench::{Effort, Measurement, Phase, Work, limit_gflops, measure};
use serde_json::json;

use crate::Done;
use crate::output::{print_line, table};

/// Measure training and decoding speed on this machine
#[derive(Args)]
pub struct Bench {
    /// Work to measure; may be repeated [default: all]
    #[arg(long, value_enum, ignore_case = true, value_name = "A|B|C")]
    work: Vec<WorkName>,
    /// Phase to measure; may be repeated [default: all]
    #[arg(long, value_enum, value_name = "PHASE")]
    phase: Vec<PhaseName>,
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

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
enum WorkName {
    A,
    B,
    C,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PhaseName {
    Train,
    Greedy,
    #[value(name = "greedy-1")]
    GreedyOne,
    Beam5,
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
        for work in self.works() {
            eprintln!("measuring {}: {}", work.name(), work.description());
            results.extend(measure(work, &self.phases(), threads, effort)?);
        }
        if self.json {
            print_line(&json!({ "limit_gflops": limit, "results": results }).to_string())?;
        } else {
            print_line(&results_table(&results))?;
        }
        Ok(Done::Completed)
    }

    fn works(&self) -> Vec<Work> {
        let asked = |work: &Work| {
            let name = match work {
                Work::A => WorkName::A,
                Work::B => WorkName::B,
                Work::C => WorkName::C,
            };
            self.work.is_empty() || self.work.contains(&name)
        };
        Work::ALL.into_iter().filter(asked).collect()
    }

    fn phases(&self) -> Vec<Phase> {
        let asked = |phase: &Phase| {
            let name = match phase {
                Phase::Train => PhaseName::Train,
                Phase::Greedy => PhaseName::Greedy,
                Phase::GreedyOne => PhaseName::GreedyOne,
                Phase::Beam => PhaseName::Beam5,
            };
            self.phase.is_empty() || self.phase.contains(&name)
        };
        Phase::ALL.into_iter().filter(asked).collect()
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
