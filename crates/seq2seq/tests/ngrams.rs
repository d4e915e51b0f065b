//! Vectors of n-grams against plain loops.

#![allow(clippy::expect_used)] // a test may fail by panicking

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Tensor};
use seq2seq::config::NgramSettings;
use seq2seq::data::Padded;
use seq2seq::model::Noise;
use seq2seq::model::ngrams::{Ngrams, frequent};
use seq2seq::model::parameters::Parameters;
use seq2seq::training::{Task, Trainer};
use seq2seq::{Model, Pair, Recipe};

const SOURCES: [&[u32]; 5] = [&[5, 7, 7, 2, 5], &[7, 7, 2], &[5], &[], &[2, 7, 7, 2]];

const SIZE: usize = 3;

fn settings(min_count: usize, discount: f64) -> NgramSettings {
    NgramSettings {
        longest: 4,
        min_count,
        discount,
    }
}

fn layer(settings: &NgramSettings, device: &Device) -> Ngrams {
    let ngrams = frequent(SOURCES.into_iter(), settings);
    let params = Parameters::fresh(5, device).with_dtype(DType::F64);
    let layer = Ngrams::new(settings, SIZE, &mut params.with_ngrams(ngrams));
    layer.expect("fresh weights").expect("n-grams")
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.try_into_vec_as().expect("a float tensor")
}

fn batch(sources: &[&[u32]]) -> Padded {
    Padded::filled(sources, |&id| id as i32, 1, 9)
}

/// What stands around a place, -1 being what lies beyond the source: two symbols from the place on,
/// three around it, four around it and the next.
fn around(source: &[u32], place: usize) -> [Vec<i32>; 3] {
    let symbol = |offset: isize| {
        let place = usize::try_from(place as isize + offset).ok();
        let symbol = place.and_then(|place| source.get(place));
        symbol.map_or(-1, |&id| id as i32)
    };
    [
        vec![symbol(0), symbol(1)],
        vec![symbol(-1), symbol(0), symbol(1)],
        vec![symbol(-1), symbol(0), symbol(1), symbol(2)],
    ]
}

#[test]
fn those_that_come_often_enough_are_known() {
    let mut counts: BTreeMap<(usize, Vec<i32>), usize> = BTreeMap::new();
    for source in SOURCES {
        for place in 0..source.len() {
            for ngram in around(source, place) {
                *counts.entry((ngram.len(), ngram)).or_default() += 1;
            }
        }
    }
    for min_count in 1..5 {
        let expected = counts.iter().filter(|(_, count)| **count >= min_count);
        let expected: Vec<(Vec<i32>, usize)> = expected
            .map(|((_, ngram), count)| (ngram.clone(), *count))
            .collect();
        let found = frequent(SOURCES.into_iter(), &settings(min_count, 0.0));
        let found: Vec<(Vec<i32>, usize)> = found
            .iter()
            .map(|ngram| (ngram.symbols.to_vec(), ngram.count as usize))
            .collect();
        assert_eq!(found, expected, "at least {min_count}");
    }
}

#[test]
fn vectors_are_summed_around_each_symbol() {
    let layer = layer(&settings(2, 0.3), &Device::flex());
    let (table, known) = (values(layer.table.val()), values(layer.known.val()));
    let row = |ngram: &[i32]| {
        let mut padded: Vec<f64> = ngram.iter().map(|&symbol| f64::from(symbol)).collect();
        padded.resize(4, -2.0);
        let row = known.chunks(5).position(|row| row[1..] == padded);
        // Those that came once only have the first vector.
        row.unwrap_or(0)
    };
    let sum = layer.sum(&batch(&SOURCES), None);
    assert_eq!(sum.dims(), [5, 5, SIZE]);
    let sum = values(sum);
    for (index, source) in SOURCES.iter().enumerate() {
        for place in 0..source.len() {
            let rows = around(source, place).map(|ngram| row(&ngram));
            for column in 0..SIZE {
                let expected: f64 = rows.iter().map(|row| table[row * SIZE + column]).sum();
                let found = sum[(place * SOURCES.len() + index) * SIZE + column];
                assert!((found - expected).abs() < 1e-9, "{index}, {place}");
            }
        }
    }
}

/// An n-gram that stands n times in the sources is unknown with the probability `discount / n`.
#[test]
fn while_training_rare_ones_count_as_unknown_most_often() {
    let source: Vec<u32> = [7, 2].repeat(150).into_iter().chain([5, 5]).collect();
    let settings = NgramSettings {
        longest: 2,
        min_count: 1,
        discount: 40.0,
    };
    let ngrams = frequent([&source[..]].into_iter(), &settings);
    let params = Parameters::fresh(5, &Device::flex()).with_dtype(DType::F64);
    let layer = Ngrams::new(&settings, 1, &mut params.with_ngrams(ngrams));
    let layer = layer.expect("fresh weights").expect("n-grams");
    let unknown = values(layer.table.val())[0];
    let symbols = batch(&[&source]);
    let mut noise = Noise::new(1, 0);
    let times_unknown: Vec<f64> = (0..40)
        .map(|_| values(layer.sum(&symbols, Some(&mut noise))))
        .fold(vec![0.0; source.len()], |times, sum| {
            let is_unknown = |value: &f64| f64::from(u8::from((value - unknown).abs() < 1e-12));
            times
                .iter()
                .zip(&sum)
                .map(|(n, value)| n + is_unknown(value))
                .collect()
        });
    // 150 times "7 2", 149 times "2 7", then what comes once.
    let share = |places: &[f64]| places.iter().sum::<f64>() / (40 * places.len()) as f64;
    let expected = 40.0 / 150.0;
    let found = share(&times_unknown[..299]);
    assert!(
        (found - expected).abs() < 0.02,
        "{found} instead of {expected}"
    );
    assert_eq!(times_unknown[299..], [40.0; 3]);
    assert!(
        values(layer.sum(&symbols, None))[299..]
            .iter()
            .all(|value| *value != unknown)
    );
}

