//! What the tests of networks share: small networks in double precision, batches, and gradients by
//! finite differences.

#![allow(dead_code, clippy::expect_used)] // not every test needs all of it; a test may panic

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::activation::log_softmax;
use burn::tensor::{DType, Device, Gradients, Tensor, TensorData};
use seq2seq::config::ModelSettings;
use seq2seq::encoding::SourceBatch;
use seq2seq::encoding::{Padded, SourceIds};
use seq2seq::layers::parameters::Parameters;
use seq2seq::networks::Network;
use seq2seq::text::VocabularySizes;

/// Vocabularies of the small networks.
pub const SIZES: VocabularySizes = VocabularySizes {
    source: 6,
    features: 0,
    target: 5,
};

/// A network with fresh weights, in double precision, with gradients.
pub fn network(settings: &ModelSettings, sizes: VocabularySizes) -> Network {
    let device = Device::flex().autodiff();
    let network = Network::new(settings, sizes, &mut Parameters::fresh(3, &device));
    network.expect("fresh weights fit").map(&mut ToDouble)
}

/// Any layer with fresh weights, in double precision, with gradients.
pub fn double<M: Module>(layer: M) -> M {
    layer.map(&mut ToDouble)
}

struct ToDouble;

impl ModuleMapper for ToDouble {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| tensor.detach().cast(DType::F64).detach().require_grad())
    }
}

/// Sources side by side.
pub fn batch(sources: &[SourceIds]) -> SourceBatch {
    SourceBatch::new(&sources.iter().collect::<Vec<_>>())
}

/// A source without features.
pub fn source(symbols: &[u32]) -> SourceIds {
    SourceIds {
        symbols: symbols.to_vec(),
        ..SourceIds::default()
    }
}

/// Three sources of different lengths, an empty one among them, and what a decoder reads.
pub fn ragged() -> (Vec<SourceIds>, Vec<Vec<u32>>) {
    let sources = vec![source(&[1, 2, 3, 4]), source(&[]), source(&[5, 1])];
    let targets = vec![vec![0, 2, 3], vec![0, 1], vec![0, 4, 4, 1]];
    (sources, targets)
}

/// Numbers of a tensor.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.try_into_vec_as().expect("a float tensor")
}

/// Log-probabilities of a whole target, one row a step, for one sequence of a batch.
pub fn rows_of(scores: Tensor<2>, batch: usize, sequence: usize, steps: usize) -> Vec<Vec<f64>> {
    let classes = scores.dims()[1];
    let all = values(log_softmax(scores, 1));
    let row = |step: usize| {
        let start = (step * batch + sequence) * classes;
        all[start..start + classes].to_vec()
    };
    (0..steps).map(row).collect()
}

/// Fails where two rows of numbers differ.
pub fn assert_close(name: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (index, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!(
            (a - b).abs() <= tolerance,
            "{name}[{index}]: {a} instead of {b}"
        );
    }
}

/// Padding and batch mates change nothing: every sequence of [`ragged`] has the same distributions
/// in the batch as by itself, and nothing is NaN.
pub fn assert_padding_is_invisible(network: &Network) {
    let (sources, targets) = ragged();
    let together = network.forward(&batch(&sources), &Padded::new(&targets), None);
    for (index, (source, target)) in sources.iter().zip(&targets).enumerate() {
        let alone = network.forward(
            &batch(std::slice::from_ref(source)),
            &Padded::new(std::slice::from_ref(target)),
            None,
        );
        let steps = target.len();
        let expected = rows_of(alone, 1, 0, steps).concat();
        let found = rows_of(together.clone(), sources.len(), index, steps).concat();
        assert!(found.iter().all(|value| value.is_finite()));
        assert_close(&format!("sequence {index}"), &found, &expected, 1e-9);
    }
}

/// A loss whose gradient differs from place to place.
pub fn uneven_loss(scores: Tensor<2>) -> Tensor<1> {
    let [rows, classes] = scores.dims();
    let weights: Vec<f64> = (0..rows * classes)
        .map(|place| (0.7 * place as f64).sin())
        .collect();
    let options = (&scores.device(), scores.dtype());
    let weights = Tensor::<2>::from_data(TensorData::new(weights, [rows, classes]), options);
    (log_softmax(scores, 1) * weights).sum()
}

/// The gradient of every weight agrees with finite differences, at a few places of each.
pub fn assert_gradients<M: Module>(layer: &M, loss: impl Fn(&M) -> Tensor<1>) {
    let gradients = loss(layer).backward();
    let mut places = Places {
        gradients: &gradients,
        places: Vec::new(),
    };
    layer.visit(&mut places);
    assert!(!places.places.is_empty());
    let step = 1e-5;
    for (id, element, gradient) in places.places {
        let at = |by: f64| {
            let nudged = layer.clone().map(&mut Nudge { id, element, by });
            loss(&nudged).into_scalar::<f64>()
        };
        let expected = (at(step) - at(-step)) / (2.0 * step);
        let tolerance = 1e-6 * expected.abs().max(1.0);
        assert!(
            (gradient - expected).abs() < tolerance,
            "weight {id}[{element}]: gradient {gradient}, by finite differences {expected}"
        );
    }
}

/// Gradients at a few places of every weight.
struct Places<'a> {
    gradients: &'a Gradients,
    places: Vec<(ParamId, usize, f64)>,
}

impl ModuleVisitor for Places<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = param.val().grad(self.gradients);
        let count = param.val().shape().num_elements();
        let gradient = gradient.map_or_else(|| vec![0.0; count], values);
        for element in [0, count / 3, count / 2, count - 1] {
            self.places.push((param.id, element, gradient[element]));
        }
    }
}

/// Moves one number of one weight.
struct Nudge {
    id: ParamId,
    element: usize,
    by: f64,
}

impl ModuleMapper for Nudge {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if param.id != self.id {
            return param;
        }
        param.map(|tensor| {
            let mut change = vec![0.0; tensor.shape().num_elements()];
            change[self.element] = self.by;
            let data = TensorData::new(change, tensor.dims());
            let change = Tensor::<D>::from_data(data, (&tensor.device(), tensor.dtype()));
            (tensor + change).detach().require_grad()
        })
    }
}
