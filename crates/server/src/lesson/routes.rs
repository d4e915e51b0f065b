//! What pages of the lesson ask.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::CONTENT_DISPOSITION;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use seq2seq::decoding::Method;
use seq2seq::{Model, PredictOptions, Warning};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::figures::ByPosition;
use super::run::{Run, Runs};
use super::setup::Setup;
use crate::answer::{ExplainResponse, Output};
use crate::guard::{Guard, add_headers};
use crate::limits::Limits;
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

/// A page's files: path, text, media type.
const FILES: [(&str, &str, &str); 10] = [
    ("/", include_str!("../../pages/lesson.html"), HTML),
    ("/lesson.css", include_str!("../../pages/lesson.css"), CSS),
    (
        "/lesson/start.js",
        include_str!("../../pages/lesson/start.js"),
        SCRIPT,
    ),
    (
        "/lesson/base.js",
        include_str!("../../pages/lesson/base.js"),
        SCRIPT,
    ),
    (
        "/lesson/symbols.js",
        include_str!("../../pages/lesson/symbols.js"),
        SCRIPT,
    ),
    (
        "/lesson/training.js",
        include_str!("../../pages/lesson/training.js"),
        SCRIPT,
    ),
    (
        "/lesson/inside.js",
        include_str!("../../pages/lesson/inside.js"),
        SCRIPT,
    ),
    (
        "/lesson/why.js",
        include_str!("../../pages/lesson/why.js"),
        SCRIPT,
    ),
    (
        "/lesson/attention.js",
        include_str!("../../pages/lesson/attention.js"),
        SCRIPT,
    ),
    (
        "/lesson/own.js",
        include_str!("../../pages/lesson/own.js"),
        SCRIPT,
    ),
];

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for (path, text, kind) in FILES {
        let file = move || async move { with_type(Body::from(text), kind) };
        router = router.route(path, get(file));
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

#[derive(Debug, Serialize)]
struct Encoded {
    /// All symbols of sources, each at the place of its id.
    vocabulary: Vec<String>,
    /// Symbols of the text, blanks filled up.
    symbols: Vec<String>,
    /// Ids in the order of reading.
    ids: Vec<u32>,
    /// The vector of each symbol that is read, where they are learned.
    vectors: Option<Vec<Vec<f32>>>,
    /// What is wrong with the question.
    warnings: Vec<String>,
}

async fn encode(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let body = json_body(request, &app.limits).await?;
    let request: EncodeRequest = parse(&body)?;
    check_length(&request.text, 0, &app.limits)?;
    let encoded = compute(move || {
        let model = request.setup.untrained().map_err(impossible)?;
        let source = model.codec().encode_source(&request.text, None);
        let vectors = model.weights().get("source_embedding").map(|table| {
            let width = table.shape.get(1).copied().unwrap_or(0);
            let values = table.as_f32().map_or(&[][..], |values| values);
            let row = |&id: &u32| {
                let from = (id as usize).saturating_mul(width);
                let row = values.get(from..from.saturating_add(width));
                row.unwrap_or(&[]).to_vec()
            };
            source.ids.symbols.iter().map(row).collect()
        });
        Ok(Encoded {
            vocabulary: model.codec().source.vocabulary.symbols().to_vec(),
            warnings: warnings(&model, &request.text),
            symbols: source.symbols,
            ids: source.ids.symbols,
            vectors,
        })
    });
    Ok(json_response(StatusCode::OK, &encoded.await?))
}

/// What a user of the model should know about an input.
fn warnings(model: &Model, input: &str) -> Vec<String> {
    let predictor = model.predictor(PredictOptions::default());
    let answers = predictor.map_or_else(|_| Vec::new(), |it| it.predict(&[input]));
    let all = answers.iter().flat_map(|answer| &answer.warnings);
    let about_input = |warning: &&Warning| {
        warning.is_about_input()
            || matches!(
                warning,
                Warning::LongInput { .. } | Warning::OtherWidth { .. }
            )
    };
    all.filter(about_input).map(Warning::to_string).collect()
}

#[derive(Debug, Serialize)]
struct Shapes {
    weights: Vec<Weight>,
    total: usize,
    source_symbols: usize,
    target_symbols: usize,
    longest_source: usize,
    longest_target: usize,
}

#[derive(Debug, Serialize)]
struct Weight {
    name: String,
    shape: Vec<usize>,
    count: usize,
}

async fn shapes(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let body = json_body(request, &app.limits).await?;
    let setup: Setup = parse(&body)?;
    let shapes = compute(move || {
        let model = setup.untrained().map_err(impossible)?;
        let weights: Vec<Weight> = (model.parameters())
            .map(|(name, shape)| Weight {
                name: name.to_owned(),
                shape: shape.to_vec(),
                count: shape.iter().product(),
            })
            .collect();
        Ok(Shapes {
            total: weights.iter().map(|weight| weight.count).sum(),
            weights,
            source_symbols: model.codec().source.vocabulary.len(),
            target_symbols: model.codec().target.vocabulary.len(),
            longest_source: model.provenance().longest_source,
            longest_target: model.provenance().longest_target,
        })
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

/// An input to follow through the model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TraceRequest {
    input: String,
    /// Symbols that the first steps write.
    #[serde(default)]
    forced: Vec<String>,
    /// The answer whose symbols are read instead of the model's own (teacher forcing).
    teacher: Option<String>,
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
    let explained = compute(move || {
        let vocabulary = &model.codec().target.vocabulary;
        let unknown = |symbol: &String| {
            impossible(format!("{symbol:?} is no symbol that this model can write"))
        };
        let forced = match &request.teacher {
            Some(answer) => model.codec().encode_target(answer).ids,
            None => (request.forced.iter())
                .map(|symbol| vocabulary.id(symbol).ok_or_else(|| unknown(symbol)))
                .collect::<Result<_, _>>()?,
        };
        let trace = model.trace(&request.input, &forced);
        let warnings = warnings(&model, &request.input);
        let symbols = vocabulary.len();
        Ok(ExplainResponse::new(
            String::new(),
            &model,
            trace,
            warnings,
            symbols,
            true,
        ))
    });
    Ok(json_response(StatusCode::OK, &explained.await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswersRequest {
    input: String,
    /// Hypotheses of the beam; samples where there is a temperature.
    beam: usize,
    temperature: Option<f32>,
    seed: Option<u64>,
}

async fn search(
    State(app): State<Arc<App>>,
    Path(number): Path<u64>,
    request: Request,
) -> Result<Response, Refusal> {
    let body = json_body(request, &app.limits).await?;
    let request: AnswersRequest = parse(&body)?;
    check_length(&request.input, 0, &app.limits)?;
    if request.beam > app.limits.beam {
        return Err(impossible(format!(
            "a beam has at most {} hypotheses here",
            app.limits.beam
        )));
    }
    let model = model_of(&app, number).await?;
    let found = compute(move || {
        let mut options = PredictOptions::default();
        options.search.nbest = request.beam;
        options.search.method = match request.temperature {
            None => Method::Beam { size: request.beam },
            Some(temperature) => Method::Sample {
                temperature,
                top_k: None,
                top_p: 1.0,
                seed: request.seed.unwrap_or(1),
            },
        };
        let predictor = model
            .predictor(options)
            .map_err(|error| impossible(error.to_string()))?;
        let answers = predictor.predict(&[&request.input]);
        let answer = answers.into_iter().next().ok_or_else(Refusal::internal)?;
        Ok(Output::new(request.input, answer))
    });
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
