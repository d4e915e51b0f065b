//! Matrices of weights in fewer bits, and back.

use std::fmt;
use std::sync::Arc;

use super::{Array, Values, Weights};

/// Bits of the numbers in which matrices of weights are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// Single precision, 32 bits.
    F32,
    /// The upper half of single precision, 16 bits (Kalamkar et al. 2019).
    Bf16,
    /// Whole numbers of 8 bits, each times a scale that it shares with its column, or with its row in
    /// vectors of symbols.
    Int8,
}

/// Which numbers of a matrix share a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleAxis {
    /// Those of a column: of a matrix that rows are multiplied with.
    Columns,
    /// Those of a row: of vectors that stand for symbols.
    Rows,
}

/// Largest whole number; its negative is the least.
const LARGEST: f32 = 127.0;

impl Precision {
    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }

    /// The lowest precision that any of the weights has.
    pub fn of(weights: &Weights) -> Self {
        let precisions = weights.values().map(|array| match array.values {
            Values::I8(_) => Self::Int8,
            Values::Bf16(_) => Self::Bf16,
            Values::F32(_) | Values::U32(_) | Values::U8(_) => Self::F32,
        });
        precisions.max().unwrap_or(Self::F32)
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl ScaleAxis {
    /// Shape of the scales of a matrix `[rows, columns]`.
    pub const fn shape(self, [rows, columns]: [usize; 2]) -> [usize; 2] {
        match self {
            Self::Columns => [1, columns],
            Self::Rows => [rows, 1],
        }
    }

    /// The scale that a number of a matrix with so many columns has, by its place.
    pub const fn of_place(self, place: usize, columns: usize) -> usize {
        match self {
            Self::Columns => place % columns,
            Self::Rows => place / columns,
        }
    }
}

/// The name under which the scales of a matrix are stored.
pub fn scales_name(matrix: &str) -> String {
    format!("{matrix}.scales")
}

/// Puts a matrix of single precision in place of the one of that name, rounded; with 8 bits, also its scales.
/// What is no such matrix is left as it is.
pub fn quantize(weights: &mut Weights, name: &str, axis: ScaleAxis, precision: Precision) {
    let Some(array) = weights.get_mut(name) else {
        return;
    };
    let (Values::F32(values), &[rows, columns]) = (&array.values, &array.shape[..]) else {
        return;
    };
    match precision {
        Precision::F32 => {}
        Precision::Bf16 => {
            let mut rounded = vec![0; values.len()];
            rnn_kernels::round_to_bf16(values, &mut rounded);
            array.values = Values::Bf16(rounded.into());
        }
        Precision::Int8 => {
            let shape = axis.shape([rows, columns]);
            let mut scales = vec![0.0_f32; shape[0] * shape[1]];
            for (place, value) in values.iter().enumerate() {
                let scale = &mut scales[axis.of_place(place, columns)];
                *scale = scale.max(value.abs() / LARGEST);
            }
            let whole = values.iter().enumerate().map(|(place, value)| {
                match scales[axis.of_place(place, columns)] {
                    0.0 => 0,
                    scale => {
                        let whole = (value / scale).round_ties_even();
                        whole.clamp(-LARGEST, LARGEST) as i8
                    }
                }
            });
            array.values = Values::I8(whole.collect());
            let scales = Array::f32(shape.to_vec(), scales);
            weights.insert(scales_name(name), scales);
        }
    }
}

/// The weights in single precision: the numbers that those of fewer bits stand for.
pub fn dequantized(weights: &Weights) -> Weights {
    let is_scales = |name: &str| {
        let matrix = name.strip_suffix(".scales");
        let matrix = matrix.and_then(|matrix| weights.get(matrix));
        matrix.is_some_and(|matrix| matches!(matrix.values, Values::I8(_)))
    };
    let kept = weights.iter().filter(|(name, _)| !is_scales(name));
    let widened = |(name, array): (&String, &Array)| {
        let values: Option<Arc<[f32]>> = match &array.values {
            Values::Bf16(values) => {
                let values = values.iter().map(|&value| rnn_kernels::from_bf16(value));
                Some(values.collect())
            }
            Values::I8(values) => weights
                .get(&scales_name(name))
                .and_then(|scales| Some((scales.as_f32()?, scales.shape.first()?)))
                .map(|(scales, &rows)| {
                    let columns = array.shape.last().copied().unwrap_or(1);
                    let axis = match rows == 1 && scales.len() == columns {
                        true => ScaleAxis::Columns,
                        false => ScaleAxis::Rows,
                    };
                    let scale = |place| scales.get(axis.of_place(place, columns)).copied();
                    let values = values.iter().enumerate();
                    values
                        .map(|(place, &value)| f32::from(value) * scale(place).unwrap_or(0.0))
                        .collect()
                }),
            Values::F32(_) | Values::U32(_) | Values::U8(_) => None,
        };
        let array = match values {
            Some(values) => Array::f32(array.shape.clone(), values),
            None => array.clone(),
        };
        (name.clone(), array)
    };
    kept.map(widened).collect()
}
