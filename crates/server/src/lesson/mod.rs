//! The lesson: pages on which a model is taken apart and trained, live, by this library.
//!
//! `setup` makes a recipe and its pairs of what a page asks for, `run` trains in a thread that pages can pause,
//! `figures` and `gradient` make figures of a model, `routes` is what pages ask, and `record` and `export` make
//! pages that need no program.

mod export;
pub(crate) mod figures;
mod gradient;
mod record;
mod routes;
mod run;
mod setup;

pub use export::{Export, ExportError, Exported};

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::bound::Bound;
use crate::connections::serve;
use crate::error::ServiceError;
use crate::limits::Limits;
use crate::metrics::Metrics;

/// Threads that read requests and write answers; each training has one of its own.
const SOCKET_THREADS: usize = 2;

/// Bytes of pairs that a page may send.
const LARGEST_BODY: usize = 20 << 20;

/// A lesson whose address is bound.
pub struct Lesson {
    bound: Bound,
}

impl Lesson {
    /// Binds the address.
    ///
    /// # Errors
    /// If it can be reached from other machines and `insecure` does not allow it, or it cannot be bound.
    pub fn bind(address: SocketAddr, insecure: bool) -> Result<Self, ServiceError> {
        if !address.ip().is_loopback() && !insecure {
            return Err(ServiceError::OpenLesson(address));
        }
        let bound = Bound::new(address, SOCKET_THREADS, "seq2seq-lesson")?;
        Ok(Self { bound })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.bound.address
    }

    /// Shows the lesson until `stop`.
    pub fn run(self, stop: impl Future<Output = ()>) {
        let limits = Limits {
            body: LARGEST_BODY,
            drain_time: std::time::Duration::from_secs(2),
            ..Limits::default()
        };
        let metrics = Arc::new(Metrics::new([]));
        let app = Arc::new(routes::App::new(limits.clone()));
        let router = routes::router(Arc::clone(&app));
        let served = serve(self.bound.listener, router, &limits, &metrics, stop);
        self.bound.runtime.block_on(served);
        app.runs.stop_all();
        self.bound.runtime.shutdown_background();
    }
}
