//! Every form of the recurrent network and of hard monotonic attention: gradients against finite differences, and padding that nothing ever sees.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::activation::log_softmax;
use burn::tensor::{DType, Device, Gradients, Tensor, TensorData};
use seq2seq::config::Recipe;
use seq2seq::encoding::{NOT_COPIED, Padded, SourceBatch, SourceIds};
use seq2seq::layers::Noise;
use seq2seq::layers::parameters::{Parameters, weights_of};
use seq2seq::networks::Network;
use seq2seq::storage::{Array, Weights};
use seq2seq::text::VocabularySizes;
use seq2seq::training::{Expected, Losses, SymbolMetrics};

const TARGETS: usize = 6;

/// Settings of networks that between them have every part.
const FORMS: &[&[&str]] = &[
    &["model.cell=lstm"],
    &["model.cell=gru-original", "model.decoder_layers=2"],
    &[
        "model.cell=rnn",
        "model.attention=dot",
        "model.recurrent_dropout=0.3",
    ],
    &["model.embedding=one-hot", "model.attention=dot"],
    &[
        "model.attention=general",
        "model.bidirectional=true",
        "model.decoder_units=7",
        "model.encoder_layers=2",
        "model.decoder_layers=3",
        "model.residual=true",
        "model.layer_norm=true",
        "model.bridge=tanh",
        "model.dropout=0.2",
        "model.embedding_dropout=0.2",
        "model.recurrent_dropout=0.3",
    ],
    &[
        "model.attention=concat",
        "model.attention_units=3",
        "model.input_feeding=true",
        "model.cell=gru",
        "model.features=encoder",
        "model.dropout=0.2",
        "model.recurrent_dropout=0.3",
    ],
    &[
        "model.attention=additive",
        "model.copy=true",
        "model.tied_embeddings=true",
        "model.bidirectional=true",
        "model.features=encoder",
        "model.embedding_dropout=0.1",
    ],
    &[
        "model.attention=multi-head",
        "model.attention_heads=2",
        "model.attention_units=4",
        "model.decoder_units=5",
        "text.shared_vocabulary=true",
        "model.shared_embeddings=true",
        "model.copy=true",
        "model.input_feeding=true",
    ],
    &["model.attention=dot", "model.embedding_dropout=0.1"],
    &[
        "model.decoder_input=encoder-output",
        "model.attention=general",
    ],
    &[
        "model.decoder_input=own-softmax",
        "model.attention=general",
        "model.features=encoder",
    ],
    &["model.architecture=monotonic", "model.monotonic.order=0"],
    &[
        "model.architecture=monotonic",
        "model.monotonic.monotonic=false",
        "model.monotonic.window=1",
        "model.monotonic.summary=false",
        "model.monotonic.decoder_layers=2",
    ],
    &[
        "model.architecture=monotonic",
        "model.copy=true",
        "model.cell=gru",
        "model.features=encoder",
    ],
    &[
        "model.architecture=transformer",
        "model.transformer.model_size=8",
        "model.transformer.feed_forward=6",
        "model.transformer.layers=1",
    ],
    &[
        "model.architecture=transformer",
        "model.copy=true",
        "model.features=encoder",
        "model.transformer.model_size=8",
        "model.transformer.feed_forward=6",
        "model.transformer.layers=2",
    ],
    &[
        "model.architecture=transformer",
        "model.copy=true",
        "model.transformer.tied_output=false",
        "model.transformer.positions=learned",
        "model.transformer.model_size=4",
        "model.transformer.heads=1",
        "model.transformer.feed_forward=6",
        "model.transformer.layers=1",
    ],
];

fn recipe(settings: &[&str]) -> Recipe {
    let base = ["model.encoder_units=4", "model.embedding=3"];
    let recipe = support::recipe(&base, settings);
    recipe.check().expect("settings that fit together");
    recipe
}

fn sizes(recipe: &Recipe) -> VocabularySizes {
    let features = recipe.model.features == seq2seq::config::FeatureUse::Encoder;
    VocabularySizes {
        source: TARGETS,
        features: if features { 4 } else { 0 },
        target: TARGETS,
    }
}

