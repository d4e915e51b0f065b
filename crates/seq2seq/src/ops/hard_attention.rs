//! Exact hard attention: the hidden Markov chain of a batch of whole targets as one operation.

use std::sync::Arc;

use burn::tensor::Tensor;
use burn_flex::FlexTensor;
use rnn_kernels::{HardAttention, HardAttentionOutput, Jumps};

use super::bridge::{Operation, apply};
use super::flex::{from_numbers, shape, slice};

/// Sequences of a batch, and which places follow which.
#[derive(Clone, Debug)]
pub struct HardAttentionPlan {
    /// Places of each source, at least one.
    pub source_lengths: Vec<usize>,
    /// Steps of each target.
    pub target_lengths: Vec<usize>,
    /// Which places follow which.
    pub moves: Jumps,
    /// For models that copy: the target symbol at each place, `[batch, places]`.
    pub copied: Option<Vec<i32>>,
    /// The symbol that each step writes, `[batch, steps]`.
    pub written: Vec<i32>,
}

/// What the network says about the steps of targets.
#[derive(Clone, Debug)]
pub struct ChainScores {
    /// Of each position, `[batch, steps, places]`.
    pub content: Tensor<3>,
    /// Of each jump, `[batch, steps, jumps]`.
    pub jumps: Option<Tensor<3>>,
    /// Of each action at each position, `[batch, steps, places, actions]`.
    pub actions: Tensor<4>,
}

/// Log-probabilities of every step's symbol, `[batch, steps, symbols]`. The scores must be in single
/// precision on the CPU.
pub fn hard_attention(scores: ChainScores, plan: Arc<HardAttentionPlan>) -> Tensor<3> {
    let chain = Chain {
        plan,
        scored: scores.jumps.is_some(),
    };
    let device = scores.content.device().inner();
    // The operation takes a fixed number of tensors; without scores of jumps any will do.
    let jumps = scores
        .jumps
        .unwrap_or_else(|| Tensor::zeros([1, 1, 1], &device));
    let inputs = [
        scores.content.into_dispatch(),
        jumps.into_dispatch(),
        scores.actions.into_dispatch(),
    ];
    apply(chain, inputs)
}

#[derive(Clone, Debug)]
struct Chain {
    plan: Arc<HardAttentionPlan>,
    /// Whether jumps have scores of their own.
    scored: bool,
}

#[derive(Clone, Debug)]
struct Saved {
    inputs: [FlexTensor; 3],
    log_probs: FlexTensor,
    filters: Vec<f32>,
    probabilities: Vec<f32>,
}

impl Operation<3> for Chain {
    type Saved = Saved;

    fn forward(&self, inputs: [FlexTensor; 3]) -> (FlexTensor, Saved) {
        let Sizes {
            batch,
            steps,
            symbols,
            ..
        } = self.sizes(&inputs);
        let output = self.with_problem(&inputs, |problem| problem.forward());
        let log_probs = from_numbers(output.log_probs, [batch, steps, symbols]);
        let saved = Saved {
            inputs,
            log_probs: log_probs.clone(),
            filters: output.filters,
            probabilities: output.probabilities,
        };
        (log_probs, saved)
    }

    fn backward(self, saved: Saved, gradient: FlexTensor, _: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let output = HardAttentionOutput {
            log_probs: slice(&saved.log_probs),
            filters: saved.filters.as_slice(),
            probabilities: saved.probabilities.as_slice(),
        };
        let gradients = self.with_problem(&saved.inputs, |problem| {
            problem.backward(output, slice(&gradient))
        });
        let [content, jumps, actions] = saved.inputs.each_ref().map(shape);
        [
            Some(from_numbers(gradients.content, content)),
            (self.scored).then(|| from_numbers(gradients.jumps, jumps)),
            Some(from_numbers(gradients.actions, actions)),
        ]
    }
}

/// Sizes of a batch.
struct Sizes {
    batch: usize,
    steps: usize,
    places: usize,
    symbols: usize,
}

impl Chain {
    fn sizes(&self, [_, _, actions]: &[FlexTensor; 3]) -> Sizes {
        let shape = actions.layout().shape();
        Sizes {
            batch: shape[0],
            steps: shape[1],
            places: shape[2],
            symbols: shape[3] - usize::from(self.plan.copied.is_some()),
        }
    }

    fn with_problem<T>(
        &self,
        inputs: &[FlexTensor; 3],
        work: impl FnOnce(&HardAttention) -> T,
    ) -> T {
        let (plan, sizes) = (&*self.plan, self.sizes(inputs));
        let [content, jumps, actions] = inputs;
        // Before the first symbol a target stands at the first place.
        let mut start = vec![0.0; sizes.batch * sizes.places];
        start
            .iter_mut()
            .step_by(sizes.places.max(1))
            .for_each(|first| *first = 1.0);
        work(&HardAttention {
            steps: sizes.steps,
            places: sizes.places,
            symbols: sizes.symbols,
            target_lengths: &plan.target_lengths,
            source_lengths: &plan.source_lengths,
            start: &start,
            content: slice(content),
            jumps: self.scored.then(|| slice(jumps)),
            moves: plan.moves,
            actions: slice(actions),
            copied: plan.copied.as_deref(),
            written: &plan.written,
        })
    }
}
