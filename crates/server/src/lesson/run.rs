//! Training runs that a page starts, pauses, steps and watches.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use seq2seq::Model;
use seq2seq::data::Pair;
use seq2seq::training::{BatchReport, Observer, Task, Trainer};
use serde::Serialize;

use super::figures::{Answered, Figures};

/// Time between two looks at the model while it is trained.
const LOOK: Duration = Duration::from_millis(500);
/// A run that no page has looked at for so long is paused.
const UNWATCHED: Duration = Duration::from_secs(20);
/// Runs that a page trains at the same time, which share the threads.
const SIDE_BY_SIDE: usize = 2;
/// Points of a curve; of more, every other is dropped.
const MOST_POINTS: usize = 600;
/// Runs at once; beyond them the one that was looked at longest ago ends.
const MOST_RUNS: usize = 8;

/// What a run is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Pause,
    Go,
    /// One batch, then pause.
    Batch,
    End,
}

/// A run and what is known of it.
pub struct Run {
    command: Mutex<Command>,
    changed: Condvar,
    progress: Mutex<Progress>,
    seen: Mutex<Instant>,
    held_out: Vec<Pair>,
}

/// Where a run stands.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Figures over time.
    pub points: Vec<Point>,
    /// The model at the last of them.
    pub model: Option<Model>,
    /// Held-out questions with its answers.
    pub answered: Vec<Answered>,
    /// Training pairs seen, repeats included.
    pub pairs: u64,
    /// Batches done.
    pub batches: u64,
    /// Training pairs a second, looks included and pauses not.
    pub pairs_per_second: f64,
    /// Whether a batch is being computed, or figures after it.
    pub busy: bool,
    /// Whether all epochs are done.
    pub finished: bool,
    /// Why it ended, if something went wrong.
    pub failed: Option<String>,
}

/// Figures at a moment of training.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Point {
    /// Epochs done, as a fraction.
    pub epoch: f64,
    /// Batches done.
    pub batches: u64,
    /// Figures on the held-out pairs.
    #[serde(flatten)]
    pub figures: Figures,
    /// Loss on the training pairs of this epoch so far, in nats a symbol.
    pub training_loss: Option<f64>,
    /// Share of their symbols predicted right.
    pub training_accuracy: Option<f64>,
}

/// What a page is told of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Whether it trains now.
    pub running: bool,
    /// Whether all epochs are done.
    pub finished: bool,
    /// Why it ended, if something went wrong.
    pub failed: Option<String>,
    /// Training pairs seen, repeats included.
    pub pairs: u64,
    /// Batches done.
    pub batches: u64,
    /// Training pairs a second.
    pub pairs_per_second: f64,
    /// Figures over time.
    pub points: Vec<Point>,
    /// Held-out questions with the model's answers.
    pub answered: Vec<Answered>,
}

impl Run {
    /// Starts a thread that trains once it is told to.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(task: Task, held_out: Vec<Pair>) -> std::io::Result<Arc<Self>> {
        let run = Arc::new(Self {
            command: Mutex::new(Command::Pause),
            changed: Condvar::new(),
            progress: Mutex::default(),
            seen: Mutex::new(Instant::now()),
            held_out,
        });
        let own = Arc::clone(&run);
        let threads = (seq2seq::parallel::threads() / SIDE_BY_SIDE).max(1);
        let train = move || {
            if let Err(error) = rnn_kernels::with_threads(threads, || own.train(task)) {
                lock(&own.progress).failed = Some(error);
            }
        };
        let builder = thread::Builder::new().name("seq2seq-training".to_owned());
        builder.spawn(train)?;
        Ok(run)
    }

    fn train(&self, task: Task) -> Result<(), String> {
        let text = |error: seq2seq::training::TrainingError| error.to_string();
        let batch = task.recipe.training.batch_size;
        let per_epoch = task.train.len();
        let trainer = Trainer::new(task, None).map_err(text)?;
        let mut watcher = Watcher {
            run: self,
            pairs_of_epoch: per_epoch,
            batch,
            pairs: 0,
            batches: 0,
            last: None,
            trained: Duration::ZERO,
            since: Instant::now(),
            looked: Instant::now(),
        };
        watcher.look(trainer.model().map_err(text)?);
        watcher.wait();
        let outcome = trainer.run(&mut watcher).map_err(text)?;
        if *lock(&self.command) != Command::End {
            watcher.look(outcome.model);
            lock(&self.progress).finished = true;
        }
        Ok(())
    }

    /// Trains until it is paused.
    pub fn go(&self) {
        self.tell(Command::Go);
    }

    /// Stops after the batch.
    pub fn pause(&self) {
        self.tell(Command::Pause);
    }

    /// Trains for one batch.
    pub fn one_batch(&self) {
        self.tell(Command::Batch);
    }

    /// Ends after the batch, for good.
    pub fn end(&self) {
        self.tell(Command::End);
    }

    fn tell(&self, command: Command) {
        self.look_at();
        let mut current = lock(&self.command);
        if *current != Command::End {
            *current = command;
        }
        drop(current);
        self.changed.notify_all();
    }

    fn look_at(&self) {
        *lock(&self.seen) = Instant::now();
    }

    /// Where it stands; points from the given one on.
    pub fn status(&self, since: usize) -> Status {
        self.look_at();
        let command = *lock(&self.command);
        let progress = lock(&self.progress);
        Status {
            running: !progress.finished
                && progress.failed.is_none()
                && (progress.busy || matches!(command, Command::Go | Command::Batch)),
            finished: progress.finished,
            failed: progress.failed.clone(),
            pairs: progress.pairs,
            batches: progress.batches,
            pairs_per_second: progress.pairs_per_second,
            points: progress.points.get(since..).unwrap_or(&[]).to_vec(),
            answered: progress.answered.clone(),
        }
    }

    /// Pairs that figures are measured on.
    pub fn held_out(&self) -> &[Pair] {
        &self.held_out
    }

    /// The newest model that figures are known of; waits a little for the first.
    pub fn model(&self) -> Option<Model> {
        self.look_at();
        for _ in 0..200 {
            let progress = lock(&self.progress);
            if progress.model.is_some() || progress.failed.is_some() {
                return progress.model.clone();
            }
            drop(progress);
            thread::sleep(Duration::from_millis(10));
        }
        None
    }
}

