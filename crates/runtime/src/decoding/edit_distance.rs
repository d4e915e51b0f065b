//! How far apart two sequences are.

use std::collections::HashMap;
use std::hash::Hash;

use rapidfuzz::distance::levenshtein;

/// The fewest insertions, deletions and substitutions of single symbols that
/// turn one sequence into the other (Levenshtein, 1966).
pub fn edit_distance<S: Eq + Hash>(a: &[S], b: &[S]) -> usize {
    // The bit-parallel algorithm compares integers, so symbols are numbered.
    let mut numbers = HashMap::new();
    let a = numbered(a, &mut numbers);
    let b = numbered(b, &mut numbers);
    levenshtein::distance(a, b)
}

fn numbered<'a, S: Eq + Hash>(symbols: &'a [S], numbers: &mut HashMap<&'a S, u64>) -> Vec<u64> {
    let mut number = |symbol| {
        let next = numbers.len() as u64;
        *numbers.entry(symbol).or_insert(next)
    };
    symbols.iter().map(&mut number).collect()
}
