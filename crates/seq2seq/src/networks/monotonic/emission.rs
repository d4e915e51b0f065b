//! What is written at a position of the source (Wu and Cotterell 2019):
//! `p(y | a_t = j) = softmax(V tanh(W [s_t; h_j]))`.
//!
//! A model that copies has one more action besides writing each symbol: to take over the source
//! symbol that stands at the position (as in Makarov and Clematide 2018, "Neural Transition-based
//! String Transduction for Limited-Resource Setting in Morphology").

use burn::module::Module;
use burn::tensor::Tensor;

use crate::layers::dense::Dense;
use crate::layers::dropout::Dropout;
use crate::layers::parameters::Parameters;
use crate::ops::tanh::tanh;
use seq2seq_runtime::layers::WeightError;

/// A feed-forward network over a decoder and an encoder state. `W` is kept as two matrices, one for
/// each, so that neither product is repeated for every pair of states.
#[derive(Module, Debug)]
pub struct Emission {
    /// The part of `W` for decoder states.
    pub decoder: Dense,
    /// The part of `W` for encoder states.
    pub encoder: Dense,
    /// `V`: to a score for each action.
    pub output: Dense,
}

impl Emission {
    /// A network for encoder states of `encoder` and decoder states of `decoder` numbers.
    ///
    /// # Errors
    /// If stored parameters do not fit.
    pub fn new(
        [encoder, decoder, hidden, actions]: [usize; 4],
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        Ok(Self {
            decoder: params.layer("decoder", |p| Dense::new(decoder, hidden, p))?,
            encoder: params.layer("encoder", |p| Dense::new(encoder, hidden, p))?,
            output: params.layer("output", |p| Dense::new(hidden, actions, p))?,
        })
    }

    /// The encoder's share, `[batch, places, hidden]`, of encoder states `[time, batch, encoder]`.
    pub fn places(&self, states: Tensor<3>) -> Tensor<3> {
        let [time, batch, width] = states.dims();
        let rows = states.reshape([time * batch, width]);
        let hidden = self.encoder.forward(rows);
        let units = hidden.dims()[1];
        hidden.reshape([time, batch, units]).swap_dims(0, 1)
    }

    /// Scores of actions for decoder states `[batch, steps, decoder]` at every position:
    /// `[batch, steps, places, actions]`.
    pub fn forward(
        &self,
        decoder: Tensor<3>,
        places: Tensor<3>,
        dropout: &mut Dropout,
    ) -> Tensor<4> {
        let [batch, steps, units] = decoder.dims();
        let [_, count, width] = places.dims();
        let rows = decoder.reshape([batch * steps, units]);
        let decoder = self.decoder.forward(rows);
        let decoder: Tensor<4> = decoder.reshape([batch, steps, 1, width]);
        let hidden = tanh(decoder + places.unsqueeze_dim(1));
        let rows = hidden.reshape([batch * steps * count, width]);
        let scores = self.output.forward(dropout.apply(rows));
        let actions = scores.dims()[1];
        scores.reshape([batch, steps, count, actions])
    }
}
