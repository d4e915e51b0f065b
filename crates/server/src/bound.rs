//! An address that a server listens on.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::error::ServiceError;

/// A bound address with the threads that read and write its sockets.
pub struct Bound {
    /// The threads.
    pub runtime: Runtime,
    /// What accepts connections.
    pub listener: TcpListener,
    /// The address, with its port where any free one was asked for.
    pub address: SocketAddr,
}

impl Bound {
    /// Binds the address and starts so many threads of this name.
    ///
    /// # Errors
    /// If the system gives no threads, or the address cannot be bound.
    pub fn new(address: SocketAddr, threads: usize, name: &str) -> Result<Self, ServiceError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name(name)
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
}
