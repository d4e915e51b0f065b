//! A wall time that training may take, and how much of it is used.

use std::time::Instant;

/// Share of the time that is kept back for what comes after the last batch, at least.
const RESERVE: f64 = 0.02;

/// The time that a run may take, validations included.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Seconds in all; none for no limit.
    seconds: Option<f64>,
    /// Seconds that were used before this process.
    before: f64,
    begun: Instant,
    /// Seconds that were used before the first batch.
    prepared: f64,
    /// Seconds that the last validation will take, and what comes after it.
    ending: f64,
}

impl Budget {
    /// A budget of so many seconds (0 for no limit), of which some may be used already.
    pub fn new(seconds: f64, before: f64) -> Self {
        Self {
            seconds: (seconds > 0.0).then_some(seconds),
            before,
            begun: Instant::now(),
            prepared: 0.0,
            ending: 0.0,
        }
    }

    /// Seconds of the run so far.
    pub fn elapsed(&self) -> f64 {
        self.before + self.begun.elapsed().as_secs_f64()
    }

    /// Takes note of how long a validation took, and how long what comes after the last one will take: they
    /// must fit in, too.
    pub fn validated(&mut self, seconds: f64, after_the_last: f64) {
        self.ending = seconds + after_the_last;
    }

    /// Takes note of seconds that were used before the first batch: schedules begin after them.
    pub fn prepared(&mut self, seconds: f64) {
        self.prepared += seconds;
    }

    /// Share of the time for training that is used, 1 or more if none is left; nothing without a
    /// budget.
    pub fn used(&self) -> Option<f64> {
        let seconds = self.seconds?;
        let reserve = (1.1 * self.ending).clamp(RESERVE * seconds, 0.5 * seconds);
        let training = seconds - reserve - self.prepared;
        Some(match training > 0.0 {
            true => (self.elapsed() - self.prepared) / training,
            false => 1.0,
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_begin_after_what_is_prepared() {
        let mut budget = Budget::new(100.0, 30.0);
        budget.prepared(30.0);
        assert!(budget.used().is_some_and(|used| used < 0.01));
        // Half of what is left of it: 100 - 2 - 30 seconds.
        let mut later = Budget::new(100.0, 64.0);
        later.prepared(30.0);
        assert!(later.used().is_some_and(|used| (used - 0.5).abs() < 0.01));
        budget.prepared(80.0);
        assert!(budget.is_spent(), "no time is left to train");
    }

    #[test]
    fn what_comes_after_the_last_validation_is_kept_back() {
        let mut budget = Budget::new(100.0, 88.0);
        assert!(!budget.is_spent());
        budget.validated(2.0, 10.0);
        assert!(budget.is_spent());
        assert!(!Budget::new(0.0, 1e9).is_limited());
    }
}
