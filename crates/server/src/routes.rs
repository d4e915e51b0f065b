//! What can be asked where.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, http::Method};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use seq2seq_runtime::{PredictOptions, Warning};
use serde::Serialize;
use tokio::time::timeout;
use utoipa::{OpenApi, ToSchema};

use crate::guard::{Guard, add_headers, check_media_type};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::models::{ModelInfo, Models};
use crate::queue::{Queue, too_slow};
use crate::refusal::{ErrorBody, Refusal, RefusalCode};
use crate::request::{ExplainRequest, PredictRequest, check_length, parse};
use crate::response::{json_response, with_type};
use seq2seq_page::answer::{ExplainResponse, Output, PredictResponse};

/// Everything that requests are answered with.
pub struct App {
    /// The models.
    pub models: Models,
    /// What a request may ask for.
    pub limits: Limits,
    /// Who may ask.
    pub guard: Guard,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where requests wait.
    pub queue: Queue,
}

/// The models of a service.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct ModelsResponse {
    /// The models; the first answers requests that name none.
    models: Vec<ModelInfo>,
}

/// Whether the service runs, or takes requests.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Status {
    /// `ok`.
    #[schema(value_type = String)]
    status: &'static str,
}

/// The description of the API that `/openapi.json` gives.
#[derive(OpenApi)]
#[openapi(
    paths(predict, explain, models, healthz, readyz, metrics, openapi),
    info(
        title = "seq2seq",
        description = "Answers of small sequence-to-sequence models.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    )
)]
struct Api;

/// Paths that anybody may ask for: probes of an orchestrator have no token, and neither has a page before
/// somebody typed it.
const OPEN: [&str; 5] = [
    "/healthz",
    "/readyz",
    "/",
    "/playground.js",
    "/playground.css",
];

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    let page = |text, kind| get(move || async move { with_type(Body::from(text), kind) });
    Router::new()
        .route("/v1/predict", post(predict))
        .route("/v1/explain", post(explain))
        .route("/v1/models", get(models))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi))
        .route(
            "/",
            page(
                include_str!("../pages/playground.html"),
                "text/html; charset=utf-8",
            ),
        )
        .route(
            "/playground.js",
            page(
                include_str!("../pages/playground.js"),
                "text/javascript; charset=utf-8",
            ),
        )
        .route(
            "/playground.css",
            page(
                include_str!("../pages/playground.css"),
                "text/css; charset=utf-8",
            ),
        )
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&app), around))
        .with_state(app)
}

/// What happens around every request: who may ask, headers, metrics.
async fn around(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = request.uri().path().to_owned();
    let allowed = app
        .guard
        .check_host(request.headers(), request.uri())
        .and_then(|()| match OPEN.contains(&route.as_str()) {
            true => Ok(()),
            false => app.guard.check_token(request.headers()),
        });
    let mut response = match allowed {
        Ok(()) => Left::watch(&app.metrics, next.run(request)).await,
        Err(refusal) => refusal.into_response(),
    };
    add_headers(response.headers_mut());
    let code = response
        .extensions()
        .get::<RefusalCode>()
        .map(|code| code.0);
    app.metrics
        .request_done(&route, began.elapsed().as_secs_f64(), code);
    response
}

/// Counts a request whose client left: what answers it is then dropped before it is done.
struct Left<'a> {
    metrics: &'a Metrics,
    answered: bool,
}

impl<'a> Left<'a> {
    async fn watch(metrics: &'a Metrics, answer: impl Future<Output = Response>) -> Response {
        let mut left = Self {
            metrics,
            answered: false,
        };
        let response = answer.await;
        left.answered = true;
        response
    }
}

impl Drop for Left<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.metrics.abandoned.inc();
        }
    }
}

/// Answer texts
#[utoipa::path(post, path = "/v1/predict", request_body = PredictRequest, responses(
    (status = 200, body = PredictResponse),
    (status = "4XX", description = "What is wrong with the request", body = ErrorBody),
    (status = "5XX", description = "Why it cannot be answered now", body = ErrorBody),
))]
async fn predict(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    within(&app.limits, async {
        let body = json_body(request, &app.limits).await?;
        let request: PredictRequest = parse(&body)?;
        let question = request.check(&app.models, &app.limits)?;
        let (model, inputs) = (question.model.clone(), question.inputs.clone());
        let answers = app.queue.predict(question).await?;
        let outputs = inputs.into_iter().zip(answers);
        let outputs = outputs.map(|(input, answer)| Output::new(input, answer));
        let response = PredictResponse {
            model,
            outputs: outputs.collect(),
        };
        Ok(json_response(StatusCode::OK, &response))
    })
    .await
}

