//! Ctrl-C and SIGTERM, which end training in good order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The first Ctrl-C or SIGTERM asks training to stop after the batch; a second one ends it at once,
/// and so does the first when training is over.
pub struct StopSignal {
    asked: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

impl StopSignal {
    /// Starts to listen, for which the system must start a thread.
    pub fn listen() -> Self {
        let signal = Self {
            asked: Arc::default(),
            over: Arc::default(),
        };
        let (asked, over) = (Arc::clone(&signal.asked), Arc::clone(&signal.over));
        let listening = ctrlc::set_handler(move || {
            if over.load(Ordering::Relaxed) || asked.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
            say!("\nfinishing the batch and saving; once more to stop at once");
        });
        if let Err(error) = listening {
            say!("warning: cannot listen for Ctrl-C, which ends the program at once: {error}");
        }
        signal
    }

    /// Whether it was asked for.
    pub fn asked(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.asked)
    }

    /// From now on a signal ends the program at once.
    pub fn training_is_over(&self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
