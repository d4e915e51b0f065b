//! Slow, many and leaving clients, and the end of a service.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may fail by panicking

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use seq2seq_server::Limits;
use support::{Running, post, read_answer};

const QUESTION: &[u8] = b"{\"inputs\": [\"hello\"]}";

#[test]
fn half_sent_headers_block_nobody_and_end() {
    let limits = Limits {
        header_time: Duration::from_secs(2),
        ..Limits::default()
    };
    let service = Running::start(limits);
    let mut slow: Vec<TcpStream> = (0..400)
        .map(|_| {
            let mut stream = service.connect();
            stream
                .write_all(b"POST /v1/predict HTTP/1.1\r\nHost: loc")
                .unwrap();
            stream
        })
        .collect();
    let began = Instant::now();
    assert_eq!(service.send(&post("/v1/predict", QUESTION)).status, 200);
    assert!(began.elapsed() < Duration::from_secs(2));
    // They are closed by the service, with or without a word.
    let mut rest = Vec::new();
    for stream in &mut slow {
        drop(stream.read_to_end(&mut rest));
    }
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(service.get("/readyz").status, 200);
}

#[test]
fn half_sent_headers_do_not_hold_up_the_end() {
    let mut service = Running::start(Limits::default());
    let slow: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = service.connect();
            stream.write_all(b"GET / HT").unwrap();
            stream
        })
        .collect();
    // Some are idle after an answer.
    let mut idle = service.connect();
    idle.write_all(&post("/v1/predict", QUESTION)).unwrap();
    assert_eq!(read_answer(&mut idle).unwrap().status, 200);
    let began = Instant::now();
    service.ask_to_stop();
    service.wait();
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    drop(slow);
}

#[test]
fn slow_bodies_are_refused() {
    let limits = Limits {
        header_time: Duration::from_millis(500),
        ..Limits::default()
    };
    let service = Running::start(limits);
    let mut stream = service.connect();
    let request = post("/v1/predict", QUESTION);
    stream.write_all(&request[..request.len() - 5]).unwrap();
    let answer = read_answer(&mut stream).unwrap();
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (408, "body_too_slow")
    );
    assert_eq!(answer.json()["error"]["limit"], "header-time");
}

#[test]
fn connections_beyond_the_limit_are_told() {
    let limits = Limits {
        connections: 20,
        ..Limits::default()
    };
    let service = Running::start(limits);
    let kept: Vec<TcpStream> = (0..20).map(|_| service.connect()).collect();
    sleep(Duration::from_millis(200));
    let answer = service.send(&post("/v1/predict", QUESTION));
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "too_many_connections")
    );
    assert!(answer.message().contains("20 connections"), "{answer:?}");
    drop(kept);
    sleep(Duration::from_millis(200));
    assert_eq!(service.send(&post("/v1/predict", QUESTION)).status, 200);
}

/// Each gets an answer or a clear refusal.
#[test]
fn thousands_of_connections_one_after_the_other_and_at_once() {
    let limits = Limits {
        connections: 100,
        queue: 300,
        ..Limits::default()
    };
    let service = Running::start(limits);
    let answered: usize = scope(|scope| {
        let client = || {
            let mut answered = 0;
            for _ in 0..250 {
                let answer = service.send(&post("/v1/predict", QUESTION));
                match answer.status {
                    200 => answered += 1,
                    429 | 503 => assert!(answer.message().contains("--max"), "{answer:?}"),
                    _ => panic!("{answer:?}"),
                }
            }
            answered
        };
        let clients: Vec<_> = (0..40).map(|_| scope.spawn(client)).collect();
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .sum()
    });
    assert!(answered > 9_000, "{answered} of 10,000");
}

