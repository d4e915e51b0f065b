//! The lesson over a real socket: what pages ask, and what they may not.

#![cfg(feature = "lesson")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may fail by panicking

mod support;

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use seq2seq_server::{Export, Lesson};
use serde_json::{Value, json};
use support::{Answer, post, read_answer};
use tokio::sync::oneshot;

struct Open {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Open {
    fn start() -> Self {
        let lesson = Lesson::bind("127.0.0.1:0".parse().unwrap(), false).unwrap();
        let address = lesson.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = spawn(move || lesson.run(async { drop(stopped.await) }));
        Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    fn send(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        // A body that is refused early may not be taken to its end.
        let _ = stream.write_all(bytes);
        read_answer(&mut stream).expect("an answer")
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(&post(path, body.to_string().as_bytes()))
    }

    fn get(&self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())
    }

    fn begin(&self, setup: &Value) -> u64 {
        let answer = self.post("/api/runs", setup);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["run"].as_u64().unwrap()
    }

    fn control(&self, run: u64, action: &str) {
        let answer = self.post(
            &format!("/api/runs/{run}/control"),
            &json!({"action": action}),
        );
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// The status once `ready`.
    fn wait(&self, run: u64, ready: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let status = self.get(&format!("/api/runs/{run}")).json();
            assert_eq!(status["failed"], Value::Null);
            if ready(&status) {
                return status;
            }
            assert!(began.elapsed() < Duration::from_secs(120), "{status}");
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        let _ = self.thread.take().unwrap().join();
    }
}

fn small() -> Value {
    json!({"digits": 2, "pairs": 200, "units": 12, "batch_size": 50, "epochs": 3})
}

#[test]
fn questions_are_taken_apart() {
    let lesson = Open::start();
    let encoded = lesson
        .post(
            "/api/encode",
            &json!({"setup": {"reversed": true}, "text": "12+345"}),
        )
        .json();
    assert_eq!(
        encoded["symbols"],
        json!([" ", "1", "2", "+", "3", "4", "5"])
    );
    let vocabulary = encoded["vocabulary"].as_array().unwrap();
    let read: Vec<&Value> = encoded["ids"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| &vocabulary[id.as_u64().unwrap() as usize])
        .collect();
    assert_eq!(
        json!(read),
        json!(["5", "4", "3", "+", "2", "1", " ", "\n"])
    );
    let long = lesson
        .post("/api/encode", &json!({"setup": {}, "text": "1234+5678"}))
        .json();
    assert!(
        long["warnings"][0].as_str().unwrap().contains("9 symbols"),
        "{long}"
    );
    // Filled up they are as wide as the questions of training, but they are of another kind.
    for (text, words) in [
        (
            "1234+5",
            "a number of 4 digits, but the longest in training had 3",
        ),
        ("1+2+3", "has 3 numbers, but every input in training had 2"),
        ("12", "has 1 number, but"),
    ] {
        let other = lesson.post("/api/encode", &json!({"setup": {}, "text": text}));
        let warnings = other.json()["warnings"].to_string();
        assert!(warnings.contains(words), "{text}: {warnings}");
    }
    let usual = lesson.post("/api/encode", &json!({"setup": {}, "text": "123+45"}));
    assert_eq!(usual.json()["warnings"], json!([]));
    let vectors = lesson
        .post(
            "/api/encode",
            &json!({"setup": {"embedding": 8}, "text": "1+2"}),
        )
        .json();
    assert_eq!(vectors["vectors"][0].as_array().unwrap().len(), 8);
    let shapes = lesson.post("/api/model", &json!({})).json();
    assert_eq!(shapes["total"], 147_085);
}

#[test]
fn runs_are_stepped_paused_and_begun_again() {
    let lesson = Open::start();
    let run = lesson.begin(&small());
    let fresh = lesson.wait(run, |status| {
        !status["points"].as_array().unwrap().is_empty()
    });
    assert_eq!(
        (&fresh["batches"], &fresh["running"]),
        (&json!(0), &json!(false))
    );
    assert_eq!(fresh["answered"].as_array().unwrap().len(), 10);
    lesson.control(run, "batch");
    let stepped = lesson.wait(run, |status| {
        status["batches"] == 1 && status["running"] == false
    });
    let again = lesson.begin(&small());
    lesson.control(again, "batch");
    let also = lesson.wait(again, |status| status["batches"] == 1);
    // Same setting, same seed: the same weights, so the same figures.
    assert_eq!(
        stepped["points"].as_array().unwrap().last().unwrap()["loss"],
        also["points"].as_array().unwrap().last().unwrap()["loss"]
    );
    lesson.control(run, "go");
    let done = lesson.wait(run, |status| status["finished"] == true);
    assert_eq!(
        (&done["batches"], &done["pairs"]),
        (&json!(12), &json!(600))
    );
    let path = |what: &str| format!("/api/runs/{run}/{what}");
    let trace = lesson
        .post(&path("trace"), &json!({"input": "12+34"}))
        .json();
    assert_eq!(trace["encoder"].as_array().unwrap().len(), 6);
    let forced = lesson
        .post(&path("trace"), &json!({"input": "12+34", "teacher": " 46"}))
        .json();
    assert_eq!(forced["text"], " 46");
    let found = lesson
        .post(&path("search"), &json!({"input": "12+34", "beam": 3}))
        .json();
    assert!(found["hypotheses"].as_array().unwrap().len() >= 3);
    let positions = lesson.get(&path("positions")).json();
    assert_eq!(positions["accuracy"].as_array().unwrap().len(), 3);
    assert_eq!(positions["gradient"].as_array().unwrap().len(), 5);
    let ended = lesson
        .send(format!("DELETE /api/runs/{run} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes());
    assert_eq!(ended.status, 200);
    assert_eq!(lesson.get(&path("positions")).status, 404);
}

#[test]
fn pasted_pairs_are_trained_on() {
    let lesson = Open::start();
    let lines: Vec<String> = (0..200).map(|n| format!("{n}\t{}\n", n * 2)).collect();
    let started = lesson
        .post("/api/pairs", &json!({"text": lines.concat()}))
        .json();
    assert_eq!(
        (&started["pairs"], &started["held_out"]),
        (&json!(180), &json!(20))
    );
    let run = started["run"].as_u64().unwrap();
    lesson.control(run, "batch");
    lesson.wait(run, |status| status["batches"] == 1);
    let status = lesson.post("/api/pairs", &json!({"text": "no tab here\n"}));
    assert_eq!(status.status, 422);
    assert!(status.message().contains("line 1"), "{status:?}");
    let status = lesson.post("/api/pairs", &json!({"text": ""}));
    assert_eq!(status.status, 422, "{status:?}");
}

#[test]
fn what_pages_may_not_ask() {
    let lesson = Open::start();
    for (setup, words) in [
        (
            json!({"units": 100_000}),
            "units is 100000, but on this page it goes from 1 to 512",
        ),
        (json!({"digits": 0}), "digits is 0"),
        (json!({"learning_rate": -1}), "learning_rate"),
        (json!({"cell": "perceptron"}), "perceptron"),
        (json!({"nonsense": 1}), "unknown field `nonsense`"),
    ] {
        let answer = lesson.post("/api/runs", &setup);
        assert_eq!(answer.status, 422, "{setup}: {answer:?}");
        assert!(answer.message().contains(words), "{setup}: {answer:?}");
    }
    let evil = lesson.send(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert_eq!(evil.code(), "wrong_host");
    let plain = lesson.send(b"POST /api/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}");
    assert_eq!(plain.code(), "unsupported_media_type");
    let head = "POST /api/pairs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 104857600\r\n\r\n";
    let large = lesson.send(head.as_bytes());
    assert_eq!(
        (large.status, large.code().as_str()),
        (413, "body_too_large")
    );
    assert!(Lesson::bind("0.0.0.0:0".parse().unwrap(), false).is_err());
    let taken = Lesson::bind(lesson.address, false)
        .err()
        .unwrap()
        .to_string();
    assert!(taken.contains("another program listens there"), "{taken}");
}

#[test]
fn pages_are_small_and_whole() {
    let lesson = Open::start();
    let mut weight = 0;
    let scripts = [
        "start",
        "base",
        "elements",
        "chart",
        "backend",
        "setups",
        "replay",
        "symbols",
        "training",
        "inside",
        "why",
        "attention",
        "own",
    ];
    let scripts = scripts.map(|name| format!("/lesson/{name}.js"));
    let pages = ["/", "/lesson.css"].map(str::to_owned);
    for path in pages.iter().chain(&scripts) {
        let answer = lesson.get(path);
        assert_eq!(answer.status, 200);
        assert!(
            answer.head.contains("default-src 'none'"),
            "{}",
            answer.head
        );
        assert!(
            !answer.body.contains("https://") && !answer.body.contains("innerHTML"),
            "{path}"
        );
        weight += answer.body.len();
    }
    assert!(weight < 500_000, "{weight} bytes");
}

#[test]
fn other_modules_are_refused_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.wasm");
    std::fs::write(&other, b"\0asm and something else").unwrap();
    for (module, words) in [
        (other, "is no WebAssembly module of seq2seq-page"),
        (
            folder.path().join("missing.wasm"),
            "cannot read the WebAssembly module",
        ),
    ] {
        let site = folder.path().join("site");
        let export = Export {
            folder: site.clone(),
            module,
            quick: true,
            overwrite: false,
        };
        let error = export.run(&mut |_| {}).unwrap_err().to_string();
        assert!(
            error.contains(words) && error.contains(".ci/wasm-module"),
            "{error}"
        );
        assert!(!site.exists());
    }
}
