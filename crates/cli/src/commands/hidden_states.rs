//! What the hidden state of a recurrent network does, step by step.

use anyhow::{Result, bail};
use seq2seq::{Hypothesis, Model};

/// Units shown at each step.
const SHOWN: usize = 4;

/// The units of h that change most at each step: of the encoder while it reads, of the decoder while it writes
/// the given answer.
pub fn hidden_states(model: &Model, input: &str, best: &Hypothesis) -> Result<String> {
    let vocabulary = &model.codec().target.vocabulary;
    let first = match model.needs_first_symbol() {
        true => best
            .symbols
            .first()
            .and_then(|symbol| vocabulary.id(symbol)),
        false => None,
    };
    let written = best.steps.iter().map(|step| step.chosen);
    let forced: Vec<u32> = first.into_iter().chain(written).collect();
    let trace = model.trace(&model.line(input), &forced);
    if trace.encoder.is_empty() {
        bail!(
            "--states shows the hidden states of a recurrent network, and this model is of another \
             architecture ({:?})",
            model.settings().model.architecture
        );
    }
    let mut rows = vec![
        ["", "reads", "length of h", "units that change most"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let mut before = vec![0.0; trace.encoder.first().map_or(0, Vec::len)];
    for (state, &id) in trace.encoder.iter().zip(&trace.source.ids.symbols) {
        let symbol = model.codec().source_symbol(id).unwrap_or("?");
        rows.push(row("encoder", symbol, &before, state));
        before.clone_from(state);
    }
    let mut before = trace.initial.map(|state| state.h);
    for step in &trace.steps {
        let Some(state) = &step.state else { continue };
        let zero = vec![0.0; state.h.len()];
        let symbol = vocabulary.symbol(step.read).unwrap_or("?");
        let begins = Some(step.read) == vocabulary.begin();
        let symbol = if begins { "begin" } else { symbol };
        rows.push(row(
            "decoder",
            symbol,
            before.as_ref().unwrap_or(&zero),
            &state.h,
        ));
        before = Some(state.h.clone());
    }
    Ok(format!(
        "what the hidden state h does ({} units): unit, value before, value after\n{}",
        before.map_or(0, |h| h.len()),
        left_aligned(&rows)
    ))
}

fn row(part: &str, symbol: &str, before: &[f32], after: &[f32]) -> Vec<String> {
    let change = |unit: usize| (after[unit] - before[unit]).abs();
    let mut units: Vec<usize> = (0..after.len().min(before.len())).collect();
    units.sort_by(|&a, &b| change(b).total_cmp(&change(a)));
    let shown = units.iter().take(SHOWN);
    let shown = shown.map(|&unit| format!("{unit}: {:+.2} {:+.2}", before[unit], after[unit]));
    let length = after.iter().map(|x| x * x).sum::<f32>().sqrt();
    vec![
        part.to_owned(),
        format!("{symbol:?}"),
        format!("{length:.2}"),
        shown.collect::<Vec<_>>().join("   "),
    ]
}

/// Columns to the left, unlike those of other tables, which are numbers.
fn left_aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let pad = |cell: &String, column: usize| {
        cell.clone() + &" ".repeat(width(column) - cell.chars().count())
    };
    let line = |row: &Vec<String>| {
        let cells = row
            .iter()
            .enumerate()
            .map(|(column, cell)| pad(cell, column));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
