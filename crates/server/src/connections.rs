//! Sockets: how many, how long they may take, and how they end.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use axum::http::StatusCode;

use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::refusal::Refusal;

/// How long a connection without a request may finish sending one when the service stops.
const GRACE: Duration = Duration::from_secs(1);

/// How long a connection that is refused may take to read why.
const REFUSAL_TIME: Duration = Duration::from_millis(500);

/// Longest headers of a request in bytes.
const LONGEST_HEADERS: usize = 16 << 10;

/// Takes connections until `stop`, then lets requests that are being answered end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: &Limits,
    metrics: &Arc<Metrics>,
    stop: impl Future<Output = ()>,
) {
    let (stopping, stopped) = watch::channel(());
    let places = Arc::new(Semaphore::new(limits.connections));
    // Those that are told that there is no place need a moment, too, but no more than so many.
    let refusals = Arc::new(Semaphore::new(limits.connections));
    let mut tasks = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
            Some(_) = tasks.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            // Most likely the system has no more file descriptors: some will be given back.
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        drop(stream.set_nodelay(true));
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                let connection = Connection {
                    router: router.clone(),
                    limits: limits.clone(),
                    metrics: Arc::clone(metrics),
                    stopped: stopped.clone(),
                };
                tasks.spawn(connection.run(stream, place));
            }
            Err(_) => {
                metrics.refused("too_many_connections");
                if let Ok(place) = Arc::clone(&refusals).try_acquire_owned() {
                    tasks.spawn(refuse(stream, limits.connections, place));
                }
            }
        }
    }
    drop(listener);
    drop(stopping);
    let all = async { while tasks.join_next().await.is_some() {} };
    // What is left then is cut.
    drop(timeout(limits.drain_time, all).await);
}

/// Whoever may stay.
struct Connection {
    router: Router,
    limits: Limits,
    metrics: Arc<Metrics>,
    /// Fails once the service stops.
    stopped: watch::Receiver<()>,
}

impl Connection {
    async fn run(mut self, stream: TcpStream, place: OwnedSemaphorePermit) {
        self.metrics.connections.inc();
        self.serve(stream).await;
        self.metrics.connections.dec();
        drop(place);
    }

    async fn serve(&mut self, stream: TcpStream) {
        let busy = Arc::new(AtomicUsize::new(0));
        let router = TowerToHyperService::new(self.router.clone());
        let service = service_fn(|request: Request<Incoming>| {
            let answer = hyper::service::Service::call(&router, request);
            let busy = Busy::new(&busy);
            async move {
                let _busy = busy;
                let answered: Result<Response, Infallible> = answer.await;
                answered
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_time)
            .max_buf_size(LONGEST_HEADERS)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        tokio::select! {
            // A client that leaves is no error of the service.
            _ = connection.as_mut() => return,
            _ = self.stopped.changed() => {}
        }
        connection.as_mut().graceful_shutdown();
        let end = Instant::now().checked_add(self.limits.drain_time);
        let end = end.unwrap_or_else(Instant::now);
        // Answers that are being computed or sent may end; headers that are half sent may not.
        let was_busy = busy.load(Ordering::Relaxed) > 0;
        if !was_busy && timeout(GRACE, connection.as_mut()).await.is_ok() {
            return;
        }
        if was_busy || busy.load(Ordering::Relaxed) > 0 {
            drop(timeout_at(end, connection).await);
        }
    }
}

/// Counts a request while it is being answered.
struct Busy(Arc<AtomicUsize>);

impl Busy {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Tells a client that there is no place for its connection.
async fn refuse(mut stream: TcpStream, most: usize, place: OwnedSemaphorePermit) {
    let message = format!(
        "{most} connections are open, and no more are allowed (--max-connections): connect again later"
    );
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let refusal = Refusal::new(status, "too_many_connections", message);
    let refusal = refusal.over("max-connections", most as u64, None);
    let body = serde_json::to_string(&refusal.body()).unwrap_or_default();
    let head = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n\
                connection: close\r\n";
    let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    let tell = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        // Closing with something unread would take the answer away from the client.
        let mut unread = [0; 4096];
        while stream.read(&mut unread).await? > 0 {}
        std::io::Result::Ok(())
    };
    drop(timeout(REFUSAL_TIME, tell).await);
    drop(place);
}
