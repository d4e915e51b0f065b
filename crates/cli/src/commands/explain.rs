//! `seq2seq explain`: what a model reads and writes, step by step.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use seq2seq::evaluation::{Explanation, SymbolWithId, explain};
use seq2seq::text::quoted;
use seq2seq::{Hypothesis, Model, Origin, PredictOptions};

use super::heat_map::heat_map;
use super::hidden_states::hidden_states;
use super::load_model;
use super::search_args::SearchArgs;
use crate::Done;
use crate::output::{print_line, table};

/// Show step by step how a model comes to its answer
#[derive(Args)]
pub struct Explain {
    /// A model file, or the folder of a run
    model: PathBuf,
    /// The input
    input: String,
    /// The right answer, shown beside the model's
    expected: Option<String>,
    /// Features of the input, for a model that was trained with some
    #[arg(long, value_name = "FEATURES")]
    features: Option<String>,
    /// Choices shown at each step
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,
    /// Show what the hidden state does: the units that change most at each step
    #[arg(long)]
    states: bool,
    #[command(flatten)]
    search: SearchArgs,
}

impl Explain {
    /// Runs the command.
    pub fn run(self) -> Result<Done> {
        let model = load_model(&self.model, &[Path::new(&self.input)])?;
        let input = match &self.features {
            Some(features) => format!("{}\t{features}", self.input),
            None => self.input.clone(),
        };
        print_line(&explanation(
            &model,
            &input,
            self.expected.as_deref(),
            self.top.into(),
            self.states,
            &self.search.options(&model, 1)?,
        )?)?;
        Ok(Done::Completed)
    }
}

/// The whole explanation as text.
pub fn explanation(
    model: &Model,
    input: &str,
    expected: Option<&str>,
    top: usize,
    states: bool,
    options: &PredictOptions,
) -> Result<String> {
    let mut options = options.clone();
    options.align = model.has_attention();
    let found = explain(model, input, expected, top, &options)?;
    let best = found.answer.best();
    let mut parts = vec![read_part(input, &found), steps_part(model, &found, top)];
    if let Some(alignment) = &best.alignment {
        parts.push(heat_map(alignment));
    }
    if states {
        parts.push(hidden_states(model, input, best)?);
    }
    if found.answer.origin == Origin::Lexicon {
        parts = vec![format!(
            "{input:?} is in the lexicon, which goes before the model"
        )];
    }
    parts.push(result_part(best, found.expected.as_ref()));
    Ok(parts.join("\n\n"))
}

fn read_part(input: &str, found: &Explanation) -> String {
    let rows_of = |name: &str, symbols: &[SymbolWithId]| {
        [
            row(
                name,
                symbols.iter().map(|(symbol, _)| quoted(symbol).to_string()),
            ),
            row("ids", symbols.iter().map(|(_, id)| id.to_string())),
        ]
    };
    let mut rows = rows_of("symbols", &found.source).to_vec();
    // Features that are no symbols are read by an encoder of their own.
    if !found.features.is_empty() {
        rows.extend(rows_of("features", &found.features));
    }
    let warnings = found.answer.warnings.iter();
    let known: Vec<String> = warnings
        .filter(|warning| warning.is_about_input() || warning.is_about_kind())
        .map(|warning| format!("\nwarning: {warning}"))
        .collect();
    format!(
        "what the encoder reads of {}\n{}{}",
        quoted(input),
        table(&rows),
        known.concat()
    )
}

/// A row of a table, which begins with its name.
fn row(name: &str, cells: impl Iterator<Item = String>) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(cells).collect()
}

fn steps_part(model: &Model, found: &Explanation, top: usize) -> String {
    let best = found.answer.best();
    let name = |symbol: &Option<String>| match symbol {
        None => "end".to_owned(),
        Some(symbol) => quoted(symbol).to_string(),
    };
    let mut rows = vec![["step", "chosen"].map(str::to_owned).to_vec()];
    rows[0].extend((1..=top).map(|place| format!("choice {place}")));
    for (number, step) in found.steps.iter().enumerate() {
        let mut row = vec![(number + 1).to_string(), name(&step.chosen)];
        let choices = step.choices.iter();
        row.extend(choices.map(|(symbol, share)| format!("{} {share:.3}", name(symbol))));
        rows.push(row);
    }
    let symbol = quoted(best.symbols.first().map_or("", String::as_str));
    let given = match (model.needs_first_symbol(), found.first_is_given) {
        (false, _) => String::new(),
        (true, true) => format!("; the first symbol, {symbol}, is given in this protocol"),
        (true, false) => format!(
            "; of all first symbols, which this protocol has to be given, {symbol} led to the \
             likeliest answer"
        ),
    };
    format!(
        "what the decoder writes, with the probabilities of its choices{given}\n{}",
        table(&rows)
    )
}

fn result_part(best: &Hypothesis, expected: Option<&(String, bool)>) -> String {
    let probability = best.log_probability.exp();
    let mut rows = vec![vec![
        "result".to_owned(),
        quoted(&best.text).to_string(),
        format!("probability {probability:.3}"),
    ]];
    if let Some((text, is_answer)) = expected {
        let verdict = if *is_answer { "right" } else { "wrong" };
        rows.push(vec![
            "expected".to_owned(),
            quoted(text).to_string(),
            verdict.to_owned(),
        ]);
    }
    if !best.finished {
        rows.push(vec!["the length limit was reached".to_owned()]);
    }
    table(&rows)
}
