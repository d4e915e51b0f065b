//! What the service counts and measures, in the text format of Prometheus (OpenMetrics).
//!
//! Every series exists from the start, and labels have few values, all known from the start too.

use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::refusal::CODES;

/// Routes as labels name them; all others are `other`.
pub const ROUTES: [&str; 8] = [
    "/v1/predict",
    "/v1/explain",
    "/v1/models",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "other",
];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabel {
    route: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CodeLabel {
    code: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ModelLabel {
    model: String,
}

/// All metrics of a service.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<RouteLabel, Counter>,
    request_time: Family<RouteLabel, Histogram>,
    refusals: Family<CodeLabel, Counter>,
    inputs: Family<ModelLabel, Counter>,
    /// Requests whose client left before they were answered.
    pub abandoned: Counter,
    /// Time that requests waited for a worker.
    pub waiting_time: Histogram,
    /// Time that a worker took for what it answered together.
    pub inference_time: Histogram,
    /// Inputs that were answered together.
    pub batch_inputs: Histogram,
    /// Inputs that wait for a worker.
    pub queued: Gauge<i64, AtomicI64>,
    /// Open connections.
    pub connections: Gauge<i64, AtomicI64>,
    /// 1 while requests are taken.
    pub ready: Gauge<i64, AtomicI64>,
}

/// From half a millisecond to half a minute.
fn times() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 17))
}

impl Metrics {
    /// The metrics of a service with these models, all at zero.
    pub fn new<'a>(models: impl IntoIterator<Item = &'a str>) -> Self {
        let requests = Family::<RouteLabel, Counter>::default();
        let request_time = Family::<RouteLabel, Histogram>::new_with_constructor(times);
        for route in ROUTES {
            drop(requests.get_or_create(&RouteLabel { route }));
            drop(request_time.get_or_create(&RouteLabel { route }));
        }
        let refusals = Family::<CodeLabel, Counter>::default();
        for code in CODES {
            drop(refusals.get_or_create(&CodeLabel { code }));
        }
        let inputs = Family::<ModelLabel, Counter>::default();
        for model in models {
            let model = model.to_owned();
            drop(inputs.get_or_create(&ModelLabel { model }));
        }
        let mut metrics = Self {
            registry: Registry::with_prefix("seq2seq"),
            requests,
            request_time,
            refusals,
            inputs,
            abandoned: Counter::default(),
            waiting_time: times(),
            inference_time: times(),
            batch_inputs: Histogram::new(exponential_buckets(1.0, 2.0, 11)),
            queued: Gauge::default(),
            connections: Gauge::default(),
            ready: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        let seconds = || Unit::Seconds;
        registry.register("requests", "Requests, by route", self.requests.clone());
        registry.register(
            "refusals",
            "Requests refused, by code",
            self.refusals.clone(),
        );
        registry.register("inputs", "Inputs answered, by model", self.inputs.clone());
        let help = "Requests whose client left before the answer";
        registry.register("abandoned", help, self.abandoned.clone());
        let help = "Time from a request's headers to its answer, by route";
        registry.register_with_unit("request", help, seconds(), self.request_time.clone());
        let help = "Time that requests waited for a worker";
        registry.register_with_unit("waiting", help, seconds(), self.waiting_time.clone());
        let help = "Time that a worker took for what it answered together";
        registry.register_with_unit("inference", help, seconds(), self.inference_time.clone());
        let help = "Inputs that were answered together";
        registry.register("batch_inputs", help, self.batch_inputs.clone());
        registry.register("queued_inputs", "Inputs that wait", self.queued.clone());
        registry.register("connections", "Open connections", self.connections.clone());
        let help = "1 while requests are taken, 0 while the service stops";
        registry.register("ready", help, self.ready.clone());
    }

    /// Counts a request that was answered, or refused with this code.
    pub fn request_done(&self, route: &str, seconds: f64, refused: Option<&'static str>) {
        let known = ROUTES.into_iter().find(|known| *known == route);
        let route = known.unwrap_or("other");
        self.requests.get_or_create(&RouteLabel { route }).inc();
        let times = self.request_time.get_or_create(&RouteLabel { route });
        times.observe(seconds);
        if let Some(code) = refused {
            self.refused(code);
        }
    }

    /// Counts a refusal.
    pub fn refused(&self, code: &'static str) {
        self.refusals.get_or_create(&CodeLabel { code }).inc();
    }

    /// Counts inputs that a model has answered.
    pub fn answered(&self, model: &str, inputs: usize) {
        let label = ModelLabel {
            model: model.to_owned(),
        };
        let counter = self.inputs.get_or_create(&label);
        counter.inc_by(inputs as u64);
    }

    /// All metrics as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
