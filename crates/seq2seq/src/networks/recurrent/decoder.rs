//! The decoder: recurrent layers over the target, which may look at the source by attention.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::encoder::{StackOptions, split};
use crate::config::ModelSettings;
use crate::layers::attention::{Attended, Attention, Memory};
use crate::layers::dropout::{Noise, dropout};
use crate::layers::layer_norm::LayerNorm;
use crate::layers::parameters::Parameters;
use crate::layers::recurrent::{Direction, LayerInput, Layout, Recurrent, Run};
use crate::ops::product::product;
use crate::ops::tanh::tanh;
use seq2seq_runtime::layers::{AttentionSizes, DecoderSizes, WeightError};

/// Layers of a decoder, from the symbols up.
#[derive(Module, Debug)]
pub struct Decoder {
    /// The recurrent layers.
    pub layers: Vec<DecoderLayer>,
    /// Looks at the source.
    pub attention: Option<Attention>,
    /// Looks at the features.
    pub features_attention: Option<Attention>,
    /// Joins h and context.
    pub attentional: Option<AttentionalLayer>,
    /// With input feeding: how the last attentional vector enters the first layer,
    /// `[units, gates * units]`.
    pub feed_kernel: Option<Param<Tensor<2>>>,
    #[module(skip)]
    options: StackOptions,
}

/// One layer of a decoder.
#[derive(Module, Debug)]
pub struct DecoderLayer {
    /// The recurrent layer.
    pub recurrent: Recurrent,
    /// Normalises what the layer gives on.
    pub norm: Option<LayerNorm>,
}

/// Luong's attentional vector: `tanh(h W + context W' + b)`.
#[derive(Module, Debug)]
pub struct AttentionalLayer {
    /// Of h, `[units, units]`.
    pub hidden_kernel: Param<Tensor<2>>,
    /// Of the contexts, `[context width, units]`.
    pub context_kernel: Param<Tensor<2>>,
    /// Bias `[units]`.
    pub bias: Param<Tensor<1>>,
}

/// Where the decoder stands, for a batch of sequences.
#[derive(Clone, Debug, Default)]
pub struct RecurrentState {
    /// Each layer's state `[states, batch, units]`; none before the first step of a decoder that
    /// starts from zero.
    pub layers: Option<Vec<Tensor<3>>>,
    /// What takes the place of the last symbol: the encoder's output, or the last softmax.
    pub feedback: Option<Tensor<2>>,
    /// The last attentional vector `[batch, units]`, with input feeding; zero before the first step.
    pub attentional: Option<Tensor<2>>,
    /// What does not change from step to step.
    pub source: SourceMemory,
}

/// What the decoder knows of each source, the same at every step.
#[derive(Clone, Debug, Default)]
pub struct SourceMemory {
    /// The source's encoder states.
    pub symbols: Option<Memory>,
    /// The features' encoder states.
    pub features: Option<Memory>,
    /// Which target symbol each source symbol is, `[batch, source time, target symbols]`.
    pub copied: Option<Tensor<3>>,
}

/// What the decoder made of a batch.
#[derive(Clone, Debug)]
pub struct DecoderOutput {
    /// What the output layer reads, `[time, batch, units]`.
    pub vectors: Tensor<3>,
    /// The highest layer's h `[time, batch, units]`.
    pub hidden: Tensor<3>,
    /// What attention found in source and features, side by side.
    pub context: Option<Tensor<3>>,
    /// Where attention looked in the source, `[batch, time, source time]`.
    pub weights: Option<Tensor<3>>,
}

/// Randomness and bookkeeping of one pass over a batch.
#[derive(Debug)]
pub struct DecoderPass<'n> {
    noise: Option<&'n mut Noise>,
    /// Each layer's variational mask.
    masks: Vec<Option<Vec<f32>>>,
    /// Whether another step follows, for which the state is needed.
    keep_state: bool,
}

