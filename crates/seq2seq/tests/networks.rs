//! Every form of the recurrent network and of hard monotonic attention: gradients against finite differences, step by step against
//! all at once, and padding that nothing ever sees.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::activation::log_softmax;
use burn::tensor::{DType, Device, Gradients, Tensor, TensorData};
use seq2seq::config::Recipe;
use seq2seq::data::{NOT_COPIED, Padded, SourceIds};
use seq2seq::model::parameters::{Parameters, Weights, shapes_of, weights_of};
use seq2seq::model::prepared::Prepared;
use seq2seq::model::{Network, Noise, SourceBatch, VocabularySizes};
use seq2seq::training::{Expected, Figures, Losses};

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

/// The gradient of every weight, by its number: the same as in [`weights_of`].
struct GradientCollector<'a> {
    gradients: &'a Gradients,
    path: Vec<String>,
    found: BTreeMap<String, Vec<f64>>,
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
            self.found.insert(name, values(gradient));
        }
    }
}

fn stored(recipe: &Recipe, weights: Weights, device: &Device) -> Network {
    let mut params = Parameters::stored(weights, device).with_dtype(DType::F64);
    Network::new(&recipe.model, sizes(recipe), &mut params).expect("a network")
}

/// Changes the numbers of one weight.
fn change(data: &mut TensorData, change: impl FnOnce(&mut [f64])) {
    let shape = data.shape().to_vec();
    let mut numbers: Vec<f64> = data.clone().try_into_vec_as().expect("floats");
    change(&mut numbers);
    *data = TensorData::new(numbers, shape);
}

/// Weights of a form, of which none is zero: there, where networks start, some have a kink.
fn weights(recipe: &Recipe) -> Weights {
    let mut weights = weights_of(&network(recipe, &Device::flex()));
    for data in weights.values_mut() {
        change(data, |numbers| numbers.iter_mut().for_each(|x| *x += 0.01));
    }
    weights
}

/// The loss with one number of one weight moved.
fn moved_loss(recipe: &Recipe, weights: &Weights, name: &str, place: usize, by: f64) -> f64 {
    let mut weights = weights.clone();
    let data = weights.get_mut(name).expect("the weight");
    change(data, |numbers| numbers[place] += by);
    number(loss(&stored(recipe, weights, &Device::flex())))
}

/// A few numbers of every weight of every form, with dropout, ragged lengths and an empty source.
#[test]
fn gradients_are_those_of_finite_differences() {
    for settings in FORMS {
        let recipe = recipe(settings);
        let weights = weights(&recipe);
        let network = stored(&recipe, weights.clone(), &Device::flex().autodiff());
        let gradients = loss(&network).backward();
        let mut collector = GradientCollector {
            gradients: &gradients,
            path: Vec::new(),
            found: BTreeMap::new(),
        };
        network.visit(&mut collector);
        for (name, data) in &weights {
            let gradient = collector
                .found
                .get(name)
                .unwrap_or_else(|| panic!("{settings:?}: {name} has no gradient"));
            let count = data.shape().iter().product::<usize>();
            for place in [0, count / 2, count - 1] {
                // Stacked layer normalisations bend the loss so much that a larger step is not straight.
                let step = 1e-7;
                let ahead = moved_loss(&recipe, &weights, name, place, step);
                let behind = moved_loss(&recipe, &weights, name, place, -step);
                let expected = (ahead - behind) / (2.0 * step);
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
            collector.found.insert("loss".into(), vec![number(loss)]);
            collector.found
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
    let nan = |data: &mut TensorData| change(data, |numbers| numbers.fill(f64::NAN));
    for (settings, dtype) in FORMS
        .iter()
        .flat_map(|settings| [(settings, DType::F32), (settings, DType::F64)])
    {
        let recipe = recipe(settings);
        let whole = weights_of(&network_of(&recipe, &Device::flex(), dtype));
        let are_learned = |name: &&String| !name.ends_with("ngrams.known");
        for name in whole.keys().filter(are_learned) {
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

/// Decoding step by step gives what training computes at once, also after rows have changed
/// places, been repeated and left out, and with weights that other batches have prepared. The
/// settings tell whether there is attention.
#[test]
fn steps_agree_with_the_whole_sequence() {
    for settings in FORMS {
        let recipe = recipe(settings);
        let network = network(&recipe, &Device::flex());
        let (read, _) = targets();
        let whole = rows(network.forward(&batch_of(&sources()), &read, None));
        let prepared = Prepared::default();
        for prepared in [None, Some(&prepared), Some(&prepared)] {
            let network = (&network, recipe.model.has_attention());
            steps_agree(network, prepared, &read, &whole, &format!("{settings:?}"));
        }
    }
}

fn steps_agree(
    (network, attends): (&Network, bool),
    prepared: Option<&Prepared>,
    read: &Padded,
    whole: &[Vec<f64>],
    what: &str,
) {
    let mut state = network.encode(&batch_of(&sources()), prepared);
    let mut places = vec![0, 1, 2];
    for (step, picked) in [vec![0, 1, 2], vec![2, 0, 0], vec![0, 2, 1]]
        .iter()
        .enumerate()
    {
        state = state.select(picked);
        places = picked.iter().map(|&row: &usize| places[row]).collect();
        let last: Vec<u32> = places
            .iter()
            .map(|&row: &usize| read.ids[step * 3 + row] as u32)
            .collect();
        let scores = network.step(&mut state, &last);
        assert_eq!(scores.attention.is_some(), attends, "{what}");
        if let Some(attention) = scores.attention {
            check_attention(&values(attention), &places);
        }
        for (found, &row) in rows(scores.scores).iter().zip(&places) {
            let what = format!("{what}, source {row}, step {step}");
            assert_close(&what, found, &whole[step * 3 + row]);
        }
    }
}

/// Attention sums to 1 over the symbols of a source and is 0 on padding. In an empty source there is
/// nothing to look at.
fn check_attention(weights: &[f64], places: &[usize]) {
    let sources = sources();
    for (weights, &row) in weights.chunks(3).zip(places) {
        let length = sources[row].len();
        if length == 0 {
            continue;
        }
        let total: f64 = weights[..length].iter().sum();
        assert!((total - 1.0).abs() < 1e-9, "{weights:?}");
        assert!(weights[length..].iter().all(|&weight| weight == 0.0));
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
        // The symbols of n-grams are kept with the weights, but are none.
        let shapes = shapes_of(&made).into_iter();
        let weights = shapes.filter(|(name, _)| !name.ends_with("ngrams.known"));
        let weights: usize = weights
            .map(|(_, shape)| shape.iter().product::<usize>())
            .sum();
        let sources = sources();
        let symbols = sources.iter().map(|source| &source.symbols[..]);
        let mut counted =
            Parameters::counted().with_ngrams(frequent(symbols, &recipe.model.ngrams));
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
        Figures::new(scores, &expected).cross_entropy
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
        let network = network(&recipe, &Device::flex());
        let weights = weights_of(&network);
        let again = |weights: Weights| {
            let mut params = Parameters::stored(weights, &Device::flex()).with_dtype(DType::F64);
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
