//! The lesson: pages on which a model is taken apart and trained, live, by this library.
//!
//! `setup` makes a recipe and its pairs of what a page asks for, `run` trains in a thread that pages can pause,
//! `figures` and `gradient` make figures of a model, and `routes` is what pages ask.

mod figures;
mod gradient;
mod routes;
mod run;
mod setup;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::connections::serve;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::service::ServiceError;

/// Bytes of pairs that a page may send.
const LARGEST_BODY: usize = 20 << 20;

/// A lesson whose address is bound.
pub struct Lesson {
    runtime: Runtime,
    listener: TcpListener,
    address: SocketAddr,
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
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("seq2seq-lesson")
            .enable_all()
            .build()
            .map_err(ServiceError::Threads)?;
        let bind = |source| ServiceError::Bind { address, source };
        let listener = runtime.block_on(TcpListener::bind(address)).map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        Ok(Self {
            runtime,
            listener,
            address,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
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
        let served = serve(self.listener, router, &limits, &metrics, stop);
        self.runtime.block_on(served);
        app.runs.stop_all();
        self.runtime.shutdown_background();
    }
}
