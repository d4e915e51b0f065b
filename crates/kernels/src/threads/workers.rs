//! Worker threads, which do one piece of work after the other.

use std::cell::{Cell, UnsafeCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(not(feature = "rayon"))]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::denormals;

/// How long a worker looks out for more work before it sleeps: longer than the parts of a training
/// step that only one thread works on.
const AWAKE: Duration = Duration::from_millis(1);

/// Looks in a row, before the clock is read or another thread let in.
const LOOKS: usize = 256;

type Work<'a> = dyn Fn(usize) + Sync + 'a;

/// The workers of this process. Threads do not survive a fork of the process, so a forked child starts its
/// own.
static OF_PROCESS: AtomicPtr<OfProcess> = AtomicPtr::new(std::ptr::null_mut());

struct OfProcess {
    process: u32,
    workers: Mutex<Workers>,
}

impl OfProcess {
    /// Those of the current process. What its parent had is left alone: its lock may have been held by a
    /// thread that is not there any more.
    fn current() -> &'static Self {
        let process = process();
        let found = OF_PROCESS.load(Ordering::Acquire);
        // SAFETY: what the pointer leads to is never freed or changed, but for what the mutex protects.
        if let Some(of_process) = unsafe { found.as_ref() }
            && of_process.process == process
        {
            return of_process;
        }
        let new = Box::into_raw(Box::new(Self {
            process,
            workers: Mutex::new(Workers::default()),
        }));
        let order = (Ordering::AcqRel, Ordering::Acquire);
        match OF_PROCESS.compare_exchange(found, new, order.0, order.1) {
            // SAFETY: it was made here, and is kept from now on.
            Ok(_) => unsafe { &*new },
            Err(others) => {
                // SAFETY: nobody else knows of it.
                drop(unsafe { Box::from_raw(new) });
                // SAFETY: as above; another thread of this process has just put it there.
                unsafe { &*others }
            }
        }
    }
}

/// What tells a process from the one that it was forked from.
pub(super) fn process() -> u32 {
    if cfg!(unix) { std::process::id() } else { 0 }
}

/// Idle workers of the process, and the number of workers in all.
#[derive(Default)]
struct Workers {
    idle: Vec<Worker>,
    started: usize,
    /// Whether the system refused to start another; it is not asked again with every kernel.
    is_refused: bool,
}

/// The threads that a thread may use, itself included.
#[derive(Clone, Copy)]
struct Share {
    threads: usize,
    /// Those of whoever it works for.
    of: usize,
}

thread_local! {
    /// Of a thread that does a part of some work or was given a number; others may use the program's.
    static SHARE: Cell<Option<Share>> = const { Cell::new(None) };
}

impl Share {
    fn current() -> Self {
        SHARE.get().unwrap_or_else(|| {
            let threads = threads_of_program();
            let of = threads;
            Self { threads, of }
        })
    }

    /// What falls to one of so many parts.
    fn part(self, part: usize, parts: usize) -> Self {
        let bound = |part| self.threads * part / parts;
        Self {
            threads: (bound(part + 1) - bound(part)).max(1),
            ..self
        }
    }

    /// Runs `work` with this share.
    fn with<R>(self, work: impl FnOnce() -> R) -> R {
        struct Restore(Option<Share>);
        impl Drop for Restore {
            fn drop(&mut self) {
                SHARE.set(self.0);
            }
        }
        let _restore = Restore(SHARE.replace(Some(self)));
        work()
    }
}

/// Threads that this one may use, itself included.
pub(super) fn threads() -> usize {
    Share::current().threads
}

/// Runs `work`, whose kernels use at most so many threads, this one included: one for so little work
/// that threads would wait for each other more than they compute.
pub fn with_threads<R>(threads: usize, work: impl FnOnce() -> R) -> R {
    let threads = threads.max(1);
    let of = threads;
    Share { threads, of }.with(work)
}

/// As many as the current pool has.
#[cfg(feature = "rayon")]
fn threads_of_program() -> usize {
    rayon::current_num_threads()
}

/// One for each core; one where there are no threads, as in WebAssembly.
#[cfg(not(feature = "rayon"))]
fn threads_of_program() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}

/// Runs `work` on the numbers below `parts`, each on a thread of its own as far as there are idle
/// workers. Where there are fewer parts than threads, each part may use several.
pub(crate) fn for_each_part(parts: usize, work: &Work<'_>) {
    if parts <= 1 {
        return (0..parts).for_each(work);
    }
    let share = Share::current();
    let taken = TakenWorkers::take(parts - 1, share.of - 1);
    let flush = denormals::flushes_denormals();
    let handed_over: Vec<PendingJob> = (taken.0.iter().zip(1..))
        .map(|(worker, part)| {
            let share = share.part(part, parts);
            // SAFETY: `PendingJob` waits for the worker before `work` goes out of scope, in a panic
            // too.
            unsafe { worker.hand_over(work, part, share, flush) }
        })
        .collect();
    share.part(0, parts).with(|| {
        work(0);
        (taken.0.len() + 1..parts).for_each(work);
    });
    let panicked = handed_over.iter().filter(|handed| handed.wait()).count();
    drop(handed_over);
    drop(taken);
    assert!(panicked == 0, "a worker thread panicked");
}

