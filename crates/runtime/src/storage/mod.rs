//! Named arrays and text in one file, and writing files so that a crash leaves the old content or the
//! new one.

pub mod atomic;
mod quantization;
pub mod tensor_file;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use atomic::write_atomically;
pub use quantization::{Precision, ScaleAxis, dequantized, quantize, scales_name};
pub use tensor_file::{Damage, Metadata, ReadFailure, TensorFile, write};

/// Numbers of any shape. Clones share them.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Sizes of its axes, the last of which varies fastest.
    pub shape: Vec<usize>,
    /// The numbers.
    pub values: Values,
}

/// The types of numbers that a file can have.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Single precision.
    F32(Arc<[f32]>),
    /// Unsigned integers of 32 bits.
    U32(Arc<[u32]>),
    /// Bytes.
    U8(Arc<[u8]>),
    /// bf16, the upper half of single precision.
    Bf16(Arc<[u16]>),
    /// Whole numbers of 8 bits.
    I8(Arc<[i8]>),
}

impl Values {
    /// The name of the type in a file, and its bytes.
    pub const fn dtype(&self) -> (&'static str, usize) {
        match self {
            Self::F32(_) => ("F32", 4),
            Self::U32(_) => ("U32", 4),
            Self::Bf16(_) => ("BF16", 2),
            Self::U8(_) => ("U8", 1),
            Self::I8(_) => ("I8", 1),
        }
    }
}

/// Weights by name, such as `encoder.kernel`.
pub type Weights = BTreeMap<String, Array>;

/// The name of the first weights that are not all finite numbers of 32 bits: every answer would be
/// nonsense.
pub fn first_not_finite(weights: &Weights) -> Option<&str> {
    let finite = |array: &Array| array.as_f32().is_some() && array.is_finite();
    let (name, _) = weights.iter().find(|(_, array)| !finite(array))?;
    Some(name)
}

impl Array {
    /// Numbers of single precision.
    pub fn f32(shape: Vec<usize>, values: impl Into<Arc<[f32]>>) -> Self {
        Self {
            shape,
            values: Values::F32(values.into()),
        }
    }

    /// Unsigned integers.
    pub fn u32(shape: Vec<usize>, values: impl Into<Arc<[u32]>>) -> Self {
        Self {
            shape,
            values: Values::U32(values.into()),
        }
    }

    /// Bytes.
    pub fn u8(values: impl Into<Arc<[u8]>>) -> Self {
        let values = values.into();
        Self {
            shape: vec![values.len()],
            values: Values::U8(values),
        }
    }

    /// The numbers, if they are of single precision.
    pub fn as_f32(&self) -> Option<&Arc<[f32]>> {
        match &self.values {
            Values::F32(values) => Some(values),
            _ => None,
        }
    }

    /// The numbers, if they are unsigned integers of 32 bits.
    pub fn as_u32(&self) -> Option<&Arc<[u32]>> {
        match &self.values {
            Values::U32(values) => Some(values),
            _ => None,
        }
    }

    /// Whether all of them are finite.
    pub fn is_finite(&self) -> bool {
        match &self.values {
            Values::F32(values) => values.iter().all(|value| value.is_finite()),
            // All bits of the exponent are set in what is not.
            Values::Bf16(values) => values.iter().all(|value| value & 0x7f80 != 0x7f80),
            Values::U32(_) | Values::U8(_) | Values::I8(_) => true,
        }
    }
}
