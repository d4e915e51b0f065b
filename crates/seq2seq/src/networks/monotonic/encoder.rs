//! The bidirectional recurrent encoder of hard monotonic attention.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::encoding::Padded;
use crate::layers::dropout::Dropout;
use crate::layers::parameters::Parameters;
use crate::layers::recurrent::{Cell, Direction, LayerInput, Layout, Recurrent, Run};
use seq2seq_runtime::layers::WeightError;

/// Layers that each read their input from both ends.
#[derive(Module, Debug)]
pub struct BidirectionalEncoder {
    /// From the first symbol to the last, one a layer.
    pub forward: Vec<Recurrent>,
    /// From the last to the first, one a layer.
    pub backward: Vec<Recurrent>,
}

impl BidirectionalEncoder {
    /// `layers` layers of `units` units in each direction, over vectors of `input` numbers.
    ///
    /// # Errors
    /// If stored parameters do not fit.
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

    /// Vectors `[time, batch, input]` to `[time, batch, 2 * units]`; dropout between layers.
    pub fn read(&self, vectors: Tensor<3>, source: &Padded, dropout: &mut Dropout) -> Tensor<3> {
        let mut vectors = vectors;
        for (index, (forward, backward)) in self.forward.iter().zip(&self.backward).enumerate() {
            if index > 0 {
                vectors = dropout.apply(vectors);
            }
            let run = |layer: &Recurrent, direction| {
                let input = LayerInput::Vectors(vectors.clone());
                let run = Run {
                    initial: None,
                    lengths: source.ragged(),
                    direction,
                    layout: Layout::Sequence,
                    mask: None,
                };
                layer.forward(input, run)
            };
            let both = vec![
                run(forward, Direction::Forward),
                run(backward, Direction::Reverse),
            ];
            vectors = Tensor::cat(both, 2);
        }
        vectors
    }
}
