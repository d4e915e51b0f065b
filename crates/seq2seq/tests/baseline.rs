//! The joint n-gram model beside a network (`training.mixture`): what is kept, that nothing fails for it, and
//! that resuming comes to the same bits.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use std::path::Path;

use seq2seq::config::{Architecture, MixtureChoice};
use seq2seq::evaluation::evaluate;
use seq2seq::settings::Settings;
use seq2seq::training::{
    Comparison, Ending, ExistingRun, Kept, NgramReport, NoBaseline, Observer, Outcome, RunFolder,
    Task, Trainer, Validation,
};
use seq2seq::tuning::{Search, SearchObserver, Strategy, Trial};
use seq2seq::{Model, Pair, PredictOptions, Recipe};
use support::{StopAfter, overrides};

/// Words of four or five letters. `c` is soft before `e` and `i`, `h` is silent, `x` is two sounds, and the last
/// sound tells the first letter: counts learn the former from few words, networks the latter.
fn words() -> Vec<Pair> {
    let letters = ['a', 'c', 'e', 'h', 'i', 'x'];
    let word = |n: usize| -> String {
        let digits = (0..4 + n as u32 % 2).map(|place| n / 6_usize.pow(place) % 6);
        digits.map(|digit| letters[digit]).collect()
    };
    (0..7776)
        .step_by(17)
        .map(word)
        .map(|word| Pair::from((word.as_str(), sounds(&word).as_str())))
        .collect()
}

fn sounds(word: &str) -> String {
    let letters: Vec<char> = word.chars().collect();
    let sound = |(place, letter): (usize, &char)| match (letter, letters.get(place + 1)) {
        ('c', Some('e' | 'i')) => vec!["S"],
        ('c', _) => vec!["K"],
        ('h', _) => vec![],
        ('x', _) => vec!["K", "S"],
        ('a', _) => vec!["A"],
        ('e', _) => vec!["E"],
        _ => vec!["I"],
    };
    let last = match letters.first() {
        Some('a' | 'e' | 'i') => "1",
        _ => "2",
    };
    let sounds = letters.iter().enumerate().flat_map(sound);
    sounds.chain([last]).collect::<Vec<_>>().join(" ")
}

fn recipe(settings: &[&str]) -> Recipe {
    let base = [
        "model.architecture=monotonic",
        "model.encoder_units=16",
        "model.embedding=8",
        "model.monotonic.dropout=0",
        "training.epochs=3",
        "training.batch_size=8",
        "training.learning_rate=0.01",
        "training.mixture=auto",
        "data.validation=0.2",
        "text.source=characters",
        "text.target=spaces",
    ];
    support::recipe(&base, settings)
}

/// What was told of the n-gram model.
#[derive(Default)]
struct Told {
    figures: Option<(NgramReport, Validation)>,
    reason: Option<NoBaseline>,
}

impl Observer for Told {
    fn baseline(&mut self, report: &NgramReport, validation: &Validation) {
        self.figures = Some((report.clone(), *validation));
    }

    fn no_baseline(&mut self, reason: &NoBaseline) {
        self.reason = Some(reason.clone());
    }
}

fn train(settings: &[&str], pairs: Vec<Pair>) -> (Outcome, Told) {
    let task = Task::from_pairs(recipe(settings), pairs).expect("a task");
    let mut told = Told::default();
    let trainer = Trainer::new(task, None).expect("a trainer");
    (trainer.run(&mut told).expect("an outcome"), told)
}

fn mixture() -> Model {
    let (outcome, _) = train(&[], words());
    let comparison = outcome.comparison.expect("a comparison");
    assert_eq!(comparison.kept, Kept::Mixture, "{comparison:?}");
    outcome.model
}

fn is_finer(comparison: &Comparison) {
    let kept = comparison.of_kept();
    for other in [comparison.network, comparison.ngram] {
        let finer = |figures: Validation| figures.exact_match - figures.symbol_error_rate;
        assert!(finer(kept) >= finer(other), "{comparison:?}");
    }
}

#[test]
fn the_best_on_validation_pairs_is_kept() {
    let task = Task::from_pairs(recipe(&[]), words()).expect("a task");
    let dev = task.dev.clone();
    let (outcome, told) = train(&[], words());
    let (report, figures) = told.figures.expect("an n-gram model");
    assert!(report.ngrams > 0 && told.reason.is_none());
    let comparison = outcome.comparison.expect("a comparison");
    is_finer(&comparison);
    assert_eq!(comparison.ngram.exact_match, figures.exact_match);
    assert_eq!(comparison.kept, Kept::Mixture);
    assert_eq!(comparison.weights.len(), 2);
    assert_eq!(outcome.validation, comparison.mixture);
    let loaded = Model::from_bytes(&outcome.model.to_bytes(), "mixture").expect("a model");
    let found = evaluate(&loaded, &dev).expect("figures");
    assert_eq!(
        found.free_running.exact_match,
        comparison.of_kept().exact_match
    );
    let evidence = loaded.provenance().mixture.clone().expect("evidence");
    let weights: Vec<f64> = evidence
        .members
        .iter()
        .map(|member| member.weight)
        .collect();
    assert_eq!(weights, comparison.weights);
}

