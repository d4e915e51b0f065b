//! Whether pairs that should be new to a model are among its training pairs.

use std::collections::HashSet;

use crate::data::{DataNote, Pair};

/// How many pairs are training pairs, if any are. `kind` says what they are for.
pub(super) fn seen_in_training(
    kind: &'static str,
    pairs: &[Pair],
    training: &[Pair],
) -> Option<DataNote> {
    // There may be many training pairs, so only those with the same questions are kept.
    let asked: HashSet<_> = pairs.iter().map(question).collect();
    let known: Vec<&Pair> = (training.iter())
        .filter(|pair| asked.contains(&question(pair)))
        .collect();
    let questions: HashSet<_> = known.iter().map(|pair| question(pair)).collect();
    let whole: HashSet<_> = (known.iter())
        .map(|pair| (question(pair), pair.target.as_str()))
        .collect();
    let count = |is_one: &dyn Fn(&Pair) -> bool| pairs.iter().filter(|pair| is_one(pair)).count();
    let seen = count(&|pair| whole.contains(&(question(pair), pair.target.as_str())));
    let with_sources = count(&|pair| questions.contains(&question(pair)));
    (seen > 0).then(|| DataNote::SeenInTraining {
        kind,
        pairs: pairs.len(),
        seen,
        sources_seen: with_sources - seen,
    })
}

fn question(pair: &Pair) -> (&str, Option<&str>) {
    (&pair.source, pair.features.as_deref())
}
