//! From the encoder's final state to the decoder's first, where their sizes differ or a learned
//! layer is wanted.

use burn::module::Module;
use burn::tensor::{Tensor, activation};

use super::dense::Dense;
use super::parameters::{ParameterError, Parameters};
use crate::config::{BridgeKind, ModelSettings};

/// One dense layer for each state (h, and c for an LSTM).
#[derive(Module, Debug)]
pub struct Bridge {
    /// The layers, in the order of the states.
    pub states: Vec<Dense>,
    #[module(skip)]
    tanh: bool,
}

impl Bridge {
    /// The bridge that the settings ask for; none if the state is handed over as it is.
    ///
    /// # Errors
    /// If stored parameters do not fit.
    pub fn new(
        settings: &ModelSettings,
        params: &mut Parameters,
    ) -> Result<Option<Self>, ParameterError> {
        let (from, to) = (settings.encoder_units, settings.decoder_units());
        let tanh = match settings.bridge {
            BridgeKind::Copy => return Ok(None),
            BridgeKind::Auto if from == to => return Ok(None),
            BridgeKind::Auto | BridgeKind::Linear => false,
            BridgeKind::Tanh => true,
        };
        let states = settings.cell.kernel().states();
        let states = params.layer("states", |params| {
            (0..states)
                .map(|index| {
                    params.layer(&index.to_string(), |params| Dense::new(from, to, params))
                })
                .collect::<Result<_, _>>()
        })?;
        Ok(Some(Self { states, tanh }))
    }

    /// `[states, batch, encoder units]` to `[states, batch, decoder units]`.
    pub fn forward(&self, state: Tensor<3>) -> Tensor<3> {
        let [_, batch, units] = state.dims();
        let states = self.states.iter().enumerate().map(|(index, layer)| {
            let from = state.clone().narrow(0, index, 1).reshape([batch, units]);
            let to = layer.forward(from);
            if self.tanh { activation::tanh(to) } else { to }
        });
        Tensor::stack(states.collect(), 0)
    }
}
