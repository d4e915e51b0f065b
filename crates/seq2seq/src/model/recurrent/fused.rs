//! The recurrent layer as one operation with a backward pass written by hand (`rnn-kernels`).
//!
//! [`RecurrentOps`] is a Burn backend extension: Flex runs the kernels, and `Autodiff<Flex>` keeps
//! what the backward pass needs. Any other backend gets the composed version.

use std::sync::Arc;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{DType, Element, Shape, Tensor, TensorData};
use burn_autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_flex::FlexTensor;
use rnn_kernels::{Float, Input, Problem, SavedRef};

use super::{Plan, composed};
use crate::model::flex::{contiguous, is_flex, slice};

/// Runs a recurrence over projected inputs.
///
/// - `projected`: `[time * batch, gates * hidden]`, or a table of which `plan.rows` picks rows;
/// - `weights`: `[hidden, gates * hidden]`; `bias`: `[bias]`;
/// - `initial`: `[states, batch, hidden]`.
///
/// Returns `[plan.steps(), batch, hidden]`.
pub fn recurrent(
    projected: Tensor<2>,
    weights: Tensor<2>,
    bias: Tensor<1>,
    initial: Option<Tensor<3>>,
    plan: Arc<Plan>,
) -> Tensor<3> {
    if !is_flex(&projected) {
        return composed::recurrent(projected, weights, bias, initial, &plan);
    }
    // The operation takes a fixed number of tensors; without an initial state any will do.
    let initial = initial.unwrap_or_else(|| Tensor::zeros([1, 1, 1], &projected.device().inner()));
    Tensor::from_dispatch(<Dispatch as RecurrentOps>::recurrent(
        projected.into_dispatch(),
        weights.into_dispatch(),
        bias.into_dispatch(),
        initial.into_dispatch(),
        plan,
    ))
}

/// The recurrence as an operation of a backend.
#[backend_extension(Autodiff, Flex)]
pub trait RecurrentOps: Backend {
    /// See [`recurrent`].
    fn recurrent(
        projected: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        initial: FloatTensor<Self>,
        plan: Arc<Plan>,
    ) -> FloatTensor<Self>;
}

/// What a backend must have for [`RecurrentOps`] to be differentiable on it.
pub trait RecurrentGradient: RecurrentOps {
    /// Forward pass that also returns what the backward pass needs: output, then three tensors.
    fn recurrent_forward(inputs: [FloatTensor<Self>; 4], plan: &Plan) -> [FloatTensor<Self>; 4];

    /// Gradients of the four inputs, given the inputs, what the forward pass returned, and the
    /// output's gradient.
    fn recurrent_backward(
        inputs: [FloatTensor<Self>; 4],
        forward: [FloatTensor<Self>; 4],
        gradient: FloatTensor<Self>,
        plan: &Plan,
    ) -> [FloatTensor<Self>; 4];
}

impl RecurrentOps for Flex {
    fn recurrent(
        projected: FlexTensor,
        weights: FlexTensor,
        bias: FlexTensor,
        initial: FlexTensor,
        plan: Arc<Plan>,
    ) -> FlexTensor {
        let inputs = [projected, weights, bias, initial].map(contiguous);
        if inputs[0].dtype() == DType::F64 {
            infer::<f64>(&inputs, &plan)
        } else {
            infer::<f32>(&inputs, &plan)
        }
    }
}

impl RecurrentGradient for Flex {
    fn recurrent_forward(inputs: [FlexTensor; 4], plan: &Plan) -> [FlexTensor; 4] {
        let inputs = inputs.map(contiguous);
        if inputs[0].dtype() == DType::F64 {
            forward::<f64>(&inputs, plan)
        } else {
            forward::<f32>(&inputs, plan)
        }
    }

    fn recurrent_backward(
        inputs: [FlexTensor; 4],
        saved: [FlexTensor; 4],
        gradient: FlexTensor,
        plan: &Plan,
    ) -> [FlexTensor; 4] {
        let inputs = inputs.map(contiguous);
        let gradient = contiguous(gradient);
        if inputs[0].dtype() == DType::F64 {
            backward::<f64>(&inputs, &saved, &gradient, plan)
        } else {
            backward::<f32>(&inputs, &saved, &gradient, plan)
        }
    }
}

/// An element that both Burn and the kernels know.
trait Number: Float + Element + bytemuck::Pod {}
impl Number for f32 {}
impl Number for f64 {}

fn tensor<T: Number>(values: Vec<T>, shape: &[usize]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, Shape::from(shape.to_vec())))
}