fn network(recipe: &Recipe, device: &Device) -> Network {
    network_of(recipe, device, DType::F64)
}

fn network_of(recipe: &Recipe, device: &Device, dtype: DType) -> Network {
    let mut params = Parameters::fresh(3, device).with_dtype(dtype);
    Network::new(&recipe.model, sizes(recipe), &mut params).expect("a network")
}

/// A source whose symbols, but for the last, are also target symbols.
fn source(symbols: &[u32], features: &[u32]) -> SourceIds {
    let target = |&id: &u32| if id == 5 { NOT_COPIED } else { id as i32 };
    SourceIds {
        symbols: symbols.to_vec(),
        features: Some(features.to_vec()),
        copy_ids: Some(symbols.iter().map(target).collect()),
    }
}

fn sources() -> Vec<SourceIds> {
    vec![
        source(&[1, 2, 3], &[0, 1]),
        source(&[], &[]),
        source(&[4, 5], &[3, 2, 1]),
    ]
}

fn batch_of(sources: &[SourceIds]) -> SourceBatch {
    SourceBatch::new(&sources.iter().collect::<Vec<_>>())
}

/// What the decoder reads, and what it shall predict, for [`sources`].
fn targets() -> (Padded, Expected) {
    let read = Padded::new(&[vec![0, 1, 2, 3], vec![0, 4], vec![0, 5, 5]]);
    let expected = vec![1, 4, 5, 2, 0, 5, 3, -1, 1, 4, -1, -1];
    (read, Expected::new(expected))
}

fn loss(network: &Network) -> Tensor<1> {
    let (read, expected) = targets();
    let mut noise = Noise::new(7, 5);
    let scores = network.forward(&batch_of(&sources()), &read, Some(&mut noise));
    Losses::new(scores, &expected, 0.1).objective
}

fn number(tensor: Tensor<1>) -> f64 {
    values(tensor)[0]
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.try_into_vec_as().expect("a float tensor")
}

/// The gradient of every weight, by its name.
struct GradientCollector<'a> {
    gradients: &'a Gradients,
    path: Vec<String>,
    found: BTreeMap<String, (ParamId, Vec<f64>)>,
}

impl ModuleVisitor for GradientCollector<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        if !container.starts_with("Enum:") {
            self.path.push(name.to_owned());
        }
    }

    fn exit_module(&mut self, _: &str, container: &str) {
        if !container.starts_with("Enum:") {
            self.path.pop();
        }
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.path.join(".");
        if let Some(gradient) = param.val().grad(self.gradients) {
            self.found.insert(name, (param.id, values(gradient)));
        }
    }
}

/// Adds to one number of one weight, or to all of all.
struct Moved {
    one: Option<(ParamId, usize)>,
    by: f64,
}

impl ModuleMapper for Moved {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, by) = (param.id, self.by);
        let place = match self.one {
            Some((one, _)) if one != id => return param,
            one => one.map(|(_, place)| place),
        };
        param.map(|tensor| {
            let mut change = vec![0.0; tensor.shape().num_elements()];
            match place {
                Some(place) => change[place] = by,
                None => change.fill(by),
            }
            let data = TensorData::new(change, tensor.dims());
            let change = Tensor::<D>::from_data(data, (&tensor.device(), tensor.dtype()));
            let moved = (tensor + change).detach();
            if moved.device().is_autodiff() {
                moved.require_grad()
            } else {
                moved
            }
        })
    }
}

/// A form's network, in double precision, with no weight at zero: there, where networks start, some
/// have a kink.
fn away_from_kinks(recipe: &Recipe, device: &Device) -> Network {
    network(recipe, device).map(&mut Moved {
        one: None,
        by: 0.01,
    })
}

