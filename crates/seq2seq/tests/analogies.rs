//! Training pairs that are made by analogy.

use std::collections::HashSet;

use proptest::prelude::*;
use seq2seq::config::Recipe;
use seq2seq::data::{Pair, analogies};
use seq2seq::text::Tokenization;
use seq2seq::training::Task;

/// Made-up words and their sounds: ten that end in a `t`, ten in a `d`.
const STEMS: [(&str, &str); 20] = [
    ("bat", "B A T"),
    ("hut", "H U T"),
    ("fort", "F O R T"),
    ("limit", "L I M I T"),
    ("carrot", "K A R O T"),
    ("merit", "M E R I T"),
    ("pilot", "P AI L O T"),
    ("robot", "R O B O T"),
    ("ticket", "T I K E T"),
    ("basket", "B A S K E T"),
    ("bad", "B A D"),
    ("hood", "H U D"),
    ("ford", "F O R D"),
    ("solid", "S O L I D"),
    ("method", "M E TH O D"),
    ("period", "P I R I O D"),
    ("wicked", "W I K I D"),
    ("naked", "N EI K I D"),
    ("hybrid", "H AI B R I D"),
    ("rapid", "R A P I D"),
];

/// All stems with and without `'s`, which sounds like the letter before it.
fn lexicon() -> Vec<Pair> {
    let stems = STEMS.iter().flat_map(|(source, target)| {
        let sound = if source.ends_with('t') { "S" } else { "Z" };
        [
            (source.to_string(), target.to_string()),
            (format!("{source}'s"), format!("{target} {sound}")),
        ]
    });
    stems.map(Pair::from).collect()
}

fn made(pairs: &[Pair], most: usize) -> Vec<(String, String)> {
    let made = analogies(pairs, Tokenization::Characters, Tokenization::Spaces, most);
    made.into_iter().map(|p| (p.source, p.target)).collect()
}

fn pair(source: &str, target: &str) -> Pair {
    (source, target).into()
}

#[test]
fn an_ending_sounds_as_it_does_after_the_same_letters_and_sounds() {
    let mut pairs = lexicon();
    pairs.push(pair("comet", "K O M E T"));
    pairs.push(pair("acid", "A S I D"));
    let expected = [("acid's", "A S I D Z"), ("comet's", "K O M E T S")];
    let expected = expected.map(|(source, target)| (source.into(), target.into()));
    assert_eq!(made(&pairs, 10), expected);
}

#[test]
fn endings_are_taken_off_too() {
    let mut pairs = lexicon();
    pairs.push(pair("comet's", "K O M E T S"));
    let expected = [("comet".to_string(), "K O M E T".to_string())];
    assert_eq!(made(&pairs, 10), expected);
}

#[test]
fn nine_examples_are_too_few() {
    let without = |pairs: Vec<Pair>| -> Vec<Pair> {
        let rest = pairs.into_iter();
        rest.filter(|p| !p.source.starts_with("bat") && !p.source.starts_with("bad"))
            .collect()
    };
    let mut pairs = without(lexicon());
    pairs.push(pair("comet", "K O M E T"));
    assert_eq!(made(&pairs, 10), []);
}

#[test]
fn examples_that_disagree_make_nothing() {
    let mut pairs = lexicon();
    for pair in &mut pairs {
        // Every other word that ends in t's.
        if pair.source.ends_with("it's") || pair.source.ends_with("ot's") {
            pair.target = pair.target.replace(" S", " Z");
        }
    }
    pairs.push(pair("comut", "K O M U T"));
    assert_eq!(made(&pairs, 10), []);
}

#[test]
fn relatives_that_disagree_make_nothing() {
    let mut pairs = lexicon();
    pairs.push(pair("comet", "K O M E T"));
    pairs.push(pair("comet", "K AU M I T"));
    assert_eq!(made(&pairs, 10), []);
}

#[test]
fn no_more_are_made_than_wanted() {
    let mut pairs = lexicon();
    pairs.push(pair("comet", "K O M E T"));
    pairs.push(pair("acid", "A S I D"));
    assert_eq!(made(&pairs, 1).len(), 1);
    assert_eq!(made(&pairs, 0), []);
}

#[test]
fn pairs_with_features_make_none() {
    let mut pairs = lexicon();
    pairs.push(pair("comet", "K O M E T"));
    for pair in &mut pairs {
        pair.features = Some("N;GEN".into());
    }
    assert_eq!(made(&pairs, 10), []);
}

#[test]
fn training_reads_them_and_validation_does_not() {
    let mut recipe = Recipe::default();
    recipe.data.analogies = 1.0;
    recipe.data.validation = 0.0;
    let mut pairs = lexicon();
    pairs.push(pair("comet", "K O M E T"));
    let with = Task::from_pairs(recipe.clone(), pairs.clone()).unwrap();
    assert_eq!(with.report.analogies, 1);
    assert_eq!(with.train.len(), pairs.len() + 1);
    assert_eq!(with.report.sources, pairs.len());
    recipe.data.analogies = 0.0;
    let without = Task::from_pairs(recipe.clone(), pairs.clone()).unwrap();
    assert_eq!(without.report.analogies, 0);
    assert_eq!(without.train, with.train[..pairs.len()]);
    assert_eq!(without.codec, with.codec);
    // What is held back for validation is no example.
    recipe.data.analogies = 1.0;
    recipe.data.validation = 0.4;
    let held_back = Task::from_pairs(recipe, pairs).unwrap();
    assert!(!held_back.dev.is_empty());
    assert_eq!(held_back.report.analogies, 0);
}

proptest! {
    #[test]
    fn made_sources_are_new_and_their_symbols_known(
        pairs in prop::collection::vec(("[ab]{0,6}", "([XY] ){0,6}"), 0..200),
    ) {
        let pairs: Vec<Pair> = pairs.into_iter().map(Pair::from).collect();
        let made = made(&pairs, 50);
        prop_assert!(made.len() <= 50);
        let known: HashSet<&str> = pairs.iter().map(|p| p.source.as_str()).collect();
        let mut sources = HashSet::new();
        for (source, target) in &made {
            prop_assert!(!known.contains(source.as_str()));
            prop_assert!(sources.insert(source));
            prop_assert!(source.chars().all(|c| "ab".contains(c)));
            prop_assert!(target.chars().all(|c| "XY ".contains(c)));
        }
        prop_assert_eq!(made, self::made(&pairs, 50));
    }
}
