//! A service from start to end.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use crate::bound::Bound;
use crate::connections::serve;
use crate::error::ServiceError;
use crate::guard::Guard;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::models::{ModelSource, Models};
use crate::queue::Queue;
use crate::routes::{App, router};

/// Threads that read requests and write answers; inference has its own.
const SOCKET_THREADS: usize = 2;

/// Who may ask, and under which names.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// What requests must show; anybody may ask without one.
    pub token: Option<String>,
    /// Whether anybody may ask from other machines without a token.
    pub insecure: bool,
    /// Names of this host besides `localhost` and addresses.
    pub hosts: Vec<String>,
}

/// A service that is ready to run: its models are loaded and its address is bound.
pub struct Service {
    app: Arc<App>,
    bound: Bound,
    workers: usize,
}

impl Service {
    /// Loads the models with their lexicons, and binds the address: all or nothing.
    ///
    /// `workers` are the threads that answer, each what waits when it is free.
    ///
    /// # Errors
    /// If a model cannot be loaded, a limit refuses everything, the address is open to others without a token,
    /// or cannot be bound.
    pub fn load(
        models: Vec<ModelSource>,
        address: SocketAddr,
        access: Access,
        limits: Limits,
        workers: usize,
    ) -> Result<Self, ServiceError> {
        limits.check().map_err(ServiceError::Limits)?;
        if !address.ip().is_loopback() && access.token.is_none() && !access.insecure {
            return Err(ServiceError::Open(address));
        }
        let models = Models::load(models)?;
        let bound = Bound::new(address, SOCKET_THREADS, "seq2seq-sockets")?;
        let metrics = Arc::new(Metrics::new(models.names()));
        let app = App {
            queue: Queue::new(limits.clone(), Arc::clone(&metrics)),
            guard: Guard {
                token: access.token,
                hosts: access.hosts,
            },
            models,
            limits,
            metrics,
        };
        Ok(Self {
            app: Arc::new(app),
            bound,
            workers,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.bound.address
    }

    /// Answers requests until `stop`; then is not ready any more, answers what it has taken, and ends.
    ///
    /// The calling thread is one of the workers, and the others start from it, so they compute as it does.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub fn run(self, stop: impl Future<Output = ()> + Send) -> Result<(), ServiceError> {
        let Self {
            app,
            bound,
            workers,
        } = self;
        app.metrics.ready.set(1);
        let (app, router) = (&app, router(Arc::clone(&app)));
        let stop = async {
            stop.await;
            app.metrics.ready.set(0);
        };
        thread::scope(|scope| {
            let builder = |name: &str| thread::Builder::new().name(name.to_owned());
            for _ in 1..workers {
                let started = builder("seq2seq-worker").spawn_scoped(scope, || app.queue.work());
                if let Err(error) = started {
                    app.queue.close();
                    return Err(ServiceError::Threads(error));
                }
            }
            let serving = move || {
                // Workers end however this thread does.
                let _close = CloseQueue(app);
                let served = serve(bound.listener, router, &app.limits, &app.metrics, stop);
                bound.runtime.block_on(served);
                bound.runtime.shutdown_background();
            };
            let started = builder("seq2seq-service").spawn_scoped(scope, serving);
            if let Err(error) = started {
                app.queue.close();
                return Err(ServiceError::Threads(error));
            }
            app.queue.work();
            Ok(())
        })
    }
}

/// Closes the queue when it is dropped.
struct CloseQueue<'a>(&'a App);

impl Drop for CloseQueue<'_> {
    fn drop(&mut self) {
        self.0.queue.close();
    }
}

/// Waits for the first SIGTERM or Ctrl-C; a second one ends the program at once.
pub async fn stop_signal() {
    let asked = async || {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            if let Ok(mut term) = signal(SignalKind::terminate()) {
                tokio::select! {
                    _ = term.recv() => {}
                    _ = tokio::signal::ctrl_c() => {}
                }
                return;
            }
        }
        drop(tokio::signal::ctrl_c().await);
    };
    asked().await;
    tokio::spawn(async move {
        asked().await;
        std::process::exit(130);
    });
}
