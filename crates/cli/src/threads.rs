//! The threads that the program computes with.

use std::thread::available_parallelism;

/// Most threads that can be asked for: more only wait for each other.
pub const MOST: i64 = 1024;

/// Starts the thread pool, with as many threads as were asked for or one for each core, and runs `work`.
///
/// Where the system refuses to start that many, the program says so and computes with those that
/// there are, at worst with the one that it has.
pub fn with_threads(asked: Option<u16>, work: impl FnOnce() -> u8 + Send) -> u8 {
    let wanted = asked.map_or_else(default_count, usize::from);
    let ran = rnn_kernels::with_thread_pool(wanted, |count| {
        if count < wanted {
            let used = count.max(1);
            say!(
                "warning: the system starts only {count} of {wanted} threads; computing with {used}"
            );
        }
        work()
    });
    ran.unwrap_or_else(|error| {
        say!("error: cannot start the threads to compute with: {error}");
        1
    })
}

/// One for each core, or what `RAYON_NUM_THREADS` says.
fn default_count() -> usize {
    let asked = std::env::var("RAYON_NUM_THREADS");
    let asked = asked.ok().and_then(|text| text.parse().ok());
    let cores = || available_parallelism().map_or(1, usize::from);
    asked
        .filter(|&count| count > 0)
        .unwrap_or_else(cores)
        .min(MOST as usize)
}
