//! Times training and decoding of a [`Work`].

use std::time::{Duration, Instant};

use anyhow::Result;
use rnn_kernels::Precision;
use seq2seq::config::TrainingPrecision;
use seq2seq::decoding::{Method, SearchOptions};
use seq2seq::encoding::PairCodec;
use seq2seq::training::{BatchReport, Observer, Task, Trainer};
use seq2seq::{Answer, Model, Pair, PredictOptions};
use serde::Serialize;

use super::limit::limit_gflops;
use super::works::Work;
use crate::spread::Spread;

/// What is done with a work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Training, from texts to weight updates.
    Train,
    /// Greedy decoding, 128 inputs at a time.
    Greedy,
    /// Greedy decoding, one input at a time.
    GreedyOne,
    /// Beam search with 5 hypotheses, 128 inputs at a time.
    Beam,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Train, Self::Greedy, Self::GreedyOne, Self::Beam];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Greedy => "greedy",
            Self::GreedyOne => "greedy-1",
            Self::Beam => "beam5",
        }
    }
}

/// How fast a phase of a work is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measurement {
    /// Which work: `A`, `A-small`, `B` or `C`.
    pub work: &'static str,
    /// What was done: `train`, `greedy`, `greedy-1` or `beam5`.
    pub phase: &'static str,
    /// Threads.
    pub threads: usize,
    /// Source and target symbols of a pair, marks included, on average.
    pub symbols: f64,
    /// Pairs (training) or inputs (decoding) a second.
    pub per_second: Spread,
    /// Arithmetic of the median, in GFLOP/s.
    pub gflops: f64,
    /// That as a share of what the machine reaches on products of this shape alone.
    pub share_of_limit: f64,
}

/// How long and how often to measure.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Repetitions of each measurement.
    pub repetitions: usize,
    /// Least time of a repetition.
    pub time: Duration,
}

/// Measures phases of a work with the threads of the current pool.
///
/// # Errors
/// If training fails.
pub fn measure(
    work: Work,
    precision: TrainingPrecision,
    phases: &[Phase],
    effort: Effort,
) -> Result<Vec<Measurement>> {
    let threads = rayon::current_num_threads();
    let pairs = work.pairs();
    let time = effort.time.min(Duration::from_millis(500));
    let limit = |precision| limit_gflops(work, precision, threads, time);
    // A trained model answers in single precision.
    let (limit, of_training) = (limit(Precision::Single), limit(precision.into()));
    let symbols = mean(&pairs, |pair| {
        let [source, target] = lengths(work, pair);
        (source + target) as f64
    });
    let (model, speeds) = train(work, precision, &pairs, phases, effort)?;
    let report = |phase: Phase, speeds: Vec<f64>, flops: f64| {
        let limit = match phase {
            Phase::Train => of_training,
            _ => limit,
        };
        let per_second = Spread::of(speeds);
        let gflops = per_second.median * flops / 1e9;
        Measurement {
            work: work.name(),
            phase: phase.name(),
            threads,
            symbols,
            per_second,
            gflops,
            share_of_limit: gflops / limit,
        }
    };
    let mut measurements = Vec::new();
    for &phase in phases {
        measurements.push(match phase {
            Phase::Train => report(phase, speeds.clone(), training_flops(work, &pairs)),
            _ => {
                let (speeds, flops) = decode(work, phase, &model, &pairs, effort)?;
                report(phase, speeds, flops)
            }
        });
    }
    Ok(measurements)
}

/// Source and target symbols of a pair, marks included.
fn lengths(work: Work, pair: &Pair) -> [usize; 2] {
    let marks = usize::from(matches!(work, Work::A | Work::ASmall));
    // The notebook's protocol gives the first target symbol, the others add an end mark.
    let target = pair.target.chars().count() + 1 - marks;
    [pair.source.chars().count() + marks, target]
}

fn mean(pairs: &[Pair], of_pair: impl Fn(&Pair) -> f64) -> f64 {
    pairs.iter().map(of_pair).sum::<f64>() / pairs.len().max(1) as f64
}

/// Arithmetic of training on a pair, forward and backward, on average.
fn training_flops(work: Work, pairs: &[Pair]) -> f64 {
    3.0 * mean(pairs, |pair| {
        let [source, target] = lengths(work, pair);
        work.flops(source, target)
    })
}

