//! The recurrence step by step from Burn's tensor operations: for backends without the fused
//! operation, and as the reference that the fused one is tested against.

use burn::tensor::activation::{sigmoid, tanh};
use burn::tensor::{Int, Tensor, TensorData};
use rnn_kernels::{Cell, Direction, Layout};

use super::recurrence::RecurrencePlan;

/// See [`super::recurrence::recurrence`], whose arguments and result these are.
pub fn recurrence(
    projected: Tensor<2>,
    weights: Tensor<2>,
    bias: Tensor<1>,
    initial: Option<Tensor<3>>,
    plan: &RecurrencePlan,
) -> Tensor<3> {
    let device = projected.device();
    let width = plan.cell.gates() * plan.hidden;
    let inputs = match &plan.rows {
        Some(rows) => {
            let rows = TensorData::new(rows.clone(), [rows.len()]);
            projected.select(0, Tensor::<1, Int>::from_data(rows, &device))
        }
        None => projected,
    }
    .reshape([plan.time, plan.batch, width]);
    let mask = plan.mask.as_ref().map(|mask| {
        let mask = TensorData::new(mask.clone(), [plan.batch, plan.hidden]);
        Tensor::<2>::from_data(mask, (&device, inputs.dtype()))
    });
    let mut state = initial
        .unwrap_or_else(|| Tensor::zeros([plan.cell.states(), plan.batch, plan.hidden], &device));
    let mut sequence = vec![None; plan.time];
    for step in order(plan) {
        let input = inputs
            .clone()
            .narrow(0, step, 1)
            .reshape([plan.batch, width]);
        let next = cell_step(
            plan.cell,
            input,
            state.clone(),
            mask.as_ref(),
            &weights,
            &bias,
        );
        state = keep_ended(next, state, plan, step);
        sequence[step] = Some(state.clone().narrow(0, 0, 1));
    }
    let mut parts: Vec<Tensor<3>> = match plan.layout {
        Layout::FinalState => vec![],
        Layout::Sequence | Layout::Both => sequence.into_iter().flatten().collect(),
    };
    if plan.layout != Layout::Sequence {
        parts.push(state);
    }
    Tensor::cat(parts, 0)
}

fn order(plan: &RecurrencePlan) -> Box<dyn Iterator<Item = usize>> {
    match plan.direction {
        Direction::Forward => Box::new(0..plan.time),
        Direction::Reverse => Box::new((0..plan.time).rev()),
    }
}

/// Past its length a sequence keeps its state.
fn keep_ended(next: Tensor<3>, state: Tensor<3>, plan: &RecurrencePlan, step: usize) -> Tensor<3> {
    let Some(lengths) = &plan.lengths else {
        return next;
    };
    let running: Vec<f32> = lengths
        .iter()
        .map(|&length| f32::from(u8::from(step < length)))
        .collect();
    let running = Tensor::<1>::from_data(TensorData::new(running, [plan.batch]), &next.device());
    let running = running.cast(next.dtype()).reshape([1, plan.batch, 1]);
    state.clone() + (next - state) * running
}

/// One step: input `[batch, gates * hidden]` and state `[states, batch, hidden]` to the next state.
fn cell_step(
    cell: Cell,
    input: Tensor<2>,
    state: Tensor<3>,
    mask: Option<&Tensor<2>>,
    weights: &Tensor<2>,
    bias: &Tensor<1>,
) -> Tensor<3> {
    let [_, batch, hidden] = state.dims();
    let h: Tensor<2> = state.clone().narrow(0, 0, 1).reshape([batch, hidden]);
    match cell {
        Cell::Lstm => {
            let z = input + masked(&h, mask).matmul(weights.clone()) + bias.clone().unsqueeze();
            let c: Tensor<2> = state.narrow(0, 1, 1).reshape([batch, hidden]);
            let gate = |index: usize| z.clone().narrow(1, index * hidden, hidden);
            let c = sigmoid(gate(1)) * c + sigmoid(gate(0)) * tanh(gate(2));
            let h = sigmoid(gate(3)) * tanh(c.clone());
            Tensor::stack(vec![h, c], 0)
        }
        Cell::Gru { reset_after } => {
            let update = gru_step(input, h, mask, (weights, bias), reset_after);
            update.reshape([1, batch, hidden])
        }
        Cell::Rnn => {
            let z = input + masked(&h, mask).matmul(weights.clone()) + bias.clone().unsqueeze();
            tanh(z).reshape([1, batch, hidden])
        }
    }
}

/// What the recurrent product reads of h: under variational dropout not all of it.
fn masked(h: &Tensor<2>, mask: Option<&Tensor<2>>) -> Tensor<2> {
    match mask {
        Some(mask) => h.clone() * mask.clone(),
        None => h.clone(),
    }
}

/// The GRU's next h `[batch, hidden]`.
fn gru_step(
    input: Tensor<2>,
    h: Tensor<2>,
    mask: Option<&Tensor<2>>,
    (weights, bias): (&Tensor<2>, &Tensor<1>),
    reset_after: bool,
) -> Tensor<2> {
    let hidden = h.dims()[1];
    let read = masked(&h, mask);
    let part = |tensor: &Tensor<2>, index: usize| tensor.clone().narrow(1, index * hidden, hidden);
    let input = input + bias.clone().narrow(0, 0, 3 * hidden).unsqueeze();
    let (update, candidate) = if reset_after {
        let product = read.matmul(weights.clone())
            + bias.clone().narrow(0, 3 * hidden, 3 * hidden).unsqueeze();
        let update = sigmoid(part(&input, 0) + part(&product, 0));
        let reset = sigmoid(part(&input, 1) + part(&product, 1));
        (update, tanh(part(&input, 2) + reset * part(&product, 2)))
    } else {
        let gates = read
            .clone()
            .matmul(weights.clone().narrow(1, 0, 2 * hidden));
        let update = sigmoid(part(&input, 0) + part(&gates, 0));
        let reset = sigmoid(part(&input, 1) + part(&gates, 1));
        let product = (reset * read).matmul(weights.clone().narrow(1, 2 * hidden, hidden));
        (update, tanh(part(&input, 2) + product))
    };
    candidate.clone() + update * (h - candidate)
}
