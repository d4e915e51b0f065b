//! Named tensors of a `.pt` or safetensors file. No pickle is run: its instructions are read as data.

use std::collections::BTreeMap;
use std::path::Path;

use half::{bf16, f16};
use pytorch_reader::PytorchReader;
use safetensors::{Dtype, SafeTensors};
use seq2seq_runtime::storage::Array;

use super::super::ImportError;

/// Bytes of a tensor for each byte of the file, at most: a view of a file's numbers can repeat them.
const MOST_EXPANSION: u64 = 16;

/// Tensors by name, of which those that are asked for are read.
pub struct StateDict<'a> {
    tensors: BTreeMap<String, Stored<'a>>,
    most: u64,
}

/// A tensor in a file.
struct Stored<'a> {
    shape: Vec<usize>,
    kind: Option<Kind>,
    content: Content<'a>,
}

/// Where a tensor's bytes are.
enum Content<'a> {
    Torch(Box<pytorch_reader::Tensor>),
    Safetensors(&'a [u8]),
}

/// Kinds of numbers that weights have.
#[derive(Clone, Copy)]
enum Kind {
    F64,
    F32,
    F16,
    Bf16,
}

impl<'a> StateDict<'a> {
    /// The tensors of a file, given with its content.
    ///
    /// # Errors
    /// If it is neither PyTorch's nor safetensors, or damaged.
    pub fn read(path: &Path, bytes: &'a [u8]) -> Result<Self, ImportError> {
        let tensors = match is_safetensors(bytes) {
            true => of_safetensors(bytes)?,
            false => of_torch(path)?,
        };
        Ok(Self {
            tensors,
            most: (bytes.len() as u64).saturating_mul(MOST_EXPANSION),
        })
    }

    /// Names and shapes of all tensors.
    pub fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> {
        let tensors = self.tensors.iter();
        tensors.map(|(name, stored)| (name.as_str(), stored.shape.as_slice()))
    }

    /// Takes a tensor out.
    ///
    /// # Errors
    /// If it has no numbers that weights have, or cannot be read.
    pub fn take(&mut self, name: &str) -> Result<Option<Array>, ImportError> {
        let Some(stored) = self.tensors.remove(name) else {
            return Ok(None);
        };
        let kind = stored.kind.ok_or_else(|| {
            ImportError::damaged(
                name,
                "it has no numbers of 16, 32 or 64 bits with a fraction",
            )
        })?;
        let size = stored
            .shape
            .iter()
            .try_fold(kind.bytes() as u64, |bytes, &axis| {
                bytes.checked_mul(axis as u64)
            });
        if size.is_none_or(|size| size > self.most) {
            return Err(ImportError::TooLarge {
                part: name.to_owned(),
                most: self.most,
            });
        }
        let values = match stored.content {
            Content::Safetensors(bytes) => kind.values(bytes),
            Content::Torch(tensor) => {
                let bytes = tensor.read();
                kind.values(&bytes.map_err(|error| ImportError::damaged(name, error))?)
            }
        };
        Ok(Some(Array::f32(stored.shape, values)))
    }
}

/// Whether the file begins with the length of a header and a brace.
fn is_safetensors(bytes: &[u8]) -> bool {
    let length = bytes
        .first_chunk()
        .map(|length| u64::from_le_bytes(*length));
    length.is_some_and(|length| length < bytes.len() as u64) && bytes.get(8) == Some(&b'{')
}

fn of_safetensors(bytes: &[u8]) -> Result<BTreeMap<String, Stored<'_>>, ImportError> {
    let file = SafeTensors::deserialize(bytes);
    let file = file.map_err(|error| ImportError::damaged("the safetensors file", error))?;
    let stored = file.iter().map(|(name, view)| {
        let kind = match view.dtype() {
            Dtype::F64 => Some(Kind::F64),
            Dtype::F32 => Some(Kind::F32),
            Dtype::F16 => Some(Kind::F16),
            Dtype::BF16 => Some(Kind::Bf16),
            _ => None,
        };
        let stored = Stored {
            shape: view.shape().to_vec(),
            kind,
            content: Content::Safetensors(view.data()),
        };
        (name.to_owned(), stored)
    });
    Ok(stored.collect())
}

fn of_torch(path: &Path) -> Result<BTreeMap<String, Stored<'static>>, ImportError> {
    let file = PytorchReader::new(path);
    let file = file.map_err(|error| ImportError::damaged("the PyTorch file", error))?;
    let stored = file.into_tensors().into_iter().map(|(name, tensor)| {
        let kind = match tensor.dtype() {
            pytorch_reader::DType::F64 => Some(Kind::F64),
            pytorch_reader::DType::F32 => Some(Kind::F32),
            pytorch_reader::DType::F16 => Some(Kind::F16),
            pytorch_reader::DType::BF16 => Some(Kind::Bf16),
            _ => None,
        };
        let stored = Stored {
            shape: tensor.shape().to_vec(),
            kind,
            content: Content::Torch(Box::new(tensor)),
        };
        (name, stored)
    });
    Ok(stored.collect())
}

impl Kind {
    fn bytes(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// Little-endian numbers in single precision.
    fn values(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F64 => numbers(bytes, |bytes| f64::from_le_bytes(bytes) as f32),
            Self::F32 => numbers(bytes, f32::from_le_bytes),
            Self::F16 => numbers(bytes, |bytes| f16::from_le_bytes(bytes).to_f32()),
            Self::Bf16 => numbers(bytes, |bytes| bf16::from_le_bytes(bytes).to_f32()),
        }
    }
}

fn numbers<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|bytes| number(*bytes))
        .collect()
}
