//! What is wrong with a request is told with a status, a code and a message that names it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may fail by panicking

mod support;

use seq2seq_server::{Access, Limits};
use support::{Running, post};

fn small() -> Limits {
    Limits {
        body: 2000,
        inputs: 4,
        input_length: 20,
        output_length: 50,
        beam: 8,
        queue: 8,
        ..Limits::default()
    }
}

#[test]
fn bodies_that_cannot_be_answered() {
    let service = Running::start(small());
    let many = format!("{{\"inputs\": [{}\"a\"]}}", "\"a\",".repeat(4));
    let long = format!("{{\"inputs\": [\"b\", \"{}\"]}}", "é".repeat(21));
    let huge = format!("{{\"inputs\": [\"{}\"]}}", "x".repeat(3000));
    let table: &[(&str, u16, &str, &[&str])] = &[
        ("", 400, "malformed_json", &["empty", "JSON object"]),
        ("{", 400, "malformed_json", &["not JSON", "line 1 column 1"]),
        (
            "{\"inputs\": [\"a\"]} trailing",
            400,
            "malformed_json",
            &["trailing"],
        ),
        ("[[[[", 422, "wrong_fields", &["no JSON object"]),
        ("{}", 422, "wrong_fields", &["missing field `inputs`"]),
        ("[\"a\"]", 422, "wrong_fields", &["no JSON object"]),
        ("\"a\"", 422, "wrong_fields", &["no JSON object"]),
        (
            "{\"inputs\": \"a\"}",
            422,
            "wrong_fields",
            &["expected a sequence"],
        ),
        (
            "{\"inputs\": [1]}",
            422,
            "wrong_fields",
            &["expected a string"],
        ),
        ("{\"inputs\": [null]}", 422, "wrong_fields", &["null"]),
        (
            "{\"inputs\": [\"a\"], \"baem\": 3}",
            422,
            "wrong_fields",
            &["unknown field `baem`", "`beam`"],
        ),
        (
            "{\"inputs\": [\"a\"], \"beam\": -1}",
            422,
            "wrong_fields",
            &["-1"],
        ),
        (
            "{\"inputs\": [\"a\"], \"beam\": 1.5}",
            422,
            "wrong_fields",
            &["1.5"],
        ),
        (
            "{\"inputs\": [\"a\"], \"inputs\": [\"b\"]}",
            422,
            "wrong_fields",
            &["duplicate field"],
        ),
        ("{\"inputs\": []}", 422, "no_inputs", &["at least one"]),
        (
            &many,
            422,
            "too_many_inputs",
            &["5 inputs", "at most 4", "--max-inputs"],
        ),
        (
            &long,
            422,
            "input_too_long",
            &["input 2 has 21 characters", "at most 20"],
        ),
        (
            &huge,
            413,
            "body_too_large",
            &["bytes", "at most 2000", "--max-body"],
        ),
        (
            "{\"inputs\": [\"a\"], \"beam\": 9}",
            422,
            "beam_too_large",
            &["9 hypotheses", "at most 8"],
        ),
        (
            "{\"inputs\": [\"a\"], \"n_best\": 1000000}",
            422,
            "beam_too_large",
            &["at most 8"],
        ),
        (
            "{\"inputs\": [\"a\"], \"beam\": 0}",
            422,
            "impossible_options",
            &["beam of 0"],
        ),
        (
            "{\"inputs\": [\"a\"], \"n_best\": 0}",
            422,
            "impossible_options",
            &["n-best list of 0"],
        ),
        (
            "{\"inputs\": [\"a\"], \"beam\": 2, \"n_best\": 3}",
            422,
            "impossible_options",
            &["3 outputs", "beam of 2"],
        ),
        (
            "{\"inputs\": [\"a\"], \"temperature\": 2}",
            422,
            "impossible_options",
            &["temperature is for sampling"],
        ),
        (
            "{\"inputs\": [\"a\"], \"sample\": true, \"temperature\": 0}",
            422,
            "impossible_options",
            &["above 0"],
        ),
        (
            "{\"inputs\": [\"a\"], \"sample\": true, \"beam\": 2}",
            422,
            "impossible_options",
            &["exclude each other"],
        ),
        (
            "{\"inputs\": [\"a\"], \"max_length\": 51}",
            422,
            "output_too_long",
            &["51", "at most 50"],
        ),
        (
            "{\"inputs\": [\"a\"], \"max_length\": 0}",
            422,
            "impossible_options",
            &["max_length of 0"],
        ),
        (
            "{\"inputs\": [\"a\"], \"max_length_ratio\": -1}",
            422,
            "impossible_options",
            &["-1"],
        ),
        (
            "{\"inputs\": [\"a\"], \"length_penalty\": -1}",
            422,
            "impossible_options",
            &["length penalty of -1"],
        ),
        (
            "{\"inputs\": [\"1+2\"], \"model\": \"sums\", \"align\": true}",
            422,
            "impossible_options",
            &["attention"],
        ),
        (
            "{\"inputs\": [\"a\"], \"model\": \"klingon\"}",
            404,
            "unknown_model",
            &["\"klingon\"", "words, sums"],
        ),
        (
            "{\"inputs\": [\"a\"], \"model\": \"../../etc/passwd\"}",
            404,
            "unknown_model",
            &["words, sums"],
        ),
    ];
    for (body, status, code, words) in table {
        let answer = service.post("/v1/predict", body);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (*status, *code),
            "{body}: {answer:?}"
        );
        for word in *words {
            assert!(
                answer.message().contains(word),
                "{body}: {}",
                answer.message()
            );
        }
        assert!(answer.head.contains("application/json"), "{}", answer.head);
    }
    let answer = service.post("/v1/predict", &many);
    let error = &answer.json()["error"];
    assert_eq!(
        (&error["limit"], &error["value"], &error["sent"]),
        (&"max-inputs".into(), &4.into(), &5.into())
    );
    let answer = service.post(
        "/v1/explain",
        "{\"input\": \"a\", \"forced\": [\"no such\"]}",
    );
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (422, "impossible_options")
    );
    let answer = service.post("/v1/explain", "{\"inputs\": [\"a\"]}");
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (422, "wrong_fields")
    );
}

