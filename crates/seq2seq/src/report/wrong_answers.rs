//! The worst errors, with alignments drawn, and heat maps of attention.

use super::html::{escape, section, visible};
use crate::Alignment;
use crate::evaluation::Examination;
use crate::metrics::{Edit, edit_alignment, edit_distance, nearest_reference};

/// Errors that are shown.
const SHOWN: usize = 30;
/// Heat maps that are shown.
const HEAT_MAPS: usize = 6;
/// Longest source or target of a heat map, in symbols.
const LARGEST_MAP: usize = 40;
/// Pixels of a symbol in a drawing.
const CELL: usize = 26;

/// The wrong answers that are furthest from their references; of those as far, the ones that the
/// model is most confident of.
pub fn worst(examination: &Examination) -> String {
    let mut wrong: Vec<(f64, f64, usize)> = (0..examination.questions.len())
        .filter(|&question| !examination.is_right(question))
        .map(|question| {
            let prediction = examination.answers[question].best();
            let rate = error_rate(&prediction.symbols, &examination.references[question]);
            (rate, prediction.confidence.unwrap_or(0.0), question)
        })
        .collect();
    wrong.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)));
    if wrong.is_empty() {
        return section("Errors", "Every answer is right.", "");
    }
    let shown = &wrong[..wrong.len().min(SHOWN)];
    let is_aligned = |&(_, _, question): &(f64, f64, usize)| {
        examination.answers[question].best().alignment.is_some()
    };
    let aligned = shown.iter().any(is_aligned);
    let rows: String = shown
        .iter()
        .map(|&(_, confidence, question)| row(examination, question, confidence, aligned))
        .collect();
    let origin = if aligned {
        "<th>where it came from</th>"
    } else {
        ""
    };
    section(
        "Worst errors",
        &format!(
            "{} of {} wrong answers, those with the most edits for the length of the reference first. \
             The reference stands above the answer.",
            shown.len(),
            wrong.len()
        ),
        &format!(
            "<table><tr><th>source</th><th>reference and answer</th><th>confidence</th>\
             {origin}</tr>{rows}</table>"
        ),
    )
}

fn error_rate(answer: &[String], references: &[Vec<String>]) -> f64 {
    let reference = nearest_reference(answer, references);
    reference.map_or(0.0, |reference| {
        edit_distance(answer, reference) as f64 / reference.len().max(1) as f64
    })
}

/// A row of the table, with the alignment in a last column if there is one of any answer.
fn row(examination: &Examination, question: usize, confidence: f64, aligned: bool) -> String {
    let prediction = examination.answers[question].best();
    let edits = nearest_reference(&prediction.symbols, &examination.references[question])
        .map(|reference| drawn_edits(reference, &prediction.symbols))
        .unwrap_or_default();
    let drawing = prediction.alignment.as_ref().map(drawn).unwrap_or_default();
    let alignment = match aligned {
        true => format!("<td>{drawing}</td>"),
        false => String::new(),
    };
    let features = (examination.questions[question].features.as_deref())
        .map(|features| format!("<br><small>{}</small>", escape(features)))
        .unwrap_or_default();
    format!(
        "<tr><td class=\"mono\">{}{features}</td><td>{edits}</td><td>{confidence:.3}</td>{alignment}</tr>",
        escape(&examination.questions[question].source)
    )
}

/// Reference over answer, symbol by symbol, errors in red.
fn drawn_edits(reference: &[String], answer: &[String]) -> String {
    let wanted: Vec<&str> = reference.iter().map(String::as_str).collect();
    let written: Vec<&str> = answer.iter().map(String::as_str).collect();
    let (mut above, mut below) = (String::new(), String::new());
    for edit in edit_alignment(&wanted, &written) {
        let (wanted, written) = match edit {
            Edit::Match(symbol) => (symbol, symbol),
            Edit::Substitute(wanted, written) => (wanted, written),
            Edit::Delete(wanted) => (wanted, "·"),
            Edit::Insert(written) => ("·", written),
        };
        let class = if edit.is_match() { "match" } else { "error" };
        above += &format!("<td>{}</td>", visible(wanted));
        below += &format!("<td class=\"{class}\">{}</td>", visible(written));
    }
    format!("<table class=\"edits\"><tr>{above}</tr><tr>{below}</tr></table>")
}

