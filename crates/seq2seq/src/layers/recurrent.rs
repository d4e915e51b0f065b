//! A recurrent layer over whole sequences: LSTM or GRU, either direction, any lengths.
//!
//! Weights have Keras's names, shapes and gate order, so they can be compared one to one. On the
//! CPU the layer is one operation of the kernels ([`recurrence`]).

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor, TensorData};
pub use rnn_kernels::{Cell, Direction, Layout};

use super::parameters::Parameters;
use super::tensors::row_numbers;
use crate::encoding::Padded;
use crate::ops::product::product;
use crate::ops::recurrence::{RecurrencePlan, recurrence};
use seq2seq_runtime::layers::WeightError;

/// Weights of one recurrent layer in one direction.
#[derive(Module, Debug)]
pub struct Recurrent {
    /// Input weights `[input, gates * units]`.
    pub kernel: Param<Tensor<2>>,
    /// Recurrent weights `[units, gates * units]`.
    pub recurrent_kernel: Param<Tensor<2>>,
    /// Bias `[gates * units]`; twice as long for the GRU that resets after the product.
    pub bias: Param<Tensor<1>>,
    #[module(skip)]
    cell: CellTag,
}

/// The cell, kept beside the weights without being one.
#[derive(Clone, Copy, Debug)]
struct CellTag(Cell);

/// What a recurrent layer reads.
#[derive(Clone, Debug)]
pub enum LayerInput<'a> {
    /// Symbols, and the vectors `[symbols, input]` that stand for them; without vectors each
    /// symbol is its own input (one-hot).
    Symbols {
        /// Embedding table, or nothing for one-hot input.
        vectors: Option<Tensor<2>>,
        /// Symbols of every sequence.
        symbols: &'a Padded,
    },
    /// Vectors `[time, batch, input]`.
    Vectors(Tensor<3>),
    /// The same vectors `[batch, input]` at every one of so many steps.
    Repeated(Tensor<2>, usize),
    /// What the input weights have been multiplied by already, `[time, batch, gates * units]`.
    Projected(Tensor<3>),
}

/// How a layer is run.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// First state `[states, batch, units]`, zero if left out; the states are (h, c) for an LSTM
    /// and h otherwise.
    pub initial: Option<Tensor<3>>,
    /// Length of each sequence; past its length a sequence keeps its state.
    pub lengths: Option<&'a [usize]>,
    /// Order in which the steps are read.
    pub direction: Direction,
    /// What is returned.
    pub layout: Layout,
    /// Variational dropout `[batch, units]` of h where it enters the recurrent product: one mask
    /// for all steps (Gal and Ghahramani 2016).
    pub mask: Option<Vec<f32>>,
}

impl Recurrent {
    /// A layer with Keras's initial values: Glorot uniform input weights, orthogonal recurrent
    /// weights, zero bias with ones for the LSTM's forget gate.
    ///
    /// # Errors
    /// If stored parameters do not fit.
    pub fn new(
        cell: Cell,
        input: usize,
        units: usize,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let gates = cell.gates() * units;
        let mut bias = vec![0.0; cell.bias_len(units)];
        if cell == Cell::Lstm {
            bias[units..2 * units].fill(1.0);
        }
        Ok(Self {
            kernel: params.glorot_uniform("kernel", [input, gates])?,
            recurrent_kernel: params.orthogonal("recurrent_kernel", [units, gates])?,
            bias: params.vector("bias", bias)?,
            cell: CellTag(cell),
        })
    }

    /// Units of the layer.
    pub fn units(&self) -> usize {
        self.recurrent_kernel.val().dims()[0]
    }

    /// Kind of cell.
    pub fn cell(&self) -> Cell {
        self.cell.0
    }

    /// Runs the layer.
    ///
    /// Returns what `run.layout` asks for: the sequence of h `[time, batch, units]`, the final state
    /// `[states, batch, units]`, or both one after the other along the first axis.
    pub fn forward(&self, input: LayerInput, run: Run) -> Tensor<3> {
        let (time, batch, rows, projected) = input.project(&self.kernel);
        let plan = RecurrencePlan {
            cell: self.cell(),
            direction: run.direction,
            time,
            batch,
            hidden: self.units(),
            lengths: run.lengths.map(<[usize]>::to_vec),
            rows,
            layout: run.layout,
            mask: run.mask,
        };
        let (weights, bias) = (self.recurrent_kernel.val(), self.bias.val());
        recurrence(projected, weights, bias, run.initial, Arc::new(plan))
    }

    /// The input of every step multiplied by the input weights, `[time, batch, gates * units]`.
    pub fn projected(&self, input: LayerInput) -> Tensor<3> {
        input.times(&self.kernel)
    }
}

impl LayerInput<'_> {
    /// Steps.
    pub fn time(&self) -> usize {
        match self {
            Self::Symbols { symbols, .. } => symbols.time,
            Self::Vectors(vectors) | Self::Projected(vectors) => vectors.dims()[0],
            Self::Repeated(_, time) => *time,
        }
    }

    /// Sequences.
    pub fn batch(&self) -> usize {
        match self {
            Self::Symbols { symbols, .. } => symbols.batch(),
            Self::Vectors(vectors) | Self::Projected(vectors) => vectors.dims()[1],
            Self::Repeated(vectors, _) => vectors.dims()[0],
        }
    }

    /// The input of every step multiplied by weights `[input, output]`: `[time, batch, output]`.
    pub fn times(self, weights: &Param<Tensor<2>>) -> Tensor<3> {
        let (time, batch, rows, product) = self.project(weights);
        let width = product.dims()[1];
        let every_step = match rows {
            Some(rows) => {
                let rows = TensorData::new(rows, [time * batch]);
                let rows = Tensor::<1, Int>::from_data(rows, &product.device());
                product.select(0, rows)
            }
            None => product,
        };
        every_step.reshape([time, batch, width])
    }

    /// Multiplies the input by weights `[input, output]`, in as few rows as it takes: a table of symbols
    /// or a repeated vector is multiplied once, not at every step, unless there are fewer symbols to
    /// read than the table has.
    ///
    /// Returns time, batch, the rows to gather and the product `[rows, output]`.
    fn project(self, weights: &Param<Tensor<2>>) -> (usize, usize, Option<Vec<i32>>, Tensor<2>) {
        let kernel = weights.val();
        match self {
            Self::Symbols { vectors, symbols } => {
                let (time, batch) = (symbols.time, symbols.batch());
                let table = match vectors {
                    Some(vectors) if symbols.ids.len() < vectors.dims()[0] => {
                        let rows = row_numbers(symbols.ids.clone(), &vectors);
                        let read = product(vectors.select(0, rows), kernel);
                        return (time, batch, None, read);
                    }
                    Some(vectors) => product(vectors, kernel),
                    None => kernel,
                };
                (time, batch, Some(symbols.ids.clone()), table)
            }
            Self::Vectors(vectors) => {
                let [time, batch, width] = vectors.dims();
                let flat = vectors.reshape([time * batch, width]);
                (time, batch, None, product(flat, kernel))
            }
            Self::Repeated(vectors, time) => {
                let [batch, _] = vectors.dims();
                let rows = (0..time).flat_map(|_| 0..batch as i32).collect();
                (time, batch, Some(rows), product(vectors, kernel))
            }
            Self::Projected(projected) => {
                let [time, batch, width] = projected.dims();
                (time, batch, None, projected.reshape([time * batch, width]))
            }
        }
    }
}
