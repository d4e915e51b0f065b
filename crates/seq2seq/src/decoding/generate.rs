//! Greedy decoding and sampling: one symbol after the other, until the end mark or a length limit.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::sampling::{SamplingError, sample};
use super::{LogProbs, StepModel};
use crate::text::argmax;

/// How the next symbol is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Choice {
    /// The most probable symbol.
    #[default]
    Greedy,
    /// A symbol drawn from the softmax.
    Sample {
        /// Divides the logits: below 1 sharper, above 1 flatter.
        temperature: f32,
        /// Start of the random choices; each input has a sequence of its own.
        seed: u64,
    },
}

impl Choice {
    /// Refuses a temperature that no distribution has.
    ///
    /// # Errors
    /// If the temperature is not a number above zero.
    pub fn check(self) -> Result<(), SamplingError> {
        match self {
            Self::Sample { temperature, .. } if !(temperature > 0.0 && temperature.is_finite()) => {
                Err(SamplingError::Temperature(temperature))
            }
            _ => Ok(()),
        }
    }
}

/// Options of [`generate`].
#[derive(Clone, Copy, Debug)]
pub struct Generation {
    /// How the next symbol is chosen.
    pub choice: Choice,
    /// Longest output in symbols, end mark not counted.
    pub max_length: usize,
    /// Symbol that ends an output; without one every output has the full length.
    pub end: Option<u32>,
    /// Keep the distribution of every step.
    pub keep_steps: bool,
}

/// One step of an output.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The chosen symbol.
    pub chosen: u32,
    /// Log-probability of every symbol.
    pub log_probs: Vec<f32>,
}

/// One output.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hypothesis {
    /// Symbols, end mark left out.
    pub ids: Vec<u32>,
    /// Sum of the log-probabilities of the chosen symbols, end mark included.
    pub log_probability: f64,
    /// Whether the end mark was reached, rather than the length limit.
    pub finished: bool,
    /// The distributions, if they were asked for.
    pub steps: Vec<Step>,
}

/// A row of the batch that is still being written.
struct Running {
    /// Position of the input in the batch as given.
    input: usize,
    last: u32,
    rng: ChaCha8Rng,
}

/// Decodes a batch.
///
/// - `first`: what the decoder reads first, for each source;
/// - `inputs`: a number for each source, from which its random choices start, so that they do not
///   depend on what else is in the batch.
pub fn generate<M: StepModel>(
    model: &M,
    sources: &[&[u32]],
    first: &[u32],
    inputs: &[u64],
    options: &Generation,
) -> Vec<Hypothesis> {
    let mut outputs = vec![Hypothesis::default(); sources.len()];
    let mut running: Vec<Running> = (0..sources.len())
        .map(|input| Running {
            input,
            last: first[input],
            rng: stream(options.choice, inputs[input]),
        })
        .collect();
    if sources.is_empty() {
        return outputs;
    }
    let mut state = model.start(sources);
    // One step more than the longest output, for its end mark.
    for step in 0..=options.max_length {
        let last: Vec<u32> = running.iter().map(|row| row.last).collect();
        let log_probs = model.step(&mut state, &last);
        let kept = advance(&mut running, &mut outputs, &log_probs, options, step);
        if kept.is_empty() {
            break;
        }
        if kept.len() < running.len() {
            state = model.select(&state, &kept);
            let mut rows = 0..running.len();
            running.retain(|_| {
                rows.next()
                    .is_some_and(|row| kept.binary_search(&row).is_ok())
            });
        }
    }
    outputs
}

/// Chooses the next symbol of every row and returns the rows that go on.
fn advance(
    running: &mut [Running],
    outputs: &mut [Hypothesis],
    log_probs: &LogProbs,
    options: &Generation,
    step: usize,
) -> Vec<usize> {
    let mut kept = Vec::with_capacity(running.len());
    for (row, (sequence, log_probs)) in running.iter_mut().zip(log_probs.rows()).enumerate() {
        let chosen = choose(options.choice, log_probs, &mut sequence.rng);
        let ended = options.end == Some(chosen);
        let output = &mut outputs[sequence.input];
        if !ended && step == options.max_length {
            continue;
        }
        output.log_probability += f64::from(log_probs[chosen as usize]);
        if options.keep_steps {
            output.steps.push(Step {
                chosen,
                log_probs: log_probs.to_vec(),
            });
        }
        if ended {
            output.finished = true;
            continue;
        }
        output.ids.push(chosen);
        sequence.last = chosen;
        kept.push(row);
    }
    kept
}

fn choose(choice: Choice, log_probs: &[f32], rng: &mut ChaCha8Rng) -> u32 {
    match choice {
        Choice::Greedy => argmax(log_probs).unwrap_or(0) as u32,
        Choice::Sample { temperature, .. } => sample(log_probs, temperature, rng),
    }
}

fn stream(choice: Choice, input: u64) -> ChaCha8Rng {
    let seed = match choice {
        Choice::Greedy => 0,
        Choice::Sample { seed, .. } => seed,
    };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(input);
    rng
}
