//! One answer step by step: what is read, written, and remembered in between.

use super::{Model, PredictOptions, SourceText};
use crate::decoding::StepModel;
use crate::layers::Rows;
use crate::networks::NetworkState;
use crate::text::EncodedSource;

/// How a model writes one answer, step by step.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The source as it is read.
    pub source: EncodedSource,
    /// h of a recurrent encoder after each symbol that it reads, in the order of reading
    /// `[source time, width]`; empty for other networks.
    pub encoder: Vec<Vec<f32>>,
    /// State from which a recurrent decoder starts.
    pub initial: Option<HiddenState>,
    /// First target symbol, where the model has to be given one.
    pub first: Option<u32>,
    /// The steps, that of the end mark included.
    pub steps: Vec<TraceStep>,
    /// Whether the model ended the answer; otherwise the length limit did.
    pub finished: bool,
}

/// One step of the decoder.
#[derive(Clone, Debug)]
pub struct TraceStep {
    /// Symbol that was read.
    pub read: u32,
    /// Symbol that was written: the forced one, or the most probable.
    pub written: u32,
    /// Whether it was forced.
    pub forced: bool,
    /// Probability of every target symbol.
    pub probabilities: Vec<f32>,
    /// Attention on the source symbols, in the order of the text; none without attention.
    pub attention: Option<Vec<f32>>,
    /// State of the highest layer after the step.
    pub state: Option<HiddenState>,
    /// Gates of the lowest layer in this step.
    pub gates: Option<Gates>,
}

/// State of a recurrent layer, `[units]` each.
#[derive(Clone, Debug, PartialEq)]
pub struct HiddenState {
    /// What the layer shows.
    pub h: Vec<f32>,
    /// What an LSTM keeps to itself.
    pub c: Option<Vec<f32>>,
}

/// Gates of one LSTM step, `[units]` each.
#[derive(Clone, Debug, PartialEq)]
pub struct Gates {
    /// Share of the candidate that enters the cell, from 0 to 1.
    pub input: Vec<f32>,
    /// Share of the old cell that is kept, from 0 to 1.
    pub forget: Vec<f32>,
    /// What may enter the cell, from -1 to 1.
    pub candidate: Vec<f32>,
    /// Share of the cell that is shown as h, from 0 to 1.
    pub output: Vec<f32>,
}

impl Model {
    /// Writes one answer and keeps everything on the way. The first steps write the `forced` target ids
    /// (teacher forcing, or somebody's choice); the others write the most probable symbol, as greedy
    /// decoding does. Forced ids that the model does not have end the trace.
    ///
    /// A model that has to be given the first symbol takes it from `forced`, else from its best answer.
    pub fn trace(&self, text: &impl SourceText, forced: &[u32]) -> Trace {
        let source = self.codec().encode_source(text.source(), text.features());
        let vocabulary = &self.codec().target.vocabulary;
        let (first, forced) = match self.needs_first_symbol() {
            false => (None, forced),
            true => match forced.split_first() {
                Some((&first, rest)) => (Some(first), rest),
                None => (Some(self.likeliest_first(text)), forced),
            },
        };
        let limit = self.trace_limit(&source);
        let positions = self.codec().source_positions(&source);
        let mut state = self.start(&[&source.ids]);
        let mut trace = Trace {
            encoder: self.encoder_states(&source),
            initial: hidden_state(&state),
            source,
            first,
            steps: Vec::new(),
            finished: self.fixed_length().is_some(),
        };
        let mut read = first.unwrap_or(vocabulary.begin().unwrap_or(0));
        while trace.steps.len() < limit && (read as usize) < vocabulary.len() {
            let gates = self.0.network.gates(&state, &[read]);
            let step = self.step(&mut state, &[read]);
            let probabilities: Vec<f32> = step.log_probs.row(0).iter().map(|p| p.exp()).collect();
            let given = forced.get(trace.steps.len()).copied();
            let written =
                given.unwrap_or_else(|| self.most_probable(&probabilities, &trace.source));
            let attention = step.attention.map(|attention| {
                let mut weights = vec![0.0; trace.source.symbols.len()];
                for (&weight, position) in attention.row(0).iter().zip(&positions) {
                    if let Some(place) = position.and_then(|place| weights.get_mut(place)) {
                        *place += weight;
                    }
                }
                weights
            });
            let one = |rows: &Rows| rows.row(0).to_vec();
            trace.steps.push(TraceStep {
                read,
                written,
                forced: given.is_some(),
                probabilities,
                attention,
                state: hidden_state(&state),
                gates: gates.map(|gates| Gates {
                    input: one(&gates.input),
                    forget: one(&gates.forget),
                    candidate: one(&gates.candidate),
                    output: one(&gates.output),
                }),
            });
            if Some(written) == vocabulary.end() {
                trace.finished = true;
                break;
            }
            read = written;
        }
        trace
    }

    /// Symbols that are traced at most, end mark included.
    fn trace_limit(&self, source: &EncodedSource) -> usize {
        let limit = self.limit(&PredictOptions::default());
        let most = || limit.of(source.ids.len(), self.longest()).saturating_add(1);
        self.fixed_length().unwrap_or_else(most)
    }

    fn encoder_states(&self, source: &EncodedSource) -> Vec<Vec<f32>> {
        let states = self.0.network.source_states(&[&source.ids]);
        let rows = states.iter().flat_map(Rows::iter).map(<[f32]>::to_vec);
        rows.take(source.ids.len()).collect()
    }

    /// The first symbol of the model's best answer.
    fn likeliest_first(&self, text: &impl SourceText) -> u32 {
        let vocabulary = &self.codec().target.vocabulary;
        let asked = super::SourceWithFeatures {
            source: text.source(),
            features: text.features(),
        };
        let answers = self.predictor(PredictOptions::default());
        let answers = answers.map_or_else(|_| Vec::new(), |it| it.predict(&[asked]));
        let symbol = answers.first().and_then(|it| it.best().symbols.first());
        symbol.and_then(|it| vocabulary.id(it)).unwrap_or(0)
    }

    /// The most probable symbol that may be written: greedy decoding's choice.
    fn most_probable(&self, probabilities: &[f32], source: &EncodedSource) -> u32 {
        let vocabulary = &self.codec().target.vocabulary;
        let unknown = vocabulary.unknown();
        let unknown = unknown.filter(|&id| source.ids.copied_from(id).next().is_none());
        let allowed = |id: &u32| Some(*id) != vocabulary.begin() && Some(*id) != unknown;
        let ids = (0..probabilities.len() as u32).filter(allowed);
        let probability = |id: &u32| probabilities[*id as usize];
        // Of equally probable ones the first, as in the search.
        ids.rev()
            .max_by(|a, b| probability(a).total_cmp(&probability(b)))
            .unwrap_or(0)
    }
}

/// State of a recurrent decoder's highest layer, for the one sequence of a batch.
fn hidden_state(state: &NetworkState) -> Option<HiddenState> {
    let rows = state.highest()?;
    Some(HiddenState {
        h: rows.iter().next()?.to_vec(),
        c: rows.iter().nth(1).map(<[f32]>::to_vec),
    })
}
