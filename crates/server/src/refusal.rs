//! Requests that are not answered: status and JSON error.

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::response::json_response;

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What is wrong.
    pub error: Problem,
}

/// What is wrong with a request, or why it cannot be answered now.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Problem {
    /// A name for programs, such as `too_many_inputs`.
    #[schema(value_type = String)]
    pub code: &'static str,
    /// What is wrong, what was sent, and what to do.
    pub message: String,
    /// The limit that was exceeded, as its flag is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub limit: Option<&'static str>,
    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<u64>,
    /// What was sent, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<u64>,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    status: StatusCode,
    problem: Box<Problem>,
}

/// Codes of all refusals: what the label of a metric may be.
pub const CODES: [&str; 24] = [
    "bad_request",
    "invalid_utf8",
    "malformed_json",
    "missing_token",
    "wrong_token",
    "wrong_host",
    "not_found",
    "unknown_model",
    "method_not_allowed",
    "body_too_slow",
    "body_too_large",
    "unsupported_media_type",
    "wrong_fields",
    "no_inputs",
    "too_many_inputs",
    "input_too_long",
    "output_too_long",
    "beam_too_large",
    "impossible_options",
    "queue_full",
    "too_slow",
    "stopping",
    "too_many_connections",
    "internal",
];

impl Refusal {
    /// A refusal that is about no limit.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        debug_assert!(CODES.contains(&code), "{code}");
        let problem = Problem {
            code,
            message: message.into(),
            limit: None,
            value: None,
            sent: None,
        };
        Self {
            status,
            problem: Box::new(problem),
        }
    }

    /// What was sent is wrong.
    pub fn unprocessable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    /// Names the limit that was exceeded, its value and what was sent.
    #[must_use]
    pub fn over(mut self, limit: &'static str, value: u64, sent: Option<u64>) -> Self {
        self.problem.limit = Some(limit);
        self.problem.value = Some(value);
        self.problem.sent = sent;
        self
    }

    /// The service ends and takes no more requests.
    pub fn stopping() -> Self {
        let message = "the service is stopping: send the request to another, or later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", message)
    }

    /// Something is wrong here, not with the request.
    pub fn internal() -> Self {
        let message = "the answer could not be computed; the service's log says why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// Its code.
    pub fn code(&self) -> &'static str {
        self.problem.code
    }

    /// The body as JSON.
    pub fn body(&self) -> ErrorBody {
        ErrorBody {
            error: (*self.problem).clone(),
        }
    }
}

/// The code of a refusal, kept with the response for the metrics.
#[derive(Clone, Copy, Debug)]
pub struct RefusalCode(pub &'static str);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = json_response(self.status, &self.body());
        let header = match self.status {
            StatusCode::UNAUTHORIZED => Some((WWW_AUTHENTICATE, "Bearer")),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Some((RETRY_AFTER, "1"))
            }
            _ => None,
        };
        if let Some((name, value)) = header {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        response.extensions_mut().insert(RefusalCode(self.code()));
        response
    }
}
