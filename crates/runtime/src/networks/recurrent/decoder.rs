//! The decoder: recurrent layers over the target, which may look at the source by attention.

use super::encoder::finish;
use crate::layers::{
    Attended, Attention, AttentionSizes, DecoderSizes, LayerInput, LayerNorm, LstmGates, Matrix,
    Memory, Parameters, Recurrent, Rows, Run, WeightError, tanh,
};
use crate::settings::ModelSettings;

/// Layers of a decoder, from the symbols up.
#[derive(Debug)]
pub struct Decoder {
    layers: Vec<DecoderLayer>,
    /// Looks at the source.
    pub attention: Option<Attention>,
    /// Looks at the features.
    pub features_attention: Option<Attention>,
    /// Joins h and context.
    attentional: Option<AttentionalLayer>,
    /// With input feeding: how the last attentional vector enters the first layer,
    /// `[units, gates * units]`.
    feed_kernel: Option<Matrix>,
    residual: bool,
}

/// One layer of a decoder.
#[derive(Debug)]
struct DecoderLayer {
    recurrent: Recurrent,
    /// Normalises what the layer gives on.
    norm: Option<LayerNorm>,
}

/// Luong's attentional vector: `tanh(h W + context W' + b)`.
#[derive(Debug)]
struct AttentionalLayer {
    /// Of h, `[units, units]`.
    hidden_kernel: Matrix,
    /// Of the contexts, `[context width, units]`.
    context_kernel: Matrix,
    bias: Vec<f32>,
}

/// Where the decoder stands, for a batch of sequences.
#[derive(Debug)]
pub struct DecoderState {
    /// Each layer's state `[states * batch, units]`; none before the first step of a decoder that
    /// starts from zero.
    pub layers: Option<Vec<Rows>>,
    /// The last attentional vector `[batch, units]`, with input feeding; zero before the first step.
    pub attentional: Option<Rows>,
}

/// What the decoder knows of each source, the same at every step.
#[derive(Debug)]
pub struct SourceMemory {
    /// The source's encoder states.
    pub symbols: Option<Memory>,
    /// The features' encoder states.
    pub features: Option<Memory>,
    /// For a model that copies, the target symbols of each source.
    pub copied: Vec<Vec<i32>>,
}

/// What the decoder made of a step.
#[derive(Debug)]
pub struct DecoderOutput {
    /// What the output layer reads, `[batch, units]`.
    pub vectors: Rows,
    /// The highest layer's h `[batch, units]`.
    pub hidden: Rows,
    /// What attention found in source and features, side by side.
    pub context: Option<Rows>,
    /// Where attention looked in the source, `[batch, source time]`.
    pub weights: Option<Rows>,
}

