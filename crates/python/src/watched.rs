//! Long work on the threads of the package, while the thread that asked for it listens to Ctrl-C and calls back
//! into Python.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Once};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rnn_kernels::pool_of_process;

use crate::threads::threads;

/// How often Ctrl-C is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// What is called on the thread that asked for the work; false ends the work.
type Call = Box<dyn FnOnce(Python<'_>) -> PyResult<bool> + Send>;

struct Message {
    call: Call,
    /// Where somebody waits for the call.
    done: Option<SyncSender<()>>,
}

/// What the work has of the thread that asked for it.
pub struct Caller {
    messages: SyncSender<Message>,
    stop: Arc<AtomicBool>,
}

impl Caller {
    /// Whether the work is to end.
    pub fn wants_to_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Calls into Python, unless another call is still waiting.
    pub fn tell(&self, call: impl FnOnce(Python<'_>) -> PyResult<bool> + Send + 'static) {
        let call = Box::new(call);
        // Whoever asked for the work listens until the work is over.
        drop(self.messages.try_send(Message { call, done: None }));
    }

    /// Calls into Python, and waits for the end of the call.
    pub fn ask(&self, call: impl FnOnce(Python<'_>) -> PyResult<bool> + Send + 'static) {
        let (done, is_done) = sync_channel(1);
        let message = Message {
            call: Box::new(call),
            done: Some(done),
        };
        if self.messages.send(message).is_ok() {
            let _ = is_done.recv();
        }
    }
}

/// Lets the system's allocator keep freed memory from one batch of training to the next.
///
/// The allocator of glibc hands large blocks back to the system at once, and every batch asks for its pages anew, until
/// a block of 32 MiB has been freed: then it keeps blocks up to that size. One that is never written costs nothing.
fn keep_freed_memory() {
    static ONCE: Once = Once::new();
    const LARGEST: usize = (32 << 20) - (64 << 10);
    ONCE.call_once(|| drop(black_box(Vec::<u8>::with_capacity(LARGEST))));
}

/// Runs `work` on the pool of this process. Meanwhile this thread holds no lock, makes the calls that the work
/// asks for, and looks for Ctrl-C; what a call or Ctrl-C raises ends the work, and is raised once it has ended.
pub fn watch<R: Send>(py: Python<'_>, work: impl FnOnce(Caller) -> R + Send) -> PyResult<R> {
    keep_freed_memory();
    let pool = pool_of_process(threads()).map_err(|error| {
        PyRuntimeError::new_err(format!("cannot start the threads to compute with: {error}"))
    })?;
    let stop = Arc::new(AtomicBool::new(false));
    let (messages, received) = sync_channel(1);
    let caller = Caller {
        messages,
        stop: Arc::clone(&stop),
    };
    let mut result = None;
    let slot = &mut result;
    let raised = py.detach(move || {
        pool.in_place_scope(move |scope| {
            scope.spawn(move |_| *slot = Some(work(caller)));
            listen(&received, &stop)
        })
    });
    match (raised, result) {
        (Some(error), _) => Err(error),
        (None, Some(result)) => Ok(result),
        (None, None) => Err(PyRuntimeError::new_err("the computation gave no result")),
    }
}

/// Makes calls until the work is over; returns what was raised first.
fn listen(messages: &Receiver<Message>, stop: &AtomicBool) -> Option<PyErr> {
    let mut raised = None;
    loop {
        let message = match messages.recv_timeout(LOOK) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return raised,
        };
        let (call, done) = message.map_or((None, None), |it| (Some(it.call), it.done));
        let outcome = Python::attach(|py| {
            py.check_signals()?;
            match call.filter(|_| raised.is_none()) {
                Some(call) => call(py),
                None => Ok(true),
            }
        });
        match outcome {
            Ok(true) => {}
            Ok(false) => stop.store(true, Ordering::Relaxed),
            Err(error) => {
                stop.store(true, Ordering::Relaxed);
                raised.get_or_insert(error);
            }
        }
        if let Some(done) = done {
            let _ = done.send(());
        }
    }
}