/// Weight updates after which outputs have the lengths that they should, so that decoding is
/// realistic.
const LEARNED: usize = 200;
/// Weight updates before the clock starts.
const WARM_UP: usize = 8;

/// Trains, and times it as it goes if that is asked for. Returns a model that decodes lengths like those of
/// the data, if decoding is.
fn train(
    work: Work,
    precision: TrainingPrecision,
    pairs: &[Pair],
    phases: &[Phase],
    mut effort: Effort,
) -> Result<(Model, Vec<f64>)> {
    let mut recipe = work.recipe()?;
    recipe.training.precision = precision;
    let task = Task::from_pairs(recipe, pairs.to_vec())?;
    let trainer = Trainer::new(task, None)?;
    if !phases.contains(&Phase::Train) {
        effort.repetitions = 0;
    }
    let decodes = phases.iter().any(|&phase| phase != Phase::Train);
    // B is random: there is nothing to be learned, and its outputs run to their limit.
    let least = if decodes && work != Work::B {
        LEARNED
    } else {
        0
    };
    let mut clock = Clock::new(effort, least);
    let outcome = trainer.run(&mut clock)?;
    Ok((outcome.model, clock.speeds))
}

/// Times batches as they are trained on.
struct Clock {
    effort: Effort,
    least: usize,
    batches: usize,
    begun: Instant,
    pairs: usize,
    speeds: Vec<f64>,
}

impl Clock {
    fn new(effort: Effort, least: usize) -> Self {
        Self {
            effort,
            least,
            batches: 0,
            begun: Instant::now(),
            pairs: 0,
            speeds: Vec::new(),
        }
    }
}

impl Observer for Clock {
    fn batch_done(&mut self, report: &BatchReport) {
        self.batches += 1;
        self.pairs += report.pairs;
        let elapsed = self.begun.elapsed();
        let warm = self.batches > WARM_UP;
        if warm && elapsed < self.effort.time {
            return;
        }
        if warm && self.speeds.len() < self.effort.repetitions {
            self.speeds.push(self.pairs as f64 / elapsed.as_secs_f64());
        }
        (self.begun, self.pairs) = (Instant::now(), 0);
    }

    fn wants_to_stop(&self) -> bool {
        self.speeds.len() >= self.effort.repetitions && self.batches >= self.least
    }
}

/// Times decoding. Returns inputs a second, and the arithmetic of an input.
fn decode(
    work: Work,
    phase: Phase,
    model: &Model,
    pairs: &[Pair],
    effort: Effort,
) -> Result<(Vec<f64>, f64)> {
    let sources: Vec<&str> = pairs.iter().map(|pair| pair.source.as_str()).collect();
    let batch = if phase == Phase::GreedyOne { 1 } else { 128 };
    let predictor = model.predictor(options(phase))?;
    let first: Option<Vec<u32>> = model.needs_first_symbol().then(|| {
        let first = |pair| {
            model
                .codec()
                .encode(pair)
                .target
                .first()
                .copied()
                .unwrap_or(0)
        };
        pairs.iter().map(first).collect()
    });
    let (mut speeds, mut symbols, mut inputs) = (Vec::new(), 0, 0);
    let mut batches = (0..sources.len() / batch).cycle();
    while speeds.len() < effort.repetitions {
        let (begun, mut count) = (Instant::now(), 0);
        while begun.elapsed() < effort.time {
            let start = batches.next().unwrap_or(0) * batch;
            let texts = &sources[start..start + batch];
            let first = first.as_ref().map(|first| &first[start..start + batch]);
            let answers = match first {
                Some(first) => predictor.predict_from(texts, first),
                None => predictor.predict(texts),
            };
            let written = |answer: &Answer| answer.best().symbols.len() + 1;
            symbols += answers.iter().map(written).sum::<usize>();
            count += texts.len();
        }
        inputs += count;
        speeds.push(count as f64 / begun.elapsed().as_secs_f64());
    }
    let source = sources.iter().map(|s| s.chars().count()).sum::<usize>() / sources.len().max(1);
    Ok((speeds, work.flops(source, symbols / inputs.max(1))))
}

fn options(phase: Phase) -> PredictOptions {
    let size = if phase == Phase::Beam { 5 } else { 1 };
    PredictOptions {
        search: SearchOptions {
            method: Method::Beam { size },
            ..SearchOptions::default()
        },
        ..PredictOptions::default()
    }
}