/// The rows that a batch reads have the gradient that they have in the whole table, and others none.
#[test]
fn an_excerpt_has_the_gradient_of_the_whole() {
    let device = Device::flex().autodiff();
    let whole = layer(&settings(1, 0.5), &device);
    let parts = [batch(&SOURCES[..1]), batch(&SOURCES[2..4])];
    let excerpt = whole.excerpt(parts.iter());
    assert!(excerpt.table.val().dims()[0] < whole.table.val().dims()[0]);
    let gradient = |layer: &Ngrams| {
        let mut noise = Noise::new(3, 1);
        let [first, second] = &parts;
        let loss = layer.sum(first, Some(&mut noise)).square().sum()
            + layer.sum(second, Some(&mut noise)).exp().sum();
        let value = values(loss.clone().reshape([1]));
        (value, GradientsParams::from_grads(loss.backward(), layer))
    };
    let (expected, (found, mut gradients)) = (gradient(&whole), gradient(&excerpt));
    assert_eq!(expected.0, found);
    whole.spread(&excerpt, &mut gradients);
    let table = |gradients: &GradientsParams| gradients.get::<2>(whole.table.id).map(values);
    assert_eq!(table(&gradients), table(&expected.1));
    assert!(table(&gradients).is_some());
}

fn pairs(letters: &str) -> Vec<Pair> {
    let words = letters
        .chars()
        .flat_map(|a| letters.chars().map(move |b| format!("{a}{b}{a}")));
    let pair = |word: String| Pair {
        target: word.to_uppercase(),
        features: Some(if word.as_str() < "b" { "X" } else { "Y" }.to_owned()),
        source: word,
    };
    words.map(pair).collect()
}

fn trained(recipe: Recipe, pairs: Vec<Pair>) -> Model {
    let mut recipe = recipe;
    recipe.training.epochs = 1;
    recipe.data.validation = 0.0;
    recipe.data.features_column = Some(3);
    let task = Task::from_pairs(recipe, pairs).expect("a task");
    let trainer = Trainer::new(task, None).expect("a trainer");
    trainer.run(&mut ()).expect("training").model
}

/// The numbers of a tensor in a model's file, by rows.
fn rows(path: &Path, name: &str) -> Vec<Vec<f32>> {
    let bytes = std::fs::read(path).expect("it is there");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("tensors");
    let tensor = file.tensor(name).expect("the tensor");
    let numbers = tensor.data().as_chunks().0.iter().copied();
    let numbers: Vec<f32> = numbers.map(f32::from_le_bytes).collect();
    let rows = numbers.chunks(tensor.shape()[1]);
    rows.map(<[f32]>::to_vec).collect()
}

/// Going on with new symbols keeps the vectors of known n-grams, also of those with features, whose
/// ids follow the new symbols, and adds those of new ones.
#[test]
fn known_ngrams_keep_their_vectors() {
    let folder = tempfile::tempdir().expect("a folder");
    let [old, new] = ["old", "new"].map(|name| folder.path().join(name));
    let settings = [
        "model.ngrams.longest=3",
        "model.ngrams.min_count=2",
        "model.encoder_units=4",
        "text.source=characters",
        "text.target=characters",
    ];
    let before = trained(support::recipe(&[], &settings), pairs("abc"));
    before.save(&old).expect("it is saved");
    let mut recipe = Recipe::going_on(&Model::load(&old).expect("a model"), &old, 25);
    // Too little to change anything.
    recipe.training.learning_rate = 1e-30;
    trained(recipe, pairs("abcxy"))
        .save(&new)
        .expect("it is saved");

    let count = before.codec.source.vocabulary.len() as f32;
    let is_feature = |&id: &f32| id >= count;
    // The count of an n-gram stands before its symbols.
    let symbols = |path: &Path| -> Vec<Vec<f32>> {
        let rows = rows(path, "ngrams.known").into_iter();
        rows.map(|row| row[1..].to_vec()).collect()
    };
    let mut expected = symbols(&old);
    let features = expected.iter_mut().flatten().filter(|id| is_feature(id));
    assert!(features.map(|id| *id += 2.0).count() > 2);
    let (symbols, table) = (symbols(&new), rows(&new, "ngrams.table"));
    assert!(symbols.len() > expected.len());
    assert_eq!(symbols.len(), table.len());
    assert_eq!(symbols[..expected.len()], expected[..]);
    assert_eq!(table[..expected.len()], rows(&old, "ngrams.table")[..]);
    let is_new = |(at, row): (usize, &Vec<f32>)| !symbols[..at].contains(row);
    assert!(
        symbols.iter().enumerate().all(is_new),
        "no n-gram has two rows"
    );
}
