//! Weights of PyTorch models (<https://pytorch.org>): a state dict has names and numbers, and a
//! [`Mapping`] says which of them are which layers.
//!
//! PyTorch has weights as `[gates * units, input]`, gates of an LSTM in our order, those of a GRU with the
//! reset gate first, and a bias each for the input and for the recurrent product.

mod mapping;
mod state_dict;

use std::path::Path;

use seq2seq_runtime::Model;
use seq2seq_runtime::settings::{BridgeKind, CellKind};
use seq2seq_runtime::storage::Array;

use self::state_dict::StateDict;
use super::assembly::assemble;
use super::encoder_decoder::{
    Bridge, CellWeights, DenseWeights, EncoderDecoder, EncoderLayer, Matrix,
};
use super::{ImportError, ImportRequest};

pub use mapping::{BridgeActivation, EXAMPLE, Mapping};

/// Names of weights that a message lists.
const MOST_LISTED: usize = 40;

/// A model from a `.pt` or safetensors file, which is given with its content.
///
/// # Errors
/// Names the weights that are missing, left over or of another shape than their layer's, or what in the
/// request does not fit the file.
pub fn import(
    path: &Path,
    bytes: &[u8],
    mapping: &Mapping,
    request: &ImportRequest,
) -> Result<Model, ImportError> {
    let state = StateDict::read(path, bytes)?;
    let mut weights = Modules { state, mapping };
    let network = weights.encoder_decoder()?;
    weights.check_left_over()?;
    assemble(network, request)
}

/// Names and shapes of the weights of a file, a line each, for people who write a mapping.
///
/// # Errors
/// If it is neither PyTorch's nor safetensors, or damaged.
pub fn listing(path: &Path, bytes: &[u8]) -> Result<String, ImportError> {
    let state = StateDict::read(path, bytes)?;
    let count = state.shapes().count();
    let lines = state.shapes().take(MOST_LISTED);
    let mut text: String = lines
        .map(|(name, shape)| format!("  {name} {shape:?}\n"))
        .collect();
    if count > MOST_LISTED {
        text += &format!("  and {} more\n", count.saturating_sub(MOST_LISTED));
    }
    Ok(text)
}

/// The modules of a state dict.
struct Modules<'a> {
    state: StateDict<'a>,
    mapping: &'a Mapping,
}

/// A recurrent module: a layer of it in one direction, and its kind of cell.
struct Cell {
    kind: CellKind,
    weights: CellWeights,
}

