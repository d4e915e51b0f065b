//! From settings to Burn's learning-rate schedules.

use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::lr_scheduler::exponential::ExponentialLrSchedulerConfig;
use burn::lr_scheduler::linear::LinearLrSchedulerConfig;
use burn::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::lr_scheduler::noam::NoamLrSchedulerConfig;
use burn::lr_scheduler::step::StepLrSchedulerConfig;

use crate::config::{ConfigError, ScheduleKind, SettingsError, TrainingSettings};

/// Learning rates, step by step.
pub struct Schedule {
    inner: ModuleLrScheduler,
    /// Steps over which the rate rises first; 0 where the schedule has its own warm-up.
    warmup: usize,
    taken: usize,
    kind: ScheduleKind,
    /// Rates at the start and at the end.
    ends: [f64; 2],
    /// Factor of each drop of `plateau`.
    decay: f64,
}

/// Share of a time budget over which the rate rises first.
const BUDGET_WARMUP: f64 = 0.02;

impl Schedule {
    /// The schedule for a run of so many batches an epoch, with `taken` steps behind it already.
    ///
    /// # Errors
    /// If Burn refuses the settings.
    pub fn new(
        settings: &TrainingSettings,
        batches: usize,
        taken: usize,
    ) -> Result<Self, ConfigError> {
        let inner = scheduler(settings, batches.max(1))
            .map_err(|message| SettingsError::Conflict(format!("training.schedule: {message}")))?;
        let own_warmup = settings.schedule == ScheduleKind::Noam;
        let warmup = if own_warmup { 0 } else { settings.warmup_steps };
        let mut schedule = Self {
            inner,
            warmup,
            taken: 0,
            kind: settings.schedule,
            ends: [settings.learning_rate, settings.final_learning_rate],
            decay: settings.decay,
        };
        // A schedule is a few numbers a step: going through it again is exact and takes no time.
        for _ in 0..taken {
            schedule.next_rate(0);
        }
        Ok(schedule)
    }

    /// The learning rate of the next step, after so many plateaus of the validation figure.
    pub fn next_rate(&mut self, plateaus: usize) -> f64 {
        let mut rate = self.inner.step().base();
        if self.kind == ScheduleKind::Plateau {
            rate *= self.decay.powf(plateaus as f64);
        }
        self.taken += 1;
        if self.taken < self.warmup {
            rate * self.taken as f64 / self.warmup as f64
        } else {
            rate
        }
    }

    /// The learning rate of the next step of a run with a time budget of which so much is used,
    /// from 0 to 1: a cosine or a straight line over the budget, whatever the number of steps
    /// turns out to be.
    pub fn rate_within_budget(&mut self, used: f64) -> f64 {
        let [first, last] = self.ends;
        self.taken += 1;
        let used = used.clamp(0.0, 1.0);
        let left = match self.kind {
            ScheduleKind::Linear => 1.0 - used,
            ScheduleKind::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * used).cos()),
            _ => 1.0,
        };
        let rise = if used < BUDGET_WARMUP && self.warmup == 0 {
            (used / BUDGET_WARMUP).max(0.05)
        } else if self.taken < self.warmup {
            self.taken as f64 / self.warmup as f64
        } else {
            1.0
        };
        (last + (first - last) * left) * rise
    }
}

fn scheduler(settings: &TrainingSettings, batches: usize) -> Result<ModuleLrScheduler, String> {
    let (first, last) = (settings.learning_rate, settings.final_learning_rate);
    let steps = settings.epochs * batches;
    match settings.schedule {
        ScheduleKind::Constant | ScheduleKind::Plateau => Ok(first.into()),
        ScheduleKind::Linear => LinearLrSchedulerConfig::new(first, last, steps).init(),
        ScheduleKind::Cosine => CosineAnnealingLrSchedulerConfig::new(first, steps)
            .with_min_lr(last)
            .init(),
        ScheduleKind::Exponential => {
            let gamma = settings.decay.powf(1.0 / batches as f64);
            ExponentialLrSchedulerConfig::new(first, gamma).init()
        }
        ScheduleKind::Step => {
            let every = settings.decay_epochs * batches;
            StepLrSchedulerConfig::new(first, every)
                .with_gamma(settings.decay)
                .init()
        }
        ScheduleKind::Noam => {
            // Scaled so that the rate peaks at `learning_rate`, at the end of the warm-up.
            let factor = first * (settings.warmup_steps as f64).sqrt();
            NoamLrSchedulerConfig::new(factor)
                .with_warmup_steps(settings.warmup_steps)
                .with_model_size(1)
                .init()
        }
    }
}
