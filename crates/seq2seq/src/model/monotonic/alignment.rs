//! How probable it is that a target symbol is written from a position of the source (Wu and
//! Cotterell 2019, "Exact Hard Monotonic Attention for Character-Level Inflection").

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

use crate::config::MonotonicSettings;
use crate::model::dense::Dense;
use crate::model::parameters::{ParameterError, Parameters};
use crate::model::tensors::{LOG_ZERO, constant, log_sum_exp, row_numbers, select_rows};

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
    #[module(skip)]
    monotonic: bool,
    #[module(skip)]
    window: usize,
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
    ) -> Result<Self, ParameterError> {
        let window = settings.window;
        let jumps = if settings.monotonic {
            window + 1
        } else {
            2 * window + 1
        };
        let first_order = settings.order == 1;
        Ok(Self {
            content: params.layer("content", |p| Dense::new(encoder, decoder, p))?,
            jump: first_order
                .then(|| params.layer("jump", |p| Dense::new(decoder, jumps, p)))
                .transpose()?,
            monotonic: settings.monotonic,
            window,
        })
    }

    /// Whether a position depends on the one before it.
    pub fn has_memory(&self) -> bool {
        self.monotonic || self.jump.is_some()
    }

    /// Encoder states `[time, batch, encoder]` of sources with these lengths.
    pub fn places(&self, states: Tensor<3>, lengths: &[usize]) -> Places {
        let [time, batch, width] = states.dims();
        let content = self
            .content
            .forward(states.clone().reshape([time * batch, width]));
        let units = content.dims()[1];
        let end = lengths.iter().flat_map(|&length| {
            (0..time).map(move |step| if step < length.max(1) { 0.0 } else { LOG_ZERO })
        });
        Places {
            content: content.reshape([time, batch, units]).permute([1, 2, 0]),
            end: constant(end.collect(), [batch, time], &states),
        }
    }

    /// Log-probabilities of positions without a memory, for decoder states
    /// `[batch, steps, decoder]`: `[batch, steps, places]`.
    pub fn without_memory(&self, decoder: Tensor<3>, places: &Places) -> Tensor<3> {
        log_softmax(content_scores(decoder, places), 2)
    }

    /// Log-probabilities of a position (last axis) given the one before (third axis), for decoder
    /// states `[batch, steps, decoder]`: `[batch, steps, places, places]`.
    pub fn transitions(&self, decoder: Tensor<3>, places: &Places) -> Tensor<4> {
        let content = content_scores(decoder.clone(), places);
        let [batch, steps, count] = content.dims();
        let mut scores = content
            .unsqueeze_dim::<4>(2)
            .expand([batch, steps, count, count]);
        if let Some(jump) = &self.jump {
            scores = scores + self.jump_scores(jump, decoder, count);
        }
        if self.monotonic {
            let left = (0..count)
                .flat_map(|from| (0..count).map(move |to| if to < from { LOG_ZERO } else { 0.0 }));
            scores = scores + constant(left.collect(), [1, 1, count, count], &places.end);
        }
        log_softmax(scores, 3)
    }

    /// `(U s_t)_{j - i}`, `[batch, steps, places, places]`.
    fn jump_scores(&self, jump: &Dense, decoder: Tensor<3>, count: usize) -> Tensor<4> {
        let [batch, steps, units] = decoder.dims();
        let scores = jump.forward(decoder.reshape([batch * steps, units]));
        let bucket = |from: usize, to: usize| {
            let right = to.saturating_sub(from).min(self.window);
            let left = from.saturating_sub(to).min(self.window);
            let bucket = if self.monotonic {
                right
            } else {
                self.window + right - left
            };
            bucket as i32
        };
        let picks = (0..count).flat_map(|from| (0..count).map(move |to| bucket(from, to)));
        let picks = row_numbers(picks.collect(), &scores);
        scores
            .select(1, picks)
            .reshape([batch, steps, count, count])
    }
}

/// `s_t · T h_j` for decoder states `[batch, steps, decoder]`: `[batch, steps, places]`.
fn content_scores(decoder: Tensor<3>, places: &Places) -> Tensor<3> {
    decoder.matmul(places.content.clone()) + places.end.clone().unsqueeze_dim(1)
}

impl Places {
    /// Number of positions.
    pub fn count(&self) -> usize {
        self.end.dims()[1]
    }

    /// Before the first symbol the alignment stands at the first position: `[batch, places]`.
    pub fn start(&self) -> Tensor<2> {
        let [batch, count] = self.end.dims();
        let row = |_| (0..count).map(|place| if place == 0 { 0.0 } else { LOG_ZERO });
        constant(
            (0..batch).flat_map(row).collect(),
            [batch, count],
            &self.end,
        )
    }

    /// Those of the given sequences, in that order; a row may come several times or not at all.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            content: select_rows(&self.content, 0, rows),
            end: select_rows(&self.end, 0, rows),
        }
    }
}

/// One step of the forward algorithm: log-probabilities `[batch, places]` of the position before,
/// and transitions `[batch, places, places]`, to those of the next.
pub fn advance(before: Tensor<2>, transitions: Tensor<3>) -> Tensor<2> {
    let [batch, count] = before.dims();
    log_sum_exp(before.unsqueeze_dim::<3>(2) + transitions, 1).reshape([batch, count])
}

/// What is known of the position once the symbol that was written there has been seen: `filter` and
/// the symbol's log-probability at each position, both `[batch, places]`.
pub fn posterior(filter: Tensor<2>, symbol: Tensor<2>) -> Tensor<2> {
    log_softmax(filter + symbol, 1)
}
