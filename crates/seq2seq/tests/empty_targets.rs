//! Targets of which nothing is left: without an end mark, one that has only unknown symbols is empty.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use seq2seq::Pair;
use seq2seq::evaluation::{audit, evaluate};
use seq2seq::training::{Task, Trainer};

/// Networks that read targets, and one that reads none.
const NETWORKS: &[&[&str]] = &[
    &["model.encoder_units=4", "model.attention=general"],
    &["model.encoder_units=4", "model.architecture=monotonic"],
    &[
        "model.architecture=transformer",
        "model.transformer.model_size=8",
        "model.transformer.feed_forward=8",
        "model.transformer.layers=1",
    ],
    &[
        "model.encoder_units=4",
        "model.decoder_input=encoder-output",
    ],
    &["model.encoder_units=4", "model.decoder_input=own-softmax"],
];

fn pairs(texts: &[(&str, &str)]) -> Vec<Pair> {
    let pair = |&(source, target): &(&str, &str)| Pair::from((source, target));
    texts.iter().map(pair).collect()
}

#[test]
fn batches_of_nothing_but_unknown_target_symbols_count_for_nothing() {
    let known = pairs(&[("ab", "A"), ("ba", "B"), ("bb", "B"), ("aa", "A")]);
    let unknown = pairs(&[("ab", "x"), ("ba", "y")]);
    for network in NETWORKS {
        for protocol in ["begin-of-sequence", "first-symbol"] {
            if protocol == "first-symbol" && network[1].ends_with("encoder-output") {
                continue;
            }
            let protocol = format!("model.protocol={protocol}");
            let base = [
                "training.epochs=2",
                "training.batch_size=2",
                "training.monitor=loss",
                "text.target_end_mark=false",
                "data.validation=0",
                &protocol,
            ];
            let task = Task::from_pairs(support::recipe(&base, network), known.clone());
            let mut task = task.expect("a task");
            task.dev = unknown.clone();
            let trainer = Trainer::new(task, None).expect("a trainer");
            let outcome = trainer.run(&mut ()).expect("training");
            let validation = outcome.history[0].validation.as_ref().expect("figures");
            assert_eq!(validation.loss, 0.0, "{network:?}, {protocol}");
            let evaluation = evaluate(&outcome.model, &unknown).expect("an evaluation");
            assert_eq!(evaluation.free_running.exact_match, 0.0);
            assert!(evaluation.teacher_forced.loss == 0.0);
            let both = [&known[..], &unknown[..]].concat();
            let both = evaluate(&outcome.model, &both).expect("an evaluation");
            assert!(both.teacher_forced.loss.is_finite());
            assert_eq!(audit(&outcome.model, &unknown).len(), 2);
        }
    }
}