impl Modules<'_> {
    fn encoder_decoder(&mut self) -> Result<EncoderDecoder, ImportError> {
        let mapping = self.mapping;
        let source_embedding = self.embedding(mapping.source_embedding.as_deref())?;
        let target_embedding = self.embedding(mapping.target_embedding.as_deref())?;
        let mut encoder = Vec::new();
        let mut kind = None;
        while let Some(forward) = self.cell(&mapping.encoder, encoder.len(), "")? {
            let backward = self.cell(&mapping.encoder, encoder.len(), "_reverse")?;
            kind.get_or_insert(forward.kind);
            encoder.push(EncoderLayer {
                forward: forward.weights,
                backward: backward.map(|cell| cell.weights),
            });
        }
        let mut decoder = Vec::new();
        while let Some(cell) = self.cell(&mapping.decoder, decoder.len(), "")? {
            if kind.is_some_and(|kind| kind != cell.kind) {
                return Err(ImportError::Structure(format!(
                    "{} and {} have other kinds of cells: all layers have one kind here",
                    mapping.encoder, mapping.decoder
                )));
            }
            decoder.push(cell.weights);
        }
        let missing = |module: &str| ImportError::MissingWeights(format!("{module}.weight_hh_l0"));
        let (Some(kind), false) = (kind, decoder.is_empty()) else {
            let module = if encoder.is_empty() {
                &mapping.encoder
            } else {
                &mapping.decoder
            };
            return Err(missing(module));
        };
        let output = self.linear(&mapping.output)?;
        Ok(EncoderDecoder {
            cell: kind,
            source_embedding,
            target_embedding,
            encoder,
            decoder,
            output,
            bridge: self.bridge(kind)?,
            fixed_length: None,
            lengths: [None; 2],
        })
    }

    fn bridge(&mut self, cell: CellKind) -> Result<Option<Bridge>, ImportError> {
        let mapping = self.mapping;
        if mapping.bridge.is_empty() {
            return Ok(None);
        }
        let wanted = cell.kernel().states();
        if mapping.bridge.len() != wanted {
            return Err(ImportError::Structure(format!(
                "bridge names {} layers, but a decoder of this kind has {wanted} states: name a layer for \
                 each",
                mapping.bridge.len()
            )));
        }
        let states = mapping.bridge.iter().map(|module| self.linear(module));
        Ok(Some(Bridge {
            states: states.collect::<Result<_, _>>()?,
            kind: match mapping.bridge_activation {
                BridgeActivation::Linear => BridgeKind::Linear,
                BridgeActivation::Tanh => BridgeKind::Tanh,
            },
        }))
    }

    fn name(&self, module: &str, weight: &str) -> String {
        let parts = [&self.mapping.prefix, module, weight];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(".")
    }

    fn take(&mut self, module: &str, weight: &str) -> Result<Option<Array>, ImportError> {
        self.state.take(&self.name(module, weight))
    }

    fn matrix(&mut self, module: &str, weight: &str) -> Result<Option<Matrix>, ImportError> {
        let Some(array) = self.take(module, weight)? else {
            return Ok(None);
        };
        match Matrix::of(&array) {
            Some(matrix) => Ok(Some(matrix)),
            None => Err(self.shape(module, weight, &array.shape, "a matrix")),
        }
    }

    fn needed(&mut self, module: &str, weight: &str) -> Result<Matrix, ImportError> {
        let matrix = self.matrix(module, weight)?;
        matrix.ok_or_else(|| ImportError::MissingWeights(self.name(module, weight)))
    }

    fn vector(
        &mut self,
        module: &str,
        weight: &str,
        length: usize,
    ) -> Result<Option<Vec<f32>>, ImportError> {
        let Some(array) = self.take(module, weight)? else {
            return Ok(None);
        };
        match array.as_f32() {
            Some(values) if array.shape == [length] => Ok(Some(values.to_vec())),
            _ => Err(self.shape(module, weight, &array.shape, &format!("[{length}]"))),
        }
    }

    fn shape(&self, module: &str, weight: &str, found: &[usize], expected: &str) -> ImportError {
        let name = self.name(module, weight);
        ImportError::damaged(&name, format!("it has the shape {found:?}, not {expected}"))
    }

    fn embedding(&mut self, module: Option<&str>) -> Result<Option<Matrix>, ImportError> {
        module
            .map(|module| self.needed(module, "weight"))
            .transpose()
    }

    fn linear(&mut self, module: &str) -> Result<DenseWeights, ImportError> {
        let weight = self.needed(module, "weight")?;
        Ok(DenseWeights {
            bias: self.vector(module, "bias", weight.shape[0])?,
            kernel: transposed(&weight, &[0]),
        })
    }

    /// A layer of a recurrent module in one direction; none if there is none of that number.
    fn cell(
        &mut self,
        module: &str,
        number: usize,
        direction: &str,
    ) -> Result<Option<Cell>, ImportError> {
        let layer = format!("_l{number}{direction}");
        let single = number == 0 && direction.is_empty();
        // A cell such as nn.LSTMCell has no number.
        let names = [Some(layer), single.then(String::new)];
        for end in names.into_iter().flatten() {
            let Some(recurrent) = self.matrix(module, &format!("weight_hh{end}"))? else {
                continue;
            };
            let [rows, units] = recurrent.shape;
            let (kind, order): (_, &[usize]) = match rows.checked_div(units) {
                Some(4) => (CellKind::Lstm, &[0, 1, 2, 3]),
                // Reset, update, candidate; ours has the update gate first.
                Some(3) => (CellKind::Gru, &[1, 0, 2]),
                Some(1) => (CellKind::Rnn, &[0]),
                _ => {
                    let weight = format!("weight_hh{end}");
                    let expected = "4 (LSTM), 3 (GRU) or 1 times as many rows as columns";
                    return Err(self.shape(module, &weight, &[rows, units], expected));
                }
            };
            if rows.checked_rem(units) != Some(0) {
                let weight = format!("weight_hh{end}");
                let expected = "a multiple of its columns as rows";
                return Err(self.shape(module, &weight, &[rows, units], expected));
            }
            let input = self.needed(module, &format!("weight_ih{end}"))?;
            let biases = [
                self.vector(module, &format!("bias_ih{end}"), rows)?,
                self.vector(module, &format!("bias_hh{end}"), rows)?,
            ];
            return Ok(Some(Cell {
                kind,
                weights: CellWeights {
                    kernel: transposed(&input, order),
                    recurrent_kernel: transposed(&recurrent, order),
                    bias: bias(kind, biases, order),
                },
            }));
        }
        Ok(None)
    }

    /// Refuses weights that nothing here has looked at: they would change the answers.
    fn check_left_over(&self) -> Result<(), ImportError> {
        let prefix = match self.mapping.prefix.as_str() {
            "" => String::new(),
            prefix => format!("{prefix}."),
        };
        let names = self.state.shapes().map(|(name, _)| name);
        let left: Vec<&str> = names
            .filter_map(|name| name.strip_prefix(&prefix))
            .filter(|name| !self.mapping.ignore.iter().any(|ignored| ignored == name))
            .collect();
        let Some(first) = left.first() else {
            return Ok(());
        };
        let more = match left.len() {
            1 => String::new(),
            count => format!(" and {} more", count.saturating_sub(1)),
        };
        Err(ImportError::Structure(format!(
            "the mapping makes no use of the weights {first:?}{more}: attention, more layers and the like \
             cannot be imported; list them in `ignore` if answers do not depend on them"
        )))
    }
}

