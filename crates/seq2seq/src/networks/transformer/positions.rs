//! How a Transformer knows the order of its input: vectors added to the embeddings, or a rotation
//! of queries and keys.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::config::PositionKind;
use crate::layers::parameters::Parameters;
use crate::layers::tensors::{constant, row_numbers};
use seq2seq_runtime::layers::{WeightError, rotation_angles, sinusoid};

/// Largest initial value of a learned position.
const LIMIT: f32 = 0.05;

/// Positions of one side.
#[derive(Module, Debug)]
pub struct Positions {
    /// Learned vectors `[positions, size]`; none for the kinds that are computed.
    pub table: Option<Param<Tensor<2>>>,
    #[module(skip)]
    kind: PositionKind,
}

/// Angles by which queries and keys are turned (Su et al. 2021): cosines and sines
/// `[1, 1, time, head size / 2]`.
#[derive(Clone, Debug)]
pub struct Rotation {
    cosines: Tensor<4>,
    sines: Tensor<4>,
}

impl Positions {
    /// Positions for vectors of `size` numbers. A learned table has `longest` rows.
    ///
    /// # Errors
    /// If stored parameters do not fit.
    pub fn new(
        kind: PositionKind,
        size: usize,
        longest: usize,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let table = match kind {
            PositionKind::Learned => Some(params.uniform("table", [longest, size], LIMIT)?),
            PositionKind::Sinusoidal | PositionKind::Rotary => None,
        };
        Ok(Self { table, kind })
    }

    /// Adds its position to every row of `[time * batch, size]`.
    ///
    /// A learned table ends somewhere: all later positions share its last vector.
    pub fn add(&self, rows: Tensor<2>, batch: usize) -> Tensor<2> {
        let [count, size] = rows.dims();
        let time = count / batch.max(1);
        let vectors = match (self.kind, &self.table) {
            (PositionKind::Learned, Some(table)) => learned(&table.val(), time),
            (PositionKind::Sinusoidal, _) => sinusoids(&rows, time),
            _ => return rows,
        };
        let rows: Tensor<3> = rows.reshape([time, batch, size]);
        (rows + vectors.unsqueeze_dim(1)).reshape([count, size])
    }

    /// The rotation of heads of `size` numbers at these positions, if this kind rotates.
    pub fn rotation(&self, positions: &[usize], size: usize, like: &Tensor<2>) -> Option<Rotation> {
        if self.kind != PositionKind::Rotary {
            return None;
        }
        let (cosines, sines) = rotation_angles(positions, size);
        let shape = [1, 1, positions.len(), size / 2];
        Some(Rotation {
            cosines: constant(cosines, shape, like),
            sines: constant(sines, shape, like),
        })
    }
}

fn learned(table: &Tensor<2>, time: usize) -> Tensor<2> {
    let last = table.dims()[0].saturating_sub(1);
    let rows = (0..time).map(|position| position.min(last) as i32);
    table.clone().select(0, row_numbers(rows.collect(), table))
}

/// Sinusoids `[time, size]`.
fn sinusoids(like: &Tensor<2>, time: usize) -> Tensor<2> {
    let size = like.dims()[1];
    let values =
        (0..time).flat_map(|position| (0..size).map(move |at| sinusoid(position, at, size)));
    constant(values.collect(), [time, size], like)
}

impl Rotation {
    /// Turns `[batch, heads, time, head size]`: number `i` of the first half and number `i` of the
    /// second are the two coordinates of a plane.
    pub fn apply(&self, x: Tensor<4>) -> Tensor<4> {
        let half = x.dims()[3] / 2;
        let a = x.clone().narrow(3, 0, half);
        let b = x.narrow(3, half, half);
        let (cosines, sines) = (self.cosines.clone(), self.sines.clone());
        let first = a.clone() * cosines.clone() - b.clone() * sines.clone();
        let second = b * cosines + a * sines;
        Tensor::cat(vec![first, second], 3)
    }
}