/// Show how an answer comes about, step by step
#[utoipa::path(post, path = "/v1/explain", request_body = ExplainRequest, responses(
    (status = 200, body = ExplainResponse),
    (status = "4XX", description = "What is wrong with the request", body = ErrorBody),
    (status = "5XX", description = "Why it cannot be answered now", body = ErrorBody),
))]
async fn explain(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    within(&app.limits, async {
        let body = json_body(request, &app.limits).await?;
        let request: ExplainRequest = parse(&body)?;
        check_length(&request.input, 0, &app.limits)?;
        let (name, served) = app.models.get(request.model.as_deref())?;
        let model = &served.model;
        let vocabulary = &model.codec().target.vocabulary;
        let unknown = |symbol: &str| {
            let message =
                format!("forced has {symbol:?}, which is no symbol that this model can write");
            Refusal::unprocessable("impossible_options", message)
        };
        let ids = request.forced.iter().map(|symbol| {
            let id = vocabulary.id(symbol);
            id.ok_or_else(|| unknown(symbol))
        });
        let forced = ids.collect::<Result<Vec<u32>, Refusal>>()?;
        let (name, model) = (name.to_owned(), model.clone());
        let known = served.is_known(&request.input);
        let explanation = app.queue.run(move || {
            let line = model.line(&request.input);
            let predictor = model.predictor(PredictOptions::default());
            let answers = predictor.map_or_else(|_| Vec::new(), |it| it.predict(&[line]));
            let warnings = answers.iter().flat_map(|answer| &answer.warnings);
            let warnings = warnings.map(Warning::to_string);
            let warnings = known.then(in_lexicon).into_iter().chain(warnings).collect();
            let trace = model.trace(&line, &forced);
            let top = request.top.unwrap_or(5);
            ExplainResponse::new(name, &model, trace, warnings, top, request.states)
        });
        Ok(json_response(StatusCode::OK, &explanation.await?))
    })
    .await
}

/// What to know of the explanation of a word that the model is not asked for.
fn in_lexicon() -> String {
    "the lexicon has this input and answers it; the model, whose steps these are, is not asked"
        .to_owned()
}

/// List the models
#[utoipa::path(get, path = "/v1/models", responses((status = 200, body = ModelsResponse)))]
async fn models(State(app): State<Arc<App>>) -> Response {
    let models = app.models.infos();
    json_response(StatusCode::OK, &ModelsResponse { models })
}

/// Whether the service runs
#[utoipa::path(get, path = "/healthz", responses((status = 200, body = Status)))]
async fn healthz() -> Response {
    json_response(StatusCode::OK, &Status { status: "ok" })
}

/// Whether the service takes requests
#[utoipa::path(get, path = "/readyz", responses(
    (status = 200, body = Status),
    (status = 503, description = "The service stops", body = ErrorBody),
))]
async fn readyz(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    match app.metrics.ready.get() {
        0 => Err(Refusal::stopping()),
        _ => Ok(json_response(StatusCode::OK, &Status { status: "ok" })),
    }
}

/// What the service counts and measures, for Prometheus
#[utoipa::path(get, path = "/metrics", responses(
    (status = 200, body = String, content_type = "application/openmetrics-text"),
))]
async fn metrics(State(app): State<Arc<App>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    with_type(Body::from(app.metrics.text()), kind)
}

/// This description
#[utoipa::path(get, path = "/openapi.json", responses((status = 200, body = Value)))]
async fn openapi() -> Response {
    json_response(StatusCode::OK, &Api::openapi())
}

async fn not_found(request: Request) -> Refusal {
    let message = format!(
        "there is nothing at {:?}; /openapi.json describes what there is",
        request.uri().path()
    );
    Refusal::new(StatusCode::NOT_FOUND, "not_found", message)
}

async fn wrong_method(method: Method, request: Request) -> Refusal {
    let path = request.uri().path();
    let right = if matches!(path, "/v1/predict" | "/v1/explain") {
        "POST"
    } else {
        "GET"
    };
    let message = format!("{path} is asked with {right}, not {method}");
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        message,
    )
}

/// The answer, or a refusal once it has taken too long.
async fn within(
    limits: &Limits,
    answer: impl Future<Output = Result<Response, Refusal>>,
) -> Result<Response, Refusal> {
    let answered = timeout(limits.time, answer).await;
    answered.unwrap_or_else(|_| Err(too_slow(limits)))
}

/// The body of a request that says it is JSON, within the limit.
pub async fn json_body(request: Request, limits: &Limits) -> Result<Bytes, Refusal> {
    check_media_type(request.headers())?;
    let length = declared_length(request.headers());
    if let Some(length) = length.filter(|&length| length > limits.body as u64) {
        return Err(too_large(limits, Some(length)));
    }
    let body = Limited::new(request.into_body(), limits.body);
    // Slow bodies have a time of their own, so that they are told from a slow service.
    let read = timeout(limits.header_time, body.collect()).await;
    match read {
        Err(_) => {
            let seconds = limits.header_time.as_secs_f64();
            let message = format!("the body was not sent within {seconds} s (--header-time)");
            let refusal = Refusal::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", message);
            Err(refusal.over("header-time", limits.header_time.as_secs(), None))
        }
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(limits, None)),
        Ok(Err(_)) => {
            let message = "the body ended before it was complete";
            Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "bad_request",
                message,
            ))
        }
    }
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large(limits: &Limits, sent: Option<u64>) -> Refusal {
    let size = sent.map_or_else(|| "more".to_owned(), |sent| format!("{sent} bytes"));
    let message = format!(
        "the body has {size}, but at most {} bytes are allowed (--max-body): send several requests",
        limits.body
    );
    let refusal = Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message);
    refusal.over("max-body", limits.body as u64, sent)
}
