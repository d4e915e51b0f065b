//! A recurrent encoder-decoder model on its way from another toolkit to a model of ours.

use seq2seq_runtime::settings::{BridgeKind, CellKind, DecoderInput, Embedding, ModelSettings};
use seq2seq_runtime::storage::{Array, Weights};

use super::ImportError;

/// Numbers in rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// `[rows, columns]`.
    pub shape: [usize; 2],
    /// The numbers, row by row.
    pub values: Vec<f32>,
}

/// Weights of one recurrent layer in one direction, as Keras lays them out.
#[derive(Clone, Debug)]
pub struct CellWeights {
    /// Input weights `[input, gates * units]`.
    pub kernel: Matrix,
    /// Recurrent weights `[units, gates * units]`.
    pub recurrent_kernel: Matrix,
    /// Bias; zeros if left out.
    pub bias: Option<Vec<f32>>,
}

/// Weights of one layer of the encoder.
#[derive(Clone, Debug)]
pub struct EncoderLayer {
    /// Reads from the first symbol on.
    pub forward: CellWeights,
    /// Reads from the last symbol on.
    pub backward: Option<CellWeights>,
}

/// Weights of a dense layer.
#[derive(Clone, Debug)]
pub struct DenseWeights {
    /// `[input, output]`.
    pub kernel: Matrix,
    /// Bias; zeros if left out.
    pub bias: Option<Vec<f32>>,
}

/// Layers between the encoder's final state and the decoder's first, the same for each layer of the
/// decoder.
#[derive(Clone, Debug)]
pub struct Bridge {
    /// For h, and for c of an LSTM.
    pub states: Vec<DenseWeights>,
    /// What follows them.
    pub kind: BridgeKind,
}

/// A model's weights, and what its file says about texts.
#[derive(Clone, Debug)]
pub struct EncoderDecoder {
    /// Kind of cell of all layers.
    pub cell: CellKind,
    /// Vectors `[symbols, size]` of source symbols; none for one-hot input.
    pub source_embedding: Option<Matrix>,
    /// Vectors `[symbols, size]` of target symbols; none for one-hot input.
    pub target_embedding: Option<Matrix>,
    /// The encoder, from the symbols up.
    pub encoder: Vec<EncoderLayer>,
    /// The decoder, from the symbols up.
    pub decoder: Vec<CellWeights>,
    /// From the decoder's output to a score for each target symbol.
    pub output: DenseWeights,
    /// From the encoder's state to the decoder's; none if it is handed over as it is.
    pub bridge: Option<Bridge>,
    /// Length of every target, for a decoder that reads the encoder's output at each step and no
    /// target; none for one that reads the target so far.
    pub fixed_length: Option<usize>,
    /// Length of sources and of what the decoder reads, where the file fixes it.
    pub lengths: [Option<usize>; 2],
}

impl EncoderDecoder {
    /// Symbols of source and target, by the weights.
    ///
    /// # Errors
    /// If there is no layer.
    pub fn symbols(&self) -> Result<[usize; 2], ImportError> {
        let first = self.encoder.first().ok_or_else(no_layers)?;
        let inputs = self.source_embedding.as_ref();
        let source = inputs.unwrap_or(&first.forward.kernel).shape[0];
        Ok([source, self.output.kernel.shape[1]])
    }

    /// The settings of the network and its weights under the names of a model file.
    ///
    /// Our embeddings have one size on both sides. Where those of the file differ, each is multiplied
    /// into the input weights, which then read one-hot symbols: the same function of the symbols.
    ///
    /// # Errors
    /// If there is no layer, or shapes cannot be multiplied.
    pub fn into_network(mut self) -> Result<(ModelSettings, Weights), ImportError> {
        let size = |table: &Option<Matrix>| table.as_ref().map(|table| table.shape[1]);
        let reads_target = self.fixed_length.is_none();
        let sizes = [size(&self.source_embedding), size(&self.target_embedding)];
        let alike = sizes[0] == sizes[1] || !reads_target;
        if !alike {
            self.fold_embeddings()?;
        }
        let first = self.encoder.first().ok_or_else(no_layers)?;
        let decoder = self.decoder.first().ok_or_else(no_layers)?;
        let settings = ModelSettings {
            cell: self.cell,
            encoder_units: first.forward.recurrent_kernel.shape[0],
            encoder_layers: self.encoder.len(),
            bidirectional: first.backward.is_some(),
            decoder_units: Some(decoder.recurrent_kernel.shape[0]),
            decoder_layers: self.decoder.len(),
            embedding: match size(&self.source_embedding) {
                Some(size) => Embedding::Size(size),
                None => Embedding::ONE_HOT,
            },
            bridge: match &self.bridge {
                Some(bridge) => bridge.kind,
                None if reads_target => BridgeKind::Copy,
                None => BridgeKind::Auto,
            },
            decoder_input: match reads_target {
                true => DecoderInput::Target,
                false => DecoderInput::EncoderOutput,
            },
            ..ModelSettings::default()
        };
        Ok((settings, self.into_weights()))
    }

