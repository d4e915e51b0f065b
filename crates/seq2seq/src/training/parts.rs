//! Parts of a batch that are computed side by side, one a thread.
//!
//! Recurrent layers share their work between threads themselves; what is composed of Burn's
//! operations does not, and there it is faster to give each thread a part of the batch. Into how many
//! parts a batch is cut follows from the settings alone, so that results do not depend on the number
//! of threads.

use std::panic::resume_unwind;
use std::thread;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// Threads that each compute a part of a batch.
pub struct PartThreads {
    /// Pools of a single thread, so that nothing within a part looks for more threads; none if there
    /// is only one thread or one part.
    pools: Vec<ThreadPool>,
}

impl PartThreads {
    /// Threads for so many parts, as many as the current pool has at most.
    pub fn new(parts: usize) -> Self {
        let threads = rayon::current_num_threads().min(parts);
        let pools: Result<Vec<ThreadPool>, _> = match threads {
            0 | 1 => Ok(Vec::new()),
            _ => (0..threads).map(|_| single()).collect(),
        };
        Self {
            // Without threads of their own, the parts are computed one after the other.
            pools: pools.unwrap_or_default(),
        }
    }

    /// What `work` makes of each part, in their order.
    pub fn run<P: Send, R: Send>(&self, parts: Vec<P>, work: impl Fn(P) -> R + Sync) -> Vec<R> {
        if self.pools.is_empty() || parts.len() == 1 {
            return parts.into_iter().map(work).collect();
        }
        let share = parts.len().div_ceil(self.pools.len());
        let (mut parts, work) = (parts.into_iter(), &work);
        thread::scope(|scope| {
            let threads: Vec<_> = (self.pools.iter())
                .map(|pool| {
                    let share: Vec<P> = parts.by_ref().take(share).collect();
                    let compute = move || share.into_iter().map(work).collect::<Vec<R>>();
                    scope.spawn(move || pool.install(compute))
                })
                .collect();
            let finished = threads.into_iter().map(|thread| thread.join());
            finished
                .flat_map(|share| share.unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        })
    }
}

/// A pool of one thread, which treats tiny numbers as this thread does.
fn single() -> Result<ThreadPool, ThreadPoolBuildError> {
    let flush = rnn_kernels::flushes_denormals();
    ThreadPoolBuilder::new()
        .num_threads(1)
        .start_handler(move |_| {
            if flush {
                rnn_kernels::flush_denormals();
            }
        })
        .build()
}
