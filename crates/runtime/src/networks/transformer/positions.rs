//! How a Transformer knows the order of its input: vectors added to the embeddings, or a rotation
//! of queries and keys.

use std::sync::Arc;

use crate::layers::{Parameters, Rows, WeightError, rotation_angles, sinusoid};
use crate::settings::{PositionKind, TransformerSettings};

/// Positions of one side.
#[derive(Debug)]
pub struct Positions {
    /// Learned vectors `[positions, size]`; empty for the kinds that are computed.
    table: Arc<[f32]>,
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
                PositionKind::Learned => params.matrix("table", shape)?.values().into(),
                PositionKind::Sinusoidal | PositionKind::Rotary => Arc::default(),
            },
            kind: settings.positions,
        })
    }

    /// Adds to every row the vector of its place.
    ///
    /// A learned table ends somewhere: all later places share its last vector.
    pub fn add(&self, rows: &mut Rows, places: &[usize]) {
        let width = rows.width;
        let last = (self.table.len() / width).saturating_sub(1);
        for (row, &place) in rows.iter_mut().zip(places) {
            match self.kind {
                PositionKind::Rotary => {}
                PositionKind::Learned => {
                    let vector = &self.table[place.min(last) * width..];
                    row.iter_mut()
                        .zip(vector)
                        .for_each(|(to, more)| *to += more);
                }
                PositionKind::Sinusoidal => {
                    for (at, to) in row.iter_mut().enumerate() {
                        *to += sinusoid(place, at, width);
                    }
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
