//! A recurrence over whole sequences as one operation, whose backward pass is written by hand.

use std::marker::PhantomData;
use std::sync::Arc;

use burn::tensor::{DType, Element, Tensor};
use burn_flex::FlexTensor;
use rnn_kernels::{
    Cell, Direction, Float, Input, Layout, Precision, Problem, Saved as SavedStates,
};

use super::bridge::{Operation, apply};
use super::flex::{from_numbers, is_flex, shape, slice};
use super::precision::precision;
use super::recurrence_composed;

/// Sizes, order and lengths of one call, apart from any tensor.
#[derive(Clone, Debug)]
pub struct RecurrencePlan {
    /// Kind of cell.
    pub cell: Cell,
    /// Order in which the steps are read.
    pub direction: Direction,
    /// Steps.
    pub time: usize,
    /// Sequences.
    pub batch: usize,
    /// Units.
    pub hidden: usize,
    /// Length of each sequence; all are `time` long without it.
    pub lengths: Option<Vec<usize>>,
    /// Rows `[time, batch]` of the input table; without it the input is `[time, batch, ..]` itself.
    pub rows: Option<Vec<i32>>,
    /// What is returned.
    pub layout: Layout,
    /// Variational dropout `[batch, hidden]` of h where it enters the recurrent product.
    pub mask: Option<Vec<f32>>,
}

impl RecurrencePlan {
    /// Steps of the returned tensor `[steps, batch, hidden]`.
    pub fn steps(&self) -> usize {
        self.layout.steps(self.cell, self.time)
    }
}

/// Runs a recurrence over projected inputs.
///
/// - `projected`: `[time * batch, gates * hidden]`, or a table of which `plan.rows` picks rows;
/// - `weights`: `[hidden, gates * hidden]`; `bias`: `[bias]`;
/// - `initial`: `[states, batch, hidden]`, zero if left out.
///
/// Returns `[plan.steps(), batch, hidden]`.
pub fn recurrence(
    projected: Tensor<2>,
    weights: Tensor<2>,
    bias: Tensor<1>,
    initial: Option<Tensor<3>>,
    plan: Arc<RecurrencePlan>,
) -> Tensor<3> {
    if !is_flex(&projected) {
        return recurrence_composed::recurrence(projected, weights, bias, initial, &plan);
    }
    let (dtype, has_initial) = (projected.dtype(), initial.is_some());
    // The operation takes a fixed number of tensors; without an initial state any will do.
    let initial = initial.unwrap_or_else(|| Tensor::zeros([1, 1, 1], &projected.device().inner()));
    let inputs = [
        projected.into_dispatch(),
        weights.into_dispatch(),
        bias.into_dispatch(),
        initial.into_dispatch(),
    ];
    match dtype {
        DType::F64 => apply(Recurrence::<f64>::new(plan, has_initial), inputs),
        _ => apply(Recurrence::<f32>::new(plan, has_initial), inputs),
    }
}

/// A number that both Burn and the kernels know.
trait Number: Float + Element + bytemuck::Pod {}
impl Number for f32 {}
impl Number for f64 {}

/// The operation on tensors of numbers of type `T`.
#[derive(Clone, Debug)]
struct Recurrence<T> {
    plan: Arc<RecurrencePlan>,
    has_initial: bool,
    precision: Precision,
    numbers: PhantomData<T>,
}

#[derive(Clone, Debug)]
struct Saved<T> {
    inputs: [FlexTensor; 4],
    output: FlexTensor,
    states: SavedStates<T>,
}

impl<T: Number> Operation<4> for Recurrence<T> {
    type Saved = Saved<T>;

    fn forward(&self, inputs: [FlexTensor; 4]) -> (FlexTensor, Saved<T>) {
        let (output, states) = self.with_problem(&inputs, |problem| {
            rnn_kernels::forward(problem, self.plan.layout)
        });
        let output = self.output(output);
        let saved = Saved {
            inputs,
            output: output.clone(),
            states,
        };
        (output, saved)
    }

    fn infer(&self, inputs: [FlexTensor; 4]) -> FlexTensor {
        let layout = self.plan.layout;
        self.output(self.with_problem(&inputs, |problem| rnn_kernels::infer(problem, layout)))
    }

    fn backward(
        self,
        saved: Saved<T>,
        gradient: FlexTensor,
        _: [bool; 4],
    ) -> [Option<FlexTensor>; 4] {
        let (output, states) = (slice(&saved.output), saved.states.as_ref());
        let gradients = self.with_problem(&saved.inputs, |problem| {
            let layout = self.plan.layout;
            rnn_kernels::backward(problem, layout, output, states, slice(&gradient))
        });
        let [projected, weights, bias, initial] = saved.inputs.each_ref().map(shape);
        [
            Some(from_numbers(gradients.input, projected)),
            Some(from_numbers(gradients.recurrent, weights)),
            Some(from_numbers(gradients.bias, bias)),
            (self.has_initial).then(|| from_numbers(gradients.initial, initial)),
        ]
    }
}

impl<T: Number> Recurrence<T> {
    fn new(plan: Arc<RecurrencePlan>, has_initial: bool) -> Self {
        Self {
            plan,
            has_initial,
            precision: precision(),
            numbers: PhantomData,
        }
    }

    fn output(&self, numbers: Vec<T>) -> FlexTensor {
        let plan = &self.plan;
        from_numbers(numbers, [plan.steps(), plan.batch, plan.hidden])
    }

    fn with_problem<R>(
        &self,
        [projected, weights, bias, initial]: &[FlexTensor; 4],
        work: impl FnOnce(&Problem<T>) -> R,
    ) -> R {
        let plan = &*self.plan;
        // The mask as numbers of the layer's type.
        let mask: Option<Vec<T>> = (plan.mask.as_ref())
            .map(|mask| mask.iter().map(|&value| T::from_elem(value)).collect());
        work(&Problem {
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
            initial: self.has_initial.then(|| slice(initial)),
            mask: mask.as_deref(),
            precision: self.precision,
        })
    }
}