    fn fold_embeddings(&mut self) -> Result<(), ImportError> {
        if let (Some(table), Some(first)) = (self.source_embedding.take(), self.encoder.first_mut())
        {
            let cells = std::iter::once(&mut first.forward).chain(first.backward.as_mut());
            for cell in cells {
                cell.kernel = product(&table, &cell.kernel)?;
            }
        }
        if let (Some(table), Some(first)) = (self.target_embedding.take(), self.decoder.first_mut())
        {
            first.kernel = product(&table, &first.kernel)?;
        }
        Ok(())
    }

    fn into_weights(self) -> Weights {
        let cell = self.cell;
        let mut weights = Weights::new();
        let tables = [
            ("source_embedding", self.source_embedding),
            ("target_embedding", self.target_embedding),
        ];
        for (name, table) in tables {
            weights.extend(table.map(|table| (name.to_owned(), array(table))));
        }
        for (number, layer) in self.encoder.into_iter().enumerate() {
            let name = format!("encoder.layers.{number}");
            layer
                .forward
                .store(cell, &format!("{name}.forward"), &mut weights);
            if let Some(backward) = layer.backward {
                backward.store(cell, &format!("{name}.backward"), &mut weights);
            }
        }
        for (number, layer) in self.decoder.into_iter().enumerate() {
            let states = self.bridge.iter().flat_map(|bridge| &bridge.states);
            for (state, layer) in states.enumerate() {
                let name = format!("bridge.layers.{number}.states.{state}");
                layer.clone().store(&name, &mut weights);
            }
            let name = format!("decoder.layers.{number}.recurrent");
            layer.store(cell, &name, &mut weights);
        }
        self.output.store("output", &mut weights);
        weights
    }
}

impl CellWeights {
    fn store(self, cell: CellKind, name: &str, weights: &mut Weights) {
        let units = self.recurrent_kernel.shape[0];
        let zeros = || vec![0.0; cell.kernel().bias_len(units)];
        let bias = self.bias.unwrap_or_else(zeros);
        weights.insert(format!("{name}.kernel"), array(self.kernel));
        let recurrent = array(self.recurrent_kernel);
        weights.insert(format!("{name}.recurrent_kernel"), recurrent);
        weights.insert(format!("{name}.bias"), Array::f32(vec![bias.len()], bias));
    }
}

impl DenseWeights {
    fn store(self, name: &str, weights: &mut Weights) {
        let columns = self.kernel.shape[1];
        let bias = self.bias.unwrap_or_else(|| vec![0.0; columns]);
        weights.insert(format!("{name}.kernel"), array(self.kernel));
        weights.insert(format!("{name}.bias"), Array::f32(vec![bias.len()], bias));
    }
}

impl Matrix {
    /// A stored array as a matrix; none if it has other than two axes, no numbers, or others.
    pub fn of(array: &Array) -> Option<Self> {
        match array.shape[..] {
            [rows, columns] if rows > 0 && columns > 0 => Some(Self {
                shape: [rows, columns],
                values: array.as_f32()?.to_vec(),
            }),
            _ => None,
        }
    }
}

fn array(matrix: Matrix) -> Array {
    Array::f32(matrix.shape.to_vec(), matrix.values)
}

fn no_layers() -> ImportError {
    ImportError::Structure("there is no encoder with a decoder".to_owned())
}

/// The product of two matrices, summed in double precision.
fn product(left: &Matrix, right: &Matrix) -> Result<Matrix, ImportError> {
    let [inner, columns] = right.shape;
    if left.shape[1] != inner {
        return Err(ImportError::Structure(format!(
            "embeddings of the shape {:?} do not fit input weights of the shape {:?}",
            left.shape, right.shape
        )));
    }
    let mut values = Vec::new();
    for row in left.values.chunks_exact(inner) {
        let mut sums = vec![0.0_f64; columns];
        for (&factor, weights) in row.iter().zip(right.values.chunks_exact(columns)) {
            for (sum, &weight) in sums.iter_mut().zip(weights) {
                *sum += f64::from(factor) * f64::from(weight);
            }
        }
        values.extend(sums.into_iter().map(|sum| sum as f32));
    }
    Ok(Matrix {
        shape: [left.shape[0], columns],
        values,
    })
}
