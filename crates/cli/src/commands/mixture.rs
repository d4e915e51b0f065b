//! What `seq2seq train` says of a network, a joint n-gram model and both mixed.

use std::path::Path;

use seq2seq::Model;
use seq2seq::training::{Comparison, Kept, Task, Validation};

use crate::output::{count, table};

/// Says which part of a mixture is learned from, before any work starts.
pub fn describe_sources(task: &Task) {
    let training = &task.recipe.training;
    let initial = task.initial.as_ref();
    if let Some(path) = &training.from
        && initial.is_some_and(|initial| initial.is_of_mixture)
    {
        say!(
            "note: {} is a mixture with an n-gram model. Training goes on from its network; the n-gram \
             model is left out, as it counts the pairs that it was fitted to",
            path.display()
        );
    }
    let is_mixture = |path: &&Path| {
        let teacher = Model::load(path).ok();
        teacher.is_some_and(|model| model.network_of_mixture().is_some())
    };
    if let Some(path) = training.teacher.as_deref().filter(is_mixture) {
        say!(
            "note: {} is a mixture with an n-gram model, of which the network teaches",
            path.display()
        );
    }
}

/// Says what network and n-gram model come to, alone and together, and which is kept.
pub fn describe(comparison: &Comparison) {
    let questions = count(comparison.network.questions, "validation question");
    let names = ["", "wrong answers", "symbol error rate", "loss"];
    let mut rows = vec![names.map(str::to_owned).to_vec()];
    let row = |name: String, figures: &Validation| {
        vec![
            name,
            format!("{:.1} %", 100.0 * (1.0 - figures.exact_match)),
            format!("{:.4}", figures.symbol_error_rate),
            format!("{:.4}", figures.loss),
        ]
    };
    rows.push(row("n-gram model".to_owned(), &comparison.ngram));
    rows.push(row("network".to_owned(), &comparison.network));
    if let (Some(mixture), [network, ngram]) = (&comparison.mixture, &comparison.weights[..]) {
        let name = format!("both mixed, weights {ngram:.2} and {network:.2}");
        rows.push(row(name, mixture));
    }
    say!("\non {questions}:\n{}", table(&rows));
    match (comparison.kept, comparison.mixture) {
        (Kept::Mixture, _) => say!(
            "kept: both, mixed in one model file (for the network alone: --set training.mixture=off)"
        ),
        (Kept::Network, None) => {
            say!("kept: the network; the n-gram model brings nothing to it");
        }
        (Kept::Network, Some(_)) => say!("kept: the network; the mixture is not better"),
        (Kept::Ngram, _) => say!(
            "kept: the n-gram model, which the network does not beat: more epochs or more units may \
             (training.epochs, model.encoder_units)"
        ),
    }
}
