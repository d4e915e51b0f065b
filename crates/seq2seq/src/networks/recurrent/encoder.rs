//! The encoder: recurrent layers over the source, one or both directions.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::config::ModelSettings;
use crate::layers::dropout::{Noise, dropout};
use crate::layers::layer_norm::LayerNorm;
use crate::layers::parameters::Parameters;
use crate::layers::recurrent::{Cell, Direction, LayerInput, Layout, Recurrent, Run};
use seq2seq_runtime::layers::WeightError;

/// Layers of an encoder, from the symbols up.
#[derive(Module, Debug)]
pub struct Encoder {
    /// The layers.
    pub layers: Vec<EncoderLayer>,
    #[module(skip)]
    options: StackOptions,
}

/// One layer of an encoder.
#[derive(Module, Debug)]
pub struct EncoderLayer {
    /// Reads from the first symbol on.
    pub forward: Recurrent,
    /// Reads from the last symbol on (Schuster and Paliwal 1997).
    pub backward: Option<Recurrent>,
    /// Normalises what the layer gives on.
    pub norm: Option<LayerNorm>,
}

/// What is the same for all layers of a stack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StackOptions {
    /// Share of each layer's outputs that is dropped while training.
    pub dropout: f64,
    /// Share of the state that the recurrent product does not see while training, the same at
    /// every step.
    pub recurrent_dropout: f64,
    /// Add each layer's input to its output where the widths agree (He et al. 2016).
    pub residual: bool,
}

impl StackOptions {
    /// Those of the settings.
    pub fn new(settings: &ModelSettings) -> Self {
        Self {
            dropout: settings.dropout,
            recurrent_dropout: settings.recurrent_dropout,
            residual: settings.residual,
        }
    }

    /// One variational mask `[batch, units]`, while training with recurrent dropout.
    pub fn recurrent_mask(
        &self,
        batch: usize,
        units: usize,
        noise: Option<&mut Noise>,
    ) -> Option<Vec<f32>> {
        let noise = noise.filter(|_| self.recurrent_dropout > 0.0)?;
        Some(noise.values(batch * units, self.recurrent_dropout))
    }

    /// What a layer gives on: normalised, with dropout, and with its input added.
    pub fn finish(
        &self,
        output: Tensor<3>,
        input: Option<Tensor<3>>,
        norm: Option<&LayerNorm>,
        noise: Option<&mut Noise>,
    ) -> Tensor<3> {
        let output = match norm {
            Some(norm) => norm.forward(output),
            None => output,
        };
        let output = dropout(output, self.dropout, noise);
        match input {
            Some(input) if self.residual && input.dims() == output.dims() => output + input,
            _ => output,
        }
    }
}

/// How sequences are read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading<'a> {
    /// Length of each; all have the full length without it.
    pub lengths: Option<&'a [usize]>,
    /// Whether the outputs of every step are asked for.
    pub with_sequence: bool,
}

/// What an encoder made of a batch.
#[derive(Clone, Debug)]
pub struct EncoderOutput {
    /// The highest layer's outputs `[time, batch, width]`, if they were asked for. Those of padding
    /// mean nothing.
    pub sequence: Option<Tensor<3>>,
    /// Each layer's final state `[states, batch, width]`, both directions side by side.
    pub finals: Vec<Tensor<3>>,
}

impl Encoder {
    /// `count` layers for inputs of the given width.
    ///
    /// # Errors
    /// If stored parameters do not fit.
    pub fn new(
        settings: &ModelSettings,
        count: usize,
        input: usize,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let layers = params.layers("layers", count, |index, params| {
            let input = if index == 0 {
                input
            } else {
                settings.encoder_width()
            };
            EncoderLayer::new(settings, input, params)
        })?;
        Ok(Self {
            layers,
            options: StackOptions::new(settings),
        })
    }

    /// Reads a batch of sequences.
    pub fn forward(
        &self,
        input: LayerInput,
        options: Reading,
        mut noise: Option<&mut Noise>,
    ) -> EncoderOutput {
        let mut finals = Vec::with_capacity(self.layers.len());
        let mut next = Some(input);
        let mut sequence = None;
        for (index, layer) in self.layers.iter().enumerate() {
            let input = match (next.take(), sequence.clone()) {
                (Some(input), _) => input,
                (None, Some(below)) => LayerInput::Vectors(below),
                (None, None) => break,
            };
            let last = index + 1 == self.layers.len();
            let reading = Reading {
                with_sequence: options.with_sequence || !last,
                ..options
            };
            let (output, end) = layer.run(&self.options, input, reading, noise.as_deref_mut());
            finals.push(end);
            sequence = output.map(|output| {
                let below = sequence.take();
                let norm = layer.norm.as_ref();
                self.options
                    .finish(output, below, norm, noise.as_deref_mut())
            });
        }
        EncoderOutput { sequence, finals }
    }
}

impl EncoderLayer {
    fn new(
        settings: &ModelSettings,
        input: usize,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let (cell, units): (Cell, usize) = (settings.cell.kernel(), settings.encoder_units);
        let direction = |name: &str, params: &mut Parameters| {
            params.layer(name, |p| Recurrent::new(cell, input, units, p))
        };
        Ok(Self {
            forward: direction("forward", params)?,
            backward: match settings.bidirectional {
                true => Some(direction("backward", params)?),
                false => None,
            },
            norm: match settings.layer_norm {
                true => {
                    let width = settings.encoder_width();
                    Some(params.layer("norm", |p| LayerNorm::new(width, p))?)
                }
                false => None,
            },
        })
    }

    /// Every h `[time, batch, width]`, if it is asked for, and the final state.
    fn run(
        &self,
        options: &StackOptions,
        input: LayerInput,
        reading: Reading,
        mut noise: Option<&mut Noise>,
    ) -> (Option<Tensor<3>>, Tensor<3>) {
        let mut direction = |layer: &Recurrent, input: LayerInput, direction: Direction| {
            let (batch, units) = (input.batch(), layer.units());
            let mask = options.recurrent_mask(batch, units, noise.as_deref_mut());
            let layout = if reading.with_sequence {
                Layout::Both
            } else {
                Layout::FinalState
            };
            let run = Run {
                initial: None,
                lengths: reading.lengths,
                direction,
                layout,
                mask,
            };
            split(layer.forward(input, run), layer.cell().states())
        };
        let Some(backward) = &self.backward else {
            return direction(&self.forward, input, Direction::Forward);
        };
        let (ahead, ahead_end) = direction(&self.forward, input.clone(), Direction::Forward);
        let (back, back_end) = direction(backward, input, Direction::Reverse);
        let sequence = ahead
            .zip(back)
            .map(|(ahead, back)| Tensor::cat(vec![ahead, back], 2));
        (sequence, Tensor::cat(vec![ahead_end, back_end], 2))
    }
}

/// Parts every h, if it is there, from the final state of so many states.
pub(super) fn split(output: Tensor<3>, states: usize) -> (Option<Tensor<3>>, Tensor<3>) {
    let steps = output.dims()[0];
    if steps == states {
        return (None, output);
    }
    let time = steps - states;
    let sequence = output.clone().narrow(0, 0, time);
    (Some(sequence), output.narrow(0, time, states))
}
