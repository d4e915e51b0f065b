//! Settings of the model that do not fit together are refused, with a way out.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use seq2seq::Recipe;
use seq2seq::config::Override;

/// The message with which the settings are refused.
fn refusal(settings: &[&str]) -> String {
    let recipe = support::recipe(&[], settings);
    recipe.check().expect_err("a refusal").to_string()
}

/// Each list of settings, and what the message about it must say.
const REFUSED: &[(&[&str], &str)] = &[
    (
        &["model.encoder_layers=100000000"],
        "model.encoder_layers = 100000000: must be at most 1000",
    ),
    (
        &[
            "model.architecture=transformer",
            "model.transformer.layers=1000000000",
        ],
        "model.transformer.layers = 1000000000: must be at most 1000",
    ),
    (
        &[
            "model.architecture=monotonic",
            "model.monotonic.window=9223372036854775807",
        ],
        "model.monotonic.window = 9223372036854775807: must be at most 65536",
    ),
    (
        &[
            "model.architecture=monotonic",
            "model.monotonic.encoder_layers=1001",
        ],
        "must be at most 1000",
    ),
    (
        &["training.epochs=9223372036854775807"],
        "must be at most 1000000000",
    ),
    (
        &["model.encoder_layers=0"],
        "model.encoder_layers = 0: must be at least 1",
    ),
    (
        &["model.decoder_layers=0"],
        "model.decoder_layers = 0: must be at least 1",
    ),
    (
        &["model.dropout=1.0"],
        "model.dropout = 1: must lie between 0 and 0.95",
    ),
    (
        &["model.embedding_dropout=-0.1"],
        "model.embedding_dropout = -0.1",
    ),
    (
        &["model.recurrent_dropout=2.0"],
        "model.recurrent_dropout = 2",
    ),
    (
        &["model.attention_units=0"],
        "model.attention_units = 0: must be at least 1",
    ),
    (
        &["model.attention_heads=0"],
        "model.attention_heads = 0: must be at least 1",
    ),
    (
        &["training.label_smoothing=1.0"],
        "must lie between 0 and 0.9",
    ),
    (
        &[
            "model.attention=dot",
            "model.bidirectional=true",
            "model.decoder_units=256",
        ],
        "set model.decoder_units = 512, or model.attention = \"general\"",
    ),
    (
        &["model.attention=multi-head", "model.attention_heads=3"],
        "model.attention_heads = 3 does not divide the 256 units of attention",
    ),
    (
        &["model.input_feeding=true"],
        "set model.attention = \"general\"",
    ),
    (&["model.copy=true"], "or remove model.copy"),
    (
        &["model.bridge=copy", "model.decoder_units=128"],
        "or set model.bridge = \"linear\"",
    ),
    (
        &[
            "model.bridge=copy",
            "model.bidirectional=true",
            "model.decoder_units=256",
        ],
        "the encoder gives 512 units",
    ),
    (
        &[
            "model.bridge=copy",
            "model.features=encoder",
            "model.encoder_units=64",
        ],
        "the encoder gives 128 units",
    ),
    (
        &["model.tied_embeddings=true", "model.embedding=one-hot"],
        "model.tied_embeddings needs embeddings",
    ),
    (
        &[
            "model.tied_embeddings=true",
            "model.decoder_input=encoder-output",
        ],
        "never reads a target symbol",
    ),
    (
        &["model.shared_embeddings=true"],
        "text.shared_vocabulary = true",
    ),
    (
        &["model.embedding_dropout=0.1", "model.embedding=one-hot"],
        "or remove model.embedding_dropout",
    ),
    (
        &[
            "text.shared_vocabulary=true",
            "text.vocabulary=notebook",
            "model.protocol=first-symbol",
        ],
        "remove one of the two",
    ),
    (
        &["model.features=encoder", "data.train=pairs.tsv"],
        "data.features_column",
    ),
    (
        &["model.features=none", "data.features_column=3"],
        "remove one of the two",
    ),
    (
        &["data.more_source_columns=[3, 2]"],
        "data.more_source_columns has column 2",
    ),
    (
        &["data.more_source_columns=[0]"],
        "data.more_source_columns = 0: must be at least 1",
    ),
    (
        &["data.features_column=2"],
        "give the column that holds the features",
    ),
    (
        &["data.features_column=0"],
        "data.features_column = 0: must be at least 1",
    ),
    (&["text.feature_separator=\"\""], "text.feature_separator"),
    (
        &[
            "model.shared_embeddings=true",
            "text.shared_vocabulary=true",
            "data.features_column=3",
        ],
        "set model.features = \"encoder\"",
    ),
];

