//! Where the symbols of an output came from, by what the model looked at when it wrote them.

use serde::Serialize;

use super::Model;
use super::predictor::Input;
use crate::decoding::{Output, Span, Step, align_monotonically};

/// Which source symbols the symbols of an output came from.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Alignment {
    /// Symbols of the input.
    pub source: Vec<String>,
    /// Symbols of the output.
    pub target: Vec<String>,
    /// For each target symbol, first and last of its source symbols, counted from 0; none for a
    /// first symbol that the model was given.
    pub spans: Vec<Option<Span>>,
    /// Attention of each target symbol `[target, source]` on the source symbols.
    pub weights: Vec<Vec<f64>>,
}

impl Model {
    /// The output's symbols. One that was copied from a source symbol without an id is spelled like
    /// that: of several, the one that the model looked at most.
    pub(super) fn spelled(&self, input: &Input, output: &Output) -> Vec<String> {
        let codec = self.codec();
        let unknown = codec.target.vocabulary.unknown();
        let Some(unknown) = unknown.filter(|id| output.ids.contains(id)) else {
            return codec.target_symbols(&output.ids);
        };
        let source = &input.encoded.symbols;
        let positions = codec.source_positions(&input.encoded);
        let given = output.ids.len() - written(output).len();
        let copied = |place: usize| {
            let step = output.steps.get(place.checked_sub(given)?)?;
            let seen = |place: &usize| step.attention.get(*place).copied().unwrap_or(0.0);
            let places: Vec<usize> = input.encoded.ids.copied_from(unknown).collect();
            // Of places that were looked at alike, the first.
            let most = (places.iter().rev()).max_by(|a, b| seen(a).total_cmp(&seen(b)))?;
            source.get((*positions.get(*most)?)?)
        };
        let spell = |(place, &id): (usize, &u32)| {
            let copied = (id == unknown).then(|| copied(place)).flatten();
            copied.map_or_else(|| codec.target_symbols(&[id]), |it| vec![it.clone()])
        };
        output.ids.iter().enumerate().flat_map(spell).collect()
    }

    /// Makes the attention of an output's steps hard.
    pub(super) fn alignment(&self, input: &Input, target: &[String], output: &Output) -> Alignment {
        let source = input.encoded.symbols.clone();
        let positions = self.codec().source_positions(&input.encoded);
        let row = |step: &Step| {
            let mut row = vec![0.0; source.len()];
            for (&weight, position) in step.attention.iter().zip(&positions) {
                if let Some(position) = position {
                    row[*position] += f64::from(weight);
                }
            }
            row
        };
        let weights: Vec<Vec<f64>> = written(output).iter().map(row).collect();
        let given = target.len().saturating_sub(weights.len());
        let spans = align_monotonically(&weights).into_iter().map(Some);
        let mut spans: Vec<Option<Span>> = vec![None; given].into_iter().chain(spans).collect();
        spans.resize(target.len(), None);
        let mut all_weights = vec![vec![0.0; source.len()]; given];
        all_weights.extend(weights);
        Alignment {
            source,
            target: target.to_vec(),
            spans,
            weights: all_weights,
        }
    }
}

/// The steps that wrote a symbol: all but that of the end mark.
fn written(output: &Output) -> &[Step] {
    let end = usize::from(output.finished && !output.steps.is_empty());
    &output.steps[..output.steps.len() - end]
}
