//! The commands, one a file.

pub mod audit;
pub mod bench;
pub mod columns;
pub mod compare;
pub mod completions;
pub mod ensemble;
pub mod eval;
pub mod explain;
pub mod generate;
pub mod inspect;
pub mod interactive;
pub mod predict;
pub mod reproduce;
mod said_warnings;
pub mod search_args;
pub mod train;
pub mod tune;

use std::collections::BTreeMap;
use std::time::Duration;

use seq2seq::data::DataNote;
use seq2seq::evaluation::{Evaluation, UnknownSymbols};
use seq2seq::metrics::Interval;

use crate::output::{count, table};

/// A time to train for, such as `90s` or `1h30m`.
pub fn time_budget(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match time.is_zero() {
        true => Err("there is no training in no time: give some, such as 90s or 10m".to_owned()),
        false => Ok(time),
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
    [
        format!("{} pairs, {} questions", evaluation.pairs, free.questions),
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
        row("  BLEU", evaluation.bleu.score, "as sacreBLEU"),
        row("  chrF2", evaluation.chrf.score, "as sacreBLEU"),
    ]
    .join("\n")
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
    let kinds = [
        ("source symbols", &unknown.source),
        ("target symbols", &unknown.target),
        ("features", &unknown.features),
    ];
    for (kind, symbols) in kinds.into_iter().filter(|(_, symbols)| !symbols.is_empty()) {
        say!(
            "warning: the {kind} of {of} that training has not seen: {}",
            listed(symbols)
        );
    }
    if let Some(case) = unknown.source_case {
        say!(
            "warning: training has seen letters of those source symbols in {case}: give sources in {case}"
        );
    }
    if unknown.without_features > 0 {
        let pairs = count(unknown.without_features, "pair");
        say!(
            "warning: {pairs} of {of} without features, which all training pairs had: give their column \
             with --features-column"
        );
    }
}

/// Most symbols that a message lists.
const LISTED: usize = 20;

fn listed(symbols: &BTreeMap<String, usize>) -> String {
    let named = symbols
        .iter()
        .take(LISTED)
        .map(|(symbol, times)| format!("{symbol:?} ({times} x)"));
    let mut list = named.collect::<Vec<_>>().join(", ");
    if symbols.len() > LISTED {
        list += &format!(" and {} more", symbols.len() - LISTED);
    }
    list
}
