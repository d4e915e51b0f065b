//! Which pairs a model finds least likely: in a real lexicon, its mistakes.

use serde::Serialize;

use super::begin_symbol;
use crate::data::{Example, Pair, SourceIds};
use crate::decoding::score_outputs;
use crate::side_by_side::side_by_side;
use crate::trained_model::Model;

/// A pair and how likely the model finds its target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Audited {
    /// Place of the pair, counted from 0.
    pub pair: usize,
    /// Log-probability of the target, end mark included; minus infinity if it has a symbol that the
    /// model cannot write.
    pub log_probability: f64,
    /// The same for each symbol, end mark included: what pairs are sorted by.
    pub per_symbol: f64,
    /// The symbol that is least likely after those before it; none where that is the end.
    pub weakest: Option<String>,
    /// Place of that symbol in the target, counted from 0.
    pub weakest_place: usize,
    /// Target symbols that the model cannot write.
    pub unknown: Vec<String>,
}

/// Pairs by the log-likelihood that the model gives each symbol of the target, least likely first.
pub fn audit(model: &Model, pairs: &[Pair]) -> Vec<Audited> {
    let pairs = &model.codec.normalize(pairs)[..];
    let examples: Vec<Example> = pairs.iter().map(|pair| model.codec.encode(pair)).collect();
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by_key(|&pair| (examples[pair].source.len(), examples[pair].target.len()));
    let batches = order.chunks(model.recipe.decoding.batch_size).collect();
    let found = side_by_side(batches, |members: &[usize]| {
        let batch: Vec<&Example> = members.iter().map(|&pair| &examples[pair]).collect();
        let scores = scores(model, &batch);
        let members = members.iter().zip(scores);
        members
            .map(|(&pair, scores)| one(model, pair, &pairs[pair], &scores))
            .collect::<Vec<_>>()
    });
    let mut audited: Vec<Audited> = found.into_iter().flatten().collect();
    audited.sort_by(|a, b| {
        a.per_symbol
            .total_cmp(&b.per_symbol)
            .then(a.pair.cmp(&b.pair))
    });
    audited
}

/// Log-probability of every target symbol that the model predicts.
fn scores(model: &Model, batch: &[&Example]) -> Vec<Vec<f64>> {
    let sources: Vec<&SourceIds> = batch.iter().map(|example| &example.source).collect();
    let begin = begin_symbol(&model.recipe, &model.codec);
    // Without a begin symbol, the first target symbol is given.
    let given = usize::from(begin.is_none());
    let first: Vec<u32> = batch
        .iter()
        .map(|example| begin.or(example.target.first().copied()).unwrap_or(0))
        .collect();
    let outputs: Vec<&[u32]> = batch
        .iter()
        .map(|example| example.target.get(given..).unwrap_or(&[]))
        .collect();
    score_outputs(model, &sources, &first, &outputs)
}

fn one(model: &Model, pair: usize, text: &Pair, scores: &[f64]) -> Audited {
    let symbols = model.codec.target.tokenization.split(&text.target);
    let unknown: Vec<String> = model
        .codec
        .encode_target(&text.target)
        .unknown
        .into_iter()
        .map(|unknown| unknown.symbol)
        .collect();
    let log_probability = if unknown.is_empty() {
        scores.iter().sum()
    } else {
        f64::NEG_INFINITY
    };
    let given = usize::from(begin_symbol(&model.recipe, &model.codec).is_none());
    let weakest = (0..scores.len()).min_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let place = match unknown.first() {
        Some(unknown) => symbols.iter().position(|symbol| symbol == unknown),
        None => weakest.map(|place| place + given),
    };
    let place = place.unwrap_or(0);
    Audited {
        pair,
        log_probability,
        per_symbol: log_probability / scores.len().max(1) as f64,
        weakest: symbols.get(place).map(|symbol| (*symbol).to_owned()),
        weakest_place: place,
        unknown,
    }
}