#[test]
fn requests_that_are_no_such_thing() {
    let service = Running::start(small());
    let json = "Content-Type: application/json\r\n";
    let table: &[(String, u16, &str)] = &[
        ("GET /v1/predict HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), 405, "method_not_allowed"),
        ("DELETE /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), 405, "method_not_allowed"),
        ("OPTIONS /v1/predict HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n".into(), 405, "method_not_allowed"),
        ("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), 404, "not_found"),
        ("GET /%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), 404, "not_found"),
        ("GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n".into(), 421, "wrong_host"),
        ("GET /healthz HTTP/1.1\r\n\r\n".into(), 421, "wrong_host"),
        ("POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}".into(), 415, "unsupported_media_type"),
        ("POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}".into(), 415, "unsupported_media_type"),
        (format!("POST /v1/predict HTTP/1.1\r\nHost: localhost\r\n{json}Content-Length: 5000000000\r\n\r\n"), 413, "body_too_large"),
        (format!("POST /v1/predict HTTP/1.1\r\nHost: localhost\r\n{json}Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n", format!("400\r\n{}\r\n", "x".repeat(1024)).repeat(3)), 413, "body_too_large"),
    ];
    for (request, status, code) in table {
        let answer = service.send(request.as_bytes());
        let asked = request.lines().next().unwrap();
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (*status, *code),
            "{asked}: {answer:?}"
        );
        assert!(
            !answer.head.to_lowercase().contains("access-control"),
            "{}",
            answer.head
        );
    }
    let answer = service.send(&post("/v1/predict", b"{\"inputs\": [\"\xff\"]}"));
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "invalid_utf8")
    );
    // What is not HTTP is refused by the parser, without a body.
    for (request, status) in [
        ("NONSENSE\r\n\r\n".to_owned(), 400),
        (
            format!(
                "GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "x".repeat(40_000)
            ),
            431,
        ),
    ] {
        let answer = service.send(request.as_bytes());
        assert!(
            answer.status == status || answer.status == 414,
            "{answer:?}"
        );
    }
    // The service is as it was.
    assert_eq!(service.get("/readyz").status, 200);
}

#[test]
fn hostile_text_is_answered_as_text() {
    let service = Running::start(small());
    for input in [
        "<script>",
        "\\u0000\\u001b[2J",
        "\\u202e",
        "a\\tb\\nc",
        "\u{1F600}",
        "",
        " ",
    ] {
        let answer = service.post("/v1/predict", &format!("{{\"inputs\": [\"{input}\"]}}"));
        assert_eq!(answer.status, 200, "{input:?}: {answer:?}");
        let output = &answer.json()["outputs"][0];
        let sent: serde_json::Value = serde_json::from_str(&format!("\"{input}\"")).unwrap();
        assert_eq!(output["input"], sent);
        let warned = !output["warnings"].as_array().unwrap().is_empty();
        assert!(
            warned || input.is_empty() || input.contains("\\t"),
            "{answer:?}"
        );
    }
}

#[test]
fn tokens_are_asked_for_where_there_is_one() {
    let access = Access {
        token: Some("0123456789abcdef".to_owned()),
        ..Access::default()
    };
    let service = Running::with_access(small(), access);
    let get = |path: &str, header: &str| {
        service.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n").as_bytes())
    };
    for (header, status, code) in [
        ("", 401, "missing_token"),
        (
            "Authorization: Bearer 0123456789abcdeX\r\n",
            401,
            "wrong_token",
        ),
        ("Authorization: 0123456789abcdef\r\n", 401, "wrong_token"),
        (
            "Authorization: Basic 0123456789abcdef\r\n",
            401,
            "wrong_token",
        ),
    ] {
        let answer = get("/v1/models", header);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{header}"
        );
    }
    let right = "Authorization: Bearer 0123456789abcdef\r\n";
    assert_eq!(get("/v1/models", right).status, 200);
    assert_eq!(get("/metrics", "").status, 401);
    for open in ["/healthz", "/readyz", "/"] {
        assert_eq!(get(open, "").status, 200, "{open}");
    }
}
