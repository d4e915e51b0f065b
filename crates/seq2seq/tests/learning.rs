//! Every kind of model learns a small task to the end, and what it has learned survives its file.

#![allow(clippy::expect_used)] // a test may fail by panicking

use seq2seq::config::Override;
use seq2seq::training::{Ending, Existing, RunFolder, Task, Trainer};
use seq2seq::{Model, Pair, PredictOptions, Recipe};

/// Words over four letters; the answer is the word backwards.
fn reversals() -> Vec<Pair> {
    let letters = ['a', 'b', 'c', 'd'];
    let words = (0..256).map(|n: usize| {
        (0..4)
            .map(|place| letters[(n >> (2 * place)) & 3])
            .collect::<String>()
    });
    words
        .map(|word| Pair {
            target: word.chars().rev().collect(),
            source: word,
            features: None,
        })
        .collect()
}

fn recipe(settings: &[&str]) -> Recipe {
    let base = [
        "model.encoder_units=48",
        "model.embedding=16",
        "training.epochs=60",
        "training.batch_size=16",
        "training.learning_rate=0.005",
        "data.validation=0",
        "text.source=characters",
        "text.target=characters",
    ];
    let overrides: Vec<Override> = base
        .iter()
        .chain(settings)
        .map(|text| text.parse().expect("an override"))
        .collect();
    Recipe::default()
        .with_overrides(&overrides)
        .expect("valid settings")
}

fn train(recipe: Recipe) -> Model {
    let task = Task::from_pairs(recipe, reversals()).expect("a task");
    let outcome = Trainer::new(task, None)
        .expect("a trainer")
        .run(&mut ())
        .expect("training");
    assert_eq!(outcome.ending, Ending::Finished);
    outcome.model
}

fn share_right(model: &Model) -> f64 {
    let pairs = reversals();
    let evaluation = seq2seq::evaluation::evaluate(model, &pairs).expect("an evaluation");
    evaluation.free_running.exact_match
}

/// Trains with the settings and demands that nearly every word comes out right.
fn learns(settings: &[&str]) {
    let share = share_right(&train(recipe(settings)));
    assert!(
        share >= 0.95,
        "{settings:?}: only {share} of the words are right"
    );
}

#[test]
fn lstm_learns() {
    learns(&[]);
}

#[test]
fn gru_learns() {
    learns(&["model.cell=gru"]);
}

#[test]
fn original_gru_learns() {
    learns(&["model.cell=gru-original"]);
}

#[test]
fn one_hot_input_learns() {
    learns(&["model.embedding=one-hot"]);
}

#[test]
fn decoder_of_another_size_learns() {
    learns(&["model.decoder_units=40"]);
}

#[test]
fn first_symbol_protocol_learns() {
    learns(&["model.protocol=first-symbol"]);
}

#[test]
fn repeated_encoder_output_learns() {
    learns(&["model.decoder_input=encoder-output", "training.epochs=120"]);
}

#[test]
fn own_softmax_learns() {
    learns(&["model.decoder_input=own-softmax", "training.epochs=120"]);
}

#[test]
fn scheduled_sampling_learns() {
    learns(&["training.teacher_forcing=0.7", "training.epochs=90"]);
}

/// The same answers and the same bytes after a trip through a file.
#[test]
fn model_file_round_trip() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = train(recipe(&["training.epochs=2"]));
    let (first, second) = (folder.path().join("a"), folder.path().join("b"));
    model.save(&first).expect("saved");
    let loaded = Model::load(&first).expect("loaded");
    loaded.save(&second).expect("saved again");
    let texts = ["abcd", "ddda", "a", ""];
    let options = PredictOptions::default();
    assert_eq!(
        model.predict(&texts, &options),
        loaded.predict(&texts, &options)
    );
    assert!(std::fs::read(&first).expect("read") == std::fs::read(&second).expect("read"));
}

/// Stops after a number of batches.
struct StopAfter(usize);

impl seq2seq::training::Observer for StopAfter {
    fn batch_done(&mut self, _: &seq2seq::training::BatchReport) {
        self.0 = self.0.saturating_sub(1);
    }

    fn wants_to_stop(&self) -> bool {
        self.0 == 0
    }
}

/// A run that is interrupted in the middle of an epoch and resumed gives the same model.
#[test]
fn resumed_run_is_the_uninterrupted_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = [
        "training.epochs=3",
        "data.validation=0.1",
        "training.teacher_forcing=0.9",
    ];
    let pairs = folder.path().join("pairs.tsv");
    let lines: Vec<String> = reversals()
        .iter()
        .map(|p| format!("{}\t{}\n", p.source, p.target))
        .collect();
    std::fs::write(&pairs, lines.concat()).expect("written");
    let start = |name: &str| {
        let mut recipe = recipe(&settings);
        recipe.data.train = Some(pairs.clone());
        let out = folder.path().join(name);
        let task = Task::prepare(recipe).expect("a task");
        (
            Trainer::new(task, Some((&out, Existing::Refuse))).expect("a trainer"),
            out,
        )
    };
    let (whole, whole_folder) = start("whole");
    whole.run(&mut ()).expect("training");

    let (part, part_folder) = start("part");
    let outcome = part.run(&mut StopAfter(20)).expect("training");
    assert_eq!(outcome.ending, Ending::Interrupted);
    let (run, recipe) = RunFolder::open(&part_folder).expect("the run");
    let task = Task::prepare(recipe).expect("a task");
    Trainer::resume(task, run)
        .expect("resumed")
        .run(&mut ())
        .expect("training");

    let read = |folder: &std::path::Path| {
        std::fs::read(folder.join("model.safetensors")).expect("a model")
    };
    let load = |folder: &std::path::Path| Model::load(folder).expect("a model");
    assert_eq!(
        load(&whole_folder).predict(&["abcd"], &PredictOptions::default()),
        load(&part_folder).predict(&["abcd"], &PredictOptions::default())
    );
    assert!(
        read(&whole_folder) == read(&part_folder),
        "the two models differ"
    );
}
