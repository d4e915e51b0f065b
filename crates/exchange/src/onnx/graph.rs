//! A graph of ONNX operators while it is put together.

use std::collections::BTreeSet;

use prost::Message;
use seq2seq_runtime::storage::Weights;

use super::message::{
    AttributeProto, Dimension, DimensionProto, FLOAT, GraphProto, INT64, ModelProto, NodeProto,
    OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto,
};

/// Version of the operators: the first that has layer normalization.
pub const OPSET: i64 = 17;
/// Version of the file format that goes with these operators.
const IR_VERSION: i64 = 8;

/// The size of an axis, or its name.
#[derive(Clone, Copy, Debug)]
pub enum Axis {
    /// A size.
    Size(usize),
    /// A name for a size that is known only when the graph runs.
    Named(&'static str),
}

/// A graph while it is put together. Values are known by their names.
pub struct Graph<'a> {
    weights: &'a Weights,
    graph: GraphProto,
    stored: BTreeSet<String>,
}

/// A weight of the model as rows of numbers.
pub struct Matrix {
    /// `[rows, columns]`.
    pub shape: [usize; 2],
    /// The numbers, row by row.
    pub values: Vec<f32>,
}

impl<'a> Graph<'a> {
    /// An empty graph that may use these weights.
    pub fn new(name: &str, weights: &'a Weights) -> Self {
        Self {
            weights,
            graph: GraphProto {
                name: name.to_owned(),
                ..GraphProto::default()
            },
            stored: BTreeSet::new(),
        }
    }

    /// Whether the model has a weight.
    pub fn has(&self, name: &str) -> bool {
        self.weights.contains_key(name)
    }

    /// A weight of the model as a matrix; a vector has one row. A missing one is empty: a model is held
    /// against its settings before it is exported.
    pub fn matrix(&self, name: &str) -> Matrix {
        let Some(array) = self.weights.get(name) else {
            return Matrix {
                shape: [0, 0],
                values: Vec::new(),
            };
        };
        let columns = array.shape.last().copied().unwrap_or(1);
        let rows = match array.shape.len() {
            0 | 1 => 1,
            _ => array.shape.first().copied().unwrap_or(1),
        };
        Matrix {
            shape: [rows, columns],
            values: array
                .as_f32()
                .map(|values| values.to_vec())
                .unwrap_or_default(),
        }
    }

    /// A weight of the model as it is stored.
    pub fn weight(&mut self, name: &str) -> String {
        let matrix = self.matrix(name);
        let shape = match self.weights.get(name).map_or(0, |array| array.shape.len()) {
            1 => vec![matrix.shape[1]],
            _ => matrix.shape.to_vec(),
        };
        self.floats(name, &shape, &matrix.values)
    }

    /// A constant of numbers.
    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let raw = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.store(name, FLOAT, shape, raw)
    }

    /// A constant of whole numbers.
    pub fn integers(&mut self, values: &[i64]) -> String {
        let words: Vec<String> = values.iter().map(i64::to_string).collect();
        let raw = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.store(
            &format!("[{}]", words.join(",")),
            INT64,
            &[values.len()],
            raw,
        )
    }

    /// A single whole number.
    pub fn integer(&mut self, value: i64) -> String {
        let raw = value.to_le_bytes().to_vec();
        self.store(&value.to_string(), INT64, &[], raw)
    }

    fn store(&mut self, name: &str, data_type: i32, shape: &[usize], raw_data: Vec<u8>) -> String {
        if self.stored.insert(name.to_owned()) {
            self.graph.initializer.push(TensorProto {
                dims: shape.iter().map(|&size| size as i64).collect(),
                data_type,
                name: name.to_owned(),
                raw_data,
            });
        }
        name.to_owned()
    }

    /// An operator with one output.
    pub fn node(&mut self, op: &str, inputs: &[&str], attributes: &[AttributeProto]) -> String {
        let [output] = self.nodes(op, inputs, attributes);
        output
    }

    /// An operator with so many outputs.
    pub fn nodes<const N: usize>(
        &mut self,
        op: &str,
        inputs: &[&str],
        attributes: &[AttributeProto],
    ) -> [String; N] {
        let number = self.graph.node.len();
        let outputs = std::array::from_fn(|place| match place {
            0 => format!("{op}.{number}"),
            _ => format!("{op}.{number}.{place}"),
        });
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: outputs.to_vec(),
            name: format!("{op}.{number}"),
            op_type: op.to_owned(),
            attribute: attributes.to_vec(),
        });
        outputs
    }

    /// The product with a matrix of weights.
    pub fn product(&mut self, input: &str, weight: &str) -> String {
        let weight = self.weight(weight);
        self.node("MatMul", &[input, &weight], &[])
    }

    /// The sum of two values.
    pub fn sum(&mut self, a: &str, b: &str) -> String {
        self.node("Add", &[a, b], &[])
    }

    /// A value with its axes in another order.
    pub fn transposed(&mut self, input: &str, order: &[i64]) -> String {
        self.node(
            "Transpose",
            &[input],
            &[AttributeProto::ints("perm", order)],
        )
    }

    /// A value in another shape, where 0 keeps the size of an axis and one -1 takes what is left.
    pub fn reshaped(&mut self, input: &str, shape: &[i64]) -> String {
        let shape = self.integers(shape);
        self.node("Reshape", &[input, &shape], &[])
    }

    /// A value with one more axis, of size 1.
    pub fn with_axis(&mut self, input: &str, axis: i64) -> String {
        let axes = self.integers(&[axis]);
        self.node("Unsqueeze", &[input, &axes], &[])
    }

    /// A value without an axis of size 1.
    pub fn without_axis(&mut self, input: &str, axis: i64) -> String {
        let axes = self.integers(&[axis]);
        self.node("Squeeze", &[input, &axes], &[])
    }

    /// An input.
    pub fn input(&mut self, name: &str, elements: i32, shape: &[Axis]) -> String {
        self.graph.input.push(value_info(name, elements, shape));
        name.to_owned()
    }

    /// Gives a value out under a name.
    pub fn output(&mut self, value: &str, name: &str, elements: i32, shape: &[Axis]) {
        let number = self.graph.node.len();
        self.graph.node.push(NodeProto {
            input: vec![value.to_owned()],
            output: vec![name.to_owned()],
            name: format!("Identity.{number}"),
            op_type: "Identity".to_owned(),
            attribute: Vec::new(),
        });
        self.graph.output.push(value_info(name, elements, shape));
    }

    /// The bytes of a file with this graph.
    pub fn into_file(self, metadata: &[(String, String)]) -> Vec<u8> {
        let entry = |(key, value): &(String, String)| StringStringEntryProto {
            key: key.clone(),
            value: value.clone(),
        };
        let model = ModelProto {
            ir_version: IR_VERSION,
            producer_name: "seq2seq".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(self.graph),
            opset_import: vec![OperatorSetIdProto {
                domain: String::new(),
                version: OPSET,
            }],
            metadata_props: metadata.iter().map(entry).collect(),
        };
        model.encode_to_vec()
    }
}

fn value_info(name: &str, elements: i32, shape: &[Axis]) -> ValueInfoProto {
    let dimension = |axis: &Axis| DimensionProto {
        value: Some(match axis {
            Axis::Size(size) => Dimension::Size(*size as i64),
            Axis::Named(name) => Dimension::Name((*name).to_owned()),
        }),
    };
    let shape = TensorShapeProto {
        dim: shape.iter().map(dimension).collect(),
    };
    let tensor = TensorTypeProto {
        elem_type: elements,
        shape: Some(shape),
    };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            tensor_type: Some(tensor),
        }),
    }
}
