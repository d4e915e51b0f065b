//! What a model can be asked.

use super::Model;

/// What a model can be asked: a source, and features where it was trained with them.
///
/// Any text is a source without features. Threads share the texts of a call.
pub trait SourceText: Sync {
    /// The source.
    fn source(&self) -> &str;

    /// The features.
    fn features(&self) -> Option<&str> {
        None
    }
}

impl<T: AsRef<str> + Sync> SourceText for T {
    fn source(&self) -> &str {
        self.as_ref()
    }
}

/// A source with features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceWithFeatures<'a> {
    /// The source.
    pub source: &'a str,
    /// Its features.
    pub features: Option<&'a str>,
}

impl SourceText for SourceWithFeatures<'_> {
    fn source(&self) -> &str {
        self.source
    }

    fn features(&self) -> Option<&str> {
        self.features
    }
}

impl Model {
    /// A line of input as the model reads it: the source, of as many columns as in training, and
    /// in the next column the features if the model has them. What else stands in further columns
    /// is not looked at.
    pub fn line<'a>(&self, line: &'a str) -> SourceWithFeatures<'a> {
        let tab = line
            .match_indices('\t')
            .nth(self.settings().columns.more_source_columns.len());
        let (source, rest) = match tab {
            Some((place, _)) => (&line[..place], Some(&line[place + 1..])),
            None => (line, None),
        };
        let features = rest.and_then(|rest| rest.split('\t').next());
        SourceWithFeatures {
            source,
            features: features.filter(|_| self.codec().features.is_some()),
        }
    }

    /// Whether an input line has columns that the model does not read.
    pub fn has_unread_columns(&self, line: &str) -> bool {
        let columns = &self.settings().columns;
        let features = usize::from(self.codec().features.is_some());
        let read = 1 + columns.more_source_columns.len() + features;
        line.split('\t').count() > read
    }
}
