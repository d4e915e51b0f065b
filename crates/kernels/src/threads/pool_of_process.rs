//! Threads for a program that is a guest in another: they are its own, flush denormal numbers, and a forked
//! child starts new ones.

use std::sync::{Arc, Mutex, TryLockError};
use std::thread;

use rayon::{ThreadBuilder, ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use super::pool::STACK;
use super::workers::process;
use crate::denormals::with_denormals_flushed;

/// The pool of the process that made it.
static POOL: Mutex<Option<OfProcess>> = Mutex::new(None);

struct OfProcess {
    process: u32,
    pool: Arc<ThreadPool>,
}

/// The pool of this process with so many threads. It is started when it is first asked for, and anew when
/// another number is asked for.
///
/// Work that runs [within](ThreadPool::install) it computes on these threads alone: the global pool of rayon, whose
/// threads a forked child lacks, is not started. Denormal numbers are flushed to zero there, and only there.
///
/// # Errors
/// If the system refuses to start a thread.
pub fn pool_of_process(threads: usize) -> Result<Arc<ThreadPool>, ThreadPoolBuildError> {
    let mut slot = match POOL.try_lock() {
        Ok(slot) => slot,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        // Another thread is about to start it; or was, in the process that this one was forked from.
        Err(TryLockError::WouldBlock) => return start(threads).map(Arc::new),
    };
    let process = process();
    if let Some(found) = slot.take() {
        if found.process != process {
            // Its threads are not there any more, and nobody could wait for them.
            std::mem::forget(found);
        } else if found.pool.current_num_threads() == threads {
            let pool = Arc::clone(&found.pool);
            *slot = Some(found);
            return Ok(pool);
        }
    }
    let pool = Arc::new(start(threads)?);
    *slot = Some(OfProcess {
        process,
        pool: Arc::clone(&pool),
    });
    Ok(pool)
}

fn start(threads: usize) -> Result<ThreadPool, ThreadPoolBuildError> {
    let pool = ThreadPoolBuilder::new().num_threads(threads);
    pool.spawn_handler(spawn).build()
}

fn spawn(place: ThreadBuilder) -> std::io::Result<()> {
    let builder = thread::Builder::new().name(format!("pool-{}", place.index()));
    builder.stack_size(STACK).spawn(|| {
        // SAFETY: the thread is started here and does nothing else. What it computes with are weights,
        // probabilities and times; lengths and indices, on which memory safety rests, are integers.
        unsafe { with_denormals_flushed(|| place.run()) };
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether arithmetic on this thread flushes a denormal number.
    fn flushes() -> bool {
        std::hint::black_box(f32::MIN_POSITIVE) * std::hint::black_box(0.5) == 0.0
    }

    #[test]
    fn the_pool_is_the_same_until_it_has_another_size() {
        let two = pool_of_process(2).unwrap();
        assert!(Arc::ptr_eq(&two, &pool_of_process(2).unwrap()));
        let three = pool_of_process(3).unwrap();
        assert_eq!(three.install(rayon::current_num_threads), 3);
        assert!(three.install(flushes) || cfg!(any(miri, not(target_arch = "x86_64"))));
        assert!(!flushes());
    }
}
