//! Ctrl-C and SIGTERM, which end training in good order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

/// The first Ctrl-C or SIGTERM asks training to stop after the batch; a second one ends it at once,
/// and so does the first when training is over.
pub struct StopSignal {
    asked: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

impl StopSignal {
    /// Starts to listen.
    pub fn listen() -> Result<Self> {
        let signal = Self {
            asked: Arc::default(),
            over: Arc::default(),
        };
        let (asked, over) = (Arc::clone(&signal.asked), Arc::clone(&signal.over));
        ctrlc::set_handler(move || {
            if over.load(Ordering::Relaxed) || asked.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
            say!("\nfinishing the batch and saving; once more to stop at once");
        })
        .context("cannot listen for Ctrl-C")?;
        Ok(signal)
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