/// The network learns as if there were no n-gram model, and can be had again.
#[test]
fn the_network_is_that_of_a_run_without() {
    let network = mixture().network_of_mixture().expect("a network");
    let (alone, told) = train(&["training.mixture=off"], words());
    assert!(alone.comparison.is_none() && told.figures.is_none() && told.reason.is_none());
    assert_eq!(network.weights(), alone.model.weights());
    assert_eq!(network.settings(), alone.model.settings());
    assert!(alone.model.network_of_mixture().is_none());
    let options = PredictOptions::default();
    let answer = |model: &Model| {
        let predictor = model.predictor(options.clone()).expect("options");
        predictor.predict(&["ache", "xixa"])
    };
    let texts = |model: &Model| -> Vec<String> {
        let answers = answer(model).into_iter();
        answers.map(|it| it.best().text.clone()).collect()
    };
    assert_eq!(texts(&network), texts(&alone.model));
}

/// Counts of too few words, or of words whose sounds have nothing to do with them, leave the network alone.
#[test]
fn a_network_that_knows_everything_stays_alone() {
    let pairs: Vec<Pair> = (0..120)
        .map(|n| {
            let word: String = (0..3)
                .map(|p| ['a', 'b', 'c', 'd', 'e'][n / 5_usize.pow(p) % 5])
                .collect();
            Pair::from((word.as_str(), word.to_uppercase().as_str()))
        })
        .collect();
    let (outcome, _) = train(&["training.epochs=20", "text.target=characters"], pairs);
    let comparison = outcome.comparison.expect("a comparison");
    is_finer(&comparison);
    assert_eq!(comparison.network.exact_match, 1.0, "{comparison:?}");
    assert_eq!(outcome.model.settings().model.architecture, {
        match comparison.kept {
            Kept::Network => Architecture::Monotonic,
            Kept::Ngram => Architecture::Ngram,
            Kept::Mixture => Architecture::Ensemble,
        }
    });
}

/// A run that would work without an n-gram model works with `auto`, and says why there is none.
#[test]
fn what_an_ngram_model_cannot_do_is_told() {
    let recurrent = "model.architecture=recurrent";
    let dropout = "model.monotonic.dropout=0.3";
    let cases: [(&[&str], &str); 7] = [
        (
            &[recurrent, dropout, "text.reverse_source=true"],
            "left to right",
        ),
        (
            &[recurrent, dropout, "model.protocol=first-symbol"],
            "first symbol",
        ),
        (
            &[recurrent, dropout, "model.decoder_input=own-softmax"],
            "reads the target",
        ),
        (&["model.copy=true", "text.target=characters"], "copies no"),
        (&["data.validation=0"], "no validation pairs"),
        (&["data.validation=0.02"], "of the 20 questions"),
        (&["data.validation_split=training"], "knows by heart"),
    ];
    for (settings, reason) in cases {
        let mut pairs = words();
        pairs.truncate(200);
        if settings.contains(&"model.copy=true") {
            for pair in &mut pairs {
                pair.target = pair.source.chars().rev().collect();
            }
        }
        let settings = [settings, &["training.epochs=1"]].concat();
        let (outcome, told) = train(&settings, pairs);
        assert_eq!(outcome.ending, Ending::Finished);
        assert!(outcome.comparison.is_none() && told.figures.is_none());
        let found = told.reason.expect("a reason").to_string();
        assert!(found.contains(reason), "{settings:?}: {found}");
    }
}

#[test]
fn features_leave_the_network_alone() {
    let pairs = words().into_iter().map(|pair| Pair {
        features: Some("N".into()),
        ..pair
    });
    let settings = ["data.features_column=3", "training.epochs=1"];
    let (_, told) = train(&settings, pairs.collect());
    let reason = told.reason.expect("a reason").to_string();
    assert!(reason.contains("data.features_column"), "{reason}");
}

