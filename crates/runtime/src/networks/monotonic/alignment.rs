//! How probable it is that a target symbol is written from a position of the source (Wu and
//! Cotterell 2019), and the forward algorithm over these positions.

use rnn_kernels::Jumps;

use super::TINY;
use crate::layers::{Dense, Parameters, Rows, WeightError, scores_of_sources};
use crate::settings::MonotonicSettings;

/// Parameters of the distribution over positions.
///
/// With `s_t` the decoder's state and `h_j` the encoder's at position `j`:
/// - zeroth order: `p(a_t = j) ∝ exp(s_t · T h_j)`;
/// - first order: `p(a_t = j | a_{t-1} = i) ∝ exp(s_t · T h_j + (U s_t)_{j - i})`, where jumps longer
///   than the window count as the longest in it.
///
/// If alignments are monotonic, positions left of the one before have probability zero, whatever
/// the order.
#[derive(Debug)]
pub struct Alignment {
    /// `T`: from an encoder state to what a decoder state is compared with.
    content: Dense,
    /// `U`: from a decoder state to a score for each jump; first order only.
    jump: Option<Dense>,
    /// Which positions follow which.
    moves: Jumps,
}

impl Alignment {
    /// The parameters for encoder states of `encoder` and decoder states of `decoder` numbers, from
    /// stored weights.
    ///
    /// # Errors
    /// If they do not fit.
    pub fn new(
        settings: &MonotonicSettings,
        [encoder, decoder]: [usize; 2],
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let moves = settings.jumps();
        Ok(Self {
            content: params.layer("content", |p| Dense::new(encoder, decoder, p))?,
            jump: (settings.order == 1)
                .then(|| params.layer("jump", |p| Dense::new(decoder, moves.count(), p)))
                .transpose()?,
            moves,
        })
    }

    /// `T h_j` of encoder states.
    pub fn content(&self, states: &Rows) -> Rows {
        self.content.forward(states)
    }

    /// One step of the forward algorithm: from the probabilities of the position before,
    /// `[batch, places]`, to those of the next. `decoder` `[batch, units]` is the decoder's output;
    /// each row looks at the content of its source, and at as many places as that has.
    pub fn advance(
        &self,
        before: &Rows,
        decoder: &Rows,
        content: &Rows,
        (sources, lengths): (&[u32], &[usize]),
    ) -> Rows {
        let content = scores_of_sources(decoder, content, sources, lengths.len());
        let jumps = self.jump.as_ref().map(|jump| jump.forward(decoder));
        let mut after = Rows::zeros(before.count(), before.width);
        let mut scores = Vec::new();
        for (row, after) in after.iter_mut().enumerate() {
            let length = lengths[sources[row] as usize];
            let (before, content) = (&before.row(row)[..length], &content.row(row)[..length]);
            let jumps = jumps.as_ref().map(|jumps| jumps.row(row));
            for (from, &probability) in before.iter().enumerate() {
                // Where it cannot have been adds nothing.
                if probability == 0.0 {
                    continue;
                }
                let first = if self.moves.monotonic { from } else { 0 };
                scores.clear();
                scores.extend((first..length).map(|to| {
                    let jump = jumps.map_or(0.0, |jumps| jumps[self.jump_number(from, to)]);
                    content[to] + jump
                }));
                let places = scores.len();
                rnn_kernels::softmax(&mut scores, places);
                for (to, share) in after[first..].iter_mut().zip(&scores) {
                    *to += probability * share;
                }
            }
        }
        after
    }

    /// Which score a jump has.
    fn jump_number(&self, from: usize, to: usize) -> usize {
        let Jumps { window, monotonic } = self.moves;
        let right = to.saturating_sub(from).min(window);
        let left = from.saturating_sub(to).min(window);
        if monotonic {
            right
        } else {
            window + right - left
        }
    }
}

/// Makes of the probabilities of positions before a symbol was written those after it: `symbol` gives
/// its probability at each position.
pub fn posterior(position: &mut [f32], symbol: impl Iterator<Item = f32>) {
    let mut sum = 0.0;
    for (probability, symbol) in position.iter_mut().zip(symbol) {
        *probability *= if symbol < TINY { TINY } else { symbol };
        sum += *probability;
    }
    position
        .iter_mut()
        .for_each(|probability| *probability /= sum);
}
