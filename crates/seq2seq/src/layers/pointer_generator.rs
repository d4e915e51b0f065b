//! The pointer-generator (See, Liu and Manning 2017): at each step the model either writes a symbol
//! of its vocabulary or copies one from the source, from where attention looks.

use burn::module::{Module, Param};
use burn::tensor::activation::sigmoid;
use burn::tensor::{DType, Device, Tensor, TensorData};

use super::parameters::Parameters;
use super::recurrent::LayerInput;
use crate::encoding::{NOT_COPIED, Padded};
use crate::ops::product::product;
use crate::ops::softmax::softmax;
use seq2seq_runtime::layers::WeightError;

/// Added to probabilities before the logarithm, so that it is finite.
const TINY: f64 = 1e-12;

/// The gate between writing and copying: `sigmoid(h w + context w' + input w'' + b)` is the
/// probability of writing.
#[derive(Module, Debug)]
pub struct PointerGenerator {
    /// Of the decoder's h, `[units, 1]`.
    pub hidden_kernel: Param<Tensor<2>>,
    /// Of the context, `[context width, 1]`.
    pub context_kernel: Param<Tensor<2>>,
    /// Of the decoder's input, `[input width, 1]`.
    pub input_kernel: Param<Tensor<2>>,
    /// Bias `[1]`.
    pub bias: Param<Tensor<1>>,
}

/// What the decoder knows at every step `[time, batch, ..]`.
#[derive(Debug)]
pub struct PointerInput<'a> {
    /// The decoder's h.
    pub hidden: Tensor<3>,
    /// What attention found.
    pub context: Tensor<3>,
    /// What the decoder read.
    pub input: LayerInput<'a>,
    /// Where attention looked, `[batch, time, source time]`.
    pub weights: Tensor<3>,
}

impl PointerGenerator {
    /// A gate for a decoder of these widths.
    ///
    /// # Errors
    /// If stored parameters do not fit.
    pub fn new(
        hidden: usize,
        context: usize,
        input: usize,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        Ok(Self {
            hidden_kernel: params.glorot_uniform("hidden_kernel", [hidden, 1])?,
            context_kernel: params.glorot_uniform("context_kernel", [context, 1])?,
            input_kernel: params.glorot_uniform("input_kernel", [input, 1])?,
            bias: params.vector("bias", vec![0.0])?,
        })
    }

    /// Log-probabilities `[time * batch, target symbols]` of the mixture.
    ///
    /// `scores` `[time * batch, target symbols]` are those of writing; `copied` says which target
    /// symbol each source symbol is, see [`copy_table`]. Attention to symbols that cannot be copied
    /// counts as writing, so that the probabilities sum to 1.
    pub fn forward(&self, scores: Tensor<2>, copied: Tensor<3>, state: PointerInput) -> Tensor<2> {
        let [rows, symbols] = scores.dims();
        let write = self.write_probability(&state);
        let copy: Tensor<3> = state.weights.matmul(copied).swap_dims(0, 1);
        let copy = copy.reshape::<2, _>([rows, symbols]) * (-write + 1.0);
        // Rounding can make the sum larger than 1, and a probability below 0 has no logarithm.
        let not_copied: Tensor<2> = (-copy.clone().sum_dim(1) + 1.0).clamp_min(0.0);
        let written: Tensor<2> = softmax(scores) * not_copied;
        (written + copy + TINY).log()
    }

    /// `[time * batch, 1]`.
    fn write_probability(&self, state: &PointerInput) -> Tensor<2> {
        let part = |vectors: &Tensor<3>, kernel: &Param<Tensor<2>>| {
            let [time, batch, width] = vectors.dims();
            let flat = vectors.clone().reshape([time * batch, width]);
            product(flat, kernel.val())
        };
        let [time, batch, _] = state.hidden.dims();
        let input = state.input.clone().times(&self.input_kernel);
        let sum = part(&state.hidden, &self.hidden_kernel)
            + part(&state.context, &self.context_kernel)
            + input.reshape([time * batch, 1]);
        sigmoid(sum + self.bias.val().unsqueeze())
    }
}

/// `[batch, source time, target symbols]`: 1 where a source symbol is a target symbol. Attention
/// times this table is the distribution of copied symbols.
pub fn copy_table(copy_ids: &Padded, symbols: usize, kind: (&Device, DType)) -> Tensor<3> {
    let (time, batch) = (copy_ids.time, copy_ids.batch());
    let mut table = vec![0.0f32; batch * time * symbols];
    for (place, &id) in copy_ids.ids.iter().enumerate() {
        let (step, row) = (place / batch, place % batch);
        if id != NOT_COPIED && step < copy_ids.lengths[row] {
            table[(row * time + step) * symbols + id as usize] = 1.0;
        }
    }
    Tensor::from_data(TensorData::new(table, [batch, time, symbols]), kind)
}
