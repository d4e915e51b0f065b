//! Which pairs a model finds least likely: in a real lexicon, its mistakes.

use serde::Serialize;

use super::{begin_symbol, forced_scores};
use crate::Model;
use crate::data::Pair;
use crate::decoding::ForcedSymbol;
use crate::encoding::{Example, PairCodec};
use crate::parallel;

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
    let pairs = &model.codec().normalize(pairs)[..];
    let examples: Vec<Example> = pairs
        .iter()
        .map(|pair| model.codec().encode(pair))
        .collect();
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by_key(|&pair| (examples[pair].source.len(), examples[pair].target.len()));
    let batches = order.chunks(model.settings().decoding.batch_size).collect();
    let found = parallel::map(batches, |members: &[usize]| {
        let batch: Vec<&Example> = members.iter().map(|&pair| &examples[pair]).collect();
        let scores = forced_scores(model, &batch);
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

fn one(model: &Model, pair: usize, text: &Pair, scores: &[ForcedSymbol]) -> Audited {
    let symbols = model.codec().target.tokenization.split(&text.target);
    let unknown: Vec<String> = model
        .codec()
        .encode_target(&text.target)
        .unknown
        .into_iter()
        .map(|unknown| unknown.symbol)
        .collect();
    let log_probability = if unknown.is_empty() {
        scores.iter().map(|score| score.log_probability).sum()
    } else {
        f64::NEG_INFINITY
    };
    let given = usize::from(begin_symbol(&model.settings().model, model.codec()).is_none());
    let weakest = (0..scores.len())
        .min_by(|&a, &b| (scores[a].log_probability).total_cmp(&scores[b].log_probability));
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
