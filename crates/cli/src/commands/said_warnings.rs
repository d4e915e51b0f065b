//! Warnings about answers, of which those that many inputs share are said once.

use std::collections::BTreeMap;

use seq2seq::Warning;
use seq2seq::text::quoted;

/// Unknown symbols and features that are said one by one.
const MOST_UNKNOWN: usize = 100;
/// Those that are named with their number of lines in the end.
const MOST_COUNTED: usize = 10;

/// What was said, and what more there was.
#[derive(Default)]
pub struct SaidWarnings {
    /// Lines that have each unknown symbol or feature.
    unknown: BTreeMap<String, usize>,
    of_case: usize,
    without_features: usize,
}

impl SaidWarnings {
    /// Says a warning about the answer to a line, unless it was said before or enough has been said of its
    /// kind.
    pub fn say(&mut self, line: usize, warning: &Warning) {
        let is_new = match warning {
            Warning::UnknownSymbol { first, .. } => self.is_new(&first.symbol),
            Warning::UnknownFeature(feature) => self.is_new(feature),
            Warning::UnknownCase { .. } => is_first(&mut self.of_case),
            Warning::NoFeatures { .. } => is_first(&mut self.without_features),
            _ => true,
        };
        if is_new {
            say!("warning: line {line}: {warning}");
        }
    }

    fn is_new(&mut self, unknown: &str) -> bool {
        let lines = self.unknown.entry(unknown.to_owned()).or_default();
        is_first(lines) && self.unknown.len() <= MOST_UNKNOWN
    }

    /// Says how much more there was of what was not said every time.
    pub fn say_rest(&self) {
        let mut often: Vec<_> = self
            .unknown
            .iter()
            .filter(|(_, lines)| **lines > 1)
            .collect();
        often.sort_by_key(|(_, lines)| std::cmp::Reverse(**lines));
        let named = often.iter().take(MOST_COUNTED);
        let named: Vec<String> = named
            .map(|(symbol, lines)| format!("{} on {lines} lines", quoted(symbol)))
            .collect();
        if !named.is_empty() {
            let more = match often.len().saturating_sub(MOST_COUNTED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            say!("warning: unknown to the model: {}{more}", named.join(", "));
        }
        if self.unknown.len() > MOST_UNKNOWN {
            let all = self.unknown.len();
            say!("warning: {all} different unknown symbols and features in all");
        }
        let kinds = [
            (self.of_case, "lines with symbols in another case"),
            (self.without_features, "lines without features"),
        ];
        for (all, kind) in kinds.into_iter().filter(|(all, _)| *all > 1) {
            say!("warning: {all} {kind} in all");
        }
    }
}

/// Counts one more; says whether it is the first.
fn is_first(count: &mut usize) -> bool {
    *count += 1;
    *count == 1
}