/// Follows a run from within.
struct Watcher<'a> {
    run: &'a Run,
    pairs_of_epoch: usize,
    batch: usize,
    pairs: u64,
    batches: u64,
    last: Option<BatchReport>,
    /// Time of training until `since`, pauses left out.
    trained: Duration,
    /// When training last began or went on.
    since: Instant,
    /// When the model was last looked at.
    looked: Instant,
}

impl Watcher<'_> {
    /// Makes figures of the model as it is now.
    fn look(&mut self, model: Model) {
        let (figures, answered) = Figures::of(&model, &self.run.held_out);
        let point = Point {
            epoch: self.pairs as f64 / self.pairs_of_epoch.max(1) as f64,
            batches: self.batches,
            figures,
            training_loss: self.last.map(|report| report.loss),
            training_accuracy: self.last.map(|report| report.accuracy),
        };
        let seconds = self
            .trained
            .saturating_add(self.since.elapsed())
            .as_secs_f64();
        let mut progress = lock(&self.run.progress);
        if progress
            .points
            .last()
            .is_some_and(|last| last.batches == point.batches)
        {
            progress.points.pop();
        }
        if progress.points.len() >= MOST_POINTS {
            let mut place = 0_usize;
            progress.points.retain(|_| {
                place = place.saturating_add(1);
                place % 2 == 1
            });
        }
        progress.points.push(point);
        progress.model = Some(model);
        progress.answered = answered;
        (progress.pairs, progress.batches) = (self.pairs, self.batches);
        progress.pairs_per_second = match self.pairs {
            0 => 0.0,
            pairs => pairs as f64 / seconds.max(1e-9),
        };
        drop(progress);
        self.looked = Instant::now();
    }

    /// Waits while the run is paused.
    fn wait(&mut self) {
        let mut command = lock(&self.run.command);
        if *command == Command::Pause {
            self.trained = self.trained.saturating_add(self.since.elapsed());
            lock(&self.run.progress).busy = false;
            while *command == Command::Pause {
                let woken = self.run.changed.wait(command);
                command = woken.unwrap_or_else(PoisonError::into_inner);
            }
            self.since = Instant::now();
            lock(&self.run.progress).busy = true;
        }
    }
}

impl Observer for Watcher<'_> {
    fn batch_done(&mut self, report: &BatchReport) {
        self.pairs = self
            .pairs
            .saturating_add(report.pairs.min(self.batch) as u64);
        self.batches = self.batches.saturating_add(1);
        self.last = Some(*report);
        let mut command = lock(&self.run.command);
        if *command == Command::Batch {
            *command = Command::Pause;
        }
        let unwatched = lock(&self.run.seen).elapsed() > UNWATCHED;
        if unwatched && *command == Command::Go {
            *command = Command::Pause;
        }
    }

    fn wants_model(&mut self) -> bool {
        *lock(&self.run.command) == Command::Pause || self.looked.elapsed() >= LOOK
    }

    fn model(&mut self, model: Model) {
        self.look(model);
        self.wait();
    }

    fn wants_to_stop(&self) -> bool {
        *lock(&self.run.command) == Command::End
    }
}

/// The runs of all pages.
#[derive(Default)]
pub struct Runs(Mutex<(u64, BTreeMap<u64, Arc<Run>>)>);

impl Runs {
    /// Keeps a run; its number. Where there are too many, one that nobody looks at ends.
    pub fn add(&self, run: Arc<Run>) -> u64 {
        let mut runs = lock(&self.0);
        if runs.1.len() >= MOST_RUNS {
            let seen = |(_, run): &(&u64, &Arc<Run>)| *lock(&run.seen);
            let oldest = runs.1.iter().min_by_key(seen).map(|(number, _)| *number);
            if let Some(run) = oldest.and_then(|number| runs.1.remove(&number)) {
                run.end();
            }
        }
        runs.0 = runs.0.saturating_add(1);
        let number = runs.0;
        runs.1.insert(number, run);
        number
    }

    /// The run of a number.
    pub fn get(&self, number: u64) -> Option<Arc<Run>> {
        lock(&self.0).1.get(&number).cloned()
    }

    /// Ends a run.
    pub fn remove(&self, number: u64) {
        if let Some(run) = lock(&self.0).1.remove(&number) {
            run.end();
        }
    }

    /// Ends all.
    pub fn stop_all(&self) {
        for run in lock(&self.0).1.values() {
            run.end();
        }
    }
}

/// A panic of a training thread leaves nothing half written here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
