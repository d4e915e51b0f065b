//! The bidirectional recurrent encoder of hard monotonic attention.

use rnn_kernels::{Cell, Direction, Layout};

use crate::layers::{Embedding, LayerInput, Padded, Parameters, Recurrent, Rows, Run, WeightError};

/// Layers that each read their input from both ends.
#[derive(Debug)]
pub struct BidirectionalEncoder {
    /// From the first symbol to the last, one a layer.
    forward: Vec<Recurrent>,
    /// From the last to the first, one a layer.
    backward: Vec<Recurrent>,
}

impl BidirectionalEncoder {
    /// `layers` layers of `units` units in each direction, over vectors of `input` numbers, from
    /// stored weights.
    ///
    /// # Errors
    /// If they do not fit.
    pub fn new(
        cell: Cell,
        [input, units, layers]: [usize; 3],
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let width = |layer| if layer == 0 { input } else { 2 * units };
        let mut direction = |name| {
            params.layers(name, layers, |layer, p| {
                Recurrent::new(cell, width(layer), units, p)
            })
        };
        Ok(Self {
            forward: direction("forward")?,
            backward: direction("backward")?,
        })
    }

    /// Symbols to states `[time * batch, 2 * units]`.
    pub fn read(&self, vectors: &Embedding, source: &Padded) -> Rows {
        let mut states: Option<Rows> = None;
        for (forward, backward) in self.forward.iter().zip(&self.backward) {
            let input = match &states {
                Some(below) => LayerInput::Vectors(below),
                None => LayerInput::Symbols(Some(vectors), &source.ids),
            };
            let run = |layer: &Recurrent, direction| {
                layer.forward(&input, Run::sequences(source, direction, Layout::Sequence))
            };
            let ahead = run(forward, Direction::Forward);
            let back = run(backward, Direction::Reverse);
            states = Some(ahead.beside(&back));
        }
        states.unwrap_or_default()
    }
}
