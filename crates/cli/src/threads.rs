//! The threads that the program computes with.

use std::process::ExitCode;
use std::sync::mpsc::{Sender, channel};
use std::thread;

/// The most that can be asked for; more of them only wait for each other.
pub const MOST: i64 = 1024;

/// Starts the pool of threads, as many as were asked for or one for each core, and runs `work` with
/// numbers too small to matter flushed to zero.
///
/// Where the system refuses to start that many, the program says so and computes with those that
/// there are, at worst with the one that it has.
pub fn with_threads(asked: Option<u16>, work: impl FnOnce() -> ExitCode) -> ExitCode {
    let wanted = asked.map_or_else(default_count, usize::from);
    let mut threads = started(wanted);
    let count = threads.len();
    if count < wanted {
        let used = count.max(1);
        say!("warning: the system starts only {count} of {wanted} threads; computing with {used}");
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(count.max(1));
    let built = match count {
        0 => pool.use_current_thread().build_global(),
        _ => pool
            .spawn_handler(|thread| hand_over(&mut threads, thread))
            .build_global(),
    };
    if let Err(error) = built {
        say!("error: cannot start the threads to compute with: {error}");
        return ExitCode::FAILURE;
    }
    // SAFETY: this is the main thread, which nobody else has a claim on, and no memory safety of the
    // program depends on numbers so small.
    unsafe { rnn_kernels::with_denormals_flushed(work) }
}

/// One for each core, or what the environment says that the pool's library looks at.
fn default_count() -> usize {
    let asked = std::env::var("RAYON_NUM_THREADS");
    let asked = asked.ok().and_then(|text| text.parse().ok());
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    asked
        .filter(|&count| count > 0)
        .unwrap_or_else(cores)
        .min(MOST as usize)
}

/// Threads that wait for their place in the pool: so many, or as many as the system starts. The pool
/// itself could not be made a second time with fewer.
fn started(wanted: usize) -> Vec<Sender<rayon::ThreadBuilder>> {
    let start = |number: usize| {
        let (sender, place) = channel::<rayon::ThreadBuilder>();
        let builder = thread::Builder::new().name(format!("seq2seq-{number}"));
        let thread = builder.spawn(move || {
            if let Ok(place) = place.recv() {
                // SAFETY: the thread was started here and does nothing else; see `with_threads`.
                unsafe { rnn_kernels::with_denormals_flushed(|| place.run()) };
            }
        });
        thread.ok().map(|_| sender)
    };
    (0..wanted).map_while(start).collect()
}

/// Gives one of the waiting threads its place.
fn hand_over(
    threads: &mut Vec<Sender<rayon::ThreadBuilder>>,
    place: rayon::ThreadBuilder,
) -> std::io::Result<()> {
    let thread = threads.pop();
    let sent = thread.and_then(|thread| thread.send(place).ok());
    sent.ok_or_else(|| std::io::Error::other("a thread has ended"))
}
