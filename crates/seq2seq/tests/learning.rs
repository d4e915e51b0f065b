//! Every kind of model learns a small task to the end, and what it has learned survives its file.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use seq2seq::decoding::{Method, SearchOptions};
use seq2seq::training::{Ending, ExistingRun, RunFolder, Task, Trainer};
use seq2seq::{Model, Pair, PredictOptions, Recipe, Warning};

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
    support::recipe(&base, settings)
}

fn train(recipe: Recipe) -> Model {
    train_on(recipe, reversals())
}

fn train_on(recipe: Recipe, pairs: Vec<Pair>) -> Model {
    let task = Task::from_pairs(recipe, pairs).expect("a task");
    let outcome = Trainer::new(task, None)
        .expect("a trainer")
        .run(&mut ())
        .expect("training");
    assert_eq!(outcome.ending, Ending::Finished);
    outcome.model
}

fn share_right(model: &Model) -> f64 {
    share_right_of(model, &reversals())
}

fn share_right_of(model: &Model, pairs: &[Pair]) -> f64 {
    let evaluation = seq2seq::evaluation::evaluate(model, pairs).expect("an evaluation");
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
fn simple_recurrent_network_learns() {
    learns(&[
        "model.cell=rnn",
        "model.attention=general",
        "model.bidirectional=true",
    ]);
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

#[test]
fn every_attention_learns() {
    for attention in ["dot", "general", "concat", "additive", "multi-head"] {
        let attention = format!("model.attention={attention}");
        learns(&[&attention, "model.bidirectional=true", "training.epochs=30"]);
    }
}

#[test]
fn deep_network_with_every_dropout_learns() {
    learns(&[
        "model.encoder_layers=2",
        "model.bidirectional=true",
        "model.encoder_units=32",
        "model.decoder_layers=2",
        "model.decoder_units=48",
        "model.bridge=tanh",
        "model.residual=true",
        "model.layer_norm=true",
        "model.attention=general",
        "model.dropout=0.1",
        "model.embedding_dropout=0.05",
        "model.recurrent_dropout=0.1",
        "training.label_smoothing=0.1",
        "training.epochs=50",
        // At a rate that stays high, the weights of the last epoch alone would be left to chance.
        "training.average_epochs=5",
    ]);
}

#[test]
fn more_decoder_layers_than_encoder_layers_learn() {
    learns(&["model.decoder_layers=2", "model.cell=gru"]);
}

#[test]
fn input_feeding_learns() {
    learns(&[
        "model.attention=general",
        "model.input_feeding=true",
        "training.epochs=30",
    ]);
}

#[test]
fn tied_and_shared_embeddings_learn() {
    learns(&[
        "model.attention=general",
        "text.shared_vocabulary=true",
        "model.tied_embeddings=true",
        "model.shared_embeddings=true",
        "training.epochs=30",
    ]);
}

#[test]
fn own_softmax_with_attention_learns() {
    learns(&[
        "model.decoder_input=own-softmax",
        "model.attention=general",
        "model.input_feeding=true",
    ]);
}

/// Words that are to be written as they are or backwards, as a feature says; another feature says
/// which letter is put at the end.
fn inflections() -> Vec<Pair> {
    let tagged = |(number, pair): (usize, Pair)| {
        let Pair { source, target, .. } = pair;
        let (tag, end) = (["SAME", "BACK"][number % 2], ["a", "b"][number / 2 % 2]);
        let stem = if tag == "SAME" { &source } else { &target };
        Pair {
            target: format!("{stem}{end}"),
            features: Some(format!("{tag}; {}", end.to_uppercase())),
            source,
        }
    };
    reversals().into_iter().enumerate().map(tagged).collect()
}

#[test]
fn features_are_learned_as_symbols_and_by_an_encoder() {
    for (place, attention) in [
        ("symbols", "general"),
        ("encoder", "dot"),
        ("encoder", "none"),
    ] {
        let settings = [
            format!("model.features={place}"),
            format!("model.attention={attention}"),
            "training.epochs=40".to_owned(),
        ];
        let recipe = recipe(&settings.each_ref().map(String::as_str));
        let model = train_on(recipe, inflections());
        let share = share_right_of(&model, &inflections());
        assert!(share >= 0.95, "{place}, {attention}: {share}");
        assert_eq!(
            model.line("abca\tSAME;B\tother").features,
            Some("SAME;B"),
            "the second column of a line holds features"
        );
    }
}

/// The second source column says what the first is to be: it takes both to answer.
#[test]
fn several_source_columns_are_learned() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pairs.tsv");
    let spaced = |text: &str| text.chars().map(|c| format!("{c} ")).collect::<String>();
    let rows: Vec<[String; 3]> = inflections()
        .iter()
        .map(|pair| {
            let tag = pair.features.as_deref().expect("features").replace(';', "");
            [spaced(&pair.source), spaced(&pair.target), tag]
        })
        .collect();
    let lines: Vec<String> = rows.iter().map(|row| row.join("\t") + "\n").collect();
    std::fs::write(&file, lines.concat()).expect("written");
    let mut recipe = recipe(&[
        "text.source=spaces",
        "text.target=spaces",
        "model.attention=general",
        "data.more_source_columns=[3]",
        "training.epochs=40",
    ]);
    recipe.data.train = Some(file);
    let task = Task::prepare(recipe).expect("a task");
    let outcome = Trainer::new(task, None).expect("a trainer").run(&mut ());
    let model = outcome.expect("training").model;
    assert_eq!(model.line("a b\tBACK B\tnot read").source, "a b\tBACK B");
    let inputs: Vec<String> = rows
        .iter()
        .map(|[source, _, tag]| format!("{source}\t{tag}"))
        .collect();
    let lines: Vec<_> = inputs.iter().map(|input| model.line(input)).collect();
    let answers = model
        .predictor(PredictOptions::default())
        .expect("options that work")
        .predict(&lines);
    let right = answers
        .iter()
        .zip(&rows)
        .filter(|(answer, row)| answer.best().text == row[1].trim_end());
    let share = right.count() as f64 / rows.len() as f64;
    assert!(share >= 0.95, "{share}");
}

/// Words over many letters, each of which is rare: what is learned on some of them only helps with
/// others if symbols are copied.
fn rare_letters(seed: usize) -> Vec<Pair> {
    let letters: Vec<char> = ('a'..='z').chain('A'..='Z').collect();
    let word = |number: usize| -> String {
        (0..5)
            .map(|place| letters[(number * 31 + place * 17 + number * place * 7 + seed) % 52])
            .collect()
    };
    let pair = |number| {
        let source = word(number);
        Pair {
            target: format!("{source}a"),
            source,
            features: None,
        }
    };
    (0..160).map(pair).collect()
}

#[test]
fn copying_helps_with_rare_symbols() {
    let share = |copy: &str| {
        let settings = [
            copy,
            "model.attention=general",
            "model.bidirectional=true",
            "training.epochs=40",
        ];
        let model = train_on(recipe(&settings), rare_letters(0));
        share_right_of(&model, &rare_letters(5))
    };
    let (with, without) = (share("model.copy=true"), share("model.copy=false"));
    assert!(with >= 0.9, "with copying only {with} are right");
    assert!(with > without, "{without} are right without copying, too");
}

#[test]
fn copying_needs_symbols_in_common() {
    let pairs = [Pair {
        source: "ab".into(),
        target: "xy".into(),
        features: None,
    }];
    let settings = ["model.copy=true", "model.attention=dot"];
    let error = Task::from_pairs(recipe(&settings), pairs).expect_err("nothing to copy");
    let message = error.to_string();
    assert!(message.contains("remove model.copy"), "{message}");
}

/// Symbols and features that training has not seen are reported and do no harm.
#[test]
fn unknown_symbols_and_features_are_reported() {
    let settings = [
        "model.features=encoder",
        "model.attention=dot",
        "training.epochs=1",
    ];
    let model = train_on(recipe(&settings), inflections());
    let predictions = model
        .predictor(PredictOptions::default())
        .expect("options that work")
        .predict(&[model.line("abZ\tSAME;NEW")]);
    let unknown: Vec<_> = predictions[0]
        .unknown
        .iter()
        .map(|unknown| (unknown.position, unknown.symbol.as_str()))
        .collect();
    assert_eq!(unknown, [(2, "Z")]);
    let feature = Warning::UnknownFeature("NEW".to_owned());
    assert!(predictions[0].warnings.contains(&feature));
}

/// The same answers and the same bytes after a trip through a file.
#[test]
fn model_file_round_trip() {
    let folder = tempfile::tempdir().expect("a folder");
    for settings in [
        &["training.epochs=2"][..],
        &[
            "training.epochs=1",
            "model.attention=multi-head",
            "model.input_feeding=true",
        ],
        &[
            "training.epochs=1",
            "model.attention=additive",
            "model.copy=true",
            "model.features=symbols",
            "model.bidirectional=true",
            "model.layer_norm=true",
        ],
    ] {
        round_trip(folder.path(), settings);
    }
}

fn round_trip(folder: &std::path::Path, settings: &[&str]) {
    let model = train(recipe(settings));
    let (first, second) = (folder.join("a"), folder.join("b"));
    model.save(&first).expect("saved");
    let loaded = Model::load(&first).expect("loaded");
    loaded.save(&second).expect("saved again");
    let texts = ["abcd", "ddda", "a", ""];
    let options = PredictOptions::default();
    assert_eq!(
        model
            .predictor(options.clone())
            .expect("options that work")
            .predict(&texts),
        loaded
            .predictor(options.clone())
            .expect("options that work")
            .predict(&texts)
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
            Trainer::new(task, Some((&out, ExistingRun::Refuse))).expect("a trainer"),
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
        load(&whole_folder)
            .predictor(PredictOptions::default())
            .expect("options that work")
            .predict(&["abcd"]),
        load(&part_folder)
            .predictor(PredictOptions::default())
            .expect("options that work")
            .predict(&["abcd"])
    );
    assert!(
        read(&whole_folder) == read(&part_folder),
        "the two models differ"
    );
}

/// Each of the architectures that copy hands on letters that training has never seen, two in a word
/// included, and writes no unknown symbol where there is none to copy.
#[test]
fn unseen_symbols_are_copied() {
    let plurals: Vec<Pair> = reversals()
        .into_iter()
        .map(|pair| Pair {
            target: format!("{}s", pair.source),
            ..pair
        })
        .collect();
    let forms: [&[&str]; 3] = [
        &[
            "model.attention=general",
            "model.bidirectional=true",
            "model.copy=true",
        ],
        &["model.architecture=monotonic", "model.copy=true"],
        &[
            "model.architecture=transformer",
            "model.copy=true",
            "model.encoder_units=256",
            "model.embedding=64",
            "model.transformer.model_size=32",
            "model.transformer.layers=1",
            "model.transformer.dropout=0.0",
        ],
    ];
    for settings in forms {
        let mut recipe = recipe(settings);
        recipe.training.epochs = 30;
        recipe.training.hidden_symbols = 0.3;
        let model = train_on(recipe, plurals.clone());
        let answers = model
            .predictor(PredictOptions::default())
            .expect("options that work")
            .predict(&["abxd", "zbcy", "abcd"]);
        let texts: Vec<&str> = answers
            .iter()
            .map(|answer| answer.best().text.as_str())
            .collect();
        assert_eq!(texts, ["abxds", "zbcys", "abcds"], "{settings:?}");
        assert_eq!(answers[1].unknown.len(), 2, "and they are named");
    }
}

/// An unseen feature is nothing to copy: however answers are drawn, none has an unknown symbol.
#[test]
fn unseen_features_are_not_copied() {
    let tagged: Vec<Pair> = reversals()
        .into_iter()
        .map(|pair| Pair {
            features: Some("N;SG".into()),
            ..pair
        })
        .collect();
    let mut recipe = recipe(&["model.architecture=monotonic", "model.copy=true"]);
    recipe.data.features_column = Some(3);
    recipe.training.epochs = 1;
    let model = train_on(recipe, tagged);
    let options = PredictOptions {
        search: SearchOptions {
            method: Method::Sample {
                temperature: 5.0,
                top_k: None,
                top_p: 1.0,
                seed: 1,
            },
            nbest: 50,
            ..SearchOptions::default()
        },
        ..PredictOptions::default()
    };
    let question = Pair {
        source: "abcd".into(),
        target: String::new(),
        features: Some("V;PL".into()),
    };
    let answers = model
        .predictor(options.clone())
        .expect("options that work")
        .predict(&[question]);
    let others = answers[0].others().iter().map(|other| &other.text);
    let texts: Vec<&String> = others.chain([&answers[0].best().text]).collect();
    assert_eq!(texts.len(), 50);
    assert!(
        texts.iter().all(|text| !text.contains("<unk>")),
        "{texts:?}"
    );
}

/// A letter that training had on the target side only is copied as itself.
#[test]
fn letters_of_the_target_are_copied_as_themselves() {
    let pair = Pair {
        source: "ab".into(),
        target: "abz".into(),
        features: None,
    };
    let settings = ["model.attention=general", "model.copy=true"];
    let task = Task::from_pairs(recipe(&settings), vec![pair]).expect("a task");
    let target = &task.codec.target.vocabulary;
    let id = |symbol| target.id(symbol).map(|id| id as i32);
    let unknown = target.unknown().map(|id| id as i32);
    let source = task.codec.encode_source("azx", None).ids;
    let copied = source.copy_ids.expect("what can be copied");
    let found: Vec<Option<i32>> = copied[..3].iter().map(|&id| Some(id)).collect();
    assert_eq!(found, [id("a"), id("z"), unknown]);
}
