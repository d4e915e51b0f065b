//! From attention to which source symbols each target symbol came from.

use std::ops::RangeInclusive;

/// Attention that a source symbol must have to be counted to a target symbol beyond its first.
pub const LEAST_SHARE: f64 = 0.2;

/// Source positions of a target symbol, in the order of the source.
pub type Span = RangeInclusive<usize>;

/// Makes attention hard: a run of source positions for each target symbol, from left to right.
///
/// `attention` has a row of weights over the source positions for each target symbol. Among all
/// alignments in which each target symbol has at least one source position, and begins no earlier
/// than the one before it ended (so that two may share a position, and positions may be left out),
/// the one with the largest sum of `weight - LEAST_SHARE` over the chosen positions is found by
/// dynamic programming. Monotonic alignments suit transduction of words, numbers and sounds
/// (Wu and Cotterell 2019, "Exact hard monotonic attention"); where word order changes, they are an
/// approximation. Of equal alignments the leftmost is taken. Empty if there are no source positions.
pub fn align_monotonically(attention: &[Vec<f64>]) -> Vec<Span> {
    let positions = attention.iter().map(Vec::len).min().unwrap_or(0);
    if positions == 0 {
        return Vec::new();
    }
    let mut moves: Vec<Vec<Move>> = Vec::with_capacity(attention.len());
    // Largest sum of an alignment whose last chosen position is the given one.
    let mut sums: Option<Vec<f64>> = None;
    for weights in attention {
        let (next, moved) = next_row(sums.as_deref(), &weights[..positions]);
        sums = Some(next);
        moves.push(moved);
    }
    trace_back(&moves, &sums.unwrap_or_default())
}

/// How an alignment came to a position.
#[derive(Clone, Copy)]
enum Move {
    /// The target symbol has the position before, too.
    Widen,
    /// The target symbol begins here; the one before it ended at the given position.
    Begin(usize),
}

fn next_row(before: Option<&[f64]>, weights: &[f64]) -> (Vec<f64>, Vec<Move>) {
    let mut sums = Vec::with_capacity(weights.len());
    let mut moves = Vec::with_capacity(weights.len());
    let mut best_before = (0.0, 0);
    for (position, weight) in weights.iter().enumerate() {
        if let Some(before) = before
            && (position == 0 || before[position] > best_before.0)
        {
            best_before = (before[position], position);
        }
        let (mut sum, mut how) = (best_before.0, Move::Begin(best_before.1));
        if let Some(&left) = sums.last()
            && left > sum
        {
            (sum, how) = (left, Move::Widen);
        }
        sums.push(sum + weight - LEAST_SHARE);
        moves.push(how);
    }
    (sums, moves)
}

fn trace_back(moves: &[Vec<Move>], sums: &[f64]) -> Vec<Span> {
    let mut end = (0..sums.len()).fold(0, |best, at| if sums[at] > sums[best] { at } else { best });
    let mut spans = Vec::with_capacity(moves.len());
    for moves in moves.iter().rev() {
        let mut begin = end;
        let before = loop {
            match moves[begin] {
                Move::Widen => begin -= 1,
                Move::Begin(before) => break before,
            }
        };
        spans.push(begin..=end);
        end = before;
    }
    spans.reverse();
    spans
}
