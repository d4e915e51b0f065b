//! What is answered: predictions and explanations as JSON.

use seq2seq_runtime::model::HiddenState;
use seq2seq_runtime::{Alignment, Answer, Hypothesis, Model, Origin, Trace, Warning};
use serde::Serialize;
use utoipa::ToSchema;

/// Answers, one for each input, in their order.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PredictResponse {
    /// Name of the model that answered.
    pub model: String,
    /// The answers.
    pub outputs: Vec<Output>,
}

/// The answer to one input.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Output {
    /// The input.
    pub input: String,
    /// Where the answer comes from: the model, or the lexicon that goes before it.
    pub source: Source,
    /// Outputs, best first.
    pub hypotheses: Vec<OutputHypothesis>,
    /// What a user of the answer should know about it.
    pub warnings: Vec<String>,
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The model gave it.
    Model,
    /// The lexicon of known words had it.
    Lexicon,
}

impl From<Origin> for Source {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Model => Self::Model,
            Origin::Lexicon => Self::Lexicon,
        }
    }
}

/// One output.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OutputHypothesis {
    /// The output.
    pub text: String,
    /// Natural logarithm of its probability.
    pub log_probability: f64,
    /// What outputs are ranked by.
    pub score: f64,
    /// How likely it is to be right.
    pub confidence: Option<f64>,
    /// Whether the model ended it; otherwise the length limit did.
    pub finished: bool,
    /// Where its symbols came from, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alignment: Option<OutputAlignment>,
}

/// Which source symbols the symbols of an output came from.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OutputAlignment {
    /// Symbols of the input.
    pub source: Vec<String>,
    /// Symbols of the output.
    pub target: Vec<String>,
    /// Links between the two.
    pub links: Vec<Link>,
}

/// A target symbol with the first and the last of its source symbols, counted from 0.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Link {
    /// Place of the target symbol.
    pub target: usize,
    /// Places of the source symbols.
    pub source: [usize; 2],
}

/// How an answer comes about.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ExplainResponse {
    /// Name of the model that answered.
    pub model: String,
    /// Symbols of the input, in the order of the text.
    pub symbols: Vec<String>,
    /// What the network reads, in the order of reading.
    pub read: Vec<ReadSymbol>,
    /// The first target symbol, where the model has to be given one.
    pub first: Option<String>,
    /// The steps, that of the end mark included.
    pub steps: Vec<ExplainStep>,
    /// The text that was written.
    pub text: String,
    /// Whether the model ended it; otherwise the length limit did.
    pub finished: bool,
    /// What a user of the answer should know about it.
    pub warnings: Vec<String>,
    /// h of the encoder after each symbol that it reads; empty unless asked for.
    pub encoder: Vec<Vec<f32>>,
    /// State from which the decoder starts, if asked for.
    pub initial: Option<State>,
}

/// A symbol as the network reads it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReadSymbol {
    /// The symbol, or the name of a mark.
    pub symbol: Option<String>,
    /// Its id.
    pub id: u32,
}

/// One step of the decoder.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ExplainStep {
    /// Symbol that was written; none for the end mark.
    pub symbol: Option<String>,
    /// Whether it was forced.
    pub forced: bool,
    /// The most probable symbols, best first.
    pub choices: Vec<Choice>,
    /// Attention on the symbols of the input; none for models without attention.
    pub attention: Option<Vec<f32>>,
    /// State after the step, if asked for.
    pub state: Option<State>,
    /// Gates of an LSTM's lowest layer, if asked for.
    pub gates: Option<GateValues>,
}

/// A symbol with its probability.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Choice {
    /// The symbol; none for the end mark.
    pub symbol: Option<String>,
    /// Its probability.
    pub probability: f32,
}

/// State of a recurrent layer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct State {
    /// What the layer shows.
    pub h: Vec<f32>,
    /// What an LSTM keeps to itself.
    pub c: Option<Vec<f32>>,
}