/// Workers that are taken for a piece of work, until this is dropped.
struct TakenWorkers(Vec<Worker>);

impl TakenWorkers {
    /// So many, or those that are idle: no more than `most` are ever started.
    fn take(wanted: usize, most: usize) -> Self {
        let Ok(mut workers) = OfProcess::current().workers.lock() else {
            return Self(Vec::new());
        };
        while workers.idle.len() < wanted && workers.started < most && !workers.is_refused {
            match Worker::start() {
                Ok(worker) => {
                    workers.idle.push(worker);
                    workers.started += 1;
                }
                // Whoever asks does the work of those that are missing.
                Err(_) => workers.is_refused = true,
            }
        }
        // In the order in which they come back, so that rows meet the thread again that has them in
        // its cache.
        let left = workers.idle.len().saturating_sub(wanted);
        Self(workers.idle.split_off(left))
    }
}

impl Drop for TakenWorkers {
    fn drop(&mut self) {
        if let Ok(mut workers) = OfProcess::current().workers.lock() {
            workers.idle.append(&mut self.0);
        }
    }
}

/// One worker thread.
struct Worker {
    mailbox: Arc<Mailbox>,
    thread: Thread,
}

/// Where a worker finds its jobs.
struct Mailbox {
    /// Jobs that were handed over so far.
    handed_over: AtomicUsize,
    /// Jobs that are done.
    done: AtomicUsize,
    asleep: AtomicBool,
    panicked: AtomicBool,
    job: UnsafeCell<Option<Job>>,
}

#[derive(Clone, Copy)]
struct Job {
    work: *const Work<'static>,
    part: usize,
    share: Share,
    flush_denormals: bool,
}

// SAFETY: the job is written by who has taken the worker, while the worker has nothing to do; the worker
// reads it after `handed_over` has grown, which orders the two. `Work` is `Sync`.
unsafe impl Sync for Mailbox {}
// SAFETY: as above.
unsafe impl Send for Mailbox {}

impl Worker {
    fn start() -> std::io::Result<Self> {
        let mailbox = Arc::new(Mailbox {
            handed_over: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            asleep: AtomicBool::new(false),
            panicked: AtomicBool::new(false),
            job: UnsafeCell::new(None),
        });
        let here = Arc::clone(&mailbox);
        let builder = thread::Builder::new().name("rnn-kernels".to_owned());
        let thread = builder.spawn(move || here.serve())?.thread().clone();
        Ok(Self { mailbox, thread })
    }

    /// Lets the worker do a part of some work.
    ///
    /// # Safety
    /// `work` lives until the result has been dropped, and nobody else has the worker until then.
    unsafe fn hand_over(
        &self,
        work: &Work<'_>,
        part: usize,
        share: Share,
        flush_denormals: bool,
    ) -> PendingJob<'_> {
        // SAFETY: only forgets the lifetime, which the caller vouches for.
        let work = unsafe { std::mem::transmute::<&Work<'_>, &'static Work<'static>>(work) };
        let job = Job {
            work,
            part,
            share,
            flush_denormals,
        };
        // SAFETY: the worker has done its last job, and does not look here before the next.
        unsafe { *self.mailbox.job.get() = Some(job) };
        self.mailbox.handed_over.fetch_add(1, Ordering::SeqCst);
        if self.mailbox.asleep.swap(false, Ordering::SeqCst) {
            self.thread.unpark();
        }
        PendingJob(&self.mailbox)
    }
}

/// A job that a worker has not done yet, perhaps.
struct PendingJob<'a>(&'a Mailbox);

impl PendingJob<'_> {
    /// Waits until it is done. Returns whether it panicked.
    fn wait(&self) -> bool {
        let all = self.0.handed_over.load(Ordering::Relaxed);
        let mut looks = 0;
        while self.0.done.load(Ordering::Acquire) != all {
            looks += 1;
            if looks % LOOKS == 0 {
                // The worker may need this very core.
                thread::yield_now();
            }
            std::hint::spin_loop();
        }
        self.0.panicked.load(Ordering::Relaxed)
    }
}

impl Drop for PendingJob<'_> {
    fn drop(&mut self) {
        self.wait();
        self.0.panicked.store(false, Ordering::Relaxed);
    }
}

