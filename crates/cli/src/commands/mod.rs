//! The commands, one a file.

pub mod audit;
pub mod bench;
pub mod columns;
pub mod compare;
pub mod completions;
mod drawing;
pub mod ensemble;
pub mod eval;
pub mod explain;
pub mod export;
pub mod generate;
mod heat_map;
mod hidden_states;
pub mod import;
pub mod inspect;
pub mod interactive;
#[cfg(feature = "server")]
pub mod lesson;
pub mod lexicon;
pub mod manual;
mod mixture;
pub mod predict;
pub mod quantize;
mod replay;
pub mod reproduce;
mod said_warnings;
pub mod search_args;
#[cfg(feature = "server")]
pub mod serve;
pub mod train;
pub mod tune;
pub mod watch;

use std::path::Path;
use std::time::Duration;

use anyhow::{Error, Result, bail};
use seq2seq::Model;
use seq2seq::data::DataNote;
use seq2seq::evaluation::{Evaluation, UnknownSymbols};
use seq2seq::metrics::Interval;
use seq2seq::training::TaskError;

use crate::output::{count, table, wrong_usage};

/// A time to train for, such as `90s` or `1h30m`.
pub fn time_budget(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match time.is_zero() {
        true => Err("there is no training in no time: give some, such as 90s or 10m".to_owned()),
        false => Ok(time),
    }
}

/// A column of a file of pairs.
pub fn column(text: &str) -> Result<usize, &'static str> {
    let number = text.parse().ok().filter(|&number| number > 0);
    number.ok_or("columns are counted from 1")
}

/// A trained model, given beside other arguments; if one of these is a model instead, the error says so.
pub fn load_model(path: &Path, others: &[&Path]) -> Result<Model> {
    let error = match Model::load(path) {
        Ok(model) => return Ok(model),
        Err(error) => error,
    };
    match others.iter().find(|other| Model::load(other).is_ok()) {
        None => Err(error.into()),
        Some(other) => bail!(
            "{} is no model, but {} is one: the model comes first",
            path.display(),
            other.display()
        ),
    }
}

/// The error of a task; what settings on the command line name wrongly or make impossible is wrong usage.
pub fn usage_of(error: TaskError) -> Error {
    match error {
        TaskError::Override(error) => wrong_usage(error).into(),
        error => error.into(),
    }
}

/// The figures of an evaluation as a table that says which is which.
pub fn evaluation_table(evaluation: &Evaluation) -> String {
    let (forced, free) = (&evaluation.teacher_forced, &evaluation.free_running);
    let row = |name: &str, value: f64, meaning: &str| {
        format!(
            "{}  {meaning}",
            table(&[vec![format!("{name:<22}"), format!("{value:>8.4}")]])
        )
    };
    let bleu = match evaluation.numbers {
        true => String::new(),
        false => row("  BLEU", evaluation.bleu.score, "as sacreBLEU"),
    };
    let mut lines = vec![
        format!(
            "{}, {}",
            count(evaluation.pairs, "pair"),
            count(free.questions, "question")
        ),
        "teacher-forced (each symbol predicted from the true ones before it, as Keras reports)"
            .into(),
        row("  loss", forced.loss, "nats a symbol"),
        row("  accuracy", forced.accuracy, "of symbols"),
        match evaluation.first_symbol_given {
            false => "free-running (from the model's own symbols: what its users get)".into(),
            true => {
                "free-running (from the model's own symbols after the first, which is given)".into()
            }
        },
        row(
            "  exact match",
            free.exact_match,
            &format!(
                "of questions ({})",
                interval(evaluation.intervals.exact_match)
            ),
        ),
        row(
            "  symbol error rate",
            free.symbol_error_rate,
            &format!(
                "edits a reference symbol ({})",
                interval(evaluation.intervals.symbol_error_rate)
            ),
        ),
        bleu,
        row("  chrF2", evaluation.chrf.score, "as sacreBLEU"),
    ];
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

fn interval(interval: Interval) -> String {
    format!("95 %: {:.4} to {:.4}", interval.low, interval.high)
}

/// Says what people should know about the data.
pub fn describe_notes<'a>(notes: impl IntoIterator<Item = &'a DataNote>) {
    for note in notes {
        let kind = if note.is_harmless() {
            "note"
        } else {
            "warning"
        };
        say!("{kind}: {note}");
    }
}

/// Says which symbols and features a model does not know, and which pairs miss features.
pub fn warn_of_unknown(unknown: &UnknownSymbols, of: &str) {
    for warning in unknown.warnings(of) {
        say!("warning: {warning}");
    }
}
