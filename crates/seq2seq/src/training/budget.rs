//! A wall time that training may take, and how much of it is used.

use std::time::Instant;

/// Share of the time that is kept back for the last validation, at least.
const RESERVE: f64 = 0.02;

/// The time that a run may take, validations included.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Seconds in all; none for no limit.
    seconds: Option<f64>,
    /// Seconds that were used before this process.
    before: f64,
    begun: Instant,
    /// Seconds that the last validation took.
    validation: f64,
}

impl Budget {
    /// A budget of so many seconds (0 for no limit), of which some may be used already.
    pub fn new(seconds: f64, before: f64) -> Self {
        Self {
            seconds: (seconds > 0.0).then_some(seconds),
            before,
            begun: Instant::now(),
            validation: 0.0,
        }
    }

    /// Seconds of the run so far.
    pub fn elapsed(&self) -> f64 {
        self.before + self.begun.elapsed().as_secs_f64()
    }

    /// Takes note of how long a validation took: the last one must fit in, too.
    pub fn validated(&mut self, seconds: f64) {
        self.validation = seconds;
    }

    /// Share of the time for training that is used, 1 or more if none is left; nothing without a
    /// budget.
    pub fn used(&self) -> Option<f64> {
        let seconds = self.seconds?;
        let reserve = (1.1 * self.validation).clamp(RESERVE * seconds, 0.5 * seconds);
        Some(self.elapsed() / (seconds - reserve))
    }

    /// Whether there is only time for the last validation.
    pub fn is_spent(&self) -> bool {
        self.used().is_some_and(|used| used >= 1.0)
    }

    /// Whether there is a limit at all.
    pub fn is_limited(&self) -> bool {
        self.seconds.is_some()
    }
}
