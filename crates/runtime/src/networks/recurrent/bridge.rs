//! From the encoder's final states to the decoder's first, whatever the sizes, layers and
//! directions of the two.

use crate::layers::{Dense, Parameters, Rows, WeightError, tanh};
use crate::settings::{BridgeKind, ModelSettings};

/// Hands states over, or passes them through learned layers.
///
/// Both directions of the encoder stand side by side. Decoder layers are matched with encoder
/// layers from the top; those below the encoder's lowest start from the lowest.
#[derive(Debug)]
pub struct Bridge {
    /// For each layer of the decoder, one for each state (h, and c of an LSTM); none if the states
    /// are handed over as they are.
    layers: Vec<Vec<Dense>>,
    decoder_layers: usize,
    tanh: bool,
}

impl Bridge {
    /// The bridge that the settings ask for, from states of width `from`, with stored weights.
    ///
    /// # Errors
    /// If they do not fit.
    pub fn new(
        settings: &ModelSettings,
        from: usize,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let to = settings.decoder_units();
        let states = settings.cell.kernel().states();
        let count = match settings.has_learned_bridge(from) {
            true => settings.decoder_layers,
            false => 0,
        };
        Ok(Self {
            layers: params.layers("layers", count, |_, params| {
                params.layers("states", states, |_, p| Dense::new(from, to, p))
            })?,
            decoder_layers: settings.decoder_layers,
            tanh: settings.bridge == BridgeKind::Tanh,
        })
    }

    /// Each encoder layer's final state `[states * batch, from]` to the first state of each layer of
    /// the decoder `[states * batch, units]`.
    pub fn forward(&self, finals: &[Rows]) -> Vec<Rows> {
        let matched = (0..self.decoder_layers).filter_map(|layer| {
            finals.get((finals.len() + layer).saturating_sub(self.decoder_layers))
        });
        matched
            .enumerate()
            .map(|(index, state)| match self.layers.get(index) {
                Some(layer) => pass(layer, state, self.tanh),
                None => state.clone(),
            })
            .collect()
    }
}

fn pass(states: &[Dense], from: &Rows, with_tanh: bool) -> Rows {
    let batch = from.count() / states.len();
    let mut passed = Rows::default();
    for (index, layer) in states.iter().enumerate() {
        let to = layer.forward(&from.range(index * batch..(index + 1) * batch));
        passed.width = to.width;
        passed.values.extend(to.values);
    }
    if with_tanh { tanh(passed) } else { passed }
}
