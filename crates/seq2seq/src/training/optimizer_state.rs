//! The state of an optimizer as a checkpoint keeps it: held against the network before Burn, which takes
//! it on trust, makes tensors of it.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::OptimizerRecord;
use burn::tensor::{Bytes, DType, Tensor};
use burn_pack::{Reader, Scalar};

use crate::networks::Network;

/// What the name of a weight's rank ends with.
const RANK: &str = "__rank";

/// The state of the optimizer of a network after so many steps.
///
/// # Errors
/// If it is damaged, or is that of another network; the reason.
pub(super) fn record_for(
    network: &Network,
    steps: usize,
    bytes: Vec<u8>,
) -> Result<OptimizerRecord, String> {
    let mut shapes = Shapes::default();
    network.visit(&mut shapes);
    let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes.clone()));
    let reader = reader.map_err(|error| error.to_string())?;
    for (name, value) in reader.scalars() {
        shapes.check_scalar(name, *value, steps)?;
    }
    for tensor in reader.into_tensors().map_err(|error| error.to_string())? {
        let parts = tensor.into_parts().map_err(|error| error.to_string())?;
        let (name, dtype, shape, id, bytes) = parts;
        let found = shape.to_vec();
        let expected = shapes.of(&name)?;
        let numbers = bytes.len().checked_div(size_of::<f32>());
        if dtype != DType::F32
            || found != expected.shape
            || id != Some(expected.id)
            || numbers != Some(expected.shape.iter().product())
        {
            return Err(format!(
                "the optimizer's {name:?} has the shape {found:?}, but its weights have {:?}",
                expected.shape
            ));
        }
    }
    OptimizerRecord::from_bytes(Bytes::from_bytes_vec(bytes)).map_err(|error| error.to_string())
}

/// The weights of a network by their numbers.
#[derive(Default)]
struct Shapes(BTreeMap<u64, Vec<usize>>);

/// The weights that a part of an optimizer's state goes with.
struct Weights<'a> {
    id: u64,
    shape: &'a [usize],
}

impl ModuleVisitor for Shapes {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.insert(param.id.val(), param.val().dims().to_vec());
    }
}

impl Shapes {
    /// Those of a part of the state, whose name begins with their number and a dot.
    fn of(&self, name: &str) -> Result<Weights<'_>, String> {
        let number = name.split_once('.').map(|(number, _)| number);
        let id = number.and_then(|number| number.parse().ok());
        let weights = id.and_then(|id| {
            let shape = self.0.get(&id)?;
            Some(Weights { id, shape })
        });
        weights.ok_or_else(|| format!("the optimizer's {name:?} goes with no weights"))
    }

    /// A number is the rank of weights, or counts steps.
    fn check_scalar(&self, name: &str, value: Scalar, steps: usize) -> Result<(), String> {
        let weights = self.of(name)?;
        let is_rank = name.ends_with(&format!(".{RANK}"));
        let fits = usize::try_from(value).is_ok_and(|value| match is_rank {
            true => value == weights.shape.len(),
            false => value <= steps,
        });
        match fits {
            true => Ok(()),
            false => Err(format!("the optimizer's {name:?} cannot be {value:?}")),
        }
    }
}
