//! What is answered is what the library answers, whatever else waits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may fail by panicking

mod support;

use seq2seq_runtime::decoding::Method;
use seq2seq_runtime::{Model, PredictOptions};
use seq2seq_server::{Access, Limits, Service, ServiceError};
use serde_json::{Value, json};
use support::{Running, source, stored};

const WORDS: [&str; 6] = ["hello", "abandon", "zebra", "a", "seashells", "quiz"];

#[test]
fn answers_are_those_of_the_library() {
    let service = Running::start(Limits::default());
    let model = Model::load(&stored("recurrent")).unwrap();
    let mut options = PredictOptions::of(&model);
    options.search.method = Method::Beam { size: 4 };
    options.search.nbest = 3;
    options.confidence = true;
    options.align = true;
    let expected = model.predictor(options).unwrap().predict(&WORDS);
    let body = json!({"inputs": WORDS, "beam": 4, "n_best": 3, "align": true});
    let answer = service.post("/v1/predict", &body.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    assert_eq!(answer["model"], "words");
    for ((output, expected), word) in answer["outputs"]
        .as_array()
        .unwrap()
        .iter()
        .zip(&expected)
        .zip(WORDS)
    {
        assert_eq!(output["input"], word);
        assert_eq!(output["source"], "model");
        assert_eq!(
            output["warnings"].as_array().unwrap().len(),
            expected.warnings.len()
        );
        let hypotheses = output["hypotheses"].as_array().unwrap();
        assert_eq!(hypotheses.len(), expected.hypotheses.len());
        for (hypothesis, expected) in hypotheses.iter().zip(&expected.hypotheses) {
            assert_eq!(hypothesis["text"], expected.text);
            for (key, value) in [
                ("score", expected.score),
                ("log_probability", expected.log_probability),
                ("confidence", expected.confidence.unwrap()),
            ] {
                assert_eq!(
                    hypothesis[key].as_f64().unwrap().to_bits(),
                    value.to_bits(),
                    "{word} {key}"
                );
            }
            let alignment = expected.alignment.as_ref().unwrap();
            assert_eq!(hypothesis["alignment"]["source"], json!(alignment.source));
            assert_eq!(hypothesis["alignment"]["target"], json!(alignment.target));
        }
    }
}

#[test]
fn answers_do_not_depend_on_what_else_waits() {
    let service = Running::start(Limits::default());
    let ask = |body: &Value| service.post("/v1/predict", &body.to_string()).body;
    let bodies: Vec<Value> = WORDS
        .iter()
        .flat_map(|word| {
            [
                json!({"inputs": [word]}),
                json!({"inputs": [word], "beam": 3}),
                json!({"inputs": [word, "zzz"], "sample": true, "n_best": 2, "seed": 7}),
                json!({"inputs": ["12+3"], "model": "sums"}),
            ]
        })
        .collect();
    let alone: Vec<String> = bodies.iter().map(ask).collect();
    for _ in 0..3 {
        let together: Vec<String> = std::thread::scope(|scope| {
            let asked: Vec<_> = bodies
                .iter()
                .map(|body| scope.spawn(move || ask(body)))
                .collect();
            asked.into_iter().map(|it| it.join().unwrap()).collect()
        });
        assert_eq!(together, alone);
    }
}

#[test]
fn known_words_come_from_the_lexicon() {
    let words = [
        ("hello", "HH AH L OW"),
        ("hello", "HH EH L OW"),
        ("a", "AH"),
    ];
    let lexicon = words.map(|(word, phones)| (word.to_owned(), phones.to_owned()));
    let mut with = source("with", "recurrent");
    with.lexicon = Some(lexicon.to_vec());
    let models = vec![with, source("without", "recurrent")];
    let service = Running::with_models(models, Limits::default(), Access::default());
    let ask = |body: Value| service.post("/v1/predict", &body.to_string()).json();
    let body = json!({"inputs": ["hello", "zebra", "a"], "n_best": 2, "beam": 4});
    let answer = ask(body.clone());
    let sources: Vec<&Value> = (answer["outputs"].as_array().unwrap().iter())
        .map(|output| &output["source"])
        .collect();
    assert_eq!(sources, ["lexicon", "model", "lexicon"]);
    assert_eq!(
        answer["outputs"][0]["hypotheses"],
        json!([
            {"text": "HH AH L OW", "log_probability": 0.0, "score": 0.0, "confidence": 1.0, "finished": true},
            {"text": "HH EH L OW", "log_probability": 0.0, "score": 0.0, "confidence": 1.0, "finished": true}
        ])
    );
    assert_eq!(
        answer["outputs"][2]["hypotheses"].as_array().unwrap().len(),
        1
    );
    // Another model has no lexicon, and what the lexicon lacks is answered as if there were none.
    let mut of_other = body;
    of_other["model"] = "without".into();
    let other = ask(of_other);
    assert_eq!(other["outputs"][0]["source"], "model");
    assert_eq!(other["outputs"][1], answer["outputs"][1]);
    let explained = service.post("/v1/explain", "{\"input\": \"hello\"}").json();
    let warning = explained["warnings"][0].as_str().unwrap();
    assert!(
        warning.contains("the lexicon has this input"),
        "{explained}"
    );
    let explained = service.post("/v1/explain", "{\"input\": \"zebra\"}").json();
    assert_eq!(explained["warnings"], json!([]));
    let models = service.get("/v1/models").json();
    assert_eq!(models["models"][0]["lexicon_words"], 2);
    assert_eq!(models["models"][1]["lexicon_words"], Value::Null);
}

#[test]
fn explanations_follow_forced_choices() {
    let service = Running::start(Limits::default());
    let ask = |body: Value| service.post("/v1/explain", &body.to_string()).json();
    let free = ask(json!({"input": "hello", "states": true}));
    let best = service
        .post("/v1/predict", "{\"inputs\": [\"hello\"], \"beam\": 1}")
        .json();
    assert_eq!(free["text"], best["outputs"][0]["hypotheses"][0]["text"]);
    assert_eq!(free["symbols"], json!(["h", "e", "l", "l", "o"]));
    let second = free["steps"][0]["choices"][1]["symbol"].clone();
    let forced = ask(json!({"input": "hello", "forced": [second], "top": 2}));
    assert_eq!(forced["steps"][0]["symbol"], second);
    assert_eq!(forced["steps"][0]["forced"], true);
    assert_eq!(forced["steps"][0]["choices"].as_array().unwrap().len(), 2);
    assert_eq!(forced["steps"][1]["state"], Value::Null);
    assert_eq!(free["steps"][0]["attention"].as_array().unwrap().len(), 5);
    let states = free["steps"][0]["state"]["h"].as_array().unwrap().len();
    assert_eq!(
        free["steps"][0]["gates"]["forget"]
            .as_array()
            .unwrap()
            .len(),
        states
    );
}

#[test]
fn what_there_is_is_described() {
    let service = Running::start(Limits::default());
    let api = service.get("/openapi.json").json();
    let paths: Vec<&String> = api["paths"].as_object().unwrap().keys().collect();
    for path in &paths {
        let method = api["paths"][path]
            .as_object()
            .unwrap()
            .keys()
            .next()
            .unwrap()
            .clone();
        let answer = match method.as_str() {
            "get" => service.get(path),
            _ => service.post(path, "{}"),
        };
        assert!(
            !matches!(answer.status, 404 | 405),
            "{method} {path}: {answer:?}"
        );
    }
    assert_eq!(paths.len(), 7);
    let fields = &api["components"]["schemas"]["PredictRequest"]["properties"];
    assert!(
        fields["n_best"].is_object() && fields["inputs"].is_object(),
        "{fields}"
    );
    let output = &api["components"]["schemas"]["Output"];
    assert!(output["properties"]["source"].is_object(), "{output}");
    assert_eq!(
        api["components"]["schemas"]["Source"]["enum"],
        json!(["model", "lexicon"])
    );
    let models = service.get("/v1/models").json();
    assert_eq!(models["models"][0]["name"], "words");
    assert_eq!(models["models"][1]["default"], false);
}

#[test]
fn every_metric_is_there_from_the_start() {
    let service = Running::start(Limits::default());
    let names = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| line.rsplit_once(' ').unwrap().0.to_owned())
            .collect()
    };
    let before = service.get("/metrics").body;
    assert!(before.ends_with("# EOF\n"));
    service.post("/v1/predict", "{\"inputs\": [\"hello\", \"a\"]}");
    service.post("/v1/predict", "{\"inputs\": []}");
    service.get("/some/unknown/path");
    let after = service.get("/metrics").body;
    assert_eq!(names(&before), names(&after));
    for line in [
        "seq2seq_inputs_total{model=\"words\"} 2",
        "seq2seq_refusals_total{code=\"no_inputs\"} 1",
        "seq2seq_requests_total{route=\"/v1/predict\"} 2",
        "seq2seq_requests_total{route=\"other\"} 1",
        "seq2seq_request_seconds_count{route=\"/v1/predict\"} 2",
        "seq2seq_batch_inputs_count 1",
        "seq2seq_queued_inputs 0",
        "seq2seq_ready 1",
    ] {
        assert!(
            after.lines().any(|other| other == line),
            "{line} is not in\n{after}"
        );
    }
}