/// A few numbers of every weight of every form, with dropout, ragged lengths and an empty source.
#[test]
fn gradients_are_those_of_finite_differences() {
    for settings in FORMS {
        let recipe = recipe(settings);
        let network = away_from_kinks(&recipe, &Device::flex().autodiff());
        let plain = away_from_kinks(&recipe, &Device::flex());
        let gradients = loss(&network).backward();
        let mut collector = GradientCollector {
            gradients: &gradients,
            path: Vec::new(),
            found: BTreeMap::new(),
        };
        network.visit(&mut collector);
        assert!(
            collector.found.keys().eq(weights_of(&network).keys()),
            "{settings:?}"
        );
        for (name, (id, gradient)) in &collector.found {
            let count = gradient.len();
            for place in [0, count / 2, count - 1] {
                // Stacked layer normalisations bend the loss so much that a larger step is not straight.
                let step = 1e-7;
                let moved = |by| {
                    let one = Some((*id, place));
                    number(loss(&plain.clone().map(&mut Moved { one, by })))
                };
                let expected = (moved(step) - moved(-step)) / (2.0 * step);
                let found = gradient[place];
                assert!(
                    (found - expected).abs() < 1e-6 * expected.abs().max(1.0),
                    "{settings:?}: {name}[{place}]: {found} instead of {expected}"
                );
            }
        }
    }
}

/// Single precision, for which there are kernels, gives the losses and gradients of double
/// precision, which is composed of the backend's operations.
#[test]
fn kernels_agree_with_composed_operations() {
    for settings in FORMS {
        let recipe = recipe(settings);
        let [single, double] = [DType::F32, DType::F64].map(|dtype| {
            let network = network_of(&recipe, &Device::flex().autodiff(), dtype);
            let loss = loss(&network);
            let gradients = loss.backward();
            let mut collector = GradientCollector {
                gradients: &gradients,
                path: Vec::new(),
                found: BTreeMap::new(),
            };
            network.visit(&mut collector);
            let mut found: BTreeMap<String, Vec<f64>> = (collector.found.into_iter())
                .map(|(name, (_, gradient))| (name, gradient))
                .collect();
            found.insert("loss".into(), vec![number(loss)]);
            found
        });
        assert!(single.keys().eq(double.keys()), "{settings:?}");
        for (name, found) in &single {
            for (a, b) in found.iter().zip(&double[name]) {
                let near = (a - b).abs() < 1e-3 * b.abs().max(0.1);
                assert!(near, "{settings:?}: {name}: {a} instead of {b}");
            }
        }
    }
}

/// Weights that are NaN make the loss NaN, in both precisions: training that went wrong ends as such.
#[test]
fn weights_that_are_not_a_number_reach_the_loss() {
    let nan = |array: &mut Array| {
        let count = array.shape.iter().product();
        *array = Array::f32(array.shape.clone(), vec![f32::NAN; count]);
    };
    for (settings, dtype) in FORMS
        .iter()
        .flat_map(|settings| [(settings, DType::F32), (settings, DType::F64)])
    {
        let recipe = recipe(settings);
        let whole = weights_of(&network_of(&recipe, &Device::flex(), dtype));
        for name in whole.keys() {
            let mut weights = whole.clone();
            weights.entry(name.clone()).and_modify(nan);
            let mut params = Parameters::stored(weights, &Device::flex()).with_dtype(dtype);
            let network = Network::new(&recipe.model, sizes(&recipe), &mut params);
            let loss = number(loss(&network.expect("a network")));
            assert!(
                loss.is_nan(),
                "{settings:?}, {dtype:?}: {name} gives {loss}"
            );
        }
    }
}

/// Log-probabilities of the decoder's steps for one source alone, without its batch mates and
/// their padding.
fn alone(network: &Network, row: usize) -> Vec<Vec<f64>> {
    let (read, _) = targets();
    let length = read.lengths[row];
    let ids: Vec<u32> = (0..length)
        .map(|step| read.ids[step * read.batch() + row] as u32)
        .collect();
    let source = batch_of(&sources()[row..=row]);
    rows(network.forward(&source, &Padded::new(&[ids]), None))
}

fn rows(scores: Tensor<2>) -> Vec<Vec<f64>> {
    let classes = scores.dims()[1];
    values(log_softmax(scores, 1))
        .chunks(classes)
        .map(<[f64]>::to_vec)
        .collect()
}

fn assert_close(what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() < 1e-9, "{what}: {a} instead of {b}");
    }
}

