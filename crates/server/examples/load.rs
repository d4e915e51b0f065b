//! Load test of a running service: throughput, latency, and what happens beyond what it can hold.
//!
//! ```sh
//! seq2seq serve MODEL --address 127.0.0.1:8080 &
//! cargo run --release -p seq2seq-server --example load -- 127.0.0.1:8080 words.txt
//! ```
//!
//! Measures, for 1 and for 32 inputs a request: the most requests a second (closed loop, 256 connections);
//! median and 99th percentile of the latency at half of that rate; and what is answered at twice the rate
//! (open loop: requests are sent on time, whether or not earlier ones were answered).

#![allow(clippy::unwrap_used, clippy::expect_used)] // a measurement may end with what went wrong

use std::env;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

/// Connections of both loops, each of which waits for its answers.
const CONNECTIONS: usize = 256;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, words, seconds @ ..] = &arguments[..] else {
        eprintln!("usage: load ADDRESS FILE-OF-INPUTS [SECONDS]");
        std::process::exit(2);
    };
    let seconds = seconds
        .first()
        .map_or(5.0, |it| it.parse().expect("seconds"));
    let time = Duration::from_secs_f64(seconds);
    let words = std::fs::read_to_string(words).expect("the inputs");
    let words: Vec<&str> = words.lines().filter(|line| !line.is_empty()).collect();
    for size in [1, 32] {
        let bodies = bodies(&words, size);
        let best = closed_loop(address, &bodies, time);
        println!(
            "{size} inputs a request: {:.0} requests/s, {}",
            best.rate(),
            best.latencies()
        );
        let half = open_loop(address, &bodies, time, best.rate() / 2.0);
        println!("  at half of that: {}", half.latencies());
        let twice = open_loop(address, &bodies, time, best.rate() * 2.0);
        println!(
            "  at twice: {:.0} answers/s ({:.0} % of the best), {}, {} refused, {} without an answer",
            twice.rate(),
            100.0 * twice.rate() / best.rate(),
            twice.latencies(),
            twice.refused,
            twice.failed
        );
    }
}

/// What a load did.
#[derive(Default)]
struct Outcome {
    /// Time from sending, or when it was due, to the answer.
    answered: Vec<Duration>,
    refused: usize,
    failed: usize,
    took: Duration,
}

impl Outcome {
    fn rate(&self) -> f64 {
        self.answered.len() as f64 / self.took.as_secs_f64()
    }

    fn latencies(&self) -> String {
        let mut sorted = self.answered.clone();
        sorted.sort_unstable();
        let quantile = |share: f64| {
            let place = (share * sorted.len() as f64) as usize;
            sorted
                .get(place.min(sorted.len().saturating_sub(1)))
                .map_or(0.0, Duration::as_secs_f64)
        };
        format!(
            "p50 {:.2} ms, p99 {:.2} ms",
            1e3 * quantile(0.5),
            1e3 * quantile(0.99)
        )
    }
}

/// Requests with so many inputs each.
fn bodies(words: &[&str], size: usize) -> Vec<Vec<u8>> {
    let texts = words.iter().cycle();
    let mut texts = texts.take(1000 * size);
    let mut bodies = Vec::new();
    loop {
        let some: Vec<&&str> = texts.by_ref().take(size).collect();
        if some.is_empty() {
            return bodies;
        }
        let body = serde_json::json!({ "inputs": some }).to_string();
        let head = format!(
            "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        bodies.push((head + &body).into_bytes());
    }
}

/// Every connection sends its next request when it has the answer to the last.
fn closed_loop(address: &str, bodies: &[Vec<u8>], time: Duration) -> Outcome {
    let next = AtomicUsize::new(0);
    run(CONNECTIONS, time, |outcome, began| {
        let mut client = Client::new(address);
        while began.elapsed() < time {
            let body = &bodies[next.fetch_add(1, Ordering::Relaxed) % bodies.len()];
            client.ask(body, Instant::now(), outcome);
        }
    })
}

/// Requests are due at a fixed rate; the latency counts from when one was due.
fn open_loop(address: &str, bodies: &[Vec<u8>], time: Duration, rate: f64) -> Outcome {
    let next = AtomicUsize::new(0);
    run(CONNECTIONS, time, |outcome, began| {
        let mut client = Client::new(address);
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let due = Duration::from_secs_f64(number as f64 / rate);
            if due >= time {
                break;
            }
            sleep(due.saturating_sub(began.elapsed()));
            client.ask(&bodies[number % bodies.len()], began + due, outcome);
        }
    })
}

fn run(threads: usize, time: Duration, work: impl Fn(&mut Outcome, Instant) + Sync) -> Outcome {
    let all = Mutex::new(Outcome::default());
    let began = Instant::now();
    scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut own = Outcome::default();
                work(&mut own, began);
                let mut all = all.lock().unwrap();
                all.answered.append(&mut own.answered);
                all.refused += own.refused;
                all.failed += own.failed;
            });
        }
    });
    let mut all = all.into_inner().unwrap();
    all.took = began.elapsed().max(time);
    all
}

/// One connection that stays open.
struct Client<'a> {
    address: &'a str,
    stream: Option<TcpStream>,
}

impl<'a> Client<'a> {
    fn new(address: &'a str) -> Self {
        Self {
            address,
            stream: None,
        }
    }

    fn ask(&mut self, request: &[u8], since: Instant, outcome: &mut Outcome) {
        match self.status(request) {
            Some(200) => outcome.answered.push(since.elapsed()),
            Some(429 | 503) => outcome.refused += 1,
            _ => {
                outcome.failed += 1;
                self.stream = None;
            }
        }
    }

    /// Sends a request, reads the whole answer, and gives its status.
    fn status(&mut self, request: &[u8]) -> Option<u16> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address).ok()?;
            stream.set_nodelay(true).ok()?;
            self.stream = Some(stream);
        }
        let stream = self.stream.as_mut()?;
        stream.write_all(request).ok()?;
        let mut answer = Vec::new();
        let mut part = [0; 16 << 10];
        loop {
            let read = stream.read(&mut part).ok().filter(|&read| read > 0)?;
            answer.extend_from_slice(&part[..read]);
            let Some(end) = answer.windows(4).position(|it| it == b"\r\n\r\n") else {
                continue;
            };
            let head = std::str::from_utf8(&answer[..end]).ok()?;
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length?.trim().parse().ok()?;
            if answer.len() >= end + 4 + length {
                return head.split(' ').nth(1)?.parse().ok();
            }
        }
    }
}
