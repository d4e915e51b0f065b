//! The fused recurrent layer against the one composed of tensor operations, and its gradients
//! against finite differences.

#![allow(clippy::expect_used)] // a test may fail by panicking

use std::sync::Arc;

use burn::tensor::{DType, Device, Distribution, Tensor, TensorData};
use seq2seq::layers::recurrent::{Cell, Direction, Layout};
use seq2seq::ops::recurrence::{RecurrencePlan, recurrence};
use seq2seq::ops::recurrence_composed;

const CELLS: [Cell; 4] = [
    Cell::Rnn,
    Cell::Lstm,
    Cell::Gru { reset_after: true },
    Cell::Gru { reset_after: false },
];

/// Input table, weights, bias and initial state of a small layer, in f64.
struct Inputs {
    table: Tensor<2>,
    weights: Tensor<2>,
    bias: Tensor<1>,
    initial: Tensor<3>,
}

impl Inputs {
    fn random(plan: &RecurrencePlan, table_rows: usize, device: &Device) -> Self {
        let gates = plan.cell.gates() * plan.hidden;
        let bias = plan.cell.bias_len(plan.hidden);
        let options = (device, DType::F64);
        let range = Distribution::Uniform(-1.0, 1.0);
        Self {
            table: Tensor::random([table_rows, gates], range, options).require_grad(),
            weights: Tensor::random([plan.hidden, gates], range, options).require_grad(),
            bias: Tensor::random([bias], range, options).require_grad(),
            initial: Tensor::random(
                [plan.cell.states(), plan.batch, plan.hidden],
                range,
                options,
            )
            .require_grad(),
        }
    }
}

fn plan(cell: Cell, direction: Direction, layout: Layout) -> RecurrencePlan {
    RecurrencePlan {
        cell,
        direction,
        time: 4,
        batch: 3,
        hidden: 5,
        lengths: Some(vec![4, 0, 2]),
        rows: Some(vec![0, 1, 2, 3, 0, 1, 2, 2, 2, 1, 0, 3]),
        layout,
        // Variational dropout in one of the layouts, so that there are runs with and without.
        mask: (layout == Layout::Both).then(|| [0.0, 1.5, 1.5].repeat(5)),
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.try_into_vec_as().expect("a float tensor")
}

fn assert_close(name: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (index, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() < 1e-9, "{name}[{index}]: {a} instead of {b}");
    }
}

/// Outputs and all gradients agree for every cell, direction and layout, with ragged lengths, an
/// empty sequence among them, and rows of the table that several steps share.
#[test]
fn fused_agrees_with_composed() {
    let device = Device::flex().autodiff();
    for cell in CELLS {
        for direction in [Direction::Forward, Direction::Reverse] {
            for layout in [Layout::Sequence, Layout::FinalState, Layout::Both] {
                let plan = plan(cell, direction, layout);
                let inputs = Inputs::random(&plan, 4, &device);
                let name = format!("{cell:?} {direction:?} {layout:?}");
                let run = |fused: bool| {
                    let Inputs {
                        table,
                        weights,
                        bias,
                        initial,
                    } = &inputs;
                    let (table, weights) = (table.clone(), weights.clone());
                    let (bias, initial) = (bias.clone(), Some(initial.clone()));
                    let output = if fused {
                        recurrence(table, weights, bias, initial, Arc::new(plan.clone()))
                    } else {
                        recurrence_composed::recurrence(table, weights, bias, initial, &plan)
                    };
                    // A gradient that differs from place to place.
                    let scale = Tensor::<1>::from_data(
                        TensorData::new(
                            (0..plan.steps() * 15)
                                .map(|i| (i as f64).sin())
                                .collect::<Vec<_>>(),
                            [plan.steps() * 15],
                        ),
                        (&device, DType::F64),
                    );
                    let loss = (output.clone().reshape([plan.steps() * 15]) * scale).sum();
                    let gradients = loss.backward();
                    [
                        values(output.inner()),
                        values(inputs.table.grad(&gradients).expect("tracked")),
                        values(inputs.weights.grad(&gradients).expect("tracked")),
                        values(inputs.bias.grad(&gradients).expect("tracked")),
                        values(inputs.initial.grad(&gradients).expect("tracked")),
                    ]
                };
                let parts = ["output", "table", "weights", "bias", "initial"];
                for ((part, fused), composed) in parts.iter().zip(run(true)).zip(run(false)) {
                    assert_close(&format!("{name}: {part}"), &fused, &composed);
                }
            }
        }
    }
}