/// Targets that are more than twice as long as their sources are left out of the counts, or leave none.
#[test]
fn pairs_that_cannot_be_aligned() {
    let long = |pair: &Pair| Pair {
        target: [pair.target.as_str(); 12].join(" "),
        ..pair.clone()
    };
    let mut some = words();
    some.truncate(200);
    for place in [3, 50, 90] {
        some[place] = long(&some[place]);
    }
    let settings = ["training.epochs=1", "data.validation_split=last"];
    let (_, told) = train(&settings, some.clone());
    let (report, _) = told.figures.expect("an n-gram model");
    assert_eq!(report.left_out, 3);
    let (outcome, told) = train(&settings, some.iter().map(long).collect());
    assert_eq!(outcome.ending, Ending::Finished);
    let reason = told.reason.expect("a reason").to_string();
    assert!(reason.contains("can be aligned"), "{reason}");
}

#[test]
fn thousands_of_symbols() {
    let pairs = (0..400).map(|n| {
        let side = |first: u32| -> String {
            let letters = (0..8).map(|place| char::from_u32(first + 8 * n + place));
            letters.map(|letter| letter.unwrap_or('x')).collect()
        };
        Pair::from((side(0x4e00).as_str(), side(0x5e00).as_str()))
    });
    let settings = ["training.epochs=1", "text.target=characters"];
    let (outcome, told) = train(&settings, pairs.collect());
    assert_eq!(outcome.ending, Ending::Finished);
    assert!(told.figures.is_some() || told.reason.is_some());
}

#[test]
fn a_single_pair_is_trained_on() {
    let pairs = vec![Pair::from(("a", "A"))];
    let (outcome, told) = train(&["data.validation=0", "training.epochs=1"], pairs);
    assert_eq!(outcome.ending, Ending::Finished);
    assert!(matches!(told.reason, Some(NoBaseline::NoValidation)));
}

/// Settings that suit pairs ask for an n-gram model where it may help.
#[test]
fn short_pairs_without_features_are_mixed_by_default() {
    let mixture = |recipe: Recipe| recipe.training.mixture;
    let of = |pairs: &[Pair]| mixture(Recipe::for_pairs(pairs));
    assert_eq!(of(&words()), MixtureChoice::Auto);
    let featured: Vec<Pair> = words()
        .into_iter()
        .map(|pair| Pair {
            features: Some("N".into()),
            ..pair
        })
        .collect();
    assert_eq!(of(&featured), MixtureChoice::Off);
    let long: Vec<Pair> = words()
        .into_iter()
        .map(|pair| Pair {
            source: pair.source.repeat(9),
            target: [pair.target.as_str(); 9].join(" "),
            ..pair
        })
        .collect();
    assert_eq!(of(&long), MixtureChoice::Off);
    for setting in [
        "model.architecture=ngram",
        "model.attention=general",
        "model.architecture=transformer",
    ] {
        let set = overrides(&[setting]);
        let reading = Recipe::default().with_overrides(&set).expect("a recipe");
        let recipe = Recipe::suiting(&words(), &reading, &set);
        assert_eq!(mixture(recipe), MixtureChoice::Off, "{setting}");
    }
    assert_eq!(mixture(Recipe::default()), MixtureChoice::Off);
}

fn in_folder(folder: &Path, name: &str) -> Trainer {
    let file = folder.join("words.tsv");
    let lines = words()
        .into_iter()
        .take(200)
        .map(|pair| format!("{}\t{}\n", pair.source, pair.target));
    std::fs::write(&file, lines.collect::<String>()).expect("a file");
    let mut recipe = recipe(&["training.epochs=2", "training.batch_size=40"]);
    recipe.data.train = Some(file);
    let task = Task::prepare(recipe).expect("a task");
    Trainer::new(task, Some((&folder.join(name), ExistingRun::Refuse))).expect("a trainer")
}

fn resume(folder: &Path, name: &str) -> Trainer {
    let (folder, recipe) = RunFolder::open(&folder.join(name)).expect("a run");
    Trainer::resume(Task::prepare(recipe).expect("a task"), folder).expect("a trainer")
}

/// 4 batches an epoch, 2 epochs.
#[test]
fn a_run_that_is_resumed_ends_with_the_same_mixture() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let model = |name: &str| std::fs::read(folder.join(name).join("model.safetensors"));
    let whole = in_folder(folder, "whole").run(&mut ()).expect("an outcome");
    let comparison = whole.comparison.expect("a comparison");
    assert_ne!(comparison.kept, Kept::Network, "{comparison:?}");
    let mut outcome = in_folder(folder, "part")
        .run(&mut StopAfter(3))
        .expect("an outcome");
    assert_eq!(outcome.ending, Ending::Interrupted);
    assert!(outcome.comparison.is_none());
    let architecture = outcome.model.settings().model.architecture;
    assert_eq!(architecture, Architecture::Monotonic);
    while outcome.ending == Ending::Interrupted {
        outcome = resume(folder, "part")
            .run(&mut StopAfter(3))
            .expect("an outcome");
    }
    assert_eq!(outcome.comparison.as_ref(), Some(&comparison));
    assert_eq!(
        model("part").expect("a model"),
        model("whole").expect("a model")
    );
    // A run that is over comes to the same, too, and so does one that goes batch by batch.
    let again = resume(folder, "part").run(&mut ()).expect("an outcome");
    assert_eq!(again.comparison.as_ref(), Some(&comparison));
    let mut steps = in_folder(folder, "steps");
    while steps.position().epoch < 2 {
        steps.train_batch().expect("a batch");
    }
    let ended = steps.end().expect("an outcome");
    assert_eq!(ended.comparison.as_ref(), Some(&comparison));
    assert_eq!(
        model("steps").expect("a model"),
        model("whole").expect("a model")
    );
    assert_eq!(
        model("part").expect("a model"),
        model("whole").expect("a model")
    );
}

