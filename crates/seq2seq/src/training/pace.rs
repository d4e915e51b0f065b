//! Whether training steps are faster by all threads together or by one alone.
//!
//! Threads that share the kernels of a small network meet many thousand times a second. What a meeting
//! costs depends on the machine, and on a virtual one on the hour, so it is measured: some steps are
//! done together and some alone, then many in the faster way, and so on. Results do not depend on the
//! number of threads, so they do not depend on this either.

use std::time::Duration;

/// Steps that are timed before a decision; the first few of them warm up and do not count.
const TRIAL: usize = 16;
const WARM_UP: usize = 4;

/// Steps that take longer than this together have enough to do between two meetings.
const LONG_STEP: Duration = Duration::from_millis(2);

/// Steps before the next trial.
const REST: usize = 1_000;

/// Counts and times steps.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    stage: Stage,
    /// Steps of this stage so far, and the time of those that count.
    steps: usize,
    time: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// A trial with all threads.
    #[default]
    Together,
    /// A trial with one, after the other took so long.
    Alone(Duration),
    /// The faster way.
    Decided { alone: bool },
}

impl Pace {
    /// Whether the next step is to be done by this thread alone.
    pub fn is_alone(&self) -> bool {
        match self.stage {
            Stage::Together => false,
            Stage::Alone(_) => true,
            Stage::Decided { alone } => alone,
        }
    }

    /// Takes in how long that step took.
    pub fn took(&mut self, time: Duration) {
        self.steps += 1;
        if self.steps > WARM_UP {
            self.time += time;
        }
        let counted = (TRIAL - WARM_UP) as u32;
        let next = match self.stage {
            Stage::Decided { .. } if self.steps < REST => return,
            Stage::Together | Stage::Alone(_) if self.steps < TRIAL => return,
            Stage::Together if self.time < LONG_STEP * counted => Stage::Alone(self.time),
            Stage::Together => Stage::Decided { alone: false },
            Stage::Alone(together) => Stage::Decided {
                alone: self.time < together,
            },
            Stage::Decided { .. } => Stage::Together,
        };
        *self = Self {
            stage: next,
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps that were done alone among so many, which take so many microseconds.
    fn alone(pace: &mut Pace, steps: usize, together: u64, alone: u64) -> usize {
        let step = |_: &usize| {
            let is_alone = pace.is_alone();
            let micros = if is_alone { alone } else { together };
            pace.took(Duration::from_micros(micros));
            is_alone
        };
        (0..steps).filter(step).count()
    }

    #[test]
    fn the_faster_way_is_taken() {
        let round = 2 * TRIAL + REST;
        assert_eq!(
            alone(&mut Pace::default(), round, 600, 300),
            round - TRIAL,
            "all but the trial together"
        );
        assert_eq!(alone(&mut Pace::default(), round, 200, 300), TRIAL);
        // Steps of several milliseconds are never done alone.
        assert_eq!(alone(&mut Pace::default(), round, 4_000, 3_000), 0);
    }

    #[test]
    fn another_hour_is_another_decision() {
        let mut pace = Pace::default();
        let round = 2 * TRIAL + REST;
        alone(&mut pace, round, 600, 300);
        assert_eq!(alone(&mut pace, round, 200, 300), TRIAL);
    }
}
