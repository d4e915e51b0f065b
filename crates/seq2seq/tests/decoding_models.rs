//! The same tests of decoding over every kind of model: a batch is so many batches of one, a beam of
//! one is greedy, a beam of everything is exhaustive, constraints hold, and probabilities are those
//! that the model gives.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use std::sync::Arc;

use seq2seq::config::Mixing;
use seq2seq::decoding::{
    Constraint, LengthLimit, Method, SearchError, SearchInput, SearchOptions, StepModel,
    score_outputs, search,
};
use seq2seq::evaluation::{CompareError, audit, calibrate, compare, examine};
use seq2seq::text::Normalization;
use seq2seq::text::SourceIds;
use seq2seq::training::{Task, Trainer};
use seq2seq::{Answer, Model, Pair, PredictOptions, SourceText, Warning};

/// Words over three letters of one to three letters, backwards; the ending `!` comes twice as often
/// as not, so that models are unsure of something.
fn pairs() -> Vec<Pair> {
    let letters = ['a', 'b', 'c'];
    let mut words: Vec<String> = vec![String::new()];
    for length in 0..3 {
        let longer: Vec<String> = words
            .iter()
            .filter(|word| word.len() == length)
            .flat_map(|word| letters.map(|letter| format!("{word}{letter}")))
            .collect();
        words.extend(longer);
    }
    let pair = |(number, word): (usize, &String)| Pair {
        source: word.clone(),
        target: word.chars().rev().collect::<String>() + if number % 3 == 0 { "!" } else { "" },
        features: None,
    };
    words[1..].iter().enumerate().map(pair).collect()
}

fn train(settings: &[&str]) -> Model {
    train_on(settings, pairs())
}

fn train_on(settings: &[&str], pairs: Vec<Pair>) -> Model {
    let base = [
        "model.encoder_units=16",
        "model.embedding=8",
        "training.epochs=12",
        "training.batch_size=8",
        "training.learning_rate=0.01",
        "data.validation=0",
        "text.source=characters",
        "text.target=characters",
    ];
    let recipe = support::recipe(&base, settings);
    let task = Task::from_pairs(recipe, pairs).expect("a task");
    Trainer::new(task, None)
        .expect("a trainer")
        .run(&mut ())
        .expect("training")
        .model
}

fn sources() -> Vec<String> {
    pairs().into_iter().map(|pair| pair.source).collect()
}

fn beam(size: usize) -> PredictOptions {
    PredictOptions {
        search: SearchOptions {
            method: Method::Beam { size },
            nbest: size,
            ..SearchOptions::default()
        },
        confidence: true,
        ..PredictOptions::default()
    }
}

fn sampling() -> PredictOptions {
    PredictOptions {
        search: SearchOptions {
            method: Method::Sample {
                temperature: 0.8,
                top_k: Some(4),
                top_p: 0.95,
                seed: 7,
            },
            nbest: 2,
            ..SearchOptions::default()
        },
        ..PredictOptions::default()
    }
}

fn near(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() < 1e-4
}

fn answers(model: &Model, texts: &[impl SourceText], options: &PredictOptions) -> Vec<Answer> {
    let predictor = model.predictor(options.clone());
    predictor.expect("options that work").predict(texts)
}

/// The same model, which decodes so many inputs together.
fn in_batches_of(model: &Model, batch_size: usize) -> Model {
    let mut parts = model.parts().clone();
    parts.settings.decoding.batch_size = batch_size;
    Model::new(parts).expect("the same weights")
}

/// What a text is answered depends neither on the batch size nor on the other texts, to the last bit.
fn batches_change_nothing(model: &Model) {
    let texts = sources();
    for mut options in [beam(1), beam(3), sampling()] {
        let together = answers(model, &texts, &options);
        let in_batches = answers(&in_batches_of(model, 5), &texts, &options);
        for (number, text) in texts.iter().enumerate() {
            options.first_number = number as u64;
            let alone = &answers(model, &[text], &options)[0];
            assert_eq!(alone, &together[number], "{text}: {options:?}");
            assert_eq!(alone, &in_batches[number], "{text}: {options:?}");
        }
    }
}