fn flat<T: Number>(values: Vec<T>) -> FlexTensor {
    let len = values.len();
    tensor(values, &[len])
}

/// The mask as numbers of the layer's type.
fn mask<T: Number>(plan: &Plan) -> Option<Vec<T>> {
    let mask = plan.mask.as_ref()?;
    Some(mask.iter().map(|&value| T::from_elem(value)).collect())
}

fn problem<'a, T: Number>(
    inputs: &'a [FlexTensor; 4],
    plan: &'a Plan,
    mask: Option<&'a [T]>,
) -> Problem<'a, T> {
    let [projected, weights, bias, initial] = inputs;
    Problem {
        cell: plan.cell,
        direction: plan.direction,
        time: plan.time,
        batch: plan.batch,
        hidden: plan.hidden,
        lengths: plan.lengths.as_deref(),
        input: match &plan.rows {
            Some(ids) => Input::Gather {
                table: slice(projected),
                ids,
            },
            None => Input::Dense(slice(projected)),
        },
        recurrent: slice(weights),
        bias: slice(bias),
        initial: plan.has_initial.then(|| slice(initial)),
        mask,
    }
}

fn infer<T: Number>(inputs: &[FlexTensor; 4], plan: &Plan) -> FlexTensor {
    let mask = mask(plan);
    let problem = problem::<T>(inputs, plan, mask.as_deref());
    let output = rnn_kernels::infer(&problem, plan.layout);
    tensor(output, &[plan.steps(), plan.batch, plan.hidden])
}

fn forward<T: Number>(inputs: &[FlexTensor; 4], plan: &Plan) -> [FlexTensor; 4] {
    let mask = mask(plan);
    let problem = problem::<T>(inputs, plan, mask.as_deref());
    let (output, saved) = rnn_kernels::forward(&problem, plan.layout);
    [
        tensor(output, &[plan.steps(), plan.batch, plan.hidden]),
        flat(saved.activations),
        flat(saved.cells),
        flat(saved.hidden),
    ]
}

fn backward<T: Number>(
    inputs: &[FlexTensor; 4],
    saved: &[FlexTensor; 4],
    gradient: &FlexTensor,
    plan: &Plan,
) -> [FlexTensor; 4] {
    let [output, activations, cells, hidden] = saved;
    let saved = SavedRef {
        activations: slice::<T>(activations),
        cells: slice(cells),
        hidden: slice(hidden),
    };
    let mask = mask(plan);
    let gradients = rnn_kernels::backward(
        &problem::<T>(inputs, plan, mask.as_deref()),
        plan.layout,
        slice(output),
        saved,
        slice(gradient),
    );
    let [projected, weights, bias, _] = inputs
        .each_ref()
        .map(|input| input.layout().shape().to_vec());
    [
        tensor(gradients.input, &projected),
        tensor(gradients.recurrent, &weights),
        tensor(gradients.bias, &bias),
        tensor(
            gradients.initial,
            &[plan.cell.states(), plan.batch, plan.hidden],
        ),
    ]
}

/// The recurrence as a node of the autodiff graph.
#[derive(Debug)]
struct RecurrentNode;

impl<B: Backend + RecurrentGradient> Backward<B, 4> for RecurrentNode {
    type State = ([FloatTensor<B>; 4], [FloatTensor<B>; 4], Arc<Plan>);

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let (inputs, saved, plan) = ops.state;
        let results = B::recurrent_backward(inputs, saved, gradient, &plan);
        for (parent, result) in ops.parents.into_iter().zip(results) {
            if let Some(node) = parent {
                grads.register::<B>(node.id, result);
            }
        }
    }
}

impl<B: Backend + RecurrentGradient, C: CheckpointStrategy> RecurrentOps for Autodiff<B, C> {
    fn recurrent(
        projected: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        initial: FloatTensor<Self>,
        plan: Arc<Plan>,
    ) -> FloatTensor<Self> {
        let [projected, weights, bias, initial] =
            [projected, weights, bias, initial].map(|input| input.into_parts());
        let inputs = [projected.0, weights.0, bias.0, initial.0];
        let nodes = [projected.1, weights.1, bias.1, initial.1];
        match RecurrentNode.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let saved = B::recurrent_forward(inputs.clone(), &plan);
                let output = saved[0].clone();
                prepared.finish((inputs, saved, plan), output)
            }
            OpsKind::UnTracked(prepared) => {
                let [projected, weights, bias, initial] = inputs;
                prepared.finish(B::recurrent(projected, weights, bias, initial, plan))
            }
        }
    }
}