impl Decoder {
    /// A decoder as the settings ask for.
    ///
    /// # Errors
    /// If stored parameters do not fit.
    pub fn new(
        settings: &ModelSettings,
        sizes: DecoderSizes,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let (cell, units) = (settings.cell.kernel(), settings.decoder_units());
        let layers = params.layers("layers", settings.decoder_layers, |index, params| {
            let input = if index == 0 { sizes.input } else { units };
            DecoderLayer::new(settings, input, params)
        })?;
        let attention = |name: &str, memory: usize, params: &mut Parameters| match memory {
            0 => Ok(None),
            _ => params.layer(name, |params| {
                let sizes = AttentionSizes::new(settings, memory);
                Attention::new(settings.attention, sizes, params)
            }),
        };
        let looks = attention("attention", sizes.source, params)?;
        let features_attention = attention("features_attention", sizes.features, params)?;
        let attentional = match looks {
            None => None,
            Some(_) => Some(params.layer("attentional", |params| {
                AttentionalLayer::new(units, sizes.context_width(settings), params)
            })?),
        };
        let feed_kernel = match settings.input_feeding {
            true => Some(params.glorot_uniform("feed_kernel", [units, cell.gates() * units])?),
            false => None,
        };
        Ok(Self {
            layers,
            attention: looks,
            features_attention,
            attentional,
            feed_kernel,
            options: StackOptions::new(settings),
        })
    }

    /// Begins a pass over a batch; with noise there is dropout.
    pub fn pass<'n>(
        &self,
        batch: usize,
        keep_state: bool,
        mut noise: Option<&'n mut Noise>,
    ) -> DecoderPass<'n> {
        let masks = self
            .layers
            .iter()
            .map(|layer| {
                let units = layer.recurrent.units();
                self.options
                    .recurrent_mask(batch, units, noise.as_deref_mut())
            })
            .collect();
        DecoderPass {
            noise,
            masks,
            keep_state,
        }
    }

    /// Reads a number of steps, from `state` on. The state is only moved on if the pass keeps it.
    pub fn run(
        &self,
        input: LayerInput,
        state: &mut RecurrentState,
        pass: &mut DecoderPass,
    ) -> DecoderOutput {
        match (&self.feed_kernel, self.layers.first()) {
            (Some(feed), Some(first)) => {
                let projected = first.recurrent.projected(input);
                self.run_fed(projected, feed, state, pass)
            }
            _ => self.run_at_once(input, state, pass),
        }
    }

    /// All steps of each layer in one operation, then all attention in one.
    fn run_at_once(
        &self,
        input: LayerInput,
        state: &mut RecurrentState,
        pass: &mut DecoderPass,
    ) -> DecoderOutput {
        let hidden = self.run_layers(input, state, pass);
        let Some(attentional) = &self.attentional else {
            return DecoderOutput {
                vectors: hidden.clone(),
                hidden,
                context: None,
                weights: None,
            };
        };
        let look = |attention: &Option<Attention>, memory: &Option<Memory>| {
            let (attention, memory) = attention.as_ref().zip(memory.as_ref())?;
            Some(attention.forward(hidden.clone(), memory))
        };
        let source = look(&self.attention, &state.source.symbols);
        let features = look(&self.features_attention, &state.source.features);
        let weights = source.as_ref().map(|attended| attended.weights.clone());
        let contexts: Vec<_> = [source, features]
            .into_iter()
            .flatten()
            .map(|Attended { contexts, .. }| contexts)
            .collect();
        let context = match contexts.len() {
            1 => contexts.into_iter().next(),
            _ => Some(Tensor::cat(contexts, 2)),
        };
        let vectors = match &context {
            Some(context) => attentional.forward(hidden.clone(), context.clone()),
            None => hidden.clone(),
        };
        DecoderOutput {
            vectors: dropout(vectors, self.options.dropout, pass.noise.as_deref_mut()),
            hidden,
            context,
            weights,
        }
    }

    /// The highest layer's outputs `[time, batch, units]`.
    fn run_layers(
        &self,
        input: LayerInput,
        state: &mut RecurrentState,
        pass: &mut DecoderPass,
    ) -> Tensor<3> {
        let starts = state.layers.take();
        // After one step the state is the output, with an LSTM's c behind it.
        let one_step = input.time() == 1;
        let mut ends = Vec::new();
        let mut below: Option<Tensor<3>> = None;
        let mut input = Some(input);
        for (index, layer) in self.layers.iter().enumerate() {
            let read = input
                .take()
                .or_else(|| below.clone().map(LayerInput::Vectors));
            let Some(read) = read else { break };
            let run = Run {
                initial: starts.as_ref().map(|starts| starts[index].clone()),
                lengths: None,
                direction: Direction::Forward,
                layout: match (pass.keep_state, one_step) {
                    (false, _) => Layout::Sequence,
                    (true, true) => Layout::FinalState,
                    (true, false) => Layout::Both,
                },
                mask: pass.masks[index].clone(),
            };
            let mut output = layer.recurrent.forward(read, run);
            if pass.keep_state {
                let (sequence, end) = split(output, layer.recurrent.cell().states());
                output = sequence.unwrap_or_else(|| end.clone().narrow(0, 0, 1));
                ends.push(end);
            }
            let norm = layer.norm.as_ref();
            // The last layer's dropout is that of the attentional vector, where there is one.
            let drop = index + 1 < self.layers.len() || self.attentional.is_none();
            let noise = pass.noise.as_deref_mut().filter(|_| drop);
            below = Some(self.options.finish(output, below.take(), norm, noise));
        }
        state.layers = if pass.keep_state { Some(ends) } else { starts };
        below.unwrap_or_else(|| Tensor::zeros([1, 1, 1], &Device::flex()))
    }

    /// Input feeding: each step also reads the attentional vector of the one before, so the steps
    /// follow one after the other.
    fn run_fed(
        &self,
        projected: Tensor<3>,
        feed: &Param<Tensor<2>>,
        state: &mut RecurrentState,
        pass: &mut DecoderPass,
    ) -> DecoderOutput {
        let [time, batch, _] = projected.dims();
        let keep = std::mem::replace(&mut pass.keep_state, true);
        let steps: Vec<DecoderOutput> = (0..time)
            .map(|step| {
                let input = projected.clone().narrow(0, step, 1);
                let input = match state.attentional.take() {
                    Some(last) => input + product(last, feed.val()).unsqueeze(),
                    None => input,
                };
                let output = self.run_at_once(LayerInput::Projected(input), state, pass);
                let units = output.vectors.dims()[2];
                state.attentional = Some(output.vectors.clone().reshape([batch, units]));
                output
            })
            .collect();
        pass.keep_state = keep;
        DecoderOutput::join(steps)
    }
}