#[test]
fn what_does_not_fit_is_refused_with_a_way_out() {
    for (settings, expected) in REFUSED {
        let message = refusal(settings);
        assert!(message.contains(expected), "{settings:?}: {message}");
    }
}

/// Settings that a network would not look at are refused when it is trained, with the place where
/// it has them, if it does.
#[test]
fn settings_without_a_meaning_are_refused() {
    let cases: &[(&[&str], &str)] = &[
        (
            &["model.architecture=monotonic", "model.dropout=0.3"],
            "set model.monotonic.dropout instead",
        ),
        (
            &["model.architecture=monotonic", "model.bidirectional=true"],
            "remove model.bidirectional",
        ),
        (
            &["model.architecture=transformer", "model.dropout=0.2"],
            "set model.transformer.dropout instead",
        ),
        (
            &["model.architecture=transformer", "model.residual=true"],
            "model.residual means nothing to model.architecture = \"transformer\"",
        ),
        (
            &["model.monotonic.order=0"],
            "model.monotonic means nothing to model.architecture = \"recurrent\"",
        ),
    ];
    for (settings, expected) in cases {
        let recipe = support::recipe(&[], settings);
        assert_eq!(
            recipe.check().map_err(|error| error.to_string()),
            Ok(()),
            "{settings:?}"
        );
        let message = recipe
            .model
            .check_trainable()
            .expect_err("a refusal")
            .to_string();
        assert!(message.contains(expected), "{settings:?}: {message}");
    }
}

/// Settings that an optimizer, a schedule or a kind of attention does not look at are named.
#[test]
fn settings_that_are_not_used_are_named() {
    let cases: &[(&[&str], &[&str])] = &[
        (&[], &[]),
        (
            &["training.optimizer=sgd", "training.beta_1=0.8"],
            &["training.beta_1 means nothing with training.optimizer = \"sgd\""],
        ),
        (
            &["training.weight_decay=0.1", "training.decay=0.3"],
            &[
                "training.weight_decay means nothing with training.optimizer = \"adam\"",
                "training.decay means nothing with training.schedule = \"constant\"",
            ],
        ),
        (
            &["model.attention=general", "model.attention_heads=2"],
            &["model.attention_heads means nothing with model.attention = \"general\""],
        ),
        (
            &["training.teacher_weight=0.9"],
            &["training.teacher_weight means nothing without training.teacher"],
        ),
        (
            &["data.addition.digits=2", "data.header=true"],
            &["data.header means nothing with data.addition"],
        ),
        (
            &["model.monotonic.order=0", "model.monotonic.window=3"],
            &["model.monotonic.window means nothing with model.monotonic.order = 0"],
        ),
        (
            &["model.transformer.learned_positions=20"],
            &["model.transformer.learned_positions means nothing with \
                 model.transformer.positions = \"rotary\""],
        ),
        (
            &["text.source_align=left"],
            &["text.source_align means nothing with text.source_width = 0"],
        ),
        (
            &["text.feature_separator=,"],
            &["text.feature_separator means nothing without data.features_column"],
        ),
        (
            &["decoding.max_length_extra=3"],
            &["decoding.max_length_extra means nothing with decoding.max_length_ratio = 0.0"],
        ),
        (
            &["data.dev=dev.tsv", "data.validation_split=last"],
            &["data.validation_split means nothing with data.dev = \"dev.tsv\""],
        ),
        (
            &[
                "data.validation=0",
                "training.patience=3",
                "training.monitor=loss",
            ],
            &[
                "training.monitor means nothing with data.validation = 0.0",
                "training.patience means nothing with data.validation = 0.0",
            ],
        ),
        (
            &[
                "data.validation=0",
                "data.dev=dev.tsv",
                "training.patience=3",
            ],
            &[],
        ),
    ];
    for (settings, expected) in cases {
        let unused = support::recipe(&[], settings).unused_settings(&Recipe::default());
        assert_eq!(unused, *expected, "{settings:?}");
    }
}

/// Settings that suit the pairs are nobody's wish, so no word is lost on those that another setting
/// makes meaningless.
#[test]
fn only_settings_that_somebody_asked_for_are_named() {
    let suiting = Recipe::for_size(500, seq2seq::config::Architecture::Monotonic);
    let mut recipe = suiting.clone();
    recipe.within_budget(60.0);
    recipe.data.validation = 0.0;
    assert_eq!(recipe.unused_settings(&suiting), [""; 0]);
    recipe.training.decay_epochs = 2;
    recipe.training.monitor = seq2seq::config::Monitor::Loss;
    assert_eq!(
        recipe.unused_settings(&suiting),
        [
            "training.decay_epochs means nothing with training.schedule = \"cosine\"",
            "training.monitor means nothing with data.validation = 0.0"
        ]
    );
}

