//! What searches would do anew for every batch and at every step, done once: weights packed for
//! products, and the vectors of all symbols multiplied by the input weights.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use burn::module::{Param, ParamId};
use burn::tensor::Tensor;
use rnn_kernels::{PackedMatrix, PackedWeights};

/// Sequences that are worth preparing weights for; fewer read them as they lie.
const WORTH_PREPARING: usize = 8;

/// What is made of a parameter when it is first used.
pub type Once<T> = Arc<OnceLock<T>>;

/// Weights of any network, prepared as they are first used. Clones share them, also between threads.
/// They belong to weights that stay as they are, such as a trained model's: weights that change need others.
#[derive(Clone, Debug, Default)]
pub struct Prepared(Arc<Tables>);

#[derive(Debug, Default)]
struct Tables {
    matrices: Table<PackedMatrix>,
    recurrences: Table<PackedWeights>,
    inputs: Table<Tensor<2>>,
}

type Table<T> = Mutex<HashMap<ParamId, Once<T>>>;

impl Prepared {
    /// These, if a call writes enough sequences to be worth it.
    pub fn for_sequences(&self, count: usize) -> Option<&Self> {
        (count >= WORTH_PREPARING).then_some(self)
    }

    /// A matrix, packed.
    pub fn matrix(&self, weights: &Param<Tensor<2>>) -> Once<PackedMatrix> {
        slot(&self.0.matrices, weights)
    }

    /// Recurrent weights, packed.
    pub fn recurrence(&self, weights: &Param<Tensor<2>>) -> Once<PackedWeights> {
        slot(&self.0.recurrences, weights)
    }

    /// What input weights make of each symbol, `[symbols, gates * units]`.
    pub fn inputs(&self, weights: &Param<Tensor<2>>) -> Once<Tensor<2>> {
        slot(&self.0.inputs, weights)
    }
}

fn slot<T>(table: &Table<T>, weights: &Param<Tensor<2>>) -> Once<T> {
    // A panic of another thread leaves the table whole.
    let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(table.entry(weights.id).or_default())
}
