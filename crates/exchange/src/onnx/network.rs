//! What all networks have in common when they are written into graphs.

use super::graph::{Axis, Graph};

/// The axis of sequences.
pub const BATCH: Axis = Axis::Named("batch");
/// The axis of source symbols.
pub const SOURCE: Axis = Axis::Named("source");

/// A value that one graph gives and another takes, of 32-bit numbers.
#[derive(Clone, Debug)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<Axis>,
}

/// What a network makes of sources.
pub struct Encoded {
    /// The decoder's first states.
    pub states: Vec<String>,
    /// What each step looks at.
    pub memory: Vec<String>,
}

/// What the decoder makes of the symbols written so far.
pub struct Decoded {
    /// Log-probabilities of the next symbol, `[batch, symbols]`.
    pub log_probabilities: String,
    /// The states of the next step.
    pub states: Vec<String>,
    /// Where the decoder looked, `[batch, source]`.
    pub attention: Option<String>,
}

/// What a step starts from.
#[derive(Clone, Copy)]
pub struct Start<'a> {
    /// Its states; none for the first symbols of a target.
    pub states: &'a [String],
    /// What it looks at.
    pub memory: &'a [String],
    /// Symbols of each source, `[batch]`.
    pub lengths: &'a str,
    /// For a model that copies, the target symbol that each source symbol can be copied as, `[batch, source]`;
    /// -1 for none.
    pub copied: Option<&'a str>,
}

/// A network whose layers are written into graphs.
pub trait Network {
    /// What is carried from step to step.
    fn states(&self) -> Vec<Port>;

    /// What each step looks at, the same at every one.
    fn memory(&self, graph: &Graph) -> Vec<Port>;

    /// Whether what follows several symbols can be told from the encoder's states, in one graph.
    fn reads_whole_targets(&self) -> bool;

    /// Reads sources `[batch, source]` of these lengths `[batch]`.
    fn encode(&self, graph: &mut Graph, source: &str, lengths: &str) -> Encoded;

    /// Reads symbols `[batch, target]` and gives what follows the last.
    fn decode(&self, graph: &mut Graph, written: &str, start: Start) -> Decoded;
}

impl Port {
    /// A value `[batch, width]`.
    pub fn vector(name: impl Into<String>, width: usize) -> Self {
        Self {
            name: name.into(),
            shape: vec![BATCH, Axis::Size(width)],
        }
    }

    /// A value `[batch, time, width]`.
    pub fn sequence(name: impl Into<String>, time: Axis, width: usize) -> Self {
        Self {
            name: name.into(),
            shape: vec![BATCH, time, Axis::Size(width)],
        }
    }
}
