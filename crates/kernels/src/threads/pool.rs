//! The threads of a whole program.

use std::io;
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use rayon::{ThreadBuilder, ThreadPoolBuildError, ThreadPoolBuilder};

use crate::denormals::with_denormals_flushed;

/// Stack of the thread that does the work, in bytes: as large as a main thread's.
pub(super) const STACK: usize = 8 << 20;

/// Runs a program's work on a thread of its own, beside rayon's global pool, which is started first. All
/// of these threads flush denormal numbers to zero; the caller's thread does not.
///
/// `work` is told how many threads the pool has: `wanted`, or as many as the system starts, at worst 0.
/// Then it runs on the caller's thread if need be, without flushing.
///
/// # Errors
/// If the pool was started before.
pub fn with_thread_pool<R: Send>(
    wanted: usize,
    work: impl FnOnce(usize) -> R + Send,
) -> Result<R, ThreadPoolBuildError> {
    let mut waiting = started(wanted);
    let count = waiting.len();
    let pool = ThreadPoolBuilder::new().num_threads(count.max(1));
    match count {
        0 => pool.use_current_thread().build_global()?,
        _ => pool
            .spawn_handler(|place| hand_over(&mut waiting, place))
            .build_global()?,
    }
    if count == 0 {
        return Ok(work(count));
    }
    Ok(on_own_thread(|| work(count)))
}

/// Runs `work` on a thread that flushes denormal numbers; on the caller's, as it is, if none can be started.
fn on_own_thread<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    // A thread that cannot be started drops its closure, and the work must outlive it.
    let work = Mutex::new(Some(work));
    let take = || work.lock().ok().and_then(|mut work| work.take());
    let own = thread::scope(|scope| {
        let builder = thread::Builder::new().name("work".into()).stack_size(STACK);
        // SAFETY: the thread is started here and does nothing else. What it computes with are weights,
        // probabilities and times; lengths and indices, on which memory safety rests, are integers.
        let flushed = || take().map(|work| unsafe { with_denormals_flushed(work) });
        builder.spawn_scoped(scope, flushed).map(|own| own.join())
    });
    match own {
        Ok(Err(panic)) => resume_unwind(panic),
        Ok(Ok(Some(result))) => result,
        Ok(Ok(None)) | Err(_) => take().expect("no thread took it")(),
    }
}

/// Threads that wait for their place in the pool: so many, or as many as the system starts. The pool
/// itself could not be made a second time with fewer.
fn started(wanted: usize) -> Vec<Sender<ThreadBuilder>> {
    let start = |number: usize| {
        let (sender, place) = channel::<ThreadBuilder>();
        let builder = thread::Builder::new().name(format!("pool-{number}"));
        let thread = builder.spawn(move || {
            if let Ok(place) = place.recv() {
                // SAFETY: as above.
                unsafe { with_denormals_flushed(|| place.run()) };
            }
        });
        thread.ok().map(|_| sender)
    };
    (0..wanted).map_while(start).collect()
}

/// Gives one of the waiting threads its place.
fn hand_over(waiting: &mut Vec<Sender<ThreadBuilder>>, place: ThreadBuilder) -> io::Result<()> {
    let thread = waiting.pop();
    let sent = thread.and_then(|thread| thread.send(place).ok());
    sent.ok_or_else(|| io::Error::other("a thread has ended"))
}
