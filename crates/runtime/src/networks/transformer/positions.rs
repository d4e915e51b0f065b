//! How a Transformer knows the order of its input: vectors added to the embeddings, or a rotation
//! of queries and keys.

use crate::layers::{Embedding, Parameters, Rows, WeightError, rotation_angles, sinusoid};
use crate::settings::{PositionKind, TransformerSettings};

/// Positions of one side.
#[derive(Debug)]
pub struct Positions {
    /// Learned vectors `[positions, size]`; none for the kinds that are computed.
    table: Option<Embedding>,
    kind: PositionKind,
}

/// Angles by which rows of queries and keys are turned (Su et al. 2021): cosines and sines
/// `[rows, head size / 2]`.
#[derive(Debug)]
pub struct Rotation {
    cosines: Rows,
    sines: Rows,
}

impl Positions {
    /// The positions that the settings ask for, from stored weights.
    ///
    /// # Errors
    /// If they do not fit.
    pub fn new(
        settings: &TransformerSettings,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let shape = [settings.learned_positions, settings.model_size];
        Ok(Self {
            table: match settings.positions {
                PositionKind::Learned => Some(params.embedding("table", shape)?),
                PositionKind::Sinusoidal | PositionKind::Rotary => None,
            },
            kind: settings.positions,
        })
    }

    /// Adds to every row the vector of its place.
    ///
    /// A learned table ends somewhere: all later places share its last vector.
    pub fn add(&self, rows: &mut Rows, places: &[usize]) {
        if let Some(table) = &self.table {
            let last = table.symbols().saturating_sub(1);
            let ids: Vec<i32> = places.iter().map(|&place| place.min(last) as i32).collect();
            rows.add(&table.look_up(&ids));
        }
        if self.kind == PositionKind::Sinusoidal {
            let width = rows.width;
            for (row, &place) in rows.iter_mut().zip(places) {
                for (at, to) in row.iter_mut().enumerate() {
                    *to += sinusoid(place, at, width);
                }
            }
        }
    }

    /// The rotation of rows at these places, whose heads have `size` numbers, if this kind rotates.
    pub fn rotation(&self, places: &[usize], size: usize) -> Option<Rotation> {
        if self.kind != PositionKind::Rotary {
            return None;
        }
        let half = size / 2;
        let (cosines, sines) = rotation_angles(places, size);
        Some(Rotation {
            cosines: Rows::new(half, cosines),
            sines: Rows::new(half, sines),
        })
    }
}

impl Rotation {
    /// Turns every head of every row: number `i` of its first half and number `i` of its second are
    /// the two coordinates of a plane.
    pub fn apply(&self, rows: &mut Rows) {
        let half = self.cosines.width;
        let angles = self.cosines.iter().zip(self.sines.iter());
        for (row, (cosines, sines)) in rows.iter_mut().zip(angles) {
            for head in row.chunks_exact_mut(2 * half) {
                let (first, second) = head.split_at_mut(half);
                let pairs = first.iter_mut().zip(second).zip(cosines.iter().zip(sines));
                for ((a, b), (cosine, sine)) in pairs {
                    (*a, *b) = (*a * cosine - *b * sine, *b * cosine + *a * sine);
                }
            }
        }
    }
}