/// Training goes on from the network of a mixture, and a mixture teaches by its network.
#[test]
fn mixtures_are_learned_from() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mixture");
    let mixture = mixture();
    mixture.save(&path).expect("saved");
    let mut recipe = Recipe::going_on(&mixture, &path, 455).expect("a recipe");
    recipe.training.epochs = 1;
    assert_eq!(recipe.model.architecture, Architecture::Monotonic);
    let task = Task::from_pairs(recipe, words()).expect("a task");
    assert!(task.initial.as_ref().is_some_and(|it| it.is_of_mixture));
    let outcome = Trainer::new(task, None).expect("a trainer").run(&mut ());
    assert!(outcome.expect("an outcome").comparison.is_none());

    let mut recipe = self::recipe(&["training.epochs=1", "training.mixture=off"]);
    recipe.training.teacher = Some(path);
    let task = Task::from_pairs(recipe, words()).expect("a task");
    let trainer = Trainer::new(task, None).expect("a trainer");
    trainer.run(&mut ()).expect("an outcome");
}

struct NoStop;

impl SearchObserver for NoStop {
    fn trial_done(&mut self, _: &Trial) {}

    fn wants_to_stop(&self) -> bool {
        false
    }
}

#[test]
fn a_search_compares_networks_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut recipe = recipe(&[]);
    drop(in_folder(folder.path(), "data"));
    recipe.data.train = Some(folder.path().join("words.tsv"));
    let search = Search {
        recipe,
        set: Vec::new(),
        ranges: vec![(
            "training.learning_rate".into(),
            "0.01, 0.02".parse().expect("a range"),
        )],
        trials: 2,
        seconds: 2.0,
        strategy: Strategy::Random,
        folder: folder.path().join("search"),
    };
    let (trials, complete) = search.run(&mut NoStop).expect("trials");
    assert!(complete && trials.len() == 2);
    let best = Model::load(&folder.path().join("search")).expect("a model");
    assert_eq!(best.settings().model.architecture, Architecture::Monotonic);
}

/// The time that fitting and mixing take is part of the budget.
#[test]
fn a_budget_has_room_for_both() {
    let settings = [
        "training.budget_seconds=4",
        "training.schedule=cosine",
        "training.epochs=1",
    ];
    let (outcome, _) = train(&settings, words());
    assert!(outcome.comparison.is_some());
    assert!(outcome.history.len() > 1);
    // Other processes may take the machine's time: the bound is a wide one.
    assert!(outcome.seconds < 12.0, "{}", outcome.seconds);
}

/// Files come from strangers: weights that are no numbers, and members that lack symbols.
#[test]
fn mixtures_with_impossible_parts_are_refused() {
    let mixture = mixture();
    let parts = mixture.parts();
    let weight = mixture.settings().model.ensemble.weights[0];
    let recipe = |number: &str| parts.recipe.replace(&weight.to_string(), number);
    for number in ["nan", "inf", "-1.0", "\"x\""] {
        assert_ne!(recipe(number), parts.recipe);
        assert!(Settings::of_recipe(&recipe(number)).is_err(), "{number}");
        let mut parts = parts.clone();
        parts.recipe = recipe(number);
        // The settings are still the good ones, so that the file can be made.
        let bytes = Model::new(parts).expect("a model").to_bytes();
        let error = Model::from_bytes(&bytes, "m")
            .expect_err(number)
            .to_string();
        assert!(error.contains("the model's recipe"), "{error}");
    }
    let (other, _) = train(
        &["training.mixture=off"],
        words()
            .into_iter()
            .filter(|pair| !pair.source.contains('x'))
            .collect(),
    );
    let mut foreign = parts.clone();
    foreign.codec = std::sync::Arc::clone(other.model.codec());
    assert!(Model::new(foreign).is_err());
}
