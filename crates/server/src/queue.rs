//! Admission and inference: what waits, who is admitted, and what is answered together.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::http::StatusCode;
use seq2seq_runtime::{Answer, SourceWithFeatures};
use tokio::sync::oneshot;

use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::refusal::Refusal;
use crate::request::Question;

/// Requests that wait for a worker, in their order.
pub struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    limits: Limits,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// Inputs of all jobs.
    inputs: usize,
    closed: bool,
}

/// Where the answers to a question go.
type Reply = oneshot::Sender<Result<Vec<Answer>, Refusal>>;

/// A request on its way through the queue.
struct Job {
    work: Work,
    /// What it counts for.
    inputs: usize,
    since: Instant,
}

enum Work {
    /// Predictions, which may be computed together with others'.
    Predict(Box<Question>, Reply),
    /// Something else, computed alone.
    Other(Box<dyn Alone>),
}

/// Work that is computed alone.
trait Alone: Send {
    fn is_abandoned(&self) -> bool;
    fn refuse(self: Box<Self>, refusal: Refusal);
    fn run(self: Box<Self>);
}

struct Task<T, F>(F, oneshot::Sender<Result<T, Refusal>>);

impl<T: Send, F: FnOnce() -> T + Send> Alone for Task<T, F> {
    fn is_abandoned(&self) -> bool {
        self.1.is_closed()
    }

    fn refuse(self: Box<Self>, refusal: Refusal) {
        drop(self.1.send(Err(refusal)));
    }

    fn run(self: Box<Self>) {
        let Self(task, reply) = *self;
        drop(reply.send(guarded(task)));
    }
}

impl Queue {
    /// An empty queue.
    pub fn new(limits: Limits, metrics: Arc<Metrics>) -> Self {
        Self {
            waiting: Mutex::default(),
            arrived: Condvar::new(),
            limits,
            metrics,
        }
    }

    /// Answers a question once a worker is free.
    ///
    /// # Errors
    /// If too many inputs wait already, the service stops, or it takes too long.
    pub async fn predict(&self, question: Question) -> Result<Vec<Answer>, Refusal> {
        let (reply, answer) = oneshot::channel();
        let inputs = question.inputs.len();
        self.admit(Work::Predict(Box::new(question), reply), inputs)?;
        answer.await.unwrap_or_else(|_| Err(Refusal::internal()))
    }

