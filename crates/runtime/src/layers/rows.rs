//! Vectors row by row, the only shape that layers hand to each other.

/// Vectors `[rows, width]`, one after the other. Sequences are time-major: `[time * batch, width]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Numbers of a row.
    pub width: usize,
    /// `[rows, width]`.
    pub values: Vec<f32>,
}

impl Rows {
    /// Rows of zeros.
    pub fn zeros(rows: usize, width: usize) -> Self {
        Self::new(width, vec![0.0; rows * width])
    }

    /// Rows from their numbers.
    pub fn new(width: usize, values: Vec<f32>) -> Self {
        Self { width, values }
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.values.len().checked_div(self.width).unwrap_or(0)
    }

    /// One row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.width..(row + 1) * self.width]
    }

    /// All rows, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width.max(1))
    }

    /// All rows, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        self.values.chunks_exact_mut(self.width.max(1))
    }

    /// The rows of a range.
    pub fn range(&self, rows: std::ops::Range<usize>) -> Self {
        let (first, end) = (rows.start * self.width, rows.end * self.width);
        Self::new(self.width, self.values[first..end].to_vec())
    }

    /// The given rows, in that order; a row may come several times or not at all.
    pub fn select(&self, rows: &[usize]) -> Self {
        self.select_in_blocks(self.count(), rows)
    }

    /// The given rows of each block of `batch` rows, such as the steps of sequences
    /// `[time, batch, width]` or the states of a cell `[states, batch, width]`.
    pub fn select_in_blocks(&self, batch: usize, rows: &[usize]) -> Self {
        let blocks = self.count().checked_div(batch).unwrap_or(0);
        let mut values = Vec::with_capacity(blocks * rows.len() * self.width);
        for block in 0..blocks {
            for &row in rows {
                values.extend_from_slice(self.row(block * batch + row));
            }
        }
        Self::new(self.width, values)
    }

    /// Rows of both, side by side: `[rows, width + width]`.
    pub fn beside(&self, other: &Self) -> Self {
        let mut values = Vec::with_capacity(self.values.len() + other.values.len());
        for (own, others) in self.iter().zip(other.iter()) {
            values.extend_from_slice(own);
            values.extend_from_slice(others);
        }
        Self::new(self.width + other.width, values)
    }

    /// Adds rows of the same shape.
    pub fn add(&mut self, other: &Self) {
        for (value, &more) in self.values.iter_mut().zip(&other.values) {
            *value += more;
        }
    }

    /// Adds the same numbers to every row.
    pub fn add_to_each(&mut self, row: &[f32]) {
        for values in self.iter_mut() {
            for (value, &more) in values.iter_mut().zip(row) {
                *value += more;
            }
        }
    }

    /// Multiplies every number.
    pub fn scale(&mut self, factor: f32) {
        self.values.iter_mut().for_each(|value| *value *= factor);
    }
}
