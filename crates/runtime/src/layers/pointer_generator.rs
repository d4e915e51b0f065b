//! The pointer-generator (See, Liu and Manning 2017): at each step the model either writes a symbol
//! of its vocabulary or copies one from the source, from where attention looks.

use super::{LayerInput, Parameters, Rows, WeightError, dots, sigmoid};
use crate::text::NOT_COPIED;

/// Added to probabilities before the logarithm, so that it is finite.
const TINY: f32 = 1e-12;

/// The gate between writing and copying: `sigmoid(h w + context w' + input w'' + b)` is the
/// probability of writing.
#[derive(Debug)]
pub struct PointerGenerator {
    /// Of the decoder's h, `[units]`.
    hidden_kernel: Vec<f32>,
    /// Of the context, `[context width]`.
    context_kernel: Vec<f32>,
    /// Of the decoder's input, `[input width]`.
    input_kernel: Vec<f32>,
    bias: f32,
}

/// What the decoder knows at a step, `[batch, ..]`.
#[derive(Debug)]
pub struct PointerInput<'a> {
    /// The decoder's h.
    pub hidden: &'a Rows,
    /// What attention found.
    pub context: &'a Rows,
    /// What the decoder read.
    pub input: &'a LayerInput<'a>,
    /// Where attention looked, `[batch, source time]`.
    pub weights: &'a Rows,
}

impl PointerGenerator {
    /// The gate of a decoder of these widths, from stored weights.
    ///
    /// # Errors
    /// If they do not fit.
    pub fn new(
        hidden: usize,
        context: usize,
        input: usize,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        Ok(Self {
            hidden_kernel: params.column("hidden_kernel", hidden)?,
            context_kernel: params.column("context_kernel", context)?,
            input_kernel: params.column("input_kernel", input)?,
            bias: params.vector("bias", 1)?[0],
        })
    }

    /// Log-probabilities `[batch, target symbols]` of the mixture.
    ///
    /// `scores` `[batch, target symbols]` are those of writing; `copied` gives the target symbols of
    /// a row's source. Attention to symbols that cannot be copied counts as writing, so that the
    /// probabilities sum to 1.
    #[must_use]
    pub fn forward<'c>(
        &self,
        mut scores: Rows,
        copied: impl Fn(usize) -> &'c [i32],
        state: &PointerInput,
    ) -> Rows {
        let gates = self.write_probabilities(state);
        rnn_kernels::softmax(&mut scores.values, scores.width);
        let mut copy = vec![0.0; scores.width];
        for (row, (written, gate)) in scores.iter_mut().zip(gates).enumerate() {
            copy.fill(0.0);
            for (&id, weight) in copied(row).iter().zip(state.weights.row(row)) {
                if id != NOT_COPIED {
                    copy[id as usize] += weight;
                }
            }
            copy.iter_mut().for_each(|share| *share *= 1.0 - gate);
            // Rounding can make the sum larger than 1, and a probability below 0 has no logarithm.
            let not_copied = (1.0 - copy.iter().sum::<f32>()).max(0.0);
            for (probability, share) in written.iter_mut().zip(&copy) {
                *probability = (*probability * not_copied + share + TINY).ln();
            }
        }
        scores
    }

    fn write_probabilities(&self, state: &PointerInput) -> Vec<f32> {
        let hidden = dots(state.hidden, &self.hidden_kernel);
        let context = dots(state.context, &self.context_kernel);
        let input = match *state.input {
            LayerInput::Symbols(None, ids) => ids
                .iter()
                .map(|&id| self.input_kernel[id as usize])
                .collect(),
            LayerInput::Symbols(Some(vectors), ids) => {
                dots(&vectors.look_up(ids), &self.input_kernel)
            }
            LayerInput::Vectors(vectors) | LayerInput::Projected(vectors) => {
                dots(vectors, &self.input_kernel)
            }
        };
        let sums = hidden.iter().zip(context).zip(input);
        sums.map(|((hidden, context), input)| sigmoid(hidden + context + input + self.bias))
            .collect()
    }
}
