//! The hidden Markov chain composed of Burn's operations, a step at a time: for
//! backends that the kernels do not know, and as the reference of the fused operation.

use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Int, Tensor, TensorData};
use rnn_kernels::Jumps;

use crate::layers::tensors::{LOG_ZERO, constant, log_sum_exp, row_numbers};
use crate::ops::hard_attention::{ChainScores, HardAttentionPlan};

/// Below this a probability is no ground for anything; it keeps logarithms finite.
const TINY: f64 = 1e-30;

/// Log-probabilities of every step's symbol, `[batch, steps, symbols]`, from those of the position
/// before the first step, `[batch, places]`.
pub fn hard_attention(
    scores: ChainScores,
    start: Tensor<2>,
    plan: &HardAttentionPlan,
) -> Tensor<3> {
    let [batch, steps, count, _] = scores.actions.dims();
    let emitted = Emitted::new(scores.actions, plan.copied.as_deref());
    let seen = emitted.of(&plan.written);
    let transitions = transitions(scores.content, scores.jumps, plan.moves);
    let mut position = start;
    let mut filters = Vec::with_capacity(steps);
    for step in 0..steps {
        let transition = transitions.clone().narrow(1, step, 1);
        let filter = advance(position, transition.reshape([batch, count, count]));
        let symbol = seen.clone().narrow(1, step, 1).reshape([batch, count]);
        position = posterior(filter.clone(), symbol);
        filters.push(filter);
    }
    emitted.mixed(Tensor::stack(filters, 1))
}

/// Log-probabilities of a position (last axis) given the one before (third axis), from scores
/// `[batch, steps, places]` and `[batch, steps, jumps]`: `[batch, steps, places, places]`.
pub fn transitions(content: Tensor<3>, jumps: Option<Tensor<3>>, moves: Jumps) -> Tensor<4> {
    let [batch, steps, count] = content.dims();
    let like = content.clone();
    let mut scores = content
        .unsqueeze_dim::<4>(2)
        .expand([batch, steps, count, count]);
    if let Some(jumps) = jumps {
        let picks = (0..count).flat_map(|from| (0..count).map(move |to| jump(from, to, moves)));
        let picks = row_numbers(picks.collect(), &jumps);
        let shape = [batch, steps, count, count];
        scores = scores + jumps.select(2, picks).reshape(shape);
    }
    if moves.monotonic {
        let left = (0..count)
            .flat_map(|from| (0..count).map(move |to| if to < from { LOG_ZERO } else { 0.0 }));
        scores = scores + constant(left.collect(), [1, 1, count, count], &like);
    }
    log_softmax(scores, 3)
}

/// Which score a jump has; those back, which monotonic moves lack, get that of staying.
fn jump(from: usize, to: usize, moves: Jumps) -> i32 {
    let right = to.saturating_sub(from).min(moves.window);
    let left = from.saturating_sub(to).min(moves.window);
    let jump = if moves.monotonic {
        right
    } else {
        moves.window + right - left
    };
    jump as i32
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

/// Probability of each symbol at each position, `[batch, steps, places, symbols]`.
#[derive(Clone, Debug)]
pub struct Emitted(Tensor<4>);

impl Emitted {
    /// From scores of actions `[batch, steps, places, actions]`. With the target symbols that can
    /// be copied, `[batch, places]`, the last action counts as writing the position's own; negative
    /// ids stand for symbols that cannot be copied.
    pub fn new(scores: Tensor<4>, copied: Option<&[i32]>) -> Self {
        let [batch, steps, count, actions] = scores.dims();
        let Some(copied) = copied else {
            return Self(softmax(scores, 3));
        };
        let symbols = actions - 1;
        let mut closed = vec![0.0; copied.len() * actions];
        let mut table = vec![0.0; copied.len() * symbols];
        for (place, &id) in copied.iter().enumerate() {
            match usize::try_from(id) {
                Ok(id) => table[place * symbols + id] = 1.0,
                Err(_) => closed[place * actions + symbols] = LOG_ZERO,
            }
        }
        let closed: Tensor<4> = constant(closed, [batch, 1, count, actions], &scores);
        let table: Tensor<4> = constant(table, [batch, 1, count, symbols], &scores);
        let probabilities = softmax(scores + closed, 3);
        let written = probabilities.clone().narrow(3, 0, symbols);
        let copying = probabilities.narrow(3, symbols, 1);
        let copying = copying.expand([batch, steps, count, symbols]);
        Self(written + copying * table)
    }

    /// Log-probabilities of symbols `[batch, steps, symbols]`, summed over positions that have the
    /// log-probabilities `filter`, `[batch, steps, places]`.
    pub fn mixed(&self, filter: Tensor<3>) -> Tensor<3> {
        let [batch, steps, _, symbols] = self.0.dims();
        let mixed = filter.exp().unsqueeze_dim::<4>(2).matmul(self.0.clone());
        let mixed = mixed.reshape([batch, steps, symbols]);
        mixed.clamp_min(TINY).log()
    }

    /// Log-probability of one symbol for each sequence and step, `[batch, steps]`, at each position:
    /// `[batch, steps, places]`.
    pub fn of(&self, written: &[i32]) -> Tensor<3> {
        let [batch, steps, count, _] = self.0.dims();
        let ids = written.iter().flat_map(|&id| vec![id; count]).collect();
        let data = TensorData::new(ids, [batch, steps, count, 1]);
        let ids = Tensor::<4, Int>::from_data(data, &self.0.device());
        let picked = self.0.clone().gather(3, ids).clamp_min(TINY);
        picked.log().reshape([batch, steps, count])
    }
}
