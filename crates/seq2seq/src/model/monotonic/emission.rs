//! What is written at a position of the source (Wu and Cotterell 2019):
//! `p(y | a_t = j) = softmax(V tanh(W [s_t; h_j]))`.

use burn::module::Module;
use burn::tensor::{Int, Tensor, TensorData};

use crate::data::Padded;
use crate::model::dense::Dense;
use crate::model::dropout::Dropout;
use crate::model::parameters::{ParameterError, Parameters};
use crate::model::tanh::tanh;
use crate::model::tensors::{log_sum_exp, select_rows};

/// A feed-forward network over a decoder and an encoder state. `W` is kept as two matrices, one for
/// each, so that neither product is repeated for every pair of states.
#[derive(Module, Debug)]
pub struct Emission {
    /// The part of `W` for decoder states.
    pub decoder: Dense,
    /// The part of `W` for encoder states.
    pub encoder: Dense,
    /// `V`: to a score for each target symbol.
    pub output: Dense,
}

/// Scores of symbols at each position.
#[derive(Clone, Debug)]
pub struct Emitted {
    /// Scores `[batch, steps, places, symbols]`.
    scores: Tensor<4>,
    /// Logarithm of the sum of their exponentials, `[batch, steps, places, 1]`.
    total: Tensor<4>,
}

impl Emission {
    /// A network for encoder states of `encoder` and decoder states of `decoder` numbers.
    ///
    /// # Errors
    /// If stored parameters do not fit.
    pub fn new(
        [encoder, decoder, hidden, symbols]: [usize; 4],
        params: &mut Parameters,
    ) -> Result<Self, ParameterError> {
        Ok(Self {
            decoder: params.layer("decoder", |p| Dense::new(decoder, hidden, p))?,
            encoder: params.layer("encoder", |p| Dense::new(encoder, hidden, p))?,
            output: params.layer("output", |p| Dense::new(hidden, symbols, p))?,
        })
    }

    /// The encoder's share, `[batch, places, hidden]`, of encoder states `[time, batch, encoder]`.
    pub fn places(&self, states: Tensor<3>) -> Tensor<3> {
        let [time, batch, width] = states.dims();
        let hidden = self.encoder.forward(states.reshape([time * batch, width]));
        let units = hidden.dims()[1];
        hidden.reshape([time, batch, units]).swap_dims(0, 1)
    }

    /// Scores for decoder states `[batch, steps, decoder]` at every position.
    pub fn forward(&self, decoder: Tensor<3>, places: Tensor<3>, dropout: &mut Dropout) -> Emitted {
        let [batch, steps, units] = decoder.dims();
        let [_, count, width] = places.dims();
        let decoder = self
            .decoder
            .forward(decoder.reshape([batch * steps, units]));
        let decoder: Tensor<4> = decoder.reshape([batch, steps, 1, width]);
        let hidden = tanh(decoder + places.unsqueeze_dim(1));
        let rows = hidden.reshape([batch * steps * count, width]);
        let scores = self.output.forward(dropout.apply(rows));
        let symbols = scores.dims()[1];
        let scores: Tensor<4> = scores.reshape([batch, steps, count, symbols]);
        Emitted {
            total: log_sum_exp(scores.clone(), 3),
            scores,
        }
    }
}

impl Emitted {
    /// Log-probabilities of symbols `[batch, steps, symbols]`, summed over positions that have the
    /// log-probabilities `filter`, `[batch, steps, places]`.
    pub fn mixed(&self, filter: Tensor<3>) -> Tensor<3> {
        let [batch, steps, _, symbols] = self.scores.dims();
        let weight = filter.unsqueeze_dim::<4>(3) - self.total.clone();
        log_sum_exp(self.scores.clone() + weight, 2).reshape([batch, steps, symbols])
    }

    /// Log-probability of one symbol for each sequence and step, at each position:
    /// `[batch, steps, places]`.
    pub fn of(&self, chosen: &Padded) -> Tensor<3> {
        let [batch, steps, count, _] = self.scores.dims();
        let ids = (0..batch * steps * count).map(|row| {
            let (sequence, step) = (row / (steps * count), row / count % steps);
            chosen.ids[step * batch + sequence]
        });
        let data = TensorData::new(ids.collect(), [batch, steps, count, 1]);
        let ids = Tensor::<4, Int>::from_data(data, &self.scores.device());
        let picked = self.scores.clone().gather(3, ids) - self.total.clone();
        picked.reshape([batch, steps, count])
    }

    /// The emissions of the given sequences, in that order.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            scores: select_rows(&self.scores, 0, rows),
            total: select_rows(&self.total, 0, rows),
        }
    }
}