#[test]
fn pages_load_nothing_from_elsewhere() {
    let service = Running::start(Limits::default());
    for path in ["/", "/playground.js", "/playground.css"] {
        let answer = service.get(path);
        assert_eq!(answer.status, 200, "{path}");
        let head = answer.head.to_lowercase();
        assert!(
            head.contains("content-security-policy: default-src 'none'; script-src 'self'"),
            "{head}"
        );
        assert!(head.contains("x-content-type-options: nosniff"), "{head}");
        assert!(
            !answer.body.contains("https://") && !answer.body.contains("innerHTML"),
            "{path}"
        );
        assert!(answer.body.len() > 500, "{path}");
    }
}

#[test]
fn services_start_whole_or_not_at_all() {
    let start = |models: &[(&str, &str)], address: &str, access: Access| {
        let models = models.iter().map(|(name, file)| source(name, file));
        Service::load(
            models.collect(),
            address.parse().unwrap(),
            access,
            Limits::default(),
            1,
        )
        .map(drop)
    };
    let message = |result: Result<(), ServiceError>| result.unwrap_err().to_string();
    let local = "127.0.0.1:0";
    let text = message(start(
        &[("a", "recurrent"), ("b", "missing")],
        local,
        Access::default(),
    ));
    assert!(
        text.contains("\"b\"") && text.contains("missing.safetensors"),
        "{text}"
    );
    let text = message(start(
        &[("a", "recurrent"), ("a", "notebook")],
        local,
        Access::default(),
    ));
    assert!(text.contains("two models are called \"a\""), "{text}");
    let text = message(start(&[("a b", "recurrent")], local, Access::default()));
    assert!(text.contains("no name for a model"), "{text}");
    let text = message(start(&[("a", "recurrent")], "0.0.0.0:0", Access::default()));
    assert!(
        text.contains("--token-file") && text.contains("--insecure"),
        "{text}"
    );
    let service = Running::start(Limits::default());
    let text = message(start(
        &[("a", "recurrent")],
        &service.address.to_string(),
        Access::default(),
    ));
    assert!(text.contains("another program listens there"), "{text}");
    let open = Access {
        insecure: true,
        ..Access::default()
    };
    start(&[("a", "recurrent")], "0.0.0.0:0", open).unwrap();
}
