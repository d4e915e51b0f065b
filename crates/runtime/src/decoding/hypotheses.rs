//! The hypotheses of one input: those that go on, and those that have ended.

use std::borrow::Cow;
use std::iter::successors;
use std::mem;

use rand_chacha::ChaCha8Rng;

use super::sampling::{draw, stream};
use super::{Method, SearchInput, SearchOptions, StepOutput};

/// Attention below which a source symbol counts as hardly seen at all; keeps the coverage penalty
/// finite.
const LEAST_COVERAGE: f64 = 1e-3;

/// One step of an output.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// The chosen symbol.
    pub chosen: u32,
    /// Log-probability of every symbol, if distributions are kept.
    pub log_probs: Vec<f32>,
    /// Weight of every source symbol, if attention is kept and the model has any.
    pub attention: Vec<f32>,
}

/// One output.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// Symbols, end mark left out.
    pub ids: Vec<u32>,
    /// Sum of the model's log-probabilities of the chosen symbols, end mark included.
    pub log_probability: f64,
    /// The same under each temperature of [`Keep::temperatures`](super::Keep::temperatures).
    pub tempered: Vec<f64>,
    /// What hypotheses are ranked by: the log-probability after length and coverage penalty.
    pub score: f64,
    /// Expected edit distance to the other outputs, where minimum Bayes risk chose.
    pub risk: Option<f64>,
    /// Whether the end mark was reached, rather than the length limit.
    pub finished: bool,
    /// The steps, end mark included, if anything of them is kept.
    pub steps: Vec<Step>,
}

/// A symbol of a hypothesis; together they form a tree, so that hypotheses share their beginnings.
struct Node {
    parent: Option<usize>,
    step: Step,
}

/// A hypothesis that goes on.
#[derive(Clone)]
struct Live {
    node: Option<usize>,
    /// The row of the step before that it continues.
    row: usize,
    last: u32,
    log_probability: f64,
    tempered: Vec<f64>,
    /// State of the constraint.
    allowed: u32,
    /// Attention so far on each source symbol, where the coverage penalty needs it.
    coverage: Vec<f32>,
    /// In a box, as it is large and few have one.
    rng: Option<Box<ChaCha8Rng>>,
}

/// A continuation of a live hypothesis by one symbol.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    parent: usize,
    symbol: u32,
    log_probability: f64,
}

/// The rows of a step that belong to one input.
pub(super) struct Rows<'a> {
    /// The step of the whole batch.
    pub output: &'a StepOutput,
    /// First row of the input.
    pub first: usize,
    /// Symbols that every live hypothesis has.
    pub step: usize,
}

impl<'a> Rows<'a> {
    fn log_probs(&self, live: usize) -> &'a [f32] {
        self.output.log_probs.row(self.first + live)
    }

    fn attention(&self, live: usize) -> &'a [f32] {
        let attention = self.output.attention.as_ref();
        attention.map_or(&[], |attention| attention.row(self.first + live))
    }
}

/// All hypotheses of one input.
pub(super) struct Hypotheses<'a> {
    options: &'a SearchOptions,
    live: Vec<Live>,
    /// Where those of the next step go.
    next: Vec<Live>,
    nodes: Vec<Node>,
    ended: Vec<Output>,
    source_length: usize,
    max_length: usize,
    end: Option<u32>,
    begin: Option<u32>,
    forbidden: Option<u32>,
}

impl<'a> Hypotheses<'a> {
    /// The empty hypothesis, once for each output that is to be sampled. None where the constraint
    /// forbids the given first symbol.
    pub fn new(input: &SearchInput, options: &'a SearchOptions) -> Self {
        let allowed = match &options.constraint {
            Some(constraint) if input.first_is_output => {
                constraint.next(constraint.start(), input.first)
            }
            Some(constraint) => Some(constraint.start()),
            None => Some(0),
        };
        let (copies, seed) = match options.method {
            Method::Beam { .. } => (1, None),
            Method::Sample { seed, .. } => (options.nbest.max(1), Some(seed)),
        };
        let live = |output| {
            allowed.map(|allowed| Live {
                node: None,
                row: 0,
                last: input.first,
                log_probability: 0.0,
                tempered: vec![0.0; options.keep.temperatures.len()],
                allowed,
                coverage: Vec::new(),
                rng: seed.map(|seed| Box::new(stream(seed, input.number, output))),
            })
        };
        Self {
            options,
            live: (0..copies).filter_map(live).collect(),
            next: Vec::new(),
            nodes: Vec::new(),
            ended: Vec::new(),
            source_length: input.source.len(),
            max_length: input.max_length,
            end: input.end,
            begin: input.begin,
            forbidden: input.forbidden,
        }
    }

    /// How many hypotheses go on.
    pub fn live(&self) -> usize {
        self.live.len()
    }

