//! Modified Kneser-Ney smoothing, interpolated (Chen and Goodman 1999, "An empirical study of smoothing
//! techniques for language modeling").

use super::counts::{Counts, Level};

/// What is taken from n-grams that occur once, twice, and more often.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Discounts([f64; 3]);

/// Discounts where counts of counts give none, as for a few pairs.
const FALLBACK: Discounts = Discounts([0.5, 1.0, 1.5]);
/// The smallest discount: something must be left for units that were never seen.
const LEAST: f64 = 0.05;

/// N-grams of so many units or more that occur once are left out.
const RARE_FROM: usize = 7;

impl Discounts {
    /// The discounts of so many n-grams that occur 1, 2, 3 and 4 times.
    pub fn of(counts: impl Iterator<Item = u32>) -> Self {
        let mut of = [0.0_f64; 5];
        counts
            .filter(|&count| count <= 4)
            .for_each(|count| of[count as usize] += 1.0);
        let [_, once, twice, thrice, four] = of;
        if of[1..].contains(&0.0) {
            return FALLBACK;
        }
        let y = once / (once + 2.0 * twice);
        let of = |count: f64, here: f64, next: f64| count - (count + 1.0) * y * next / here;
        let discounts = [
            of(1.0, once, twice),
            of(2.0, twice, thrice),
            of(3.0, thrice, four),
        ];
        let mut bounded = discounts;
        for (place, discount) in bounded.iter_mut().enumerate() {
            *discount = discount.clamp(LEAST, place as f64 + 1.0 - LEAST);
        }
        Self(bounded)
    }

    fn of_count(self, count: u32) -> f64 {
        match count {
            0 => 0.0,
            count => self.0[(count as usize).min(3) - 1],
        }
    }
}

/// Probabilities of one level of n-grams.
#[derive(Clone, Debug)]
pub struct Smoothed {
    /// Probability of each n-gram's last unit after those before it.
    pub probability: Vec<f64>,
    /// For each node of the level below, what the shorter context weighs.
    pub backoff: Vec<f64>,
    /// Whether each n-gram is kept: rare ones are not.
    pub kept: Vec<bool>,
}

impl Counts {
    /// The probabilities of each level below the longest, by how many different units come before an
    /// n-gram, and of each level as the longest, by how often it occurs.
    pub(super) fn smoothed(&self) -> (Vec<Smoothed>, Vec<Smoothed>) {
        let (mut lower, mut highest): (Vec<Smoothed>, Vec<Smoothed>) = (Vec::new(), Vec::new());
        for (place, level) in self.levels.iter().enumerate() {
            let contexts = match place {
                0 => 1,
                _ => self.levels[place - 1].len(),
            };
            let shorter = lower.last().map(|below| &below.probability[..]);
            let continued: Vec<u32> = (level.left.iter().zip(&level.count).zip(&level.begins))
                .map(|((&left, &count), &begins)| if begins { count } else { left })
                .collect();
            let kept: Vec<bool> = (level.count.iter())
                .map(|&count| place + 1 < RARE_FROM || count > 1)
                .collect();
            let top = smooth(level, &level.count, &kept, contexts, shorter);
            let low = smooth(level, &continued, &kept, contexts, shorter);
            highest.push(top);
            lower.push(low);
        }
        (lower, highest)
    }
}

/// Smooths the counts of a level. What is taken from n-grams, and all of those that are not kept, goes to
/// the shorter context. `shorter` has the probabilities of the level below; without them, it goes to all
/// units alike.
fn smooth(
    level: &Level,
    counts: &[u32],
    kept: &[bool],
    contexts: usize,
    shorter: Option<&[f64]>,
) -> Smoothed {
    let is_begin = |node: usize| shorter.is_none() && level.begins[node];
    // The beginning of a sequence never follows anything.
    let count = |node: usize| if is_begin(node) { 0 } else { counts[node] };
    let discounts = Discounts::of((0..level.len()).map(count));
    let mut sums = vec![0.0; contexts];
    for node in 0..level.len() {
        sums[level.parent[node] as usize] += f64::from(count(node));
    }
    // What is left of each n-gram's own share.
    let share = |node: usize| match (kept[node], sums[level.parent[node] as usize]) {
        (true, sum) if sum > 0.0 => {
            (f64::from(count(node)) - discounts.of_count(count(node))) / sum
        }
        _ => 0.0,
    };
    let mut backoff = vec![1.0; contexts];
    for node in 0..level.len() {
        backoff[level.parent[node] as usize] -= share(node);
    }
    let uniform = 1.0 / (level.len() - usize::from(shorter.is_none())).max(1) as f64;
    let probability = |node: usize| {
        let below = match shorter {
            None => uniform,
            Some(shorter) => shorter[level.suffix[node] as usize],
        };
        share(node) + backoff[level.parent[node] as usize] * below
    };
    Smoothed {
        probability: (0..level.len()).map(probability).collect(),
        backoff,
        kept: kept.to_vec(),
    }
}
