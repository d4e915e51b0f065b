//! Parallel maps: pieces of work side by side, each by a thread of its own.
//!
//! Kernels share their own work between threads, but in small pieces, and wait for each other after each.
//! Where there are several pieces that do not need each other (batches to decode or score, parts of a batch),
//! it is faster to give each thread a whole one. Only threads that are left over share the kernels of a piece.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Threads that the current one may use, itself included.
pub fn threads() -> usize {
    rnn_kernels::threads()
}

/// What `work` makes of each piece, in their order. Threads take the pieces in that order, too.
pub fn map<P: Send, R: Send>(pieces: Vec<P>, work: impl Fn(P) -> R + Sync) -> Vec<R> {
    let count = pieces.len();
    let queue = Mutex::new(pieces.into_iter().enumerate());
    let done = Mutex::new(Vec::with_capacity(count));
    rnn_kernels::parallel_for_each(count, |_| {
        let next = lock(&queue).next();
        if let Some((place, piece)) = next {
            let result = work(piece);
            lock(&done).push((place, result));
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Small pieces that are worth waking a thread for.
const SHARE: usize = 16;

/// What `work` makes of each of many small pieces, in their order: each thread takes a share of them at once.
/// A few pieces wake nobody, and start no pool of threads either.
pub fn map_shares<P: Send, R: Send>(pieces: Vec<P>, work: impl Fn(P) -> R + Sync) -> Vec<R> {
    if pieces.len() < 2 * SHARE {
        return pieces.into_iter().map(work).collect();
    }
    let size = pieces.len().div_ceil(threads());
    let mut pieces = pieces.into_iter();
    let shares = std::iter::from_fn(|| {
        let share: Vec<P> = pieces.by_ref().take(size.max(SHARE)).collect();
        (!share.is_empty()).then_some(share)
    });
    let map_share = |share: Vec<P>| share.into_iter().map(&work).collect::<Vec<R>>();
    let done = self::map(shares.collect(), map_share);
    done.into_iter().flatten().collect()
}

/// A panic of another thread is passed on by the kernels; it leaves nothing half done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
