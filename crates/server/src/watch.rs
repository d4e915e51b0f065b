//! A training run that can be watched in a browser, and not changed.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use seq2seq::Model;
use seq2seq::data::Pair;
use seq2seq::training::{BatchReport, EpochRecord, NgramReport, Observer, Task};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::bound::Bound;
use crate::connections::serve;
use crate::error::ServiceError;
use crate::guard::{Guard, add_headers};
use crate::lesson::figures::{Answered, Figures};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::pages::{WATCH, WATCH_FILES};
use crate::refusal::Refusal;
use crate::response::{json_response, with_type};

/// Validation pairs whose sources are asked.
const QUESTIONS: usize = 10;
/// Shortest time between two looks at the model.
const LOOK: Duration = Duration::from_secs(1);
/// Looks at the model take at most one part in so many of the time.
const SHARE: u32 = 20;
/// A page that has asked within this time is open.
const OPEN: Duration = Duration::from_secs(5);
/// How long the end waits for open pages to hear of it.
const LAST_LOOK: Duration = Duration::from_secs(2);

/// An address at which a run will be shown.
pub struct Watch {
    bound: Bound,
}

/// A run that is shown until this is dropped. It watches the run as an [`Observer`].
pub struct Watching {
    shared: Arc<Shared>,
    sample: Vec<Pair>,
    looked: Instant,
    /// What the last look took.
    look_took: Duration,
    epoch_began: Instant,
    pairs_of_epoch: u64,
    stop: Option<oneshot::Sender<()>>,
    server: Option<(Runtime, JoinHandle<()>)>,
}

/// What pages are told from.
struct Shared {
    name: String,
    last_epoch: Option<usize>,
    progress: Mutex<Progress>,
    guard: Guard,
}

#[derive(Default)]
struct Progress {
    epochs: Vec<EpochRecord>,
    now: Option<Now>,
    answered: Vec<Answered>,
    ended: bool,
    /// When a page asked last.
    asked: Option<Instant>,
    /// Whether a page has heard of the end.
    end_was_told: bool,
}

/// The epoch that is under way.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Now {
    epoch: usize,
    batch: usize,
    batches: usize,
    loss: f64,
    accuracy: f64,
    pairs_per_second: f64,
}

/// What a page is told.
#[derive(Serialize)]
struct Status<'a> {
    name: &'a str,
    last_epoch: Option<usize>,
    /// Epochs from the one that was asked for.
    epochs: &'a [EpochRecord],
    now: Option<Now>,
    answered: &'a [Answered],
    ended: bool,
}

impl Watch {
    /// Binds an address of this machine.
    ///
    /// # Errors
    /// If it can be reached from other machines, or cannot be bound.
    pub fn bind(address: SocketAddr) -> Result<Self, ServiceError> {
        if !address.ip().is_loopback() {
            return Err(ServiceError::OpenWatch(address));
        }
        let bound = Bound::new(address, 1, "seq2seq-watch")?;
        Ok(Self { bound })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.bound.address
    }

    /// Shows a run of this name.
    pub fn start(self, name: &str, task: &Task) -> Watching {
        let training = &task.recipe.training;
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            // A budget of time has no number of epochs.
            last_epoch: Some(training.epochs).filter(|_| training.budget_seconds == 0.0),
            progress: Mutex::default(),
            guard: Guard::default(),
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let Bound {
            runtime, listener, ..
        } = self.bound;
        let router = router(Arc::clone(&shared));
        let served = runtime.spawn(async move {
            let limits = Limits {
                drain_time: Duration::from_secs(1),
                ..Limits::default()
            };
            let metrics = Arc::new(Metrics::new([]));
            let stop = async { drop(stopped.await) };
            serve(listener, router, &limits, &metrics, stop).await;
        });
        Watching {
            shared,
            sample: task.dev.iter().take(QUESTIONS).cloned().collect(),
            looked: Instant::now(),
            look_took: Duration::ZERO,
            epoch_began: Instant::now(),
            pairs_of_epoch: 0,
            stop: Some(stop),
            server: Some((runtime, served)),
        }
    }
}

