//! Who may ask: hosts, tokens, media types, and the headers that keep browsers in bounds.

use std::net::IpAddr;

use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};

use crate::refusal::Refusal;

/// Who may ask.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// What requests must show; anybody may ask without one.
    pub token: Option<String>,
    /// Names of this host besides `localhost` and addresses.
    pub hosts: Vec<String>,
}

impl Guard {
    /// Refuses requests that are for another host: a page on the web could make a browser send them by
    /// giving its own name this address (DNS rebinding).
    ///
    /// # Errors
    /// If the host is none of this service's.
    pub fn check_host(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
        let header = headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = header.or(uri.authority().map(|it| it.as_str()));
        let name = host.map(without_port).unwrap_or("");
        let known = name.eq_ignore_ascii_case("localhost")
            || is_address(name)
            || self.hosts.iter().any(|own| own.eq_ignore_ascii_case(name));
        if known {
            return Ok(());
        }
        let message = format!(
            "the request is for the host {name:?}, which is not this service's: ask for localhost or an \
             address, or start the service with --host-name"
        );
        Err(Refusal::new(
            StatusCode::MISDIRECTED_REQUEST,
            "wrong_host",
            message,
        ))
    }

    /// Refuses requests without the token, if there is one.
    ///
    /// # Errors
    /// If it is missing or another.
    pub fn check_token(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let refuse =
            |code, message: &str| Err(Refusal::new(StatusCode::UNAUTHORIZED, code, message));
        let Some(sent) = headers.get(AUTHORIZATION) else {
            let message =
                "this service needs a token: send the header `Authorization: Bearer TOKEN`";
            return refuse("missing_token", message);
        };
        let sent = sent.to_str().unwrap_or("");
        let sent = sent
            .split_once(' ')
            .filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"));
        match sent {
            Some((_, sent)) if same(sent.trim().as_bytes(), token.as_bytes()) => Ok(()),
            _ => refuse("wrong_token", "the token is not this service's"),
        }
    }
}

/// Refuses bodies that do not say that they are JSON: a page on the web cannot make a browser send those
/// without asking first.
///
/// # Errors
/// If the header names another media type, or none.
pub fn check_media_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let sent = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let sent = sent.unwrap_or("");
    let essence = sent.split(';').next().unwrap_or("").trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message =
        format!("the content type is {sent:?}: send the header `Content-Type: application/json`");
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Err(Refusal::new(status, "unsupported_media_type", message))
}

/// Scripts, styles and requests of pages come from this service alone; nothing may frame them.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                           img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Adds the headers that every response has.
pub fn add_headers(headers: &mut HeaderMap) {
    let all: [(HeaderName, &'static str); 5] = [
        (CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in all {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// A host without its port; an IPv6 address is in brackets.
fn without_port(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or(""),
    }
}

fn is_address(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok()
}

/// Whether both are equal, in a time that does not tell where they differ.
fn same(sent: &[u8], token: &[u8]) -> bool {
    let differences = sent.iter().zip(token).fold(0, |all, (a, b)| all | (a ^ b));
    sent.len() == token.len() && differences == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host_is_known(host: &str) -> bool {
        let guard = Guard {
            token: None,
            hosts: vec!["models.example".to_owned()],
        };
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(host).unwrap());
        guard.check_host(&headers, &Uri::from_static("/")).is_ok()
    }

    #[test]
    fn only_own_hosts_are_known() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:1",
            "[::1]:80",
            "10.1.2.3",
            "models.example:9",
        ] {
            assert!(host_is_known(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "",
            "127.0.0.1.evil.example",
            "[evil]",
        ] {
            assert!(!host_is_known(host), "{host}");
        }
    }

    #[test]
    fn tokens_are_compared_whole() {
        assert!(same(b"secret", b"secret"));
        for other in ["", "secre", "secret2", "Secret"] {
            assert!(!same(other.as_bytes(), b"secret"), "{other}");
        }
    }
}
