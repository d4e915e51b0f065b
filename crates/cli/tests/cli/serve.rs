//! The service answers as `predict` does, and says why it does not start.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use assert_cmd::cargo::CommandCargoExt;
use serde_json::{Value, json};

use crate::support::{repository, run, seq2seq, trained};

/// The body of an answer.
fn ask(address: &str, body: &Value) -> Value {
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /v1/predict HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(body).unwrap()
}

/// A process that ends with the test, whatever the test finds.
struct Service(std::process::Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

#[test]
#[cfg(unix)]
fn answers_are_those_of_predict() {
    let folder = tempfile::tempdir().unwrap();
    let model = repository().join("crates/runtime/examples/g2p.safetensors");
    let lexicon = folder.path().join("known.dict");
    std::fs::write(
        &lexicon,
        "seashell  S IY1 SH EH2 L\nx  EH1 K S\nx(1)  EH1 K Z\n",
    )
    .unwrap();
    let mut service = Command::cargo_bin("seq2seq").unwrap();
    let mut service = service
        .args(["serve", "--address", "127.0.0.1:0", "--model"])
        .arg(format!("spelling={}", trained().display()))
        .arg("--lexicon")
        .arg(&lexicon)
        .arg(&model)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map(Service)
        .unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(service.0.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    assert!(
        line.starts_with("serving g2p, spelling at http://127.0.0.1:"),
        "{line}"
    );
    let address = line
        .trim()
        .trim_end_matches('/')
        .rsplit_once('/')
        .unwrap()
        .1;

    let words = ["seashell", "naïve", "abandon", "x", "Hello"];
    let arguments = format!(
        "predict {} --json --nbest 3 --beam 4 --lexicon {}",
        model.display(),
        lexicon.display()
    );
    let predicted = seq2seq(folder.path())
        .args(arguments.split(' '))
        .write_stdin(words.join("\n") + "\n")
        .output()
        .unwrap();
    let predicted = String::from_utf8(predicted.stdout).unwrap();
    let body = json!({"inputs": words, "n_best": 3, "beam": 4});
    let served = ask(address, &body);
    let outputs = served["outputs"].as_array().unwrap();
    assert_eq!(predicted.lines().count(), outputs.len());
    for (line, output) in predicted.lines().zip(outputs) {
        let mut best: Value = serde_json::from_str(line).unwrap();
        let best = best.as_object_mut().unwrap();
        let others = best.remove("alternatives").unwrap();
        assert_eq!(best.remove("input").unwrap(), output["input"]);
        let origin = best.remove("origin").unwrap();
        assert_eq!(origin, output["source"]);
        let known = ["seashell", "x"].contains(&output["input"].as_str().unwrap());
        assert_eq!(origin, if known { "lexicon" } else { "model" });
        assert_eq!(best.remove("warnings").unwrap(), output["warnings"]);
        let mut hypotheses = vec![Value::Object(best.clone())];
        hypotheses.extend(others.as_array().unwrap().iter().cloned());
        // As text: every digit is the same.
        assert_eq!(
            Value::from(hypotheses).to_string(),
            output["hypotheses"].to_string()
        );
    }
    let spelled = ask(address, &json!({"inputs": ["abc"], "model": "spelling"}));
    assert_eq!(spelled["outputs"][0]["hypotheses"][0]["text"], "A B C");

    let id = service.0.id().to_string();
    assert!(Command::new("kill").arg(id).status().unwrap().success());
    assert!(service.0.wait().unwrap().success());
    let mut said = String::new();
    service
        .0
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert!(
        said.contains("every request that was taken has been answered"),
        "{said}"
    );
}

#[test]
#[cfg(unix)]
fn what_cannot_be_served_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let model = repository().join("crates/runtime/examples/g2p.safetensors");
    let model = model.canonicalize().unwrap();
    std::os::unix::fs::symlink(&model, folder.path().join("g2p.safetensors")).unwrap();
    std::fs::write(folder.path().join("no.safetensors"), "nonsense").unwrap();
    std::fs::write(folder.path().join("token"), "short\n").unwrap();
    std::fs::write(folder.path().join("known.dict"), "SEA  S IY1\n").unwrap();
    for (name, arguments) in [
        ("missing", "serve missing.safetensors"),
        (
            "damaged",
            "serve g2p.safetensors --model other=no.safetensors",
        ),
        ("twice", "serve g2p.safetensors --model g2p=g2p.safetensors"),
        ("no_name", "serve g2p.safetensors --model g2p.safetensors"),
        ("open", "serve g2p.safetensors --address 0.0.0.0:0"),
        ("short_token", "serve g2p.safetensors --token-file token"),
        ("no_token", "serve g2p.safetensors --token-file tokens"),
        ("queue", "serve g2p.safetensors --max-queue 10"),
        ("no_inputs", "serve g2p.safetensors --max-inputs 0"),
        ("no_time", "serve g2p.safetensors --max-time 0s"),
        ("address", "serve g2p.safetensors --address localhost"),
        ("watch_open", "train words.tsv --watch=0.0.0.0:0"),
        ("export_alone", "lesson --export site"),
        ("no_module", "lesson --export site --wasm missing.wasm"),
        ("no_lexicon", "serve g2p.safetensors --lexicon missing.dict"),
        (
            "two_lexicons",
            "serve g2p.safetensors --lexicon known.dict --lexicon g2p=known.dict",
        ),
    ] {
        insta::assert_snapshot!(format!("serve_{name}"), run(folder.path(), arguments));
    }
}
