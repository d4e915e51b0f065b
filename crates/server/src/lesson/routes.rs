//! What pages of the lesson ask.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::CONTENT_DISPOSITION;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use seq2seq::Model;
use seq2seq_page::question::{SearchRequest, TraceRequest};
use seq2seq_page::symbols::Encoded;
use seq2seq_page::weights::Weights;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::figures::ByPosition;
use super::run::{Run, Runs};
use super::setup::{Setup, setups};
use crate::guard::{Guard, add_headers};
use crate::limits::Limits;
use crate::pages::{BACKEND, LESSON, LESSON_FILES, LIVE, PageFile, SCRIPT, SETUPS};
use crate::refusal::Refusal;
use crate::request::{check_length, parse};
use crate::response::{json_response, with_type};
use crate::routes::json_body;

/// Everything that pages are answered with.
pub struct App {
    /// Training runs.
    pub runs: Runs,
    limits: Limits,
    guard: Guard,
}

impl App {
    /// Without any run yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            runs: Runs::default(),
            limits,
            guard: Guard::default(),
        }
    }
}

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    let file = |text: Cow<'static, str>, kind| {
        get(move || {
            let body = Body::from(text.clone());
            async move { with_type(body, kind) }
        })
    };
    let setups = setups(&Setup::default());
    let mut router = Router::new()
        .route("/", file(LESSON.text.into(), LESSON.kind))
        .route(&format!("/{BACKEND}"), file(LIVE.text.into(), LIVE.kind))
        .route(&format!("/{SETUPS}"), file(setups.into(), SCRIPT));
    for PageFile { path, text, kind } in LESSON_FILES {
        router = router.route(&format!("/{path}"), file(text.into(), kind));
    }
    router
        .route("/api/encode", post(encode))
        .route("/api/model", post(shapes))
        .route("/api/runs", post(start))
        .route("/api/pairs", post(start_pairs))
        .route("/api/runs/{run}", get(status).delete(end))
        .route("/api/runs/{run}/control", post(control))
        .route("/api/runs/{run}/trace", post(trace))
        .route("/api/runs/{run}/search", post(search))
        .route("/api/runs/{run}/positions", get(positions))
        .route("/api/runs/{run}/model.safetensors", get(download))
        .fallback(not_found)
        .layer(from_fn_with_state(Arc::clone(&app), around))
        .with_state(app)
}

async fn around(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = match app.guard.check_host(request.headers(), request.uri()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    add_headers(response.headers_mut());
    response
}

async fn not_found() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "there is nothing here; the lesson is at /",
    )
}

fn impossible(message: String) -> Refusal {
    Refusal::unprocessable("impossible_options", message)
}

/// Computes away from the threads that answer requests.
async fn compute<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(Refusal::internal()))
}

/// A question, to be turned into symbols.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EncodeRequest {
    setup: Setup,
    text: String,
}

async fn encode(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let body = json_body(request, &app.limits).await?;
    let request: EncodeRequest = parse(&body)?;
    check_length(&request.text, 0, &app.limits)?;
    let encoded = compute(move || {
        let model = request.setup.untrained().map_err(impossible)?;
        Ok(Encoded::new(&model, &request.text))
    });
    Ok(json_response(StatusCode::OK, &encoded.await?))
}

async fn shapes(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let body = json_body(request, &app.limits).await?;
    let setup: Setup = parse(&body)?;
    let shapes = compute(move || {
        let model = setup.untrained().map_err(impossible)?;
        Ok(Weights::new(&model))
    });
    Ok(json_response(StatusCode::OK, &shapes.await?))
}

#[derive(Debug, Serialize)]
struct Started {
    run: u64,
}

async fn start(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let body = json_body(request, &app.limits).await?;
    let setup: Setup = parse(&body)?;
    let run = compute(move || {
        let prepared = setup.prepare().map_err(impossible)?;
        Run::start(prepared.task, prepared.held_out).map_err(|_| Refusal::internal())
    });
    let run = app.runs.add(run.await?);
    Ok(json_response(StatusCode::OK, &Started { run }))
}

/// Pairs to train on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PairsRequest {
    /// Tab-separated, one a line.
    text: String,
}

#[derive(Debug, Serialize)]
struct PairsStarted {
    run: u64,
    /// Training pairs.
    pairs: usize,
    /// Pairs that are held out, on which figures are measured.
    held_out: usize,
    /// The settings that were chosen, as a recipe.
    recipe: String,
}

