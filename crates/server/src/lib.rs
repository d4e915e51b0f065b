//! Answers requests with trained models over HTTP.
//!
//! [`Service::load`] loads the models, [`Service::run`] binds the address, answers until it is asked to stop,
//! and then ends in good order. `docs/service.md` has the API by example.
//!
//! Modules in the order in which they use each other: [`limits`], `refusal` (errors as JSON), `metrics`,
//! `models`, `request` (JSON to checked questions), `answer` (answers to JSON), `queue` (admission and
//! inference), `guard` (who may ask), `connections` (sockets and the drain), `routes`, `service` and `lesson`.

#![warn(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic
)] // what strangers send is read here

mod answer;
mod connections;
mod guard;
#[cfg(feature = "lesson")]
mod lesson;
pub mod limits;
mod metrics;
mod models;
mod queue;
mod refusal;
mod request;
mod routes;
mod service;

#[cfg(feature = "lesson")]
pub use lesson::Lesson;
pub use limits::Limits;
pub use models::ModelsError;
pub use service::{Access, Service, ServiceError, stop_signal};