    /// Runs something that costs as much as one input, once a worker is free.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    pub async fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.admit(Work::Other(Box::new(Task(task, reply))), 1)?;
        answer.await.unwrap_or_else(|_| Err(Refusal::internal()))
    }

    /// The one rule of admission: so many inputs may wait, whichever requests they belong to.
    fn admit(&self, work: Work, inputs: usize) -> Result<(), Refusal> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(Refusal::stopping());
        }
        let total = waiting.inputs.saturating_add(inputs);
        if total > self.limits.queue {
            let message = format!(
                "{} inputs wait already and {inputs} more were sent, but at most {} may wait (--max-queue): \
                 send the request again later",
                waiting.inputs, self.limits.queue
            );
            let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "queue_full", message);
            return Err(refusal.over("max-queue", self.limits.queue as u64, Some(inputs as u64)));
        }
        waiting.inputs = total;
        waiting.jobs.push_back(Job {
            work,
            inputs,
            since: Instant::now(),
        });
        self.metrics.queued.set(total as i64);
        drop(waiting);
        self.arrived.notify_one();
        Ok(())
    }

    /// Takes no more requests; workers end when all that wait are answered.
    pub fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    /// Answers what waits until the queue is closed and empty: the work of one worker.
    pub fn work(&self) {
        while let Some(jobs) = self.next() {
            self.answer(jobs);
        }
    }

    /// The next job, with all others that can be answered together with it. Waits for one.
    fn next(&self) -> Option<Vec<Job>> {
        let mut waiting = self.lock();
        let first = loop {
            if let Some(job) = waiting.jobs.pop_front() {
                break job;
            }
            if waiting.closed {
                return None;
            }
            let woken = self.arrived.wait(waiting);
            waiting = woken.unwrap_or_else(PoisonError::into_inner);
        };
        let mut inputs = first.inputs;
        let mut together = vec![first];
        if let Some(Work::Predict(first, _)) = together.first().map(|job| &job.work)
            && first.group.is_some()
        {
            let group = first.group.clone();
            let most = first.predictor.model().settings().decoding.batch_size;
            let mut place = 0;
            while let Some(job) = waiting.jobs.get(place).filter(|_| inputs < most) {
                let same = matches!(&job.work, Work::Predict(other, _) if other.group == group);
                let Some(job) = same.then(|| waiting.jobs.remove(place)).flatten() else {
                    place = place.saturating_add(1);
                    continue;
                };
                inputs = inputs.saturating_add(job.inputs);
                together.push(job);
            }
        }
        waiting.inputs = waiting.inputs.saturating_sub(inputs);
        self.metrics.queued.set(waiting.inputs as i64);
        Some(together)
    }

    fn answer(&self, jobs: Vec<Job>) {
        let began = Instant::now();
        let mut questions = Vec::with_capacity(jobs.len());
        for job in jobs {
            let waited = began.duration_since(job.since);
            self.metrics.waiting_time.observe(waited.as_secs_f64());
            let abandoned = match &job.work {
                Work::Predict(_, reply) => reply.is_closed(),
                Work::Other(task) => task.is_abandoned(),
            };
            if abandoned {
                continue;
            }
            let late = (waited >= self.limits.time).then(|| too_slow(&self.limits));
            match (job.work, late) {
                (Work::Predict(_, reply), Some(refusal)) => drop(reply.send(Err(refusal))),
                (Work::Other(task), Some(refusal)) => task.refuse(refusal),
                (Work::Predict(question, reply), None) => questions.push((question, reply)),
                (Work::Other(task), None) => {
                    task.run();
                    let took = began.elapsed().as_secs_f64();
                    self.metrics.inference_time.observe(took);
                }
            }
        }
        if !questions.is_empty() {
            self.answer_together(questions);
        }
    }

    /// Answers questions of one model with the same options.
    fn answer_together(&self, questions: Vec<(Box<Question>, Reply)>) {
        let Some((first, _)) = questions.first() else {
            return;
        };
        let began = Instant::now();
        let model = first.predictor.model();
        let texts = questions.iter().flat_map(|(question, _)| &question.inputs);
        let lines: Vec<SourceWithFeatures> = texts.map(|text| model.line(text)).collect();
        let answers = guarded(|| first.predictor.predict(&lines));
        self.metrics
            .inference_time
            .observe(began.elapsed().as_secs_f64());
        self.metrics.batch_inputs.observe(lines.len() as f64);
        self.metrics.answered(&first.model, lines.len());
        match answers {
            Ok(answers) => {
                let mut answers = answers.into_iter();
                for (question, reply) in questions {
                    let own = answers.by_ref().take(question.inputs.len()).collect();
                    drop(reply.send(Ok(own)));
                }
            }
            Err(refusal) => {
                for (_, reply) in questions {
                    drop(reply.send(Err(refusal.clone())));
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that waited longer than requests may take.
pub fn too_slow(limits: &Limits) -> Refusal {
    let seconds = limits.time.as_secs_f64();
    let message = format!(
        "the request was not answered within {seconds} s (--max-time): the service is too busy; send it \
         again later, or with fewer inputs"
    );
    let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "too_slow", message);
    refusal.over("max-time", limits.time.as_secs(), None)
}

/// Runs `task`; a panic is a fault of ours, which must not end the worker.
fn guarded<T>(task: impl FnOnce() -> T) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(task)).map_err(|_| Refusal::internal())
}
