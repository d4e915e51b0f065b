//! Learning from a teacher.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use std::path::Path;

use seq2seq::training::{Task, Trainer};
use seq2seq::{Pair, Recipe};
use support::letters::{pairs, recipe, train};

fn with_teacher(teacher: &Path, settings: &[&str]) -> Recipe {
    let mut recipe = recipe(settings);
    recipe.training.teacher = Some(teacher.to_owned());
    recipe
}

/// Pairs that say nothing about the sources, and a teacher that counts for everything: what the
/// pupil knows in the end it has from the teacher.
#[test]
fn pupil_learns_from_the_teacher() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("teacher");
    let teacher = train(&["training.epochs=60", "data.validation=0"]);
    teacher.save(&path).expect("saved");
    // Each source with the answer of another one.
    let (pairs, others) = (pairs(), pairs().into_iter().rev());
    let shuffled: Vec<Pair> = pairs
        .iter()
        .zip(others)
        .map(|(pair, other)| Pair {
            target: other.target,
            ..pair.clone()
        })
        .collect();
    let share = |weight: &str| {
        let settings = ["training.epochs=60", "data.validation=0", weight];
        let task = Task::from_pairs(with_teacher(&path, &settings), shuffled.clone());
        let trainer = Trainer::new(task.expect("a task"), None).expect("a trainer");
        let pupil = trainer.run(&mut ()).expect("training").model;
        let evaluation = seq2seq::evaluation::evaluate(&pupil, &pairs).expect("an evaluation");
        evaluation.free_running.exact_match
    };
    let (taught, untaught) = (
        share("training.teacher_weight=1"),
        share("training.teacher_weight=0"),
    );
    assert!(
        taught > untaught + 0.3,
        "{taught} with the teacher, {untaught} without"
    );
}

#[test]
fn teacher_must_know_the_same_symbols() {
    let folder = tempfile::tempdir().expect("a folder");
    let teacher = folder.path().join("teacher");
    let strangers = pairs().into_iter().map(|pair| Pair {
        target: pair.target.to_uppercase(),
        ..pair
    });
    let task = Task::from_pairs(recipe(&["training.epochs=1"]), strangers).expect("a task");
    let outcome = Trainer::new(task, None).expect("a trainer").run(&mut ());
    outcome
        .expect("training")
        .model
        .save(&teacher)
        .expect("saved");
    let task = Task::from_pairs(with_teacher(&teacher, &[]), pairs()).expect("a task");
    let error = Trainer::new(task, None).err().expect("refused").to_string();
    assert!(error.contains("target vocabularies differ"), "{error}");
    let task = Task::from_pairs(with_teacher(Path::new("nowhere"), &[]), pairs()).expect("a task");
    let error = Trainer::new(task, None).err().expect("refused").to_string();
    assert!(error.contains("training.teacher"), "{error}");
}

#[test]
fn weight_of_a_teacher_is_a_share() {
    let refusal = recipe(&["training.teacher_weight=2"])
        .check()
        .expect_err("too much");
    assert!(
        refusal.to_string().contains("must lie between"),
        "{refusal}"
    );
}
