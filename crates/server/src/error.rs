//! Why a server cannot start.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

use crate::models::ModelsError;

/// Why a service cannot start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The models.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// The limits.
    #[error("{0}")]
    Limits(String),
    /// Anybody could ask.
    #[error(
        "{0} can be reached from other machines, so requests need a token: give --token-file FILE (or the \
         environment variable SEQ2SEQ_TOKEN), or --insecure to let anybody ask"
    )]
    Open(SocketAddr),
    /// Anybody could use this machine for training.
    #[error(
        "{0} can be reached from other machines, and the lesson asks for no token: leave --address out, or give \
         --insecure to let anybody train here"
    )]
    OpenLesson(SocketAddr),
    /// Anybody could watch.
    #[error(
        "{0} can be reached from other machines, and a run shows its figures without a token: watch it at an \
         address of this machine, such as 127.0.0.1:8091"
    )]
    OpenWatch(SocketAddr),
    /// The address is taken, or not this machine's.
    #[error("cannot listen at {address}: {source}{}", advice(source))]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The system gives no threads.
    #[error("cannot start the threads of the service: {0}")]
    Threads(io::Error),
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; another program listens there: give another address (port 0 takes any that is free)"
        }
        _ => "",
    }
}
