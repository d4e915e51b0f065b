//! The recurrences in single precision.

mod backward;
mod forward;
mod gru;
mod lstm;
mod prefix_gradients;
mod rnn;
mod row_sums;
mod schedule;
mod shared_prefixes;
mod shared_states;
mod state_gradient;
mod step;
mod weight_gradient;

pub(crate) use backward::backward;
pub use forward::{PackedWeights, infer_packed, infer_stored};
pub(crate) use forward::{forward, infer};

use crate::memory::Scratch;
use crate::problem::Problem;

/// The initial state, or zeros in its place.
enum Initial<'a> {
    Given(&'a [f32]),
    Zero(Scratch),
}

impl<'a> Initial<'a> {
    fn new(problem: &Problem<'a, f32>) -> Self {
        match problem.initial {
            Some(initial) => Self::Given(initial),
            None => Self::Zero(Scratch::zeros(problem.states_len())),
        }
    }

    /// h, and c of an LSTM, `[states, batch, hidden]`.
    fn values(&self) -> &[f32] {
        match self {
            Self::Given(initial) => initial,
            Self::Zero(zeros) => zeros.values_ref(),
        }
    }
}