async fn start_pairs(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let body = json_body(request, &app.limits).await?;
    let request: PairsRequest = parse(&body)?;
    let started = compute(move || {
        let prepared = Setup::of_pasted(&request.text).map_err(impossible)?;
        let mut answer = PairsStarted {
            run: 0,
            pairs: prepared.task.train.len(),
            held_out: prepared.held_out.len(),
            recipe: prepared.task.recipe.to_toml(),
        };
        let run = Run::start(prepared.task, prepared.held_out).map_err(|_| Refusal::internal())?;
        answer.run = app.runs.add(run);
        Ok(answer)
    });
    Ok(json_response(StatusCode::OK, &started.await?))
}

fn run_of(app: &App, number: u64) -> Result<Arc<Run>, Refusal> {
    let missing = || {
        let message = format!("there is no run {number} any more: reset it on the page");
        Refusal::new(StatusCode::NOT_FOUND, "not_found", message)
    };
    app.runs.get(number).ok_or_else(missing)
}

/// The newest model of a run.
async fn model_of(app: &App, number: u64) -> Result<Model, Refusal> {
    let run = run_of(app, number)?;
    compute(move || {
        run.model()
            .ok_or_else(|| impossible("the run has no model yet".to_owned()))
    })
    .await
}

#[derive(Debug, Deserialize)]
struct Since {
    #[serde(default)]
    since: usize,
}

async fn status(
    State(app): State<Arc<App>>,
    Path(number): Path<u64>,
    Query(Since { since }): Query<Since>,
) -> Result<Response, Refusal> {
    let status = run_of(&app, number)?.status(since);
    Ok(json_response(StatusCode::OK, &status))
}

async fn end(State(app): State<Arc<App>>, Path(number): Path<u64>) -> Response {
    app.runs.remove(number);
    json_response(StatusCode::OK, &Started { run: number })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlRequest {
    action: Action,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Action {
    Go,
    Pause,
    Batch,
}

async fn control(
    State(app): State<Arc<App>>,
    Path(number): Path<u64>,
    request: Request,
) -> Result<Response, Refusal> {
    let body = json_body(request, &app.limits).await?;
    let request: ControlRequest = parse(&body)?;
    let run = run_of(&app, number)?;
    match request.action {
        Action::Go => run.go(),
        Action::Pause => run.pause(),
        Action::Batch => run.one_batch(),
    }
    Ok(json_response(StatusCode::OK, &Started { run: number }))
}

async fn trace(
    State(app): State<Arc<App>>,
    Path(number): Path<u64>,
    request: Request,
) -> Result<Response, Refusal> {
    let body = json_body(request, &app.limits).await?;
    let request: TraceRequest = parse(&body)?;
    check_length(&request.input, 0, &app.limits)?;
    let model = model_of(&app, number).await?;
    let explained = compute(move || request.answer(&model).map_err(impossible));
    Ok(json_response(StatusCode::OK, &explained.await?))
}

async fn search(
    State(app): State<Arc<App>>,
    Path(number): Path<u64>,
    request: Request,
) -> Result<Response, Refusal> {
    let body = json_body(request, &app.limits).await?;
    let request: SearchRequest = parse(&body)?;
    check_length(&request.input, 0, &app.limits)?;
    let model = model_of(&app, number).await?;
    let found = compute(move || request.answer(&model).map_err(impossible));
    Ok(json_response(StatusCode::OK, &found.await?))
}

async fn positions(
    State(app): State<Arc<App>>,
    Path(number): Path<u64>,
) -> Result<Response, Refusal> {
    let run = run_of(&app, number)?;
    let model = model_of(&app, number).await?;
    let found = compute(move || Ok(ByPosition::of(&model, run.held_out())));
    Ok(json_response(StatusCode::OK, &found.await?))
}

async fn download(
    State(app): State<Arc<App>>,
    Path(number): Path<u64>,
) -> Result<Response, Refusal> {
    let model = model_of(&app, number).await?;
    let bytes = compute(move || Ok(model.to_bytes()));
    let mut response = with_type(Body::from(bytes.await?), "application/octet-stream");
    let name = HeaderValue::from_static("attachment; filename=\"model.safetensors\"");
    response.headers_mut().insert(CONTENT_DISPOSITION, name);
    Ok(response)
}