#[test]
fn the_queue_has_one_rule_for_single_and_many_inputs() {
    let limits = Limits {
        queue: 40,
        inputs: 40,
        ..Limits::default()
    };
    let service = Running::start(limits);
    let many = format!(
        "{{\"beam\": 32, \"inputs\": [{}\"abandon\"]}}",
        "\"seashells\",".repeat(39)
    );
    let statuses: Vec<(u16, String)> = scope(|scope| {
        let ask = |index: usize| {
            let body = if index.is_multiple_of(2) {
                many.as_bytes()
            } else {
                QUESTION
            };
            let answer = service.send(&post("/v1/predict", body));
            if answer.status != 200 {
                let error = &answer.json()["error"];
                assert_eq!(answer.code(), "queue_full", "{answer:?}");
                assert_eq!(
                    (&error["limit"], &error["value"]),
                    (&"max-queue".into(), &40.into())
                );
                assert!(
                    answer.head.to_lowercase().contains("retry-after: 1"),
                    "{}",
                    answer.head
                );
            }
            (answer.status, answer.body)
        };
        let clients: Vec<_> = (0..30)
            .map(|index| scope.spawn(move || ask(index)))
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect()
    });
    assert!(statuses.iter().any(|(status, _)| *status == 200));
    assert!(statuses.iter().any(|(status, _)| *status == 429));
}

#[test]
fn no_request_that_was_taken_is_lost_in_the_end() {
    let mut service = Running::start(Limits::default());
    let body = format!(
        "{{\"beam\": 16, \"inputs\": [{}\"abandon\"]}}",
        "\"seashells\",".repeat(99)
    );
    let mut streams: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut stream = service.connect();
            stream
                .write_all(&post("/v1/predict", body.as_bytes()))
                .unwrap();
            stream
        })
        .collect();
    sleep(Duration::from_millis(150));
    service.ask_to_stop();
    for stream in &mut streams {
        let answer = read_answer(stream).expect("an answer after the request to stop");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["outputs"].as_array().unwrap().len(), 100);
    }
    service.wait();
    assert!(TcpStream::connect(service.address).is_err());
}

#[test]
fn requests_of_clients_that_left_are_dropped() {
    let limits = Limits {
        queue: 100_000,
        ..Limits::default()
    };
    let service = Running::start(limits);
    let body = format!(
        "{{\"beam\": 32, \"inputs\": [{}\"abandon\"]}}",
        "\"seashells\",".repeat(255)
    );
    let number = |name: &str| {
        let text = service.get("/metrics").body;
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(name).map(str::to_owned));
        value.unwrap().trim().parse::<f64>().unwrap()
    };
    let clients: Vec<TcpStream> = (0..60)
        .map(|_| {
            let mut stream = service.connect();
            let request = post("/v1/predict", body.as_bytes());
            stream.write_all(&request).unwrap();
            stream
        })
        .collect();
    let began = Instant::now();
    while number("seq2seq_queued_inputs ") < 1000.0 {
        assert!(began.elapsed() < Duration::from_secs(20), "nothing waits");
    }
    drop(clients);
    while number("seq2seq_queued_inputs ") > 0.0 {
        assert!(began.elapsed() < Duration::from_secs(60), "still waiting");
        sleep(Duration::from_millis(20));
    }
    let (left, computed) = (
        number("seq2seq_abandoned_total "),
        number("seq2seq_inputs_total{model=\"words\"} "),
    );
    assert!(left >= 1.0, "{left} left");
    // Those that nobody waited for any more were not computed.
    assert!(
        computed <= (60.0 - left + 2.0) * 256.0,
        "{computed} inputs, {left} left"
    );
}

#[test]
fn requests_that_take_too_long_are_told() {
    let limits = Limits {
        time: Duration::from_millis(50),
        ..Limits::default()
    };
    let service = Running::start(limits);
    let body = format!(
        "{{\"beam\": 32, \"inputs\": [{}\"abandon\"]}}",
        "\"seashells\",".repeat(255)
    );
    let answers: Vec<_> = scope(|scope| {
        let ask = || service.send(&post("/v1/predict", body.as_bytes()));
        let clients: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect()
    });
    let late = answers
        .iter()
        .filter(|answer| answer.status == 503)
        .collect::<Vec<_>>();
    assert!(!late.is_empty(), "{answers:?}");
    for answer in late {
        assert_eq!(answer.code(), "too_slow");
        assert_eq!(answer.json()["error"]["limit"], "max-time");
    }
}
