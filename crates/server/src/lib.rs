//! Answers requests with trained models over HTTP.
//!
//! [`Service::load`] loads the models and binds the address, [`Service::run`] answers until it is asked to stop,
//! and then ends in good order. `docs/service.md` has the API by example.
//!
//! Modules in the order in which they use each other: [`limits`], `response` (bodies), `refusal` (errors as JSON), `metrics`,
//! `models`, `request` (JSON to checked questions), `queue` (admission and
//! inference), `guard` (who may ask), `connections` (sockets and the drain), `error` (why a server cannot start),
//! `bound` (an address that is listened on), `routes`, `service`, `pages` (files of pages), `lesson` and `watch` (a
//! training run that is watched).

#![warn(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic
)] // what strangers send is read here

mod bound;
mod connections;
mod error;
mod guard;
#[cfg(feature = "lesson")]
mod lesson;
pub mod limits;
mod metrics;
mod models;
#[cfg(feature = "lesson")]
mod pages;
mod queue;
mod refusal;
mod request;
mod response;
mod routes;
mod service;
#[cfg(feature = "lesson")]
mod watch;

pub use error::ServiceError;
#[cfg(feature = "lesson")]
pub use lesson::{Export, ExportError, Exported, Lesson};
pub use limits::Limits;
pub use models::{ModelSource, ModelsError};
pub use service::{Access, Service, stop_signal};
#[cfg(feature = "lesson")]
pub use watch::{Watch, Watching};
