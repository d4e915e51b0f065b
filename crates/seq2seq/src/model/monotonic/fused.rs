//! The whole chain of a batch of targets as one operation with a backward pass written by hand
//! (`rnn-kernels`). Other backends get the composed version.

use std::sync::Arc;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Shape, Tensor, TensorData};
use burn_autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_flex::FlexTensor;
use rnn_kernels::{HardAttention, HardAttentionOutput, Jumps};

use super::chain::ChainScores;
use crate::model::flex::{contiguous, slice};

/// Sequences of a batch, and which places follow which.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Places of each source, at least one.
    pub source_lengths: Vec<usize>,
    /// Steps of each target.
    pub target_lengths: Vec<usize>,
    /// Which places follow which.
    pub moves: Jumps,
    /// Whether moves have scores of their own.
    pub scored: bool,
    /// For models that copy: the target symbol at each place, `[batch, places]`.
    pub copied: Option<Vec<i32>>,
    /// The symbol that each step writes, `[batch, steps]`.
    pub written: Vec<i32>,
}

/// Log-probabilities of every step's symbol, `[batch, steps, symbols]`.
pub fn hard_attention(scores: ChainScores, plan: Arc<Plan>) -> Tensor<3> {
    let device = scores.content.device().inner();
    // The operation takes a fixed number of tensors; without scores of moves any will do.
    let jumps = scores
        .jumps
        .unwrap_or_else(|| Tensor::zeros([1, 1, 1], &device));
    Tensor::from_dispatch(<Dispatch as HardAttentionOps>::hard_attention(
        scores.content.into_dispatch(),
        jumps.into_dispatch(),
        scores.actions.into_dispatch(),
        plan,
    ))
}

/// Hard attention as an operation of a backend.
#[backend_extension(Autodiff, Flex)]
pub trait HardAttentionOps: Backend {
    /// See [`hard_attention`].
    fn hard_attention(
        content: FloatTensor<Self>,
        jumps: FloatTensor<Self>,
        actions: FloatTensor<Self>,
        plan: Arc<Plan>,
    ) -> FloatTensor<Self>;
}

/// What a backend must have for [`HardAttentionOps`] to be differentiable on it.
pub trait HardAttentionGradient: HardAttentionOps {
    /// Forward pass that also returns what the backward pass needs: log-probabilities, filters and
    /// probabilities of actions.
    fn hard_attention_forward(
        inputs: [FloatTensor<Self>; 3],
        plan: &Plan,
    ) -> [FloatTensor<Self>; 3];

    /// Gradients of the three inputs.
    fn hard_attention_backward(
        inputs: [FloatTensor<Self>; 3],
        forward: [FloatTensor<Self>; 3],
        gradient: FloatTensor<Self>,
        plan: &Plan,
    ) -> [FloatTensor<Self>; 3];
}

impl HardAttentionOps for Flex {
    fn hard_attention(
        content: FlexTensor,
        jumps: FlexTensor,
        actions: FlexTensor,
        plan: Arc<Plan>,
    ) -> FlexTensor {
        let [log_probs, ..] = Self::hard_attention_forward([content, jumps, actions], &plan);
        log_probs
    }
}

impl HardAttentionGradient for Flex {
    fn hard_attention_forward(inputs: [FlexTensor; 3], plan: &Plan) -> [FlexTensor; 3] {
        let inputs = inputs.map(contiguous);
        let Sizes {
            batch,
            steps,
            places,
            symbols,
            actions,
        } = Sizes::of(&inputs, plan);
        let output = with_problem(&inputs, plan, |problem| problem.forward());
        [
            tensor(output.log_probs, &[batch, steps, symbols]),
            tensor(output.filters, &[batch, steps, places]),
            tensor(output.probabilities, &[batch, steps, places, actions]),
        ]
    }

    fn hard_attention_backward(
        inputs: [FlexTensor; 3],
        forward: [FlexTensor; 3],
        gradient: FlexTensor,
        plan: &Plan,
    ) -> [FlexTensor; 3] {
        let inputs = inputs.map(contiguous);
        let gradient = contiguous(gradient);
        let [log_probs, filters, probabilities] = &forward;
        let output = HardAttentionOutput {
            log_probs: slice(log_probs),
            filters: slice(filters),
            probabilities: slice(probabilities),
        };
        let gradients = with_problem(&inputs, plan, |problem| {
            problem.backward(output, slice(&gradient))
        });
        let [content, jumps, actions] = inputs.map(|input| input.layout().shape().to_vec());
        let jump_gradient = if plan.scored {
            gradients.jumps
        } else {
            vec![0.0]
        };
        [
            tensor(gradients.content, &content),
            tensor(jump_gradient, &jumps),
            tensor(gradients.actions, &actions),
        ]
    }
}

/// Sizes of a batch.
struct Sizes {
    batch: usize,
    steps: usize,
    places: usize,
    symbols: usize,
    actions: usize,
}

impl Sizes {
    fn of([_, _, actions]: &[FlexTensor; 3], plan: &Plan) -> Self {
        let shape = actions.layout().shape();
        Self {
            batch: shape[0],
            steps: shape[1],
            places: shape[2],
            symbols: shape[3] - usize::from(plan.copied.is_some()),
            actions: shape[3],
        }
    }
}

fn tensor(values: Vec<f32>, shape: &[usize]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, Shape::from(shape.to_vec())))
}

fn with_problem<T>(
    inputs: &[FlexTensor; 3],
    plan: &Plan,
    work: impl FnOnce(&HardAttention) -> T,
) -> T {
    let sizes = Sizes::of(inputs, plan);
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
        jumps: plan.scored.then(|| slice(jumps)),
        moves: plan.moves,
        actions: slice(actions),
        copied: plan.copied.as_deref(),
        written: &plan.written,
    })
}

/// The chain as a node of the autodiff graph.
#[derive(Debug)]
struct HardAttentionNode;

impl<B: Backend + HardAttentionGradient> Backward<B, 3> for HardAttentionNode {
    type State = ([FloatTensor<B>; 3], [FloatTensor<B>; 3], Arc<Plan>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let (inputs, forward, plan) = ops.state;
        let results = B::hard_attention_backward(inputs, forward, gradient, &plan);
        for (parent, result) in ops.parents.into_iter().zip(results) {
            if let Some(node) = parent {
                grads.register::<B>(node.id, result);
            }
        }
    }
}

impl<B: Backend + HardAttentionGradient, C: CheckpointStrategy> HardAttentionOps
    for Autodiff<B, C>
{
    fn hard_attention(
        content: FloatTensor<Self>,
        jumps: FloatTensor<Self>,
        actions: FloatTensor<Self>,
        plan: Arc<Plan>,
    ) -> FloatTensor<Self> {
        let [content, jumps, actions] = [content, jumps, actions].map(|input| input.into_parts());
        let inputs = [content.0, jumps.0, actions.0];
        let nodes = [content.1, jumps.1, actions.1];
        match HardAttentionNode
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => {
                let forward = B::hard_attention_forward(inputs.clone(), &plan);
                let log_probs = forward[0].clone();
                prepared.finish((inputs, forward, plan), log_probs)
            }
            OpsKind::UnTracked(prepared) => {
                let [content, jumps, actions] = inputs;
                prepared.finish(B::hard_attention(content, jumps, actions, plan))
            }
        }
    }
}