/// With one thread, with fewer batches than threads and with more: the same answers to the last bit.
fn threads_change_nothing(model: &Model) {
    for (batch_size, options) in [(3, beam(3)), (20, sampling())] {
        let model = in_batches_of(model, batch_size);
        let [one, two, five] = [1, 2, 5].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let pool = pool.build().expect("threads");
            pool.install(|| answers(&model, &sources(), &options))
        });
        assert!(one == two && one == five, "batches of {batch_size}");
    }
}

/// What the decoder reads first, and whether that is a symbol of the output.
fn first(model: &Model) -> (u32, bool) {
    let given = model.needs_first_symbol();
    let vocabulary = &model.codec().target.vocabulary;
    let first = if given {
        vocabulary.id("a")
    } else {
        vocabulary.begin()
    };
    (first.unwrap_or(0), given)
}

fn search_input<'a>(model: &Model, source: &'a SourceIds, max_length: usize) -> SearchInput<'a> {
    let (first, first_is_output) = first(model);
    SearchInput {
        source,
        first,
        first_is_output,
        end: model.codec().target.vocabulary.end(),
        begin: None,
        forbidden: None,
        max_length,
        number: 0,
    }
}

/// Greedy decoding as plainly as it can be written.
fn greedy(model: &Model, source: &SourceIds, max_length: usize) -> Vec<u32> {
    let mut state = model.start(&[source]);
    let mut last = first(model).0;
    let mut ids = Vec::new();
    while ids.len() < max_length {
        let output = model.step(&mut state, &[last]);
        let row = output.log_probs.row(0);
        let best = (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]).then(b.cmp(&a)));
        last = best.expect("symbols") as u32;
        if Some(last) == model.codec().target.vocabulary.end() {
            break;
        }
        ids.push(last);
    }
    ids
}

fn a_beam_of_one_is_greedy(model: &Model) {
    for text in sources() {
        let source = model.codec().encode_source(&text, None).ids;
        let input = search_input(model, &source, 6);
        let found = &search(model, &[input], &SearchOptions::default())[0][0];
        assert_eq!(found.ids, greedy(model, &source, 6), "{text}");
    }
}

/// Every output of at most so many symbols, end mark included.
fn all_outputs(model: &Model, most: usize) -> Vec<Vec<u32>> {
    let end = model.codec().target.vocabulary.end().expect("an end mark");
    let symbols: Vec<u32> = (0..model.codec().target.vocabulary.len() as u32)
        .filter(|&symbol| symbol != end)
        .collect();
    let mut outputs = vec![vec![]];
    let mut open = vec![vec![]];
    for _ in 0..most {
        open = open
            .iter()
            .flat_map(|ids: &Vec<u32>| symbols.iter().map(|&symbol| [&ids[..], &[symbol]].concat()))
            .collect();
        outputs.extend(open.clone());
    }
    outputs.iter_mut().for_each(|ids| ids.push(end));
    outputs
}

fn a_beam_of_everything_is_exhaustive(model: &Model) {
    let outputs = all_outputs(model, 3);
    for text in ["a", "ba", "cab"] {
        let source = model.codec().encode_source(text, None).ids;
        let all: Vec<&[u32]> = outputs.iter().map(Vec::as_slice).collect();
        let firsts = vec![first(model).0; all.len()];
        let scores = score_outputs(model, &vec![&source; all.len()], &firsts, &all);
        let mut scored: Vec<(f64, &[u32])> = scores
            .iter()
            .map(|symbols| symbols.iter().map(|symbol| symbol.log_probability).sum())
            .zip(all)
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        let options = SearchOptions {
            method: Method::Beam { size: 2000 },
            nbest: 5,
            ..SearchOptions::default()
        };
        let input = search_input(model, &source, 3);
        let found = search(model, &[input], &options).remove(0);
        for (found, (score, _)) in found.iter().zip(&scored) {
            assert!(
                near(found.score, *score),
                "{text}: {} not {score}",
                found.score
            );
            let end = model.codec().target.vocabulary.end();
            let ids: Vec<u32> = found.ids.iter().copied().chain(end).collect();
            let own = scored
                .iter()
                .find(|(_, all)| *all == ids)
                .expect("an output");
            assert!(near(own.0, found.log_probability), "{text}");
        }
    }
}