/// `[blocks * size, columns]` as `[columns, blocks * size]`, blocks in another order.
fn transposed(matrix: &Matrix, order: &[usize]) -> Matrix {
    let [rows, columns] = matrix.shape;
    let size = rows.checked_div(order.len()).unwrap_or(rows);
    let mut values = Vec::with_capacity(matrix.values.len());
    for column in 0..columns {
        for &block in order {
            let first = block.saturating_mul(size);
            values.extend((first..first.saturating_add(size)).filter_map(|row| {
                let place = row.checked_mul(columns)?.checked_add(column)?;
                matrix.values.get(place).copied()
            }));
        }
    }
    Matrix {
        shape: [columns, rows],
        values,
    }
}

/// The biases of input and recurrent product as one cell's; none if there are none.
fn bias(
    kind: CellKind,
    [input, recurrent]: [Option<Vec<f32>>; 2],
    order: &[usize],
) -> Option<Vec<f32>> {
    let (input, recurrent) = input.zip(recurrent)?;
    let size = input.len().checked_div(order.len()).unwrap_or(0);
    let ordered = |values: Vec<f32>| -> Vec<f32> {
        let block = |&block: &usize| {
            let first = block.saturating_mul(size);
            values
                .get(first..first.saturating_add(size))
                .unwrap_or_default()
        };
        order.iter().flat_map(block).copied().collect()
    };
    let (input, recurrent) = (ordered(input), ordered(recurrent));
    Some(match kind {
        // The reset gate stands between the two.
        CellKind::Gru => [input, recurrent].concat(),
        _ => input.iter().zip(&recurrent).map(|(a, b)| a + b).collect(),
    })
}