#[test]
fn padding_and_batch_mates_change_nothing() {
    for settings in FORMS {
        let network = network(&recipe(settings), &Device::flex());
        let (read, _) = targets();
        let together = rows(network.forward(&batch_of(&sources()), &read, None));
        for row in 0..3 {
            for (step, expected) in alone(&network, row).iter().enumerate() {
                let what = format!("{settings:?}, source {row}, step {step}");
                assert_close(&what, &together[step * 3 + row], expected);
            }
        }
    }
}

/// A batch of nothing but empty sources gives numbers.
#[test]
fn empty_sources_give_no_nan() {
    for settings in FORMS {
        let network = network(&recipe(settings), &Device::flex());
        let source = batch_of(&[source(&[], &[]), source(&[], &[])]);
        let read = Padded::new(&[vec![0, 1], vec![0, 1]]);
        let scores = values(network.forward(&source, &read, None));
        assert!(scores.iter().all(|score| score.is_finite()), "{settings:?}");
    }
}

/// A batch without features reads as one with an empty list of them.
#[test]
fn missing_features_are_an_empty_list() {
    for settings in FORMS {
        let network = network(&recipe(settings), &Device::flex());
        let read = Padded::new(&[vec![0, 1]]);
        let listed = source(&[1, 2], &[]);
        let missing = SourceIds {
            features: None,
            ..listed.clone()
        };
        let scores = |source| rows(network.forward(&batch_of(&[source]), &read, None));
        assert_eq!(scores(missing), scores(listed), "{settings:?}");
    }
}

/// What a network would have is counted without making it.
#[test]
fn weights_are_counted_as_they_are_given() {
    for settings in FORMS {
        let recipe = recipe(settings);
        let made = network(&recipe, &Device::flex());
        let weights = weights_of(&made);
        let weights = weights
            .values()
            .map(|array| array.shape.iter().product::<usize>());
        let weights: usize = weights.sum();
        let mut counted = Parameters::counted();
        Network::new(&recipe.model, sizes(&recipe), &mut counted).expect("a network");
        assert_eq!(counted.weights(), weights as u64, "{settings:?}");
    }
}

/// The same noise gives the same loss, other noise another.
#[test]
fn dropout_follows_seed_and_step() {
    let recipe = recipe(FORMS[4]);
    let network = network(&recipe, &Device::flex());
    let (read, expected) = targets();
    let loss = |noise: Option<Noise>| {
        let mut noise = noise;
        let scores = network.forward(&batch_of(&sources()), &read, noise.as_mut());
        SymbolMetrics::new(scores, &expected).cross_entropy
    };
    assert_eq!(loss(Some(Noise::new(1, 2))), loss(Some(Noise::new(1, 2))));
    assert_ne!(loss(Some(Noise::new(1, 2))), loss(Some(Noise::new(1, 3))));
    assert_ne!(loss(Some(Noise::new(1, 2))), loss(Some(Noise::new(2, 2))));
    assert_ne!(loss(Some(Noise::new(1, 2))), loss(None));
}

/// A dropout mask has the mean 1 and the asked-for share of zeros.
#[test]
fn dropout_mask_keeps_the_mean() {
    let mask = Noise::new(1, 1).values(100_000, 0.3);
    let zeros = mask.iter().filter(|&&value| value == 0.0).count() as f64;
    let mean = mask.iter().sum::<f32>() / 1e5;
    assert!((zeros / 1e5 - 0.3).abs() < 0.01, "{zeros} zeros");
    assert!((mean - 1.0).abs() < 0.02, "mean {mean}");
}

/// A form's weights make the same network again; one missing or of another shape is refused.
#[test]
fn weights_make_the_same_network() {
    for settings in FORMS {
        let recipe = recipe(settings);
        let network = network_of(&recipe, &Device::flex(), DType::F32);
        let weights = weights_of(&network);
        let again = |weights: Weights| {
            let mut params = Parameters::stored(weights, &Device::flex());
            Network::new(&recipe.model, sizes(&recipe), &mut params)
        };
        let twin = again(weights.clone()).expect("the same network");
        assert_eq!(number(loss(&network)), number(loss(&twin)), "{settings:?}");
        for name in weights.keys() {
            let mut fewer = weights.clone();
            fewer.remove(name);
            assert!(again(fewer).is_err(), "{settings:?} without {name}");
        }
    }
}
