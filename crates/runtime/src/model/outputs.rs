//! From encoded texts to the outputs that a search finds for them.

use super::predictor::{Input, Predictor};
use crate::decoding::{Method, Output, SearchInput, SearchOptions, draw_first, number_of, search};
use crate::parallel;

/// Rows of a batch, in multiples of `decoding.batch_size`, that a beam may fill.
const ROWS: usize = 4;

/// Source symbols of a batch, padding included: what a batch takes in memory grows with them.
const MOST_SYMBOLS: usize = 1 << 16;

/// A text whose answers are searched for.
#[derive(Clone, Copy)]
pub(super) struct Query<'a> {
    input: &'a Input,
    /// The first target symbol, where it is given.
    first: Option<u32>,
    /// What its random choices start from.
    number: u64,
}

/// One query for each input, each with its first target symbol if they are given.
pub(super) fn queries<'a>(inputs: &'a [Input], first: Option<&[u32]>) -> Vec<Query<'a>> {
    let query = |(index, input): (usize, &'a Input)| Query {
        input,
        first: first.map(|first| first[index]),
        number: input.number,
    };
    inputs.iter().enumerate().map(query).collect()
}

impl Predictor {
    /// The outputs of each input after each of the first symbols, best first.
    pub(super) fn after_every_first_symbol(&self, inputs: &[Input]) -> Vec<Vec<Output>> {
        let mut outputs = vec![Vec::new(); inputs.len()];
        for &first in &self.model().provenance().first_symbols {
            let firsts = vec![first; inputs.len()];
            let more = self.outputs(&queries(inputs, Some(&firsts)), self.search.nbest);
            for (all, more) in outputs.iter_mut().zip(more) {
                all.extend(more);
            }
        }
        outputs.into_iter().map(ranked).collect()
    }

    /// As many samples of each input as are wanted, each after a first symbol of its own.
    pub(super) fn after_drawn_first_symbols(
        &self,
        inputs: &[Input],
        seed: u64,
    ) -> Vec<Vec<Output>> {
        let allowed = |first: &u32| {
            let constraint = self.search.constraint.as_ref();
            constraint.is_none_or(|it| it.next(it.start(), *first).is_some())
        };
        let firsts = self.model().provenance().first_symbols.iter().copied();
        let firsts: Vec<u32> = firsts.filter(allowed).collect();
        let samples = self.search.nbest.max(1);
        let mut all = Vec::with_capacity(inputs.len().saturating_mul(samples));
        for query in queries(inputs, None) {
            for output in 0..samples {
                let number = number_of(query.number, output);
                let first = draw_first(&firsts, seed, number);
                all.extend(first.map(|first| Query {
                    first: Some(first),
                    number,
                    ..query
                }));
            }
        }
        let outputs = self.outputs(&all, 1);
        if outputs.is_empty() {
            return vec![Vec::new(); inputs.len()];
        }
        let of_inputs = outputs.chunks(samples);
        of_inputs.map(|outputs| ranked(outputs.concat())).collect()
    }

    /// The outputs of each query, best first. Where a greedy output does not end, a beam is tried.
    pub(super) fn outputs(&self, queries: &[Query], nbest: usize) -> Vec<Vec<Output>> {
        let options = SearchOptions {
            nbest,
            ..self.search.clone()
        };
        let mut outputs = self.found(queries, &options);
        let size = self.options().beam_if_cut;
        let ends = self.model().codec().target.vocabulary.end().is_some();
        if options.method != Method::GREEDY || size <= 1 || !ends {
            return outputs;
        }
        let is_cut = |outputs: &[Output]| outputs.first().is_some_and(|best| !best.finished);
        let cut: Vec<usize> = (0..outputs.len())
            .filter(|&at| is_cut(&outputs[at]))
            .collect();
        let method = Method::Beam { size };
        let again: Vec<Query> = cut.iter().map(|&at| queries[at]).collect();
        let found = self.found(&again, &SearchOptions { method, ..options });
        for (at, found) in cut.into_iter().zip(found) {
            if !is_cut(&found) {
                outputs[at] = found;
            }
        }
        outputs
    }

    /// Searches in batches of sources of the same length, or nearly so: little is computed on padding; and of
    /// those that begin alike, whose first states are the same. Each thread takes whole batches, the longest
    /// first.
    fn found(&self, queries: &[Query], options: &SearchOptions) -> Vec<Vec<Output>> {
        let vocabulary = &self.model().codec().target.vocabulary;
        // An unknown symbol can only be copied.
        let unknown = vocabulary.unknown();
        let can_copy = |input: &Input, id| input.encoded.ids.copied_from(id).next().is_some();
        let input = |&index: &usize| {
            let Query {
                input,
                first,
                number,
            } = queries[index];
            SearchInput {
                source: &input.encoded.ids,
                first: first.unwrap_or(vocabulary.begin().unwrap_or(0)),
                first_is_output: first.is_some(),
                end: vocabulary.end(),
                begin: vocabulary.begin(),
                forbidden: unknown.filter(|&id| !can_copy(input, id)),
                max_length: input.limit,
                number,
            }
        };
        let mut order: Vec<usize> = (0..queries.len()).collect();
        order.sort_by_key(|&index| {
            let symbols = &queries[index].input.encoded.ids.symbols;
            (symbols.len(), symbols)
        });
        let length = |index: usize| queries[index].input.encoded.ids.symbols.len();
        let mut batches = batches(&order, self.inputs_of_a_batch(options), length);
        batches.reverse();
        let found = parallel::map(batches.clone(), |members| {
            let batch: Vec<SearchInput> = members.iter().map(input).collect();
            search(self.model(), &batch, options)
        });
        let mut outputs = vec![Vec::new(); queries.len()];
        for (members, found) in batches.into_iter().zip(found) {
            for (&index, mut found) in members.iter().zip(found) {
                if let Some(first) = queries[index].first {
                    found
                        .iter_mut()
                        .for_each(|output| output.ids.insert(0, first));
                }
                outputs[index] = found;
            }
        }
        outputs
    }

    /// As many as a batch holds, fewer where each has many hypotheses.
    pub(super) fn inputs_of_a_batch(&self, options: &SearchOptions) -> usize {
        let batch = self.model().settings().decoding.batch_size;
        (batch.saturating_mul(ROWS) / options.method.width(options.nbest)).clamp(1, batch)
    }
}

/// Batches of at most so many inputs, sorted by length, that are no more than [`MOST_SYMBOLS`] with padding.
fn batches(order: &[usize], most: usize, length: impl Fn(usize) -> usize) -> Vec<&[usize]> {
    let mut batches = Vec::new();
    let mut rest = order;
    while !rest.is_empty() {
        let fits = |&(count, &index): &(usize, &usize)| {
            count == 0 || (count + 1).saturating_mul(length(index)) <= MOST_SYMBOLS
        };
        let count = rest.iter().take(most).enumerate().take_while(fits).count();
        let (batch, others) = rest.split_at(count);
        batches.push(batch);
        rest = others;
    }
    batches
}

/// Outputs of several searches in one order.
fn ranked(mut outputs: Vec<Output>) -> Vec<Output> {
    outputs.sort_by(|a, b| {
        b.finished
            .cmp(&a.finished)
            .then(b.score.total_cmp(&a.score))
    });
    outputs
}
