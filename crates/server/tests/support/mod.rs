//! A service on a free port, and a client that speaks HTTP through a plain socket.

#![allow(dead_code)] // each test uses some of it

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use seq2seq_server::{Access, Limits, ModelSource, Service};
use serde_json::Value;
use tokio::sync::oneshot;

/// A stored model of the runtime's tests.
pub fn stored(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/tests/files");
    folder.join(name).with_extension("safetensors")
}

/// A stored model under a name.
pub fn source(name: &str, stored_name: &str) -> ModelSource {
    ModelSource {
        name: name.to_owned(),
        file: stored(stored_name),
        lexicon: None,
    }
}

/// A service that runs until this is dropped.
pub struct Running {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    pub fn start(limits: Limits) -> Self {
        Self::with_access(limits, Access::default())
    }

    pub fn with_access(limits: Limits, access: Access) -> Self {
        let models = vec![source("words", "recurrent"), source("sums", "notebook")];
        Self::with_models(models, limits, access)
    }

    pub fn with_models(models: Vec<ModelSource>, limits: Limits, access: Access) -> Self {
        let address = "127.0.0.1:0".parse().unwrap();
        let service = Service::load(models, address, access, limits, 2).unwrap();
        let address = service.address();
        let (stop, stopped) = oneshot::channel();
        let thread = spawn(move || {
            let stop = async { drop(stopped.await) };
            service.run(stop).unwrap();
        });
        Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Asks it to stop, without waiting.
    pub fn ask_to_stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits until it has stopped.
    pub fn wait(&mut self) {
        self.thread.take().unwrap().join().unwrap();
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        stream
    }

    /// Sends bytes as they are and reads one answer.
    pub fn send(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        read_answer(&mut stream).expect("an answer")
    }

    pub fn get(&self, path: &str) -> Answer {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        self.send(request.as_bytes())
    }

    pub fn post(&self, path: &str, body: &str) -> Answer {
        self.send(&post(path, body.as_bytes()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// A POST request with a JSON body.
pub fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Status, headers and body of a response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn code(&self) -> String {
        self.json()["error"]["code"]
            .as_str()
            .unwrap_or("")
            .to_owned()
    }

    pub fn message(&self) -> String {
        self.json()["error"]["message"]
            .as_str()
            .unwrap_or("")
            .to_owned()
    }
}

/// The next answer on a connection; none if it was closed.
pub fn read_answer(stream: &mut TcpStream) -> Option<Answer> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some(Answer {
        status,
        head,
        body: String::from_utf8(body).unwrap(),
    })
}