/// Source over target symbols, with a line from each target symbol to the source symbols that it
/// came from.
fn drawn(alignment: &Alignment) -> String {
    let columns = alignment.source.len().max(alignment.target.len());
    let (width, height) = (columns * CELL, 84);
    let middle = |place: usize| place * CELL + CELL / 2;
    let lines: String = alignment
        .spans
        .iter()
        .enumerate()
        .filter_map(|(target, span)| Some((target, span.clone()?)))
        .flat_map(|(target, span)| span.map(move |source| (target, source)))
        .map(|(target, source)| {
            format!(
                "<line x1=\"{}\" y1=\"22\" x2=\"{}\" y2=\"62\" stroke=\"var(--one)\"/>",
                middle(source),
                middle(target)
            )
        })
        .collect();
    format!(
        "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\">{}{}{lines}</svg>",
        symbols(&alignment.source, 16),
        symbols(&alignment.target, 78)
    )
}

fn symbols(symbols: &[String], y: usize) -> String {
    symbols
        .iter()
        .enumerate()
        .map(|(place, symbol)| {
            format!(
                "<text x=\"{}\" y=\"{y}\" text-anchor=\"middle\">{}</text>",
                place * CELL + CELL / 2,
                visible(symbol)
            )
        })
        .collect()
}

/// What the first few answers attended to, if the model attends to anything.
pub fn attention(examination: &Examination) -> String {
    let fits = |alignment: &&Alignment| {
        (1..=LARGEST_MAP).contains(&alignment.source.len())
            && (1..=LARGEST_MAP).contains(&alignment.target.len())
    };
    let maps: String = examination
        .answers
        .iter()
        .filter_map(|answer| answer.best().alignment.as_ref())
        .filter(fits)
        .take(HEAT_MAPS)
        .map(heat_map)
        .collect();
    if maps.is_empty() {
        return String::new();
    }
    section(
        "Attention",
        "How much each target symbol (row) attended to each source symbol (column), for the first \
         answers; the frames are the alignment made from it.",
        &format!("<div class=\"charts\">{maps}</div>"),
    )
}

/// Target symbols down, source symbols across, darker where there is more attention.
fn heat_map(alignment: &Alignment) -> String {
    let (left, top) = (2 * CELL, CELL);
    let width = left + alignment.source.len() * CELL;
    let height = top + alignment.target.len() * CELL;
    let mut drawn = String::new();
    for (place, symbol) in alignment.source.iter().enumerate() {
        drawn += &text(left + place * CELL + CELL / 2, top - 8, "middle", symbol);
    }
    for (target, weights) in alignment.weights.iter().enumerate() {
        let y = top + target * CELL;
        let symbol = alignment.target.get(target).map_or("", String::as_str);
        drawn += &text(left - 8, y + 17, "end", symbol);
        let span = alignment.spans.get(target).cloned().flatten();
        for (source, weight) in weights.iter().enumerate() {
            let aligned = span.as_ref().is_some_and(|span| span.contains(&source));
            let frame = if aligned { "var(--two)" } else { "none" };
            drawn += &format!(
                "<rect x=\"{}\" y=\"{}\" width=\"{2}\" height=\"{2}\" fill=\"var(--one)\" \
                 fill-opacity=\"{weight:.3}\" stroke=\"{frame}\"/>",
                left + source * CELL + 1,
                y + 1,
                CELL - 2,
            );
        }
    }
    format!("<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\">{drawn}</svg>")
}

fn text(x: usize, y: usize, anchor: &str, symbol: &str) -> String {
    format!(
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>",
        visible(symbol)
    )
}
