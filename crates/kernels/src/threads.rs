//! Work for several threads, cut so that the results do not depend on how many there are.
//!
//! A training step is a few dozen pieces of work of a millisecond or less. Waking a sleeping thread
//! for each costs up to a tenth of that, so [`workers`] stay awake for a moment in between.

#[cfg(feature = "rayon")]
mod pool;
#[cfg(feature = "rayon")]
mod pool_of_process;
mod workers;

#[cfg(feature = "rayon")]
pub use pool::with_thread_pool;
#[cfg(feature = "rayon")]
pub use pool_of_process::pool_of_process;
pub use workers::with_threads;

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rows that a thread must have to be worth waking.
const FEWEST_ROWS: usize = 8;

/// Pieces for each thread: a thread that wakes late, or loses its core for a moment, leaves its pieces
/// to the others.
const PIECES: usize = 4;

/// Runs `work` on ranges of rows that together are all of them, one range a thread: for work of many
/// steps on the same rows, which stay in the cache of one core.
pub(crate) fn for_each_range(rows: usize, work: impl Fn(Range<usize>) + Sync) {
    let parts = threads_for(rows / FEWEST_ROWS);
    workers::for_each_part(parts, &|part| {
        work(rows * part / parts..rows * (part + 1) / parts);
    });
}

/// Runs `work` on ranges of rows that together are all of them, several a thread.
pub(crate) fn for_each_piece(rows: usize, work: impl Fn(Range<usize>) + Sync) {
    let parts = rows / FEWEST_ROWS;
    let pieces = match threads_for(parts) {
        1 => 1,
        threads => (PIECES * threads).min(parts),
    };
    for_each(pieces, |piece| {
        work(rows * piece / pieces..rows * (piece + 1) / pieces);
    });
}

/// Runs `work` on ranges of columns that together are all of them, one range a thread, since narrow
/// ones are slower; but for the last, each has a multiple of 16 columns.
pub(crate) fn for_each_columns(columns: usize, work: impl Fn(Range<usize>) + Sync) {
    let groups = columns.div_ceil(16);
    let parts = threads_for(groups);
    let bound = |part: usize| (groups * part / parts * 16).min(columns);
    workers::for_each_part(parts, &|part| work(bound(part)..bound(part + 1)));
}

/// Runs `work` on every number below `count`, on as many threads as there are; each takes
/// the next one when it is done with another. Threads that are left over are shared out: kernels within
/// `work` use them.
///
/// # Panics
/// If `work` does.
pub fn for_each(count: usize, work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    workers::for_each_part(threads_for(count), &|_| {
        let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&index| index < count);
        std::iter::from_fn(take).for_each(&work);
    });
}

/// Threads for a number of pieces of work; a single piece wakes nobody.
fn threads_for(pieces: usize) -> usize {
    if pieces <= 1 {
        return 1;
    }
    workers::threads().min(pieces)
}

/// Threads that the current one may use, itself included.
pub fn threads() -> usize {
    workers::threads()
}
