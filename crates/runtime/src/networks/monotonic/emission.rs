//! What is written at a position of the source (Wu and Cotterell 2019):
//! `p(y | a_t = j) = softmax(V tanh(W [s_t; h_j]))`.
//!
//! A model that copies has one more action besides writing each symbol: to take over the source
//! symbol that stands at the position (as in Makarov and Clematide 2018, "Neural Transition-based
//! String Transduction for Limited-Resource Setting in Morphology").

use super::TINY;
use crate::layers::{Dense, Parameters, Rows, WeightError, tanh};

/// A feed-forward network over a decoder and an encoder state. `W` is kept as two matrices, one for
/// each, so that neither product is repeated for every pair of states.
#[derive(Debug)]
pub struct Emission {
    /// The part of `W` for decoder states.
    decoder: Dense,
    /// The part of `W` for encoder states.
    encoder: Dense,
    /// `V`: to a score for each action.
    output: Dense,
}

/// Probability of each symbol at each position of each row, `[all rows' places, symbols]`.
#[derive(Clone, Debug)]
pub struct Emitted {
    probabilities: Rows,
    /// The first place of each row, and where the last one ends.
    places: Vec<usize>,
}

impl Emission {
    /// The network for encoder states of `encoder` and decoder states of `decoder` numbers, from
    /// stored weights.
    ///
    /// # Errors
    /// If they do not fit.
    pub fn new(
        [encoder, decoder, hidden, actions]: [usize; 4],
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        Ok(Self {
            decoder: params.layer("decoder", |p| Dense::new(decoder, hidden, p))?,
            encoder: params.layer("encoder", |p| Dense::new(encoder, hidden, p))?,
            output: params.layer("output", |p| Dense::new(hidden, actions, p))?,
        })
    }

    /// The encoder's share of the hidden units, of encoder states.
    pub fn of_places(&self, states: &Rows) -> Rows {
        self.encoder.forward(states)
    }

    /// What rows with these decoder outputs `[batch, units]` write at every position.
    ///
    /// `places` are what [`of_places`](Self::of_places) gave for all sources, the source of each row,
    /// and how many sources there are; `lengths` are the positions of each row's source, and `copied`
    /// gives the target symbols there if the model copies.
    pub fn forward<'c>(
        &self,
        decoder: &Rows,
        (places, sources, count): (&Rows, &[u32], usize),
        lengths: &[usize],
        copied: impl Fn(usize) -> Option<&'c [i32]>,
    ) -> Emitted {
        let decoder = self.decoder.forward(decoder);
        let all: usize = lengths.iter().sum();
        let mut sums = Vec::with_capacity(all * places.width);
        let mut firsts = Vec::with_capacity(lengths.len() + 1);
        firsts.push(0);
        for ((own, &source), &length) in decoder.iter().zip(sources).zip(lengths) {
            for place in 0..length {
                let other = places.row(place * count + source as usize);
                sums.extend(own.iter().zip(other).map(|(own, other)| own + other));
            }
            firsts.push(sums.len() / places.width);
        }
        let hidden = tanh(Rows::new(places.width, sums));
        let mut actions = self.output.forward(&hidden);
        if copied(0).is_none() {
            rnn_kernels::softmax(&mut actions.values, actions.width);
            return Emitted {
                probabilities: actions,
                places: firsts,
            };
        }
        let ids = (0..lengths.len()).flat_map(|row| {
            let copied = copied(row).unwrap_or_default();
            &copied[..lengths[row].min(copied.len())]
        });
        Emitted {
            probabilities: with_copying(actions, ids),
            places: firsts,
        }
    }
}

/// Probabilities of symbols from scores of actions, of which the last takes over the position's own
/// symbol; negative ids stand for symbols that cannot be copied.
fn with_copying<'c>(mut actions: Rows, ids: impl Iterator<Item = &'c i32>) -> Rows {
    let symbols = actions.width - 1;
    let mut probabilities = Rows::new(symbols, Vec::with_capacity(actions.count() * symbols));
    for (row, &id) in actions.iter_mut().zip(ids) {
        let copied = usize::try_from(id).ok();
        let possible = if copied.is_some() {
            symbols + 1
        } else {
            symbols
        };
        rnn_kernels::softmax(&mut row[..possible], possible);
        if let Some(id) = copied {
            row[id] += row[symbols];
        }
        probabilities.values.extend_from_slice(&row[..symbols]);
    }
    probabilities
}

impl Emitted {
    /// Log-probabilities of symbols `[batch, symbols]`, summed over positions that have the
    /// probabilities `filter`, `[batch, places]`.
    pub fn mixed(&self, filter: &Rows) -> Rows {
        let mut mixed = Rows::zeros(filter.count(), self.probabilities.width);
        for (row, to) in mixed.iter_mut().enumerate() {
            let places = self.places[row]..self.places[row + 1];
            for (place, &weight) in places.zip(filter.row(row)) {
                for (sum, probability) in to.iter_mut().zip(self.probabilities.row(place)) {
                    *sum += weight * probability;
                }
            }
            for sum in to {
                *sum = if *sum < TINY { TINY } else { *sum }.ln();
            }
        }
        mixed
    }

    /// The probability of one symbol at each position of a row.
    pub fn of(&self, row: usize, symbol: u32) -> impl Iterator<Item = f32> {
        let places = self.places[row]..self.places[row + 1];
        places.map(move |place| self.probabilities.row(place)[symbol as usize])
    }

    /// Keeps the given rows, in that order.
    pub fn select(&mut self, rows: &[usize]) {
        let mut kept = Vec::new();
        let mut firsts = vec![0];
        for &row in rows {
            kept.extend(self.places[row]..self.places[row + 1]);
            firsts.push(kept.len());
        }
        self.probabilities = self.probabilities.select(&kept);
        self.places = firsts;
    }
}
