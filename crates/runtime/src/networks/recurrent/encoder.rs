//! The encoder: recurrent layers over the source, one or both directions.

use rnn_kernels::{Direction, Layout};

use crate::layers::{
    Embedding, LayerInput, LayerNorm, Padded, Parameters, Recurrent, Rows, Run, WeightError,
};
use crate::settings::ModelSettings;

/// Each layer's final state `[states * batch, width]`.
pub type Finals = Vec<Rows>;

/// Layers of an encoder, from the symbols up.
#[derive(Debug)]
pub struct Encoder {
    layers: Vec<EncoderLayer>,
    /// Add each layer's input to its output where the widths agree (He et al. 2016).
    residual: bool,
}

/// One layer of an encoder.
#[derive(Debug)]
struct EncoderLayer {
    /// Reads from the first symbol on.
    forward: Recurrent,
    /// Reads from the last symbol on (Schuster and Paliwal 1997).
    backward: Option<Recurrent>,
    /// Normalises what the layer gives on.
    norm: Option<LayerNorm>,
}

/// What an encoder made of a batch.
#[derive(Clone, Debug)]
pub struct EncoderOutput {
    /// The highest layer's outputs `[time * batch, width]`, if they were asked for. Those of padding
    /// mean nothing.
    pub sequence: Option<Rows>,
    /// Each layer's final state, both directions side by side.
    pub finals: Finals,
}

impl Encoder {
    /// `count` layers for inputs of the given width, from stored weights.
    ///
    /// # Errors
    /// If they do not fit.
    pub fn new(
        settings: &ModelSettings,
        count: usize,
        input: usize,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let layers = params.layers("layers", count, |index, params| {
            let input = match index {
                0 => input,
                _ => settings.encoder_width(),
            };
            EncoderLayer::new(settings, input, params)
        })?;
        Ok(Self {
            layers,
            residual: settings.residual,
        })
    }

    /// Reads a batch of sequences.
    pub fn forward(
        &self,
        vectors: Option<&Embedding>,
        symbols: &Padded,
        with_sequence: bool,
    ) -> EncoderOutput {
        let mut finals = Vec::with_capacity(self.layers.len());
        let mut sequence: Option<Rows> = None;
        for (index, layer) in self.layers.iter().enumerate() {
            let input = match &sequence {
                Some(below) => LayerInput::Vectors(below),
                None => LayerInput::Symbols(vectors, &symbols.ids),
            };
            let last = index + 1 == self.layers.len();
            let (output, end) = layer.run(&input, symbols, with_sequence || !last);
            finals.push(end);
            sequence = output.map(|output| {
                finish(
                    output,
                    sequence.as_ref(),
                    layer.norm.as_ref(),
                    self.residual,
                )
            });
        }
        EncoderOutput { sequence, finals }
    }
}

/// What a layer gives on: normalised, and with its input added.
pub fn finish(
    output: Rows,
    input: Option<&Rows>,
    norm: Option<&LayerNorm>,
    residual: bool,
) -> Rows {
    let mut output = match norm {
        Some(norm) => norm.forward(&output),
        None => output,
    };
    if let Some(input) = input.filter(|input| residual && input.width == output.width) {
        output.add(input);
    }
    output
}

impl EncoderLayer {
    fn new(
        settings: &ModelSettings,
        input: usize,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let (cell, units) = (settings.cell.kernel(), settings.encoder_units);
        let direction = |name: &str, params: &mut Parameters| {
            params.layer(name, |p| Recurrent::new(cell, input, units, p))
        };
        Ok(Self {
            forward: direction("forward", params)?,
            backward: (settings.bidirectional)
                .then(|| direction("backward", params))
                .transpose()?,
            norm: (settings.layer_norm)
                .then(|| params.layer("norm", |p| LayerNorm::new(settings.encoder_width(), p)))
                .transpose()?,
        })
    }

    /// Every h `[time * batch, width]`, if it is asked for, and the final state.
    fn run(
        &self,
        input: &LayerInput,
        symbols: &Padded,
        with_sequence: bool,
    ) -> (Option<Rows>, Rows) {
        let layout = match with_sequence {
            true => Layout::Both,
            false => Layout::FinalState,
        };
        let direction = |layer: &Recurrent, direction| {
            let run = Run::sequences(symbols, direction, layout);
            split(
                layer.forward(input, run),
                layer.cell().states() * symbols.batch(),
            )
        };
        let (ahead, ahead_end) = direction(&self.forward, Direction::Forward);
        let Some(backward) = &self.backward else {
            return (ahead, ahead_end);
        };
        let (back, back_end) = direction(backward, Direction::Reverse);
        let sequence = (ahead.zip(back)).map(|(ahead, back)| ahead.beside(&back));
        (sequence, ahead_end.beside(&back_end))
    }
}

/// Parts every h, if it is there, from the final state of so many rows.
fn split(mut output: Rows, end: usize) -> (Option<Rows>, Rows) {
    let steps = output.count() - end;
    if steps == 0 {
        return (None, output);
    }
    let end = output.values.split_off(steps * output.width);
    let end = Rows::new(output.width, end);
    (Some(output), end)
}
