//! Which symbols of an answer stand for which symbols of its reference.

use std::hash::Hash;

use super::edit_distance;

/// One step of turning a reference into an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Edit<S> {
    /// The symbol is right.
    Match(S),
    /// The first symbol was wanted, the second written.
    Substitute(S, S),
    /// A symbol was left out.
    Delete(S),
    /// A symbol was written that was not wanted.
    Insert(S),
}

impl<S> Edit<S> {
    /// Whether it costs nothing.
    pub fn is_match(&self) -> bool {
        matches!(self, Self::Match(_))
    }
}

/// The fewest edits from a reference to an answer, in order (Wagner and Fischer 1974).
///
/// Where several ways cost the same, a match or substitution is preferred to a deletion, and that to
/// an insertion, from the end of the sequences backwards.
pub fn edit_alignment<S: Eq + Copy>(reference: &[S], answer: &[S]) -> Vec<Edit<S>> {
    let table = distances(reference, answer);
    let (mut i, mut j) = (reference.len(), answer.len());
    let mut edits = Vec::with_capacity(i.max(j));
    while i > 0 || j > 0 {
        let here = table[i][j];
        if i > 0 && j > 0 {
            let (wanted, written) = (reference[i - 1], answer[j - 1]);
            if here == table[i - 1][j - 1] + usize::from(wanted != written) {
                edits.push(if wanted == written {
                    Edit::Match(wanted)
                } else {
                    Edit::Substitute(wanted, written)
                });
                (i, j) = (i - 1, j - 1);
                continue;
            }
        }
        if i > 0 && here == table[i - 1][j] + 1 {
            edits.push(Edit::Delete(reference[i - 1]));
            i -= 1;
        } else {
            edits.push(Edit::Insert(answer[j - 1]));
            j -= 1;
        }
    }
    edits.reverse();
    edits
}

/// Distance of every beginning of the reference from every beginning of the answer.
fn distances<S: Eq>(reference: &[S], answer: &[S]) -> Vec<Vec<usize>> {
    let mut table = vec![(0..=answer.len()).collect::<Vec<usize>>()];
    for (i, wanted) in reference.iter().enumerate() {
        let above = &table[i];
        let mut row = vec![i + 1];
        for (j, written) in answer.iter().enumerate() {
            let changed = above[j] + usize::from(wanted != written);
            row.push(changed.min(above[j + 1] + 1).min(row[j] + 1));
        }
        table.push(row);
    }
    table
}

/// The reference that an answer is compared with: the nearest, the shorter one of several as near
/// (see [`score`](super::score)). None if there are no references.
pub fn nearest_reference<'a, S: Eq + Hash>(
    answer: &[S],
    references: &'a [Vec<S>],
) -> Option<&'a Vec<S>> {
    references
        .iter()
        .min_by_key(|reference| (edit_distance(answer, reference), reference.len()))
}