    /// The last symbol of each.
    pub fn last_symbols(&self) -> impl Iterator<Item = u32> {
        self.live.iter().map(|hypothesis| hypothesis.last)
    }

    /// The row of the last step that each of them continues.
    pub fn rows(&self) -> impl Iterator<Item = usize> {
        self.live.iter().map(|hypothesis| hypothesis.row)
    }

    /// Continues the live hypotheses by a symbol.
    pub fn advance(&mut self, rows: &Rows) {
        let mut parents = mem::replace(&mut self.live, mem::take(&mut self.next));
        let candidates = match self.options.method {
            Method::Beam { size } => self.best(&parents, rows, size.max(1)),
            Method::Sample { .. } => self.drawn(&mut parents, rows),
        };
        let (mut cut, mut ended) = (Vec::new(), Vec::new());
        if candidates.is_empty() {
            cut.extend(0..parents.len());
        }
        for candidate in candidates {
            if self.end == Some(candidate.symbol) {
                ended.push(candidate.parent);
                self.end(&parents, candidate, rows);
            } else if rows.step >= self.max_length {
                cut.push(candidate.parent);
            } else {
                self.extend(&parents, candidate, rows);
            }
        }
        cut.sort_unstable();
        cut.dedup();
        // What the model ended here is the same text as what the limit would cut.
        cut.retain(|parent| !ended.contains(parent));
        for parent in cut {
            let hypothesis = self.hypothesis(&parents[parent], false);
            self.ended.push(hypothesis);
        }
        self.give_up_hopeless();
        parents.clear();
        self.next = parents;
    }

    /// The best continuations over all hypotheses. All have the same length, so that the length
    /// penalty cannot change their order.
    fn best(&self, parents: &[Live], rows: &Rows, size: usize) -> Vec<Candidate> {
        let mut best: Vec<Candidate> = Vec::with_capacity(size.min(64) + 1);
        // What is impossible, or no number, is no candidate.
        let mut bar = f64::NEG_INFINITY;
        for (parent, live) in parents.iter().enumerate() {
            let log_probs = self.masked(live.allowed, parent, rows);
            for (symbol, &log_prob) in (0..).zip(log_probs.iter()) {
                let log_probability = live.log_probability + f64::from(log_prob);
                if log_probability > bar && self.begin != Some(symbol) {
                    // Of equals the first stays before, so that results never depend on chance.
                    let place = best.partition_point(|c| c.log_probability >= log_probability);
                    let candidate = Candidate {
                        parent,
                        symbol,
                        log_probability,
                    };
                    best.insert(place, candidate);
                    if best.len() >= size {
                        best.truncate(size);
                        bar = best.last().map_or(bar, |worst| worst.log_probability);
                    }
                }
            }
        }
        best
    }

    /// A symbol drawn for each hypothesis.
    fn drawn(&self, parents: &mut [Live], rows: &Rows) -> Vec<Candidate> {
        let mut drawn = Vec::with_capacity(parents.len());
        for (parent, live) in parents.iter_mut().enumerate() {
            let mut log_probs = self.masked(live.allowed, parent, rows);
            if let Some(begin) = self.begin {
                log_probs.to_mut()[begin as usize] = f32::NEG_INFINITY;
            }
            let symbol = match (self.options.method, &mut live.rng) {
                (
                    Method::Sample {
                        temperature,
                        top_k,
                        top_p,
                        ..
                    },
                    Some(rng),
                ) => draw(&log_probs, temperature, top_k, top_p, rng),
                _ => None,
            };
            drawn.extend(symbol.map(|symbol| Candidate {
                parent,
                symbol,
                log_probability: live.log_probability + f64::from(log_probs[symbol as usize]),
            }));
        }
        drawn
    }

