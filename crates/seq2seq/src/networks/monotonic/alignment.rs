//! How probable it is that a target symbol is written from a position of the source (Wu and
//! Cotterell 2019, "Exact Hard Monotonic Attention for Character-Level Inflection").

use burn::module::Module;
use burn::tensor::Tensor;
use rnn_kernels::Jumps;

use crate::config::MonotonicSettings;
use crate::layers::dense::Dense;
use crate::layers::parameters::Parameters;
use crate::layers::tensors::{LOG_ZERO, constant};
use seq2seq_runtime::layers::WeightError;

/// Parameters of the distribution over positions.
///
/// With `s_t` the decoder's state and `h_j` the encoder's at position `j`:
/// - zeroth order: `p(a_t = j) ∝ exp(s_t · T h_j)`;
/// - first order: `p(a_t = j | a_{t-1} = i) ∝ exp(s_t · T h_j + (U s_t)_{j - i})`, where jumps longer
///   than the window count as the longest in it.
///
/// If alignments are monotonic, positions left of the one before have probability zero, whatever
/// the order.
#[derive(Module, Debug)]
pub struct Alignment {
    /// `T`: from an encoder state to what a decoder state is compared with.
    pub content: Dense,
    /// `U`: from a decoder state to a score for each jump; first order only.
    pub jump: Option<Dense>,
    /// Which positions follow which.
    #[module(skip)]
    pub moves: Jumps,
}

/// The encoder's states, ready to be compared with decoder states.
#[derive(Clone, Debug)]
pub struct Places {
    /// `T h_j`, `[batch, units, places]`.
    content: Tensor<3>,
    /// 0 where there is a source symbol, [`LOG_ZERO`] past its end; `[batch, places]`.
    end: Tensor<2>,
}

impl Alignment {
    /// Parameters for encoder states of `encoder` and decoder states of `decoder` numbers.
    ///
    /// # Errors
    /// If stored parameters do not fit.
    pub fn new(
        settings: &MonotonicSettings,
        [encoder, decoder]: [usize; 2],
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let moves = settings.jumps();
        let first_order = settings.order == 1;
        Ok(Self {
            content: params.layer("content", |p| Dense::new(encoder, decoder, p))?,
            jump: first_order
                .then(|| params.layer("jump", |p| Dense::new(decoder, moves.count(), p)))
                .transpose()?,
            moves,
        })
    }

    /// Encoder states `[time, batch, encoder]` of sources with these lengths.
    pub fn places(&self, states: Tensor<3>, lengths: &[usize]) -> Places {
        let [time, batch, width] = states.dims();
        let rows = states.clone().reshape([time * batch, width]);
        let content = self.content.forward(rows);
        let units = content.dims()[1];
        let end = lengths.iter().flat_map(|&length| {
            (0..time).map(move |step| if step < length.max(1) { 0.0 } else { LOG_ZERO })
        });
        Places {
            content: content.reshape([time, batch, units]).permute([1, 2, 0]),
            end: constant(end.collect(), [batch, time], &states),
        }
    }

    /// `s_t · T h_j` for decoder states `[batch, steps, decoder]`: `[batch, steps, places]`.
    pub fn content_scores(&self, decoder: Tensor<3>, places: &Places) -> Tensor<3> {
        decoder.matmul(places.content.clone()) + places.end.clone().unsqueeze_dim(1)
    }

    /// `U s_t`, a score for each jump: `[batch, steps, jumps]`; first order only.
    pub fn jump_scores(&self, decoder: Tensor<3>) -> Option<Tensor<3>> {
        let [batch, steps, units] = decoder.dims();
        let jump = self.jump.as_ref()?;
        let rows = decoder.reshape([batch * steps, units]);
        let scores = jump.forward(rows);
        Some(scores.reshape([batch, steps, self.moves.count()]))
    }
}

impl Places {
    /// Before the first symbol the alignment stands at the first position; as logarithms,
    /// `[batch, places]`.
    pub fn start(&self) -> Tensor<2> {
        let [batch, count] = self.end.dims();
        let row = |_| (0..count).map(|place| if place == 0 { 0.0 } else { LOG_ZERO });
        constant(
            (0..batch).flat_map(row).collect(),
            [batch, count],
            &self.end,
        )
    }
}
