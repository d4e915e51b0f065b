//! The threads that the package computes with, and the lock that it does not hold meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The most that can be asked for; more of them only wait for each other.
const MOST: usize = 1024;

/// What was asked for; zero for one for each core.
static ASKED: AtomicUsize = AtomicUsize::new(0);

/// Threads that computations use.
#[pyfunction]
pub fn threads() -> usize {
    match ASKED.load(Ordering::Relaxed) {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        asked => asked,
    }
}

/// Sets the number of threads that computations use from now on.
#[pyfunction]
pub fn set_threads(count: i64) -> PyResult<()> {
    let fits = usize::try_from(count)
        .ok()
        .filter(|count| (1..=MOST).contains(count));
    let count = fits.ok_or_else(|| {
        PyValueError::new_err(format!(
            "{count} threads cannot be had: give a number from 1 to {MOST}"
        ))
    })?;
    ASKED.store(count, Ordering::Relaxed);
    Ok(())
}

/// Computes on this thread and the kernels' workers, without the interpreter's lock.
pub fn compute<R: Send>(py: Python<'_>, work: impl FnOnce() -> R + Send) -> R {
    py.detach(|| rnn_kernels::with_threads(threads(), work))
}
