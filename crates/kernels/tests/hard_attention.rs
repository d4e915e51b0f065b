//! Hard attention against the sum over all alignments, one by one, in double precision; gradients
//! against finite differences of that sum.

mod common;

use common::{Random, assert_close, widen};
use rnn_kernels::{HardAttention, Jumps};

/// A problem with its own memory.
#[derive(Clone)]
struct Case {
    steps: usize,
    places: usize,
    symbols: usize,
    moves: Jumps,
    target_lengths: Vec<usize>,
    source_lengths: Vec<usize>,
    start: Vec<f64>,
    content: Vec<f64>,
    jumps: Option<Vec<f64>>,
    actions: Vec<f64>,
    copied: Option<Vec<i32>>,
    written: Vec<i32>,
}

impl Case {
    fn new(seed: u64, moves: Jumps, scored: bool, copies: bool) -> Self {
        let mut random = Random(seed);
        let batch = 3;
        let [steps, places, symbols] = [3, 4, [1, 7, 19][seed as usize % 3]];
        let rows = batch * steps;
        let source_lengths = vec![4, 1, 3];
        let row = |length: usize| {
            (0..places).map(move |j| f64::from(u8::from(j < length)) / length as f64)
        };
        let written = (0..rows).map(|_| random.below(symbols) as i32).collect();
        let copied: Vec<i32> = (0..batch * places)
            .map(|_| random.below(symbols + 1) as i32 - 1)
            .collect();
        let actions = symbols + usize::from(copies);
        Self {
            steps,
            places,
            symbols,
            moves,
            target_lengths: vec![3, 2, 3],
            start: source_lengths
                .iter()
                .flat_map(|&length| row(length))
                .collect(),
            source_lengths,
            content: random.values(rows * places, 2.0),
            jumps: scored.then(|| random.values(rows * moves.count(), 2.0)),
            actions: random.values(rows * places * actions, 2.0),
            copied: copies.then_some(copied),
            written,
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        (0..12).map(|number: u64| {
            let moves = Jumps {
                window: 1 + number as usize % 3,
                monotonic: number.is_multiple_of(2),
            };
            Self::new(number, moves, number % 4 < 2, number % 3 != 1)
        })
    }

    fn run<T>(&self, work: impl FnOnce(&HardAttention) -> T) -> T {
        let narrow = |values: &[f64]| values.iter().map(|&x| x as f32).collect::<Vec<f32>>();
        let jumps = self.jumps.as_deref().map(narrow);
        work(&HardAttention {
            steps: self.steps,
            places: self.places,
            symbols: self.symbols,
            target_lengths: &self.target_lengths,
            source_lengths: &self.source_lengths,
            start: &narrow(&self.start),
            content: &narrow(&self.content),
            jumps: jumps.as_deref(),
            moves: self.moves,
            actions: &narrow(&self.actions),
            copied: self.copied.as_deref(),
            written: &self.written,
        })
    }

    /// Probability of writing a symbol at a place.
    fn emission(&self, sequence: usize, step: usize, place: usize, symbol: usize) -> f64 {
        let count = self.symbols + usize::from(self.copied.is_some());
        let at = ((sequence * self.steps + step) * self.places + place) * count;
        let copied = self
            .copied
            .as_ref()
            .map(|c| c[sequence * self.places + place]);
        let possible = self.symbols + usize::from(copied.is_some_and(|copied| copied >= 0));
        let weights: Vec<f64> = self.actions[at..at + possible]
            .iter()
            .map(|x| x.exp())
            .collect();
        let copies = copied == Some(symbol as i32);
        let weight = weights[symbol] + if copies { weights[self.symbols] } else { 0.0 };
        weight / weights.iter().sum::<f64>()
    }

    /// Probability of going from a place to another.
    fn transition(&self, sequence: usize, step: usize, from: usize, to: usize) -> f64 {
        let row = sequence * self.steps + step;
        let window = self.moves.window as i64;
        let weight = |to: usize| {
            let jump = to as i64 - from as i64;
            if self.moves.monotonic && jump < 0 {
                return 0.0;
            }
            let bucket = if self.moves.monotonic {
                jump.min(window)
            } else {
                window + jump.clamp(-window, window)
            };
            let jumps = self.jumps.as_ref();
            let jump = jumps.map_or(0.0, |j| j[row * self.moves.count() + bucket as usize]);
            (self.content[row * self.places + to] + jump).exp()
        };
        let sum: f64 = (0..self.source_lengths[sequence]).map(weight).sum();
        weight(to) / sum
    }

    /// Probability of writing the first symbols of a target and then `last`, summed over every way
    /// to go through the places.
    fn joint(&self, sequence: usize, steps: usize, last: usize) -> f64 {
        let length = self.source_lengths[sequence];
        let ways = length.pow(steps as u32 + 1);
        let way = |mut number: usize| {
            let mut from = number % length;
            let mut probability = self.start[sequence * self.places + from];
            for step in 0..steps {
                number /= length;
                let to = number % length;
                let symbol = if step + 1 == steps {
                    last
                } else {
                    self.written[sequence * self.steps + step] as usize
                };
                probability *= self.transition(sequence, step, from, to)
                    * self.emission(sequence, step, to, symbol);
                from = to;
            }
            probability
        };
        (0..ways).map(way).sum()
    }

    /// A sequence's `log_probs` as the kernel returns them.
    fn exact(&self, sequence: usize) -> Vec<f64> {
        let mut all = vec![0.0; self.steps * self.symbols];
        for step in 0..self.target_lengths[sequence] {
            let before = step.checked_sub(1).map_or(1.0, |last| {
                let written = self.written[sequence * self.steps + last];
                self.joint(sequence, step, written as usize)
            });
            for symbol in 0..self.symbols {
                let joint = self.joint(sequence, step + 1, symbol);
                all[step * self.symbols + symbol] = (joint / before).ln();
            }
        }
        all
    }
}

#[test]
#[cfg_attr(miri, ignore = "as below")]
fn probabilities_are_sums_over_all_alignments() {
    for (number, case) in Case::all().enumerate() {
        let found = case.run(|problem| problem.forward());
        let exact: Vec<f64> = (0..3).flat_map(|sequence| case.exact(sequence)).collect();
        assert_close(&widen(&found.log_probs), &exact, 1e-4, &number);
    }
}

#[test]
#[cfg_attr(miri, ignore = "others run the same code, and this takes an hour")]
fn gradients_are_those_of_finite_differences() {
    for (number, case) in Case::all().enumerate() {
        let mut random = Random(number as u64 + 100);
        let rows = case.source_lengths.len() * case.steps;
        let weights = random.values(rows * case.symbols, 1.0);
        let narrow: Vec<f32> = weights.iter().map(|&x| x as f32).collect();
        let found = case.run(|problem| problem.backward(problem.forward().as_ref(), &narrow));
        let loss = |case: &Case, sequence: usize| -> f64 {
            let weights = weights
                .chunks_exact(case.steps * case.symbols)
                .nth(sequence);
            let exact = case.exact(sequence);
            exact
                .iter()
                .zip(weights.into_iter().flatten())
                .map(|(x, w)| x * w)
                .sum()
        };
        type Field = fn(&mut Case) -> Option<&mut Vec<f64>>;
        let fields: [(&str, &[f32], Field); 3] = [
            ("content", &found.content, |case| Some(&mut case.content)),
            ("jumps", &found.jumps, |case| case.jumps.as_mut()),
            ("actions", &found.actions, |case| Some(&mut case.actions)),
        ];
        for (name, found, field) in fields {
            let sequence_of = |index: usize| index * 3 / found.len();
            for (index, &found) in found.iter().enumerate() {
                // Every number of the short parts, and some of the longest.
                if name == "actions" && !(index + number).is_multiple_of(17) {
                    continue;
                }
                let moved = |by: f64| {
                    let mut case = case.clone();
                    if let Some(values) = field(&mut case) {
                        values[index] += by;
                    }
                    loss(&case, sequence_of(index))
                };
                let slope = (moved(1e-4) - moved(-1e-4)) / 2e-4;
                assert!(
                    (slope - f64::from(found)).abs() < 2e-4 * slope.abs().max(1.0),
                    "case {number}, {name} {index}: {found}, but the slope is {slope}"
                );
            }
        }
    }
}

/// Scores so far apart that the best places and actions cannot be reached.
#[test]
fn impossible_moves_and_symbols_give_no_nan() {
    let moves = Jumps {
        window: 2,
        monotonic: true,
    };
    let mut case = Case::new(1, moves, true, true);
    case.content = (0..case.content.len())
        .map(|i| -500.0 * (i % 5) as f64)
        .collect();
    case.actions.iter_mut().for_each(|score| *score *= 500.0);
    let rows = case.source_lengths.len() * case.steps;
    let gradient = vec![1.0; rows * case.symbols];
    let (output, gradients) = case.run(|problem| {
        let output = problem.forward();
        let gradients = problem.backward(output.as_ref(), &gradient);
        (output, gradients)
    });
    let finite = |values: &[f32]| values.iter().all(|x| x.is_finite());
    assert!(finite(&output.log_probs) && finite(&output.filters));
    assert!(finite(&gradients.content) && finite(&gradients.jumps) && finite(&gradients.actions));
    let rows = output
        .filters
        .chunks_exact(case.places)
        .zip(output.log_probs.chunks_exact(case.symbols));
    for (filter, log_probs) in rows.filter(|(_, log_probs)| log_probs.iter().any(|&p| p != 0.0)) {
        assert!((filter.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        assert!((log_probs.iter().map(|p| p.exp()).sum::<f32>() - 1.0).abs() < 1e-4);
    }
}

#[test]
fn what_lies_past_the_ends_does_not_matter() {
    let moves = Jumps {
        window: 2,
        monotonic: true,
    };
    let case = Case::new(2, moves, true, true);
    let mut other = case.clone();
    let actions = case.actions.len() / (case.content.len());
    for (index, content) in other.content.iter_mut().enumerate() {
        let (row, place) = (index / case.places, index % case.places);
        let (sequence, step) = (row / case.steps, row % case.steps);
        if place >= case.source_lengths[sequence] || step >= case.target_lengths[sequence] {
            *content = f64::NAN;
            other.actions[index * actions..][..actions].fill(f64::NAN);
            other.written[row] = if step >= case.target_lengths[sequence] {
                0
            } else {
                other.written[row]
            };
        }
    }
    let gradient = vec![1.0; case.source_lengths.len() * case.steps * case.symbols];
    let run = |case: &Case| {
        case.run(|problem| {
            let output = problem.forward();
            let gradients = problem.backward(output.as_ref(), &gradient);
            (output, gradients)
        })
    };
    assert_eq!(run(&case), run(&other));
}

#[test]
#[cfg_attr(miri, ignore = "starts a process")]
fn every_level_agrees() {
    common::run_on_every_level();
}