impl DecoderLayer {
    fn new(
        settings: &ModelSettings,
        input: usize,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let units = settings.decoder_units();
        Ok(Self {
            recurrent: params.layer("recurrent", |params| {
                Recurrent::new(settings.cell.kernel(), input, units, params)
            })?,
            norm: match settings.layer_norm {
                true => Some(params.layer("norm", |p| LayerNorm::new(units, p))?),
                false => None,
            },
        })
    }
}

impl AttentionalLayer {
    fn new(units: usize, context: usize, params: &mut Parameters) -> Result<Self, WeightError> {
        Ok(Self {
            hidden_kernel: params.glorot_uniform("hidden_kernel", [units, units])?,
            context_kernel: params.glorot_uniform("context_kernel", [context, units])?,
            bias: params.vector("bias", vec![0.0; units])?,
        })
    }

    /// h `[time, batch, units]` and contexts `[time, batch, width]` to `[time, batch, units]`.
    fn forward(&self, hidden: Tensor<3>, context: Tensor<3>) -> Tensor<3> {
        let [time, batch, units] = hidden.dims();
        let width = context.dims()[2];
        let hidden = hidden.reshape([time * batch, units]);
        let context = context.reshape([time * batch, width]);
        let sum = product(hidden, self.hidden_kernel.val())
            + product(context, self.context_kernel.val())
            + self.bias.val().unsqueeze();
        tanh(sum).reshape([time, batch, units])
    }
}

impl DecoderOutput {
    /// One output of several steps from several outputs of one step.
    fn join(steps: Vec<Self>) -> Self {
        let part = |pick: &dyn Fn(&Self) -> Option<Tensor<3>>, axis: usize| {
            let parts: Option<Vec<_>> = steps.iter().map(pick).collect();
            parts.map(|parts| Tensor::cat(parts, axis))
        };
        let empty = || Tensor::zeros([0, 0, 0], &Device::flex());
        Self {
            vectors: part(&|step| Some(step.vectors.clone()), 0).unwrap_or_else(empty),
            hidden: part(&|step| Some(step.hidden.clone()), 0).unwrap_or_else(empty),
            context: part(&|step| step.context.clone(), 0),
            weights: part(&|step| step.weights.clone(), 1),
        }
    }
}