fn constraints_hold(model: &Model) {
    let side = &model.codec().target;
    let pattern = Constraint::pattern("[ab]c!?", side, Normalization::None).expect("a pattern");
    let (list, _) = Constraint::list(&["abc", "a!"], side, Normalization::None).expect("a list");
    for (constraint, fits) in [
        (
            pattern,
            &(|text: &str| text.trim_end_matches('!').ends_with('c')) as &dyn Fn(&str) -> bool,
        ),
        (list, &|text: &str| text == "abc" || text == "a!"),
    ] {
        for mut options in [beam(1), beam(2), sampling()] {
            options.search.constraint = Some(Arc::new(constraint.clone()));
            for prediction in answers(model, &sources(), &options) {
                assert!(
                    prediction.best().finished && fits(&prediction.best().text),
                    "{}",
                    prediction.best().text
                );
            }
        }
    }
}

/// A pair's log-likelihood is what a forced search gives; a mistake comes first.
fn audits_find_mistakes(model: &Model) {
    let mut pairs = pairs();
    pairs.truncate(20);
    pairs[4].target = "ccc!".into();
    let audited = audit(model, &pairs);
    assert_eq!(audited.len(), pairs.len());
    assert!(
        audited
            .windows(2)
            .all(|pair| pair[0].per_symbol <= pair[1].per_symbol)
    );
    assert!(audited.iter().all(|a| a.log_probability <= 0.0));
    pairs[4].target = "x".into();
    let audited = audit(model, &pairs);
    assert_eq!(
        (audited[0].pair, audited[0].unknown.as_slice()),
        (4, &["x".to_owned()][..])
    );
    assert_eq!(audited[0].log_probability, f64::NEG_INFINITY);
}

/// All of the above.
fn decodes_as_it_should(settings: &[&str]) {
    check_decoding(&train(settings));
}

fn check_decoding(model: &Model) {
    threads_change_nothing(model);
    batches_change_nothing(model);
    a_beam_of_one_is_greedy(model);
    a_beam_of_everything_is_exhaustive(model);
    constraints_hold(model);
    audits_find_mistakes(model);
}

#[test]
fn lstm() {
    decodes_as_it_should(&[]);
}

#[test]
fn gru_with_one_hot_input() {
    decodes_as_it_should(&["model.cell=gru", "model.embedding=one-hot"]);
}

#[test]
fn first_symbol_protocol() {
    decodes_as_it_should(&["model.protocol=first-symbol"]);
}

/// Samples are draws, not the likeliest of a draw after each first symbol: their first symbols, for
/// which the model has no probabilities, are equally frequent.
#[test]
fn samples_of_the_first_symbol_protocol_begin_with_any_first_symbol() {
    let model = train(&["model.protocol=first-symbol"]);
    let firsts = &model.provenance().first_symbols;
    let text = &sources()[0];
    let mut options = sampling();
    options.search.nbest = 400;
    let answer = &answers(&model, &[text], &options)[0];
    let all = || answer.hypotheses.iter().map(|output| &output.symbols);
    assert_eq!(all().count(), 400);
    let expected = 400.0 / firsts.len() as f64;
    for &first in firsts {
        let symbol = model.codec().target_symbols(&[first]);
        let count = all().filter(|symbols| symbols.first() == symbol.first());
        let count = count.count() as f64;
        // Five standard deviations.
        let margin = 5.0 * expected.sqrt();
        assert!((count - expected).abs() < margin, "{symbol:?}: {count}");
    }
    // A single sample of every input is as random as many of one.
    options.search.nbest = 1;
    let texts = vec![text; 100];
    let answers = answers(&model, &texts, &options);
    let seen: std::collections::HashSet<_> = answers
        .iter()
        .map(|answer| answer.best().symbols.first())
        .collect();
    assert!(seen.len() > 1, "{seen:?}");
}

/// At the length limit an output that the model ends and the same one that the limit cuts are one.
#[test]
fn nbest_lists_have_no_text_twice_at_the_length_limit() {
    for settings in [&[][..], &["model.protocol=first-symbol"]] {
        let model = train(settings);
        for most in 1..4 {
            let mut options = beam(6);
            options.limit = Some(LengthLimit {
                most,
                ..LengthLimit::default()
            });
            for answer in answers(&model, &sources(), &options) {
                let all = answer.hypotheses.iter().map(|output| &output.symbols);
                let all: Vec<_> = all.collect();
                let different: std::collections::HashSet<_> = all.iter().collect();
                assert_eq!(different.len(), all.len(), "at most {most}: {all:?}");
            }
        }
    }
}

