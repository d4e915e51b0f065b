//! Blanks that separate no symbols.

use std::fmt;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's name.
    pub file: String,
    /// The line's number, counted from one.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, line {}", self.file, self.line)
    }
}

/// Texts of one side that have blanks at an end, or more than one in a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StrayBlanks {
    /// How many texts have them.
    pub texts: usize,
    /// Where the first of these texts is.
    pub first: Option<Place>,
}

impl StrayBlanks {
    /// Looks at a text that stands in a line.
    pub fn add(&mut self, text: &str, file: &str, line: usize) {
        if !has_stray_blank(text) {
            return;
        }
        self.texts = self.texts.saturating_add(1);
        self.first.get_or_insert_with(|| Place {
            file: file.to_owned(),
            line,
        });
    }
}

/// Whether a text has blanks at an end, or more than one in a row.
pub fn has_stray_blank(text: &str) -> bool {
    text.starts_with(' ') || text.ends_with(' ') || text.contains("  ")
}
