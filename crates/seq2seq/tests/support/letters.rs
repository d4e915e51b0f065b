//! A task that a small model learns in seconds.

use seq2seq::training::{Task, Trainer};
use seq2seq::{Model, Pair, Recipe};

/// Words over three letters; the answer is the word with each letter moved on by one.
pub fn pairs() -> Vec<Pair> {
    let letters = ['a', 'b', 'c', 'd'];
    let place = |n: usize, place: u32| n / 3_usize.pow(place) % 3;
    (0..81)
        .map(|n| Pair {
            source: (0..4).map(|p| letters[place(n, p)]).collect(),
            target: (0..4).map(|p| letters[place(n, p) + 1]).collect(),
            features: None,
        })
        .collect()
}

/// Settings of a small model of them.
pub fn recipe(settings: &[&str]) -> Recipe {
    let base = [
        "model.encoder_units=24",
        "model.embedding=8",
        "training.epochs=3",
        "training.batch_size=8",
        "training.learning_rate=0.005",
        "data.validation=0.1",
        "text.source=characters",
        "text.target=characters",
    ];
    super::recipe(&base, settings)
}

/// A model that was trained on them.
pub fn train(settings: &[&str]) -> Model {
    let task = Task::from_pairs(recipe(settings), pairs()).expect("a task");
    let trainer = Trainer::new(task, None).expect("a trainer");
    trainer.run(&mut ()).expect("training").model
}