    /// The log-probabilities of the next symbols of a hypothesis, those that it must not have at minus
    /// infinity. This is the one place where constraints come in.
    fn masked<'r>(&self, allowed: u32, row: usize, rows: &Rows<'r>) -> Cow<'r, [f32]> {
        let log_probs = rows.log_probs(row);
        let mut masked = match &self.options.constraint {
            None => Cow::Borrowed(log_probs),
            Some(constraint) => {
                let left = self.max_length.saturating_sub(rows.step);
                Cow::Owned(constraint.mask(allowed, left, self.end, log_probs))
            }
        };
        if let Some(forbidden) = self.forbidden {
            masked.to_mut()[forbidden as usize] = f32::NEG_INFINITY;
        }
        masked
    }

    /// The parent's state after the candidate's symbol.
    fn continued(&mut self, parents: &[Live], candidate: Candidate, rows: &Rows) -> Live {
        let mut live = parents[candidate.parent].clone();
        let log_probs = rows.log_probs(candidate.parent);
        let attention = rows.attention(candidate.parent);
        live.row = rows.first + candidate.parent;
        live.log_probability = candidate.log_probability;
        live.last = candidate.symbol;
        let temperatures = &self.options.keep.temperatures;
        for (sum, &temperature) in live.tempered.iter_mut().zip(temperatures) {
            *sum += tempered(log_probs, candidate.symbol, temperature);
        }
        if self.options.coverage_penalty > 0.0 {
            live.coverage.resize(self.source_length, 0.0);
            for (sum, weight) in live.coverage.iter_mut().zip(attention) {
                *sum += weight;
            }
        }
        let keep = &self.options.keep;
        let kept = |wanted: bool, values: &[f32]| if wanted { values.to_vec() } else { Vec::new() };
        let step = Step {
            chosen: candidate.symbol,
            log_probs: kept(keep.distributions, log_probs),
            // Past the end of this source there is only padding.
            attention: kept(
                keep.attention,
                &attention[..attention.len().min(self.source_length)],
            ),
        };
        self.nodes.push(Node {
            parent: live.node,
            step,
        });
        live.node = Some(self.nodes.len() - 1);
        live
    }

    fn extend(&mut self, parents: &[Live], candidate: Candidate, rows: &Rows) {
        let mut live = self.continued(parents, candidate, rows);
        if let Some(constraint) = &self.options.constraint {
            // A symbol that was not masked has a next state.
            live.allowed = constraint
                .next(live.allowed, candidate.symbol)
                .unwrap_or(live.allowed);
        }
        self.live.push(live);
    }

    fn end(&mut self, parents: &[Live], candidate: Candidate, rows: &Rows) {
        let live = self.continued(parents, candidate, rows);
        let hypothesis = self.hypothesis(&live, true);
        self.ended.push(hypothesis);
    }

    /// A hypothesis that goes on no further, read back from its last symbol to its first.
    fn hypothesis(&self, live: &Live, finished: bool) -> Output {
        let nodes = successors(live.node, |&node| self.nodes[node].parent);
        let mut steps: Vec<&Step> = nodes.map(|node| &self.nodes[node].step).collect();
        steps.reverse();
        let written = steps.len() - usize::from(finished);
        let keep = &self.options.keep;
        Output {
            ids: steps[..written].iter().map(|step| step.chosen).collect(),
            log_probability: live.log_probability,
            tempered: live.tempered.clone(),
            score: live.log_probability / self.length_penalty(steps.len())
                + self.coverage_penalty(&live.coverage),
            risk: None,
            finished,
            steps: if keep.distributions || keep.attention {
                steps.into_iter().cloned().collect()
            } else {
                Vec::new()
            },
        }
    }

    /// By what the log-probability of so many steps is divided (Wu et al. 2016, equation 14).
    fn length_penalty(&self, steps: usize) -> f64 {
        ((5.0 + steps as f64) / 6.0).powf(self.options.length_penalty)
    }

    /// At most zero: what a hypothesis loses for source symbols that it has not attended to (Wu et
    /// al. 2016, equation 14).
    fn coverage_penalty(&self, coverage: &[f32]) -> f64 {
        let seen = |&sum: &f32| f64::from(sum).clamp(LEAST_COVERAGE, 1.0).ln();
        self.options.coverage_penalty * coverage.iter().map(seen).sum::<f64>()
    }

    /// Drops live hypotheses that can no longer come before the finished ones that are wanted. The
    /// result is the same as if they went on, as nothing that takes their place in the beam can come
    /// before them.
    ///
    /// A log-probability only falls as symbols are added, the length penalty divides it by at most
    /// that of the longest output, and the coverage penalty is at most zero: that bounds what a
    /// live hypothesis can still reach.
    fn give_up_hopeless(&mut self) {
        if matches!(self.options.method, Method::Sample { .. }) {
            return;
        }
        let finished = self.ended.iter().filter(|hypothesis| hypothesis.finished);
        let mut scores: Vec<f64> = finished.map(|hypothesis| hypothesis.score).collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        let Some(&bar) = scores.get(self.options.wanted().max(1) - 1) else {
            return;
        };
        let longest = self.length_penalty(self.max_length + 1);
        self.live
            .retain(|live| live.log_probability / longest > bar);
    }

    /// Everything that has ended, best first: finished outputs, then those that were cut.
    pub fn into_ranked(mut self) -> Vec<Output> {
        self.ended.sort_by(|a, b| {
            b.finished
                .cmp(&a.finished)
                .then(b.score.total_cmp(&a.score))
        });
        self.ended.truncate(self.options.wanted());
        self.ended
    }
}

/// Log-probability of a symbol after the logits are divided by a temperature.
fn tempered(log_probs: &[f32], symbol: u32, temperature: f64) -> f64 {
    let scaled = |log_prob: f32| f64::from(log_prob) / temperature;
    let highest = log_probs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = log_probs
        .iter()
        .map(|&log_prob| (scaled(log_prob) - scaled(highest)).exp())
        .sum();
    scaled(log_probs[symbol as usize]) - scaled(highest) - sum.ln()
}