impl Mailbox {
    /// The worker's life.
    fn serve(&self) {
        // What it works on may look for threads, too, and finds a pool of this one.
        #[cfg(feature = "rayon")]
        let _alone = {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1);
            pool.use_current_thread().build()
        };
        for number in 1.. {
            self.await_job(number);
            // SAFETY: there is a job, and it is not changed before it is done; see `hand_over`.
            if let Some(job) = unsafe { *self.job.get() } {
                // SAFETY: whoever handed it over keeps it alive until it is done.
                let work = unsafe { &*job.work };
                let part = || job.share.with(|| work(job.part));
                // As on the thread that asked for it.
                let part = || denormals::with_flushing(job.flush_denormals, part);
                if catch_unwind(AssertUnwindSafe(part)).is_err() {
                    self.panicked.store(true, Ordering::Relaxed);
                }
            }
            self.done.store(number, Ordering::Release);
        }
    }

    fn await_job(&self, number: usize) {
        let is_there = || self.handed_over.load(Ordering::SeqCst) == number;
        let begun = Instant::now();
        loop {
            for _ in 0..LOOKS {
                if is_there() {
                    return;
                }
                std::hint::spin_loop();
            }
            if begun.elapsed() < AWAKE {
                continue;
            }
            self.asleep.store(true, Ordering::SeqCst);
            if is_there() {
                self.asleep.store(false, Ordering::SeqCst);
                return;
            }
            // May return for no reason; then there is no job yet, and another look costs nothing.
            thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs so many parts, some of which may panic; returns how often each was done.
    fn done(parts: usize, panics: bool) -> Vec<usize> {
        with_threads(4, || done_here(parts, panics))
    }

    fn done_here(parts: usize, panics: bool) -> Vec<usize> {
        let counts: Vec<AtomicUsize> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
        let work = |part: usize| {
            counts[part].fetch_add(1, Ordering::Relaxed);
            assert!(!panics || part == 0, "part {part} cannot be done");
        };
        let result = catch_unwind(AssertUnwindSafe(|| for_each_part(parts, &work)));
        assert_eq!(result.is_err(), panics && parts > 1);
        counts.into_iter().map(AtomicUsize::into_inner).collect()
    }

    #[test]
    fn every_part_is_done_once() {
        for parts in [0, 1, 2, 3, 2, 3] {
            assert_eq!(done(parts, false), vec![1; parts]);
        }
    }

    #[test]
    fn the_workers_outlive_a_panic() {
        assert_eq!(done(2, true)[0], 1);
        assert_eq!(done(3, false), [1; 3]);
    }

    #[test]
    fn workers_wake_up_again() {
        done(2, false);
        thread::sleep(3 * AWAKE);
        assert_eq!(done(2, false), [1; 2]);
    }

    #[test]
    fn threads_that_are_left_over_are_shared_out() {
        with_threads(7, || {
            for_each_part(3, &|part| {
                // The last part may have been left to the first thread, whose share is smaller.
                assert!(threads() == 2 || (part, threads()) == (2, 3));
                for_each_part(2, &|_| assert!((1..=2).contains(&threads())));
            });
            assert_eq!(threads(), 7);
        });
    }

    #[test]
    fn threads_are_those_asked_for() {
        with_threads(4, || {
            with_threads(1, || assert_eq!(threads(), 1));
            assert_eq!(threads(), 4);
        });
    }

    #[test]
    fn work_within_work_and_beside_it_is_done() {
        let total = AtomicUsize::new(0);
        let add = |_: usize| {
            total.fetch_add(1, Ordering::Relaxed);
        };
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| for_each_part(2, &|_| for_each_part(3, &add)));
            }
        });
        assert_eq!(total.into_inner(), 2 * 2 * 3);
    }

    #[cfg(all(unix, not(miri)))]
    #[test]
    fn a_forked_child_starts_workers_of_its_own() {
        use std::ffi::c_int;
        unsafe extern "C" {
            fn fork() -> c_int;
            fn alarm(seconds: c_int) -> c_int;
            fn waitpid(child: c_int, status: *mut c_int, options: c_int) -> c_int;
            fn _exit(status: c_int) -> !;
        }
        assert_eq!(done(3, false), [1; 3]);
        // SAFETY: the child computes, starts threads and allocates, which the C libraries allow here, and ends
        // without running what the parent has registered.
        let child = unsafe { fork() };
        if child == 0 {
            // SAFETY: ends a child that hangs.
            unsafe { alarm(10) };
            let fine = done(3, false) == [1; 3] && done(2, false) == [1; 2];
            // SAFETY: as above.
            unsafe { _exit(c_int::from(!fine)) };
        }
        let mut status = 0;
        // SAFETY: waits for the child that was made above.
        assert_eq!(unsafe { waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0, "the child failed or hung");
        assert_eq!(done(3, false), [1; 3]);
    }
}