/// No recipe of ours has a setting without a meaning.
#[test]
fn our_recipes_have_no_unused_settings() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../recipes");
    for entry in std::fs::read_dir(folder).expect("the recipes") {
        let path = entry.expect("a recipe").path();
        let recipe = Recipe::read(&path).expect("a valid recipe");
        assert_eq!(
            recipe.unused_settings(&Recipe::default()),
            [""; 0],
            "{}",
            path.display()
        );
    }
}

/// Recipes of version 0.1 have them, nearly always turned off.
#[test]
fn removed_settings_are_left_out_or_refused() {
    let ngrams = |longest| format!("[model.ngrams]\nlongest = {longest}\ndiscount = 0.5\n");
    let members = |longest| {
        format!(
            "[[model.ensemble.members]]\nembedding = 8\n\n\
             [model.ensemble.members.ngrams]\nlongest = {longest}\n"
        )
    };
    let analogies = |many| format!("[data]\nanalogies = {many}\n");
    let parse = |text: &str| Recipe::parse(text, "r.toml").map_err(|e| e.to_string());
    for off in [
        "[model.ngrams]\n",
        &ngrams(1),
        &members(1),
        &analogies("0"),
        &analogies("0.0"),
    ] {
        let recipe = parse(off).expect("it is turned off").to_toml();
        assert!(
            !recipe.contains("ngrams") && !recipe.contains("analogies"),
            "{off}"
        );
    }
    let refusals = [
        ("model.ngrams", "n-gram vectors were removed: leave it out"),
        (
            "data.analogies",
            "training pairs by analogy were removed: leave it out",
        ),
    ];
    let refusal = |origin: &str, (setting, why): (&str, &str)| {
        Err(format!("{origin}: {setting}: {why}, or use version 0.1"))
    };
    for (on, reason) in [
        (ngrams(5), refusals[0]),
        (members(2), refusals[0]),
        (analogies("0.5"), refusals[1]),
        (analogies("2"), refusals[1]),
    ] {
        assert_eq!(parse(&on), refusal("r.toml", reason));
    }
    for (change, reason) in [
        ("model.ngrams.longest=1", refusals[0]),
        ("model.ngrams={}", refusals[0]),
        ("data.analogies=0", refusals[1]),
    ] {
        let changed = Recipe::default().with_overrides(&support::overrides(&[change]));
        let message = changed.map_err(|error| error.to_string());
        assert_eq!(message, refusal(&format!("`{change}`"), reason));
    }
    let misspelt = parse("[model]\nembeding = 8\n").expect_err("a misspelt setting");
    assert!(misspelt.contains("line 2, column 1"), "{misspelt}");
}

/// The `[decoding]` section of a recipe is refused for the same reasons.
#[test]
fn impossible_decoding_settings_are_refused() {
    let check = |settings: &[&str]| {
        let overrides: Vec<Override> = settings
            .iter()
            .map(|text| text.parse().expect("an override"))
            .collect();
        let recipe = Recipe::default()
            .with_overrides(&overrides)
            .expect("valid keys");
        recipe.check().map_err(|error| error.to_string())
    };
    for (settings, message) in [
        (
            &["decoding.beam=0"][..],
            "decoding.beam = 0: must be at least 1",
        ),
        (
            &["decoding.beam=20000"],
            "decoding.beam = 20000: must be at most 10000",
        ),
        (
            &["decoding.batch_size=0"],
            "decoding.batch_size = 0: must be at least 1",
        ),
        (
            &["decoding.length_penalty=-1"],
            "decoding.length_penalty = -1: must be at least 0",
        ),
        (
            &["decoding.coverage_penalty=nan"],
            "decoding.coverage_penalty = NaN",
        ),
        (
            &["decoding.max_length_ratio=inf"],
            "decoding.max_length_ratio = inf",
        ),
        (
            &["decoding.minimum_bayes_risk=true"],
            "decoding.minimum_bayes_risk chooses among",
        ),
    ] {
        let error = check(settings).expect_err("refused");
        assert!(error.contains(message), "{error}");
    }
    let good = [
        "decoding.beam=5",
        "decoding.minimum_bayes_risk=true",
        "decoding.length_penalty=0.6",
    ];
    assert_eq!(check(&good), Ok(()));
}
