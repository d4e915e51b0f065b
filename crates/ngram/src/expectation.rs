//! Expectation maximisation over all ways to cut a pair into units (Jiampojamarn et al. 2007).

use super::PairIds;
use super::index::{Index, Packed};

/// Source and target symbols of the units that a pair is cut into.
pub const SHAPES: [[usize; 2]; 5] = [[1, 1], [1, 0], [1, 2], [2, 1], [2, 0]];

/// No unit ends here.
const NO_UNIT: u32 = u32::MAX;

/// All ways to cut one pair, as a table of places in source and target.
#[derive(Debug, Default)]
pub struct Grid {
    columns: usize,
    /// For each place, the unit of each shape that ends there.
    units: Vec<[u32; SHAPES.len()]>,
    forward: Vec<f64>,
    backward: Vec<f64>,
}

impl Grid {
    /// Looks up the units of a pair; those that read at most `span` source symbols.
    pub fn fill(&mut self, pair: PairIds, span: usize, index: &Index) {
        let (rows, columns) = (pair.source.len() + 1, pair.target.len() + 1);
        self.columns = columns;
        self.units.clear();
        self.units.resize(rows * columns, [NO_UNIT; SHAPES.len()]);
        each_unit(pair, span, |place, shape, unit| {
            if let Some(number) = index.get(unit) {
                self.units[place][shape] = number;
            }
        });
    }

    /// The place before a unit that ends at a place.
    fn before(&self, place: usize, shape: usize) -> usize {
        let [source, target] = SHAPES[shape];
        place - source * self.columns - target
    }

    /// Adds the expected count of each unit; gives the logarithm of the pair's probability. None, and
    /// nothing is added, if there is no way to cut it.
    pub fn expect(&mut self, probabilities: &[f64], counts: &mut [f64]) -> Option<f64> {
        // Each row is scaled by what a symbol of the source costs on average, so that long pairs do not
        // become too small for a number.
        let cells = self.units.len();
        self.forward.clear();
        self.forward.resize(cells, 0.0);
        self.backward.clear();
        self.backward.resize(cells, 0.0);
        let rows = cells / self.columns;
        let mut scale = vec![1.0; rows];
        self.forward[0] = 1.0;
        for row in 0..rows {
            for column in 0..self.columns {
                let place = row * self.columns + column;
                let mut sum = self.forward[place];
                for (shape, &unit) in self.units[place].iter().enumerate() {
                    if unit != NO_UNIT {
                        let from = self.before(place, shape);
                        let skipped = if SHAPES[shape][0] == 2 {
                            scale[row - 1]
                        } else {
                            1.0
                        };
                        sum += self.forward[from] * skipped * probabilities[unit as usize];
                    }
                }
                self.forward[place] = sum;
            }
            let start = row * self.columns;
            let of_row = &mut self.forward[start..start + self.columns];
            let largest = of_row.iter().copied().fold(0.0, f64::max);
            if largest > 0.0 && row > 0 {
                scale[row] = 1.0 / largest;
                of_row.iter_mut().for_each(|value| *value /= largest);
            }
        }
        let total = self.forward[cells - 1];
        if !(total > 0.0 && total.is_finite()) {
            return None;
        }
        // With `a` as scaled above, the count of a unit from `f` to `t` is a(f) p(u) b(t) / a(end), where
        // b has the scales of the rows in between.
        self.backward[cells - 1] = 1.0;
        for place in (0..cells).rev() {
            let after = self.backward[place] * scale[place / self.columns];
            if after == 0.0 {
                continue;
            }
            for (shape, unit) in self.units[place].into_iter().enumerate() {
                if unit != NO_UNIT {
                    let from = self.before(place, shape);
                    let row = place / self.columns;
                    let skipped = if SHAPES[shape][0] == 2 {
                        scale[row - 1]
                    } else {
                        1.0
                    };
                    let way = after * skipped * probabilities[unit as usize];
                    self.backward[from] += way;
                    counts[unit as usize] += self.forward[from] * way / total;
                }
            }
        }
        let scales: f64 = scale.iter().map(|scale| scale.ln()).sum();
        Some(total.ln() - scales)
    }

    /// The most probable cut, as shapes from the first unit to the last; none if there is none.
    pub fn best(&mut self, logs: &[f64]) -> Option<Vec<usize>> {
        let cells = self.units.len();
        self.forward.clear();
        self.forward.resize(cells, f64::NEG_INFINITY);
        self.forward[0] = 0.0;
        let mut chosen = vec![0; cells];
        for (place, units) in self.units.iter().enumerate().skip(1) {
            for (shape, &unit) in units.iter().enumerate() {
                if unit != NO_UNIT {
                    let sum = self.forward[self.before(place, shape)] + logs[unit as usize];
                    // Of equals, the first shape stays.
                    if sum > self.forward[place] {
                        (self.forward[place], chosen[place]) = (sum, shape);
                    }
                }
            }
        }
        if self.forward[cells - 1] == f64::NEG_INFINITY {
            return None;
        }
        let mut shapes = Vec::new();
        let mut place = cells - 1;
        while place > 0 {
            shapes.push(chosen[place]);
            place = self.before(place, chosen[place]);
        }
        shapes.reverse();
        Some(shapes)
    }
}

/// Calls `found` for every unit of at most `span` source symbols that a pair may be cut into, with the place where it ends in a table of
/// rows for the source and columns for the target, and the number of its shape.
pub fn each_unit(pair: PairIds, span: usize, mut found: impl FnMut(usize, usize, Packed)) {
    let PairIds { source, target } = pair;
    let columns = target.len() + 1;
    for row in 1..=source.len() {
        for column in 0..columns {
            for (shape, [reads, writes]) in SHAPES.into_iter().enumerate() {
                if reads <= row.min(span) && writes <= column {
                    let from = &source[row - reads..row];
                    let to = &target[column - writes..column];
                    found(row * columns + column, shape, Packed::new(from, to));
                }
            }
        }
    }
}
