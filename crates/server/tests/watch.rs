//! A training run over a real socket: what pages see, and that they can change nothing.

#![cfg(feature = "lesson")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may fail by panicking

mod support;

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::thread::{sleep, spawn};
use std::time::Duration;

use seq2seq::config::Recipe;
use seq2seq::data::Pair;
use seq2seq::training::{Task, Trainer};
use seq2seq_server::Watch;
use serde_json::{Value, json};
use support::{Answer, post, read_answer};

fn send(address: SocketAddr, bytes: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    let time = Some(Duration::from_secs(30));
    stream.set_read_timeout(time).ok()?;
    stream.write_all(bytes).ok()?;
    read_answer(&mut stream)
}

fn get(address: SocketAddr, path: &str) -> Option<Answer> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    send(address, request.as_bytes())
}

fn task(epochs: usize) -> Task {
    let pairs: Vec<Pair> = (100..400)
        .map(|n| Pair::from((&*n.to_string(), &*(n / 2).to_string())))
        .collect();
    let mut recipe = Recipe::for_pairs(&pairs);
    recipe.training.epochs = epochs;
    recipe.training.patience = 0;
    recipe.model.encoder_units = 8;
    Task::from_pairs(recipe, pairs).unwrap()
}

#[test]
fn a_run_is_watched_to_its_end() {
    let watch = Watch::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = watch.address();
    let task = task(4);
    let mut watching = watch.start("numbers", &task);
    let page = spawn(move || {
        let mut epochs: Vec<Value> = Vec::new();
        loop {
            let path = format!("/api/run?since={}", epochs.len());
            let status = get(address, &path).expect("an answer until the end").json();
            assert_eq!(status["name"], "numbers");
            assert_eq!(status["last_epoch"], 4);
            epochs.extend(status["epochs"].as_array().unwrap().iter().cloned());
            if status["ended"] == true {
                return (epochs, status);
            }
            sleep(Duration::from_millis(5));
        }
    });
    // The page is there before training begins.
    while get(address, "/api/run").is_none() {}
    let outcome = Trainer::new(task, None)
        .unwrap()
        .run(&mut watching)
        .unwrap();
    watching.end(Some(&outcome.model));
    let (epochs, last) = page.join().unwrap();
    let expected: Vec<Value> = outcome.history.iter().map(|epoch| json!(epoch)).collect();
    assert_eq!(epochs, expected);
    assert_eq!(
        (&last["now"]["epoch"], &last["now"]["batch"]),
        (&json!(4), &last["now"]["batches"])
    );
    assert_eq!(last["answered"].as_array().unwrap().len(), 10);
    // It ends with the run.
    sleep(Duration::from_millis(200));
    assert!(get(address, "/").is_none());
}

#[test]
fn a_run_can_only_be_read() {
    let watch = Watch::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = watch.address();
    let watching = watch.start("numbers", &task(1));
    for path in [
        "/",
        "/lesson.css",
        "/lesson/watch.js",
        "/lesson/chart.js",
        "/lesson/elements.js",
    ] {
        let answer = get(address, path).unwrap();
        assert_eq!(answer.status, 200, "{path}");
        assert!(
            answer.head.contains("default-src 'none'"),
            "{}",
            answer.head
        );
        assert!(!answer.head.contains("access-control"), "{}", answer.head);
        assert!(
            !answer.body.contains("https://") && !answer.body.contains("innerHTML"),
            "{path}"
        );
    }
    let answer = send(address, &post("/api/run", b"{}")).unwrap();
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (405, "method_not_allowed")
    );
    let answer = send(
        address,
        b"GET /api/run HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    )
    .unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (421, "wrong_host"));
    assert_eq!(get(address, "/models").unwrap().status, 404);
    let open = Watch::bind("0.0.0.0:0".parse().unwrap());
    let message = open.err().unwrap().to_string();
    assert!(message.contains("127.0.0.1:8091"), "{message}");
    let taken = Watch::bind(address).err().unwrap().to_string();
    assert!(taken.contains("another program listens there"), "{taken}");
    // Nobody is left who waits for the end.
    drop(watching);
}
