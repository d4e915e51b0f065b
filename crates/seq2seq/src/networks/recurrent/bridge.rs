//! From the encoder's final states to the decoder's first, whatever the sizes, layers and
//! directions of the two.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::config::{BridgeKind, ModelSettings};
use crate::layers::dense::Dense;
use crate::layers::parameters::Parameters;
use crate::ops::tanh::tanh;
use seq2seq_runtime::layers::WeightError;

/// Hands states over, or passes them through learned layers.
///
/// Both directions of the encoder stand side by side. Decoder layers are matched with encoder
/// layers from the top; those below the encoder's lowest start from the lowest.
#[derive(Module, Debug)]
pub struct Bridge {
    /// One for each layer of the decoder; none if the states are handed over as they are.
    pub layers: Vec<BridgeLayer>,
    #[module(skip)]
    decoder_layers: usize,
    #[module(skip)]
    tanh: bool,
}

/// The way to one layer of the decoder.
#[derive(Module, Debug)]
pub struct BridgeLayer {
    /// One for each state (h, and c for an LSTM), in that order.
    pub states: Vec<Dense>,
}

impl Bridge {
    /// The bridge that the settings ask for, from states of width `from`.
    ///
    /// # Errors
    /// If stored parameters do not fit.
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
        let layers = params.layers("layers", count, |_, params| {
            let states = params.layers("states", states, |_, p| Dense::new(from, to, p))?;
            Ok(BridgeLayer { states })
        })?;
        Ok(Self {
            layers,
            decoder_layers: settings.decoder_layers,
            tanh: settings.bridge == BridgeKind::Tanh,
        })
    }

    /// Each encoder layer's final state `[states, batch, from]` to the first state of each layer of
    /// the decoder `[states, batch, units]`.
    pub fn forward(&self, finals: &[Tensor<3>]) -> Vec<Tensor<3>> {
        let lowest = finals.len() as isize - self.decoder_layers as isize;
        let matched = (0..self.decoder_layers).filter_map(|layer| {
            let below = (lowest + layer as isize).max(0) as usize;
            finals.get(below)
        });
        matched
            .enumerate()
            .map(|(index, state)| match self.layers.get(index) {
                Some(layer) => layer.forward(state, self.tanh),
                None => state.clone(),
            })
            .collect()
    }
}

impl BridgeLayer {
    fn forward(&self, state: &Tensor<3>, with_tanh: bool) -> Tensor<3> {
        let [_, batch, units] = state.dims();
        let states = self.states.iter().enumerate().map(|(index, layer)| {
            let from = state.clone().narrow(0, index, 1).reshape([batch, units]);
            let to = layer.forward(from);
            if with_tanh { tanh(to) } else { to }
        });
        Tensor::stack(states.collect(), 0)
    }
}
