//! Warnings about answers, of which those that many inputs share are said once.

use seq2seq::Warning;

/// Unknown symbols and features that are said one by one.
const MOST_UNKNOWN: usize = 100;

/// What was said, and what more there was.
#[derive(Default)]
pub struct SaidWarnings {
    unknown: usize,
    of_case: usize,
    without_features: usize,
}

impl SaidWarnings {
    /// Says a warning about the answer to a line, unless enough has been said of its kind.
    pub fn say(&mut self, line: usize, warning: &Warning) {
        let (said, most) = match warning {
            Warning::UnknownSymbol(_) | Warning::UnknownFeature(_) => {
                (&mut self.unknown, MOST_UNKNOWN)
            }
            Warning::UnknownCase { .. } => (&mut self.of_case, 1),
            Warning::NoFeatures { .. } => (&mut self.without_features, 1),
            _ => return say!("warning: line {line}: {warning}"),
        };
        *said += 1;
        if *said <= most {
            say!("warning: line {line}: {warning}");
        }
    }

    /// Says how many more there were of what was not said every time.
    pub fn say_rest(&self) {
        let kinds = [
            (self.unknown, MOST_UNKNOWN, "unknown symbols and features"),
            (self.of_case, 1, "lines with symbols in another case"),
            (self.without_features, 1, "lines without features"),
        ];
        for (all, _, kind) in kinds.into_iter().filter(|(all, said, _)| all > said) {
            say!("warning: {all} {kind} in all");
        }
    }
}
