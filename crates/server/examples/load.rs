//! Load test of a running service: throughput, latency, and what happens beyond what it can hold.
//!
//! ```sh
//! seq2seq serve MODEL --address 127.0.0.1:8080 &
//! cargo run --release -p seq2seq-server --example load -- 127.0.0.1:8080 words.txt --seconds 10
//! cargo run --release -p seq2seq-server --example load -- 127.0.0.1:8080 words.txt --soak 300 --process PID
//! ```
//!
//! The first measures, for 1 and for 32 inputs a request: the most requests a second (closed loop, with as many
//! connections as the queue has room for); median and 99th percentile of the latency at half of that rate; and what
//! is answered at twice the rate (open loop: requests are sent on time, whether or not earlier ones were answered).
//!
//! The second sends requests of 1 and of 32 inputs, requests that are refused, and requests whose client leaves, for so
//! many seconds, at half of the best rate. It shows the resident memory of the service's process.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a measurement may end with what went wrong

use std::env;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

/// Connections of the open loop, each of which waits for its answers.
const CONNECTIONS: usize = 256;
/// Inputs that all connections of the closed loop ask together: those that the queue takes (`--max-queue`).
const TOGETHER: usize = 1024;
/// Inputs of a large request.
const MANY: usize = 32;
/// Looks at the memory in a soak.
const LOOKS: usize = 20;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, words, options @ ..] = &arguments[..] else {
        eprintln!(
            "usage: load ADDRESS FILE-OF-INPUTS [--seconds N] [--soak SECONDS --process PID]"
        );
        std::process::exit(2);
    };
    let option = |name: &str| {
        let place = options.iter().position(|option| option == name)?;
        let value = options.get(place + 1).expect("a value after each option");
        Some(value.parse::<f64>().expect("a number"))
    };
    let time = Duration::from_secs_f64(option("--seconds").unwrap_or(5.0));
    let words = std::fs::read_to_string(words).expect("the inputs");
    let words: Vec<&str> = words.lines().filter(|line| !line.is_empty()).collect();
    if let Some(seconds) = option("--soak") {
        let process = option("--process").expect("--process PID of the service");
        soak(
            address,
            &words,
            Duration::from_secs_f64(seconds),
            process as u32,
        );
        return;
    }
    for size in [1, MANY] {
        let bodies = bodies(&words, size);
        let best = closed_loop(address, &bodies, time, size);
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

/// Sends everything that a service meets, and watches its memory.
fn soak(address: &str, words: &[&str], time: Duration, process: u32) {
    let (single, many) = (bodies(words, 1), bodies(words, MANY));
    let best = closed_loop(address, &single, Duration::from_secs(3), 1);
    let bad = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{";
    let mixed: Vec<Vec<u8>> = (0..1000)
        .map(|number| match number % 50 {
            0 => many[number % many.len()].clone(),
            1 => bad.to_vec(),
            _ => single[number % single.len()].clone(),
        })
        .collect();
    // A large request costs as much as its inputs.
    let rate = best.rate() / 2.0 / (1.0 + MANY as f64 / 50.0);
    let part = time / LOOKS as u32;
    let mut all = Outcome::default();
    let mut memory = Vec::new();
    for _ in 0..LOOKS {
        let outcome = open_loop(address, &mixed, part, rate);
        leave(address, &many, 20);
        all.answered.extend(outcome.answered);
        all.refused += outcome.refused;
        all.failed += outcome.failed;
        all.took += outcome.took;
        memory.push(resident(process));
    }
    println!(
        "{:.0} s: {} answered ({:.0}/s), {}, {} refused as malformed or full, {} without an answer, {} left",
        all.took.as_secs_f64(),
        all.answered.len(),
        all.rate(),
        all.latencies(),
        all.refused,
        all.failed,
        20 * LOOKS
    );
    let shown: Vec<String> = memory
        .iter()
        .map(|megabytes| format!("{megabytes:.1}"))
        .collect();
    println!(
        "resident memory in MB, every {:.0} s: {}",
        part.as_secs_f64(),
        shown.join(" ")
    );
}

/// Clients that send a request and do not wait for the answer.
fn leave(address: &str, bodies: &[Vec<u8>], count: usize) {
    for body in bodies.iter().cycle().take(count) {
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.write_all(body).expect("a request that is sent");
    }
}

/// Resident memory of a process in MB, as Linux tells it.
fn resident(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes: f64 = line
        .and_then(|it| it.trim().trim_end_matches(" kB").parse().ok())
        .expect("VmRSS");
    kilobytes / 1000.0
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
fn closed_loop(address: &str, bodies: &[Vec<u8>], time: Duration, size: usize) -> Outcome {
    let next = AtomicUsize::new(0);
    run(
        (TOGETHER / size).min(CONNECTIONS),
        time,
        |outcome, began| {
            let mut client = Client::new(address);
            while began.elapsed() < time {
                let body = &bodies[next.fetch_add(1, Ordering::Relaxed) % bodies.len()];
                client.ask(body, Instant::now(), outcome);
            }
        },
    )
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
            Some(400 | 429 | 503) => outcome.refused += 1,
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