#[test]
fn encoder_output() {
    decodes_as_it_should(&["model.decoder_input=encoder-output"]);
}

#[test]
fn own_softmax() {
    decodes_as_it_should(&["model.decoder_input=own-softmax"]);
}

#[test]
fn attention_with_input_feeding() {
    let settings = ["model.attention=general", "model.input_feeding=true"];
    decodes_as_it_should(&settings);
    aligns(&settings);
}

#[test]
fn additive_attention_with_copying() {
    let settings = [
        "model.attention=additive",
        "model.copy=true",
        "model.bidirectional=true",
    ];
    decodes_as_it_should(&settings);
    aligns(&settings);
}

#[test]
fn transformer() {
    let settings = [
        "model.architecture=transformer",
        // Recurrent networks' sizes mean nothing to a Transformer, and only defaults are let pass.
        "model.encoder_units=256",
        "model.embedding=64",
        "model.transformer.layers=1",
        "model.transformer.model_size=16",
        "model.transformer.heads=2",
        "model.transformer.feed_forward=32",
    ];
    decodes_as_it_should(&settings);
}

#[test]
fn hard_monotonic_attention() {
    let settings = ["model.architecture=monotonic", "model.monotonic.order=1"];
    decodes_as_it_should(&settings);
}

#[test]
fn hard_monotonic_attention_with_copying() {
    let settings = ["model.architecture=monotonic", "model.copy=true"];
    decodes_as_it_should(&settings);
}

#[test]
fn ensemble_of_different_networks() {
    let members = [train(&[]), train(&["model.architecture=monotonic"])];
    for mixing in [Mixing::Arithmetic, Mixing::LogLinear] {
        check_decoding(&Model::ensemble(&members, mixing).expect("an ensemble"));
    }
}

/// An alignment has a run of source symbols for each target symbol, in order, whatever stands
/// before or after them in what the encoder reads.
fn aligns(settings: &[&str]) {
    for more in [
        &["text.source_end_mark=false"][..],
        &["text.source_width=5"],
        &[],
    ] {
        let model = train(&[settings, more, &["training.epochs=2"]].concat());
        let options = PredictOptions {
            align: true,
            ..PredictOptions::default()
        };
        assert_eq!(model.predictor(options.clone()).map(drop), Ok(()));
        for (text, prediction) in sources().iter().zip(answers(&model, &sources(), &options)) {
            let alignment = prediction.best().alignment.clone().expect("an alignment");
            assert_eq!(alignment.source, model.codec().source_symbols(text));
            assert_eq!(alignment.target, prediction.best().symbols);
            assert_eq!(alignment.spans.len(), alignment.target.len());
            assert_eq!(alignment.weights.len(), alignment.target.len());
            for weights in &alignment.weights {
                assert_eq!(weights.len(), alignment.source.len());
                assert!(weights.iter().sum::<f64>() < 1.0 + 1e-4);
            }
            let spans: Vec<_> = alignment.spans.into_iter().flatten().collect();
            assert_eq!(spans.len(), alignment.target.len());
            assert!(
                spans
                    .windows(2)
                    .all(|pair| pair[1].start() >= pair[0].end())
            );
            assert!(
                spans
                    .iter()
                    .all(|span| *span.end() < alignment.source.len())
            );
        }
    }
}

