//! `seq2seq explain`: what a model reads and writes, step by step.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use seq2seq::text::quoted;
use seq2seq::{Hypothesis, Model, PredictOptions, Warning};

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
    let expected = expected.map(|expected| model.codec().target_of_file(expected));
    let expected = expected.as_deref();
    let mut options = options.clone();
    options.search.keep.distributions = true;
    options.align = model.has_attention();
    let given = expected
        .filter(|_| model.needs_first_symbol())
        .and_then(|expected| {
            model
                .codec()
                .encode_target(expected)
                .ids
                .first()
                .copied()
                .map(|first| [first])
        });
    let predictor = model.predictor(options)?;
    let answers = match &given {
        Some(first) => predictor.predict_from(&[model.line(input)], first),
        None => predictor.predict(&[model.line(input)]),
    };
    let answer = answers.first().context("the model gave no answer")?;
    let mut parts = vec![
        read_part(model, input, &answer.warnings),
        steps_part(model, answer.best(), top, given.is_some()),
    ];
    if let Some(alignment) = &answer.best().alignment {
        parts.push(heat_map(alignment));
    }
    if states {
        parts.push(hidden_states(model, input, answer.best())?);
    }
    let expected = expected.map(|expected| Expected {
        text: model.codec().in_answer_form(expected),
        is_answer: model.codec().split_target(expected) == answer.best().symbols,
    });
    parts.push(result_part(answer.best(), expected));
    Ok(parts.join("\n\n"))
}

/// The right answer, as answers are spelled.
struct Expected {
    text: String,
    is_answer: bool,
}

fn read_part(model: &Model, input: &str, warnings: &[Warning]) -> String {
    let asked = model.line(input);
    let encoded = model.codec().encode_source(asked.source, asked.features);
    let symbol = |&id: &u32| quoted(model.codec().source_symbol(id).unwrap_or("?")).to_string();
    let ids = &encoded.ids.symbols;
    let mut rows = vec![
        row("symbols", ids.iter().map(symbol)),
        row("ids", ids.iter().map(u32::to_string)),
    ];
    // Features that are no symbols are read by an encoder of their own.
    if let (Some(ids), Some(features)) = (&encoded.ids.features, &model.codec().features) {
        let feature = |&id: &u32| quoted(features.vocabulary.symbol(id).unwrap_or("?")).to_string();
        rows.push(row("features", ids.iter().map(feature)));
        rows.push(row("ids", ids.iter().map(u32::to_string)));
    }
    let known: Vec<String> = warnings
        .iter()
        .filter(|warning| warning.is_about_input())
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

fn steps_part(model: &Model, best: &Hypothesis, top: usize, first_given: bool) -> String {
    let vocabulary = &model.codec().target.vocabulary;
    let name = |id: u32| match vocabulary.symbol(id) {
        _ if Some(id) == vocabulary.end() => "end".to_owned(),
        Some(symbol) => quoted(symbol).to_string(),
        None => "?".to_owned(),
    };
    let mut rows = vec![["step", "chosen"].map(str::to_owned).to_vec()];
    rows[0].extend((1..=top).map(|place| format!("choice {place}")));
    for (number, step) in best.steps.iter().enumerate() {
        let mut order: Vec<u32> = (0..step.log_probs.len() as u32).collect();
        order.sort_by(|&a, &b| step.log_probs[b as usize].total_cmp(&step.log_probs[a as usize]));
        let mut row = vec![(number + 1).to_string(), name(step.chosen)];
        row.extend(
            order
                .iter()
                .take(top)
                .map(|&id| format!("{} {:.3}", name(id), step.log_probs[id as usize].exp())),
        );
        rows.push(row);
    }
    let symbol = quoted(best.symbols.first().map_or("", String::as_str));
    let given = match (model.needs_first_symbol(), first_given) {
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

fn result_part(best: &Hypothesis, expected: Option<Expected>) -> String {
    let probability = best.log_probability.exp();
    let mut rows = vec![vec![
        "result".to_owned(),
        quoted(&best.text).to_string(),
        format!("probability {probability:.3}"),
    ]];
    if let Some(expected) = expected {
        let verdict = if expected.is_answer { "right" } else { "wrong" };
        rows.push(vec![
            "expected".to_owned(),
            quoted(&expected.text).to_string(),
            verdict.to_owned(),
        ]);
    }
    if !best.finished {
        rows.push(vec!["the length limit was reached".to_owned()]);
    }
    table(&rows)
}