/// Gates of one LSTM step.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GateValues {
    /// Share of the candidate that enters the cell.
    pub input: Vec<f32>,
    /// Share of the old cell that is kept.
    pub forget: Vec<f32>,
    /// What may enter the cell.
    pub candidate: Vec<f32>,
    /// Share of the cell that is shown as h.
    pub output: Vec<f32>,
}

impl Output {
    /// The answer to an input.
    pub fn new(input: String, answer: Answer) -> Self {
        Self {
            input,
            source: answer.origin.into(),
            warnings: answer.warnings.iter().map(Warning::to_string).collect(),
            hypotheses: answer.hypotheses.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Hypothesis> for OutputHypothesis {
    fn from(hypothesis: Hypothesis) -> Self {
        Self {
            text: hypothesis.text,
            log_probability: hypothesis.log_probability,
            score: hypothesis.score,
            confidence: hypothesis.confidence,
            finished: hypothesis.finished,
            alignment: hypothesis.alignment.map(Into::into),
        }
    }
}

impl From<Alignment> for OutputAlignment {
    fn from(alignment: Alignment) -> Self {
        let spans = alignment.spans.iter().enumerate();
        let links = spans.filter_map(|(target, span)| {
            let span = span.as_ref()?;
            let source = [*span.start(), *span.end()];
            Some(Link { target, source })
        });
        Self {
            links: links.collect(),
            source: alignment.source,
            target: alignment.target,
        }
    }
}

impl ExplainResponse {
    /// A trace for people: symbols instead of ids, the `top` most probable choices.
    pub fn new(
        name: String,
        model: &Model,
        trace: Trace,
        warnings: Vec<String>,
        top: usize,
        states: bool,
    ) -> Self {
        let codec = model.codec();
        let written = trace.steps.iter().map(|step| step.written);
        let ids: Vec<u32> = trace.first.into_iter().chain(written).collect();
        let read = trace.source.ids.symbols.iter().map(|&id| ReadSymbol {
            symbol: codec.source_symbol(id).map(str::to_owned),
            id,
        });
        Self {
            model: name,
            read: read.collect(),
            symbols: trace.source.symbols,
            first: trace.first.and_then(|id| symbol(model, id)),
            text: codec.decode_target(&ids),
            finished: trace.finished,
            warnings,
            encoder: if states { trace.encoder } else { Vec::new() },
            initial: trace.initial.filter(|_| states).map(Into::into),
            steps: (trace.steps.into_iter())
                .map(|step| {
                    let gates = step.gates.filter(|_| states);
                    ExplainStep {
                        symbol: symbol(model, step.written),
                        forced: step.forced,
                        choices: choices(model, &step.probabilities, top),
                        attention: step.attention,
                        state: step.state.filter(|_| states).map(Into::into),
                        gates: gates.map(|gates| GateValues {
                            input: gates.input,
                            forget: gates.forget,
                            candidate: gates.candidate,
                            output: gates.output,
                        }),
                    }
                })
                .collect(),
        }
    }
}

impl From<HiddenState> for State {
    fn from(state: HiddenState) -> Self {
        let HiddenState { h, c } = state;
        Self { h, c }
    }
}

/// A target symbol; none for the end mark.
fn symbol(model: &Model, id: u32) -> Option<String> {
    let vocabulary = &model.codec().target.vocabulary;
    let written = (Some(id) != vocabulary.end()).then(|| vocabulary.symbol(id))?;
    written.map(str::to_owned)
}

fn choices(model: &Model, probabilities: &[f32], top: usize) -> Vec<Choice> {
    let mut order: Vec<(u32, f32)> = (0..).zip(probabilities.iter().copied()).collect();
    order.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let choice = |(id, probability)| Choice {
        symbol: symbol(model, id),
        probability,
    };
    order.into_iter().take(top).map(choice).collect()
}