impl Watching {
    /// Shows the answers of the model that the run gave, and waits a moment for open pages to hear of the end.
    pub fn end(mut self, model: Option<&Model>) {
        if let Some(model) = model {
            self.look(model);
        }
        self.shared.progress().ended = true;
        let began = Instant::now();
        while began.elapsed() < LAST_LOOK {
            let progress = self.shared.progress();
            if progress.end_was_told || !progress.is_open() {
                break;
            }
            drop(progress);
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn look(&mut self, model: &Model) {
        let began = Instant::now();
        let (_, answered) = Figures::of(model, &self.sample);
        self.shared.progress().answered = answered;
        self.looked = Instant::now();
        self.look_took = began.elapsed();
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some((runtime, served)) = self.server.take() {
            // Answers that are being sent arrive.
            drop(runtime.block_on(async { timeout(LAST_LOOK, served).await }));
            runtime.shutdown_background();
        }
    }
}

impl Observer for Watching {
    fn epoch_begins(&mut self, epoch: usize, batches: usize, _pairs: usize) {
        (self.epoch_began, self.pairs_of_epoch) = (Instant::now(), 0);
        let mut progress = self.shared.progress();
        progress.now = Some(Now {
            epoch,
            batches,
            ..progress.now.unwrap_or_default()
        });
    }

    fn batch_done(&mut self, report: &BatchReport) {
        self.pairs_of_epoch = self.pairs_of_epoch.saturating_add(report.pairs as u64);
        let seconds = self.epoch_began.elapsed().as_secs_f64();
        if let Some(now) = &mut self.shared.progress().now {
            now.batch = report.batch;
            (now.loss, now.accuracy) = (report.loss, report.accuracy);
            now.pairs_per_second = self.pairs_of_epoch as f64 / seconds.max(1e-9);
        }
    }

    fn epoch_done(&mut self, record: &EpochRecord) {
        self.shared.progress().epochs.push(record.clone());
    }

    fn fitted(&mut self, _report: &NgramReport, record: &EpochRecord) {
        self.shared.progress().epochs.push(record.clone());
    }

    fn wants_model(&mut self) -> bool {
        let between = LOOK.max(self.look_took.saturating_mul(SHARE));
        let due = self.shared.progress().answered.is_empty() || self.looked.elapsed() >= between;
        due && !self.sample.is_empty() && self.shared.progress().is_open()
    }

    fn model(&mut self, model: Model) {
        self.look(&model);
    }
}

impl Progress {
    fn is_open(&self) -> bool {
        self.asked.is_some_and(|asked| asked.elapsed() < OPEN)
    }
}

impl Shared {
    /// A panic leaves nothing half written here.
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn router(shared: Arc<Shared>) -> Router {
    let file =
        |text: &'static str, kind| get(move || async move { with_type(Body::from(text), kind) });
    let mut router = Router::new()
        .route("/", file(WATCH.text, WATCH.kind))
        .route("/api/run", get(status));
    for page in WATCH_FILES {
        router = router.route(&format!("/{}", page.path), file(page.text, page.kind));
    }
    router
        .fallback(not_found)
        .method_not_allowed_fallback(read_only)
        .layer(from_fn_with_state(Arc::clone(&shared), around))
        .with_state(shared)
}

async fn around(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let known = shared.guard.check_host(request.headers(), request.uri());
    let mut response = match known {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    add_headers(response.headers_mut());
    response
}

#[derive(Debug, Deserialize)]
struct Since {
    #[serde(default)]
    since: usize,
}

async fn status(
    State(shared): State<Arc<Shared>>,
    Query(Since { since }): Query<Since>,
) -> Response {
    let mut progress = shared.progress();
    progress.asked = Some(Instant::now());
    progress.end_was_told |= progress.ended;
    let status = Status {
        name: &shared.name,
        last_epoch: shared.last_epoch,
        epochs: progress.epochs.get(since..).unwrap_or(&[]),
        now: progress.now,
        answered: &progress.answered,
        ended: progress.ended,
    };
    json_response(StatusCode::OK, &status)
}

async fn not_found() -> Refusal {
    let message = "there is nothing here; the run is shown at /";
    Refusal::new(StatusCode::NOT_FOUND, "not_found", message)
}

async fn read_only() -> Refusal {
    let message = "a run that is watched can only be read: ask with GET";
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        message,
    )
}