impl Decoder {
    /// A decoder as the settings ask for, from stored weights.
    ///
    /// # Errors
    /// If they do not fit.
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
        let context = sizes.context_width(settings);
        Ok(Self {
            layers,
            attentional: (looks.is_some())
                .then(|| {
                    let build = |p: &mut Parameters| AttentionalLayer::new(units, context, p);
                    params.layer("attentional", build)
                })
                .transpose()?,
            attention: looks,
            features_attention,
            feed_kernel: (settings.input_feeding)
                .then(|| params.matrix("feed_kernel", [units, cell.gates() * units]))
                .transpose()?,
            residual: settings.residual,
        })
    }

    /// Whether it looks at the source.
    pub fn has_attention(&self) -> bool {
        self.attention.is_some()
    }

    /// Gates of the lowest layer for the next step; none for other cells than LSTM, with input feeding, or
    /// before the first step of a decoder that starts from zero.
    pub fn gates(&self, input: &LayerInput, state: &DecoderState) -> Option<LstmGates> {
        let (layer, state) = self.layers.first().zip(state.layers.as_ref()?.first())?;
        let fed = self.feed_kernel.is_some();
        (!fed).then(|| layer.recurrent.lstm_gates(input, state))?
    }

    /// Reads one step and moves the state on. With input feeding the step also reads the attentional
    /// vector of the one before.
    pub fn step(
        &self,
        input: &LayerInput,
        state: &mut DecoderState,
        memory: &SourceMemory,
        sources: &[u32],
    ) -> DecoderOutput {
        let fed = match (&self.feed_kernel, self.layers.first(), &state.attentional) {
            (Some(feed), Some(first), Some(last)) => {
                let mut projected = first.recurrent.projected(input);
                projected.add(&feed.product(last));
                Some(projected)
            }
            _ => None,
        };
        let input = fed.as_ref().map_or(input.clone(), LayerInput::Projected);
        let hidden = self.step_layers(&input, state, sources.len());
        let output = self.look(hidden, memory, sources);
        if self.feed_kernel.is_some() {
            state.attentional = Some(output.vectors.clone());
        }
        output
    }

    /// The highest layer's output `[batch, units]`.
    fn step_layers(&self, input: &LayerInput, state: &mut DecoderState, batch: usize) -> Rows {
        let starts = state.layers.take();
        let mut ends: Vec<Rows> = Vec::with_capacity(self.layers.len());
        let mut below: Option<Rows> = None;
        for (index, layer) in self.layers.iter().enumerate() {
            let input = below.as_ref().map_or(input.clone(), LayerInput::Vectors);
            let start = starts.as_ref().map(|starts| &starts[index]);
            let end = layer.recurrent.forward(&input, Run::step(batch, start));
            // h comes before c.
            let output = end.range(0..batch);
            ends.push(end);
            below = Some(finish(
                output,
                below.as_ref(),
                layer.norm.as_ref(),
                self.residual,
            ));
        }
        state.layers = Some(ends);
        below.unwrap_or_default()
    }

    fn look(&self, hidden: Rows, memory: &SourceMemory, sources: &[u32]) -> DecoderOutput {
        let attend = |attention: &Option<Attention>, memory: &Option<Memory>| {
            let (attention, memory) = attention.as_ref().zip(memory.as_ref())?;
            Some(attention.forward(&hidden, memory, sources))
        };
        let source = attend(&self.attention, &memory.symbols);
        let (Some(attentional), Some(Attended { contexts, weights })) = (&self.attentional, source)
        else {
            return DecoderOutput {
                vectors: hidden.clone(),
                hidden,
                context: None,
                weights: None,
            };
        };
        let context = match attend(&self.features_attention, &memory.features) {
            Some(features) => contexts.beside(&features.contexts),
            None => contexts,
        };
        DecoderOutput {
            vectors: attentional.forward(&hidden, &context),
            hidden,
            context: Some(context),
            weights: Some(weights),
        }
    }
}

impl DecoderLayer {
    fn new(
        settings: &ModelSettings,
        input: usize,
        params: &mut Parameters,
    ) -> Result<Self, WeightError> {
        let (cell, units) = (settings.cell.kernel(), settings.decoder_units());
        Ok(Self {
            recurrent: params.layer("recurrent", |p| Recurrent::new(cell, input, units, p))?,
            norm: (settings.layer_norm)
                .then(|| params.layer("norm", |p| LayerNorm::new(units, p)))
                .transpose()?,
        })
    }
}

impl AttentionalLayer {
    fn new(units: usize, context: usize, params: &mut Parameters) -> Result<Self, WeightError> {
        Ok(Self {
            hidden_kernel: params.matrix("hidden_kernel", [units, units])?,
            context_kernel: params.matrix("context_kernel", [context, units])?,
            bias: params.vector("bias", units)?,
        })
    }

    /// h `[batch, units]` and contexts `[batch, width]` to `[batch, units]`.
    fn forward(&self, hidden: &Rows, context: &Rows) -> Rows {
        let mut sum = self.hidden_kernel.product(hidden);
        sum.add(&self.context_kernel.product(context));
        sum.add_to_each(&self.bias);
        tanh(sum)
    }
}