/// A model whose alignment is known: it has learned to copy, so that each letter comes from itself,
/// also where the encoder reads backwards.
#[test]
fn known_alignments_are_found() {
    for direction in ["false", "true"] {
        let letters = ['a', 'b', 'c', 'd', 'e'];
        let words = (0..125).map(|n: usize| {
            let places = [n / 25, n / 5 % 5, n % 5];
            places
                .map(|place| letters[place])
                .iter()
                .collect::<String>()
        });
        let pairs: Vec<Pair> = words
            .map(|word| Pair {
                target: word.to_uppercase(),
                source: word,
                features: None,
            })
            .collect();
        let reverse = format!("text.reverse_source={direction}");
        let settings = [
            "model.attention=general",
            "model.bidirectional=true",
            "training.epochs=40",
            "text.source_end_mark=false",
            reverse.as_str(),
        ];
        let model = train_on(&settings, pairs.clone());
        let options = PredictOptions {
            align: true,
            ..PredictOptions::default()
        };
        let texts: Vec<&str> = pairs.iter().map(|pair| pair.source.as_str()).collect();
        let predictions = answers(&model, &texts, &options);
        let straight = |alignment: &seq2seq::Alignment| {
            let spans = alignment.spans.iter().enumerate();
            spans
                .filter(|(place, span)| span.as_ref().is_some_and(|s| s.contains(place)))
                .count()
        };
        let (mut found, mut all) = (0, 0);
        for (prediction, pair) in predictions.iter().zip(&pairs) {
            if prediction.best().text == pair.target {
                found += straight(prediction.best().alignment.as_ref().expect("an alignment"));
                all += 3;
            }
        }
        assert!(all > 300, "the model has learned to copy: {all}");
        assert!(
            f64::from(found as u32) > 0.9 * f64::from(all),
            "{found} of {all}"
        );
    }
}

/// A model is calibrated at the end of training, if it has validation pairs, and stays so in its
/// file; the calibrated figure is no worse on the same questions.
#[test]
fn calibration_survives_the_file() {
    let model = train(&["data.validation=0.3", "training.epochs=20"]);
    let calibration = model.provenance().calibration.expect("a calibration");
    assert!(calibration.temperature > 0.0 && calibration.questions > 5);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model");
    model.save(&path).expect("saved");
    let loaded = Model::load(&path).expect("loaded");
    assert_eq!(loaded.provenance().calibration, Some(calibration));
    assert_eq!(train(&[]).provenance().calibration, None);
    // Without a calibration, the confidence is the probability.
    let plain = train(&[]);
    for prediction in answers(&plain, &sources(), &beam(1)) {
        let confidence = prediction.best().confidence.expect("a confidence");
        assert!((confidence - prediction.best().log_probability.exp()).abs() < 1e-4);
    }
    assert_eq!(calibrate(&plain, &[]), None);
}

#[test]
fn options_are_held_against_the_model() {
    let model = train(&["training.epochs=1"]);
    let align = PredictOptions {
        align: true,
        ..PredictOptions::default()
    };
    assert_eq!(
        model.predictor(align.clone()).map(drop),
        Err(SearchError::NoAttention("an alignment"))
    );
    let mut coverage = beam(2);
    coverage.search.coverage_penalty = 0.2;
    assert_eq!(
        model.predictor(coverage.clone()).map(drop),
        Err(SearchError::NoAttention("a coverage penalty"))
    );
    let mut tight = beam(1);
    let constraint = Constraint::pattern("abcabc", &model.codec().target, Normalization::None)
        .expect("a pattern");
    tight.search.constraint = Some(Arc::new(constraint));
    tight.limit = Some(LengthLimit {
        most: 4,
        ..LengthLimit::default()
    });
    assert_eq!(
        model.predictor(tight.clone()).map(drop),
        Err(SearchError::ConstraintTooLong {
            shortest: 6,
            limit: 4
        })
    );
    // A limit that follows from the input gives way to the constraint.
    tight.limit = Some(LengthLimit {
        ratio: 1.0,
        ..LengthLimit::default()
    });
    assert_eq!(model.predictor(tight.clone()).map(drop), Ok(()));
    assert_eq!(answers(&model, &["a"], &tight)[0].best().text, "abcabc");
}

#[test]
fn answers_come_with_warnings() {
    let model = train(&["training.epochs=1"]);
    let mut options = beam(1);
    options.limit = Some(LengthLimit {
        most: 1,
        ..LengthLimit::default()
    });
    let texts = ["a", "xbx", "abcabc", ""];
    let warnings: Vec<Vec<Warning>> = answers(&model, &texts, &options)
        .into_iter()
        .map(|p| {
            p.warnings
                .into_iter()
                .filter(|w| !matches!(w, Warning::Cut { .. }))
                .collect()
        })
        .collect();
    assert!(warnings[0].is_empty() && warnings[3].is_empty());
    let [Warning::UnknownSymbol { first, times: 2 }] = &warnings[1][..] else {
        panic!("two unknown symbols in one warning: {:?}", warnings[1]);
    };
    assert_eq!((first.symbol.as_str(), first.position), ("x", 0));
    assert_eq!(
        warnings[2],
        [Warning::LongInput {
            symbols: 6,
            longest: 3
        }]
    );
    // No end mark within reach: an output that cannot end says so.
    let cut = answers(&model, &["abc"], &options);
    assert!(cut[0].best().finished || cut[0].warnings.contains(&Warning::Cut { limit: 1 }));
}

