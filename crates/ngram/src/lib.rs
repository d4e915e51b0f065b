//! Fits joint n-gram models of source and target (Bisani and Ney 2008): no gradients, no random choices.
//!
//! 1. [`align`](Alignments::new) cuts each pair into joint units of one or two source symbols and none to
//!    two target symbols. Their probabilities are found by expectation maximisation over all ways to cut
//!    (Jiampojamarn et al. 2007), and each pair gets its most probable cut.
//! 2. [`Counts`] counts the n-grams of units.
//! 3. [`Counts::smooth`] smooths them (modified Kneser-Ney, interpolated; Chen and Goodman 1999) and gives
//!    the tables of a model file.
//!
//! Results are the same bits for any number of threads.

mod alignment;
mod counts;
mod expectation;
mod index;
mod kneser_ney;
mod tables;

pub use alignment::{AlignError, Aligned, Alignments};
pub use counts::Counts;
pub use tables::SmoothedCounts;

/// A pair of ids, end marks left out.
#[derive(Clone, Copy, Debug)]
pub struct PairIds<'a> {
    /// Source symbols.
    pub source: &'a [u32],
    /// Target symbols.
    pub target: &'a [u32],
}

/// What the ids stand for.
#[derive(Clone, Copy, Debug)]
pub struct Symbols {
    /// Source symbols.
    pub source: usize,
    /// Target symbols.
    pub target: usize,
    /// The source's end mark, if it has one.
    pub source_end: Option<u32>,
    /// The target's end mark.
    pub target_end: u32,
}