#[test]
fn models_with_other_outputs_cannot_be_compared() {
    let first = train(&["training.epochs=1"]);
    let second = train(&["training.epochs=2"]);
    let questions = seq2seq::data::questions(&pairs());
    let options = PredictOptions::default();
    let compared = |a: &Model, b: &Model| compare((a, &options), (b, &options), &questions);
    let comparison = compared(&first, &second).expect("a comparison");
    let sum = comparison.both_right + comparison.only_first_right + comparison.only_second_right;
    assert!(sum <= questions.len());
    assert_eq!(
        comparison.disagreements.len(),
        comparison.only_first_right + comparison.only_second_right
    );
    let same = compared(&first, &first).expect("a comparison");
    assert_eq!((same.exact_match.difference, same.mcnemar_p), (0.0, 1.0));
    let spaces = train(&["training.epochs=1", "text.target=spaces"]);
    assert!(matches!(
        compared(&first, &spaces),
        Err(CompareError::Tokenizations { .. })
    ));
    let error = compare((&first, &options), (&second, &options), &[]);
    assert!(matches!(error, Err(CompareError::Score(_))));
}

/// The figures of an evaluation belong together.
#[test]
fn evaluations_add_up() {
    let model = train(&[]);
    let examination = examine(&model, &pairs(), &beam(3)).expect("an evaluation");
    let evaluation = &examination.evaluation;
    let free = &evaluation.free_running;
    let right = (0..examination.questions.len())
        .filter(|&q| examination.is_right(q))
        .count();
    assert_eq!(free.correct, right);
    let nbest = evaluation.nbest.expect("three answers");
    assert!(nbest.exact_match >= free.exact_match);
    let by_length = &evaluation.breakdown.by_length;
    assert_eq!(
        by_length.iter().map(|l| l.correct).sum::<usize>(),
        free.correct
    );
    assert_eq!(by_length.iter().map(|l| l.edits).sum::<usize>(), free.edits);
    let interval = evaluation.intervals.exact_match;
    assert!(interval.low <= free.exact_match && free.exact_match <= interval.high);
    let last = evaluation.confidence.answered.last().expect("a step");
    assert_eq!((last.share, last.accuracy), (1.0, free.exact_match));
    // Of several references, any is right.
    let mut doubled = pairs();
    doubled.extend(pairs().into_iter().map(|pair| Pair {
        target: "zzz".into(),
        ..pair
    }));
    let again = examine(&model, &doubled, &beam(3))
        .expect("an evaluation")
        .evaluation;
    assert_eq!(again.free_running.correct, free.correct);
    assert!(examine(&model, &[], &beam(1)).is_err());
}

/// Where greedy decoding reaches the limit without an end, a beam is tried, and its output is taken if it
/// ends.
#[test]
fn what_runs_on_is_searched_for_with_a_beam() {
    let model = train(&["training.epochs=4"]);
    let words: Vec<String> = pairs().into_iter().map(|pair| pair.source).collect();
    let limit = Some(LengthLimit {
        most: 2,
        ..LengthLimit::default()
    });
    let answers = |options: PredictOptions| {
        let options = PredictOptions { limit, ..options };
        let predictor = model.predictor(options).expect("options that work");
        let best = |answer: Answer| (answer.best().text.clone(), answer.best().finished);
        let answers = predictor.predict(&words).into_iter();
        answers.map(best).collect::<Vec<_>>()
    };
    let (greedy, beam) = (answers(PredictOptions::default()), answers(beam(4)));
    let own = answers(PredictOptions::of(&model));
    let mut found = 0;
    for ((greedy, beam), own) in greedy.iter().zip(&beam).zip(&own) {
        let rescued = !greedy.1 && beam.1;
        found += usize::from(rescued);
        assert_eq!(own, if rescued { beam } else { greedy });
    }
    assert!(found > 0, "no output is cut: this tests nothing");
}
