//! Hard monotonic attention as graphs of ONNX operators.
//!
//! A step carries the decoder's states, the distribution over positions from which the last symbol may be
//! written, and the probability of each symbol at each position. The symbol that was chosen then tells the
//! position anew, as the forward algorithm does.

use seq2seq_runtime::settings::ModelSettings;

use super::graph::Graph;
use super::message::{AttributeProto, FLOAT};
use super::network::{BATCH, Decoded, Encoded, Network, Port, SOURCE, Start};
use super::operators::{
    cast, dense, last_axis, one_hot_of_copied, places_of, places_within, softmax_where,
};
use super::recurrent::{Cell, layer_of};

/// Probabilities below this count as this: it keeps logarithms finite.
const TINY: f32 = 1e-30;

/// A network with hard monotonic attention whose layers are written into graphs.
pub struct Monotonic<'a> {
    settings: &'a ModelSettings,
    target_symbols: usize,
}

impl<'a> Monotonic<'a> {
    /// A network of these settings that writes so many symbols.
    pub fn new(settings: &'a ModelSettings, target_symbols: usize) -> Self {
        Self {
            settings,
            target_symbols,
        }
    }

    fn kinds(&self) -> usize {
        Cell::of(self.settings.cell).states()
    }

    /// The decoder's first states: the first layer's from a summary of the source, the others zero.
    fn first_states(&self, graph: &mut Graph, states: &str) -> Vec<String> {
        let (kinds, units) = (self.kinds(), self.settings.decoder_units());
        let first = graph.integer(0);
        let axis = AttributeProto::int("axis", 1);
        let read = graph.node("Gather", &[states, &first], &[axis]);
        let mut parts = Vec::new();
        if graph.has("summary.kernel") {
            let summary = dense(graph, &read, "summary");
            let summary = graph.node("Tanh", &[&summary], &[]);
            for state in 0..kinds {
                let start = state.saturating_mul(units);
                let bounds =
                    [start, start.saturating_add(units)].map(|it| graph.integers(&[it as i64]));
                let axis = graph.integers(&[-1]);
                let operands = [summary.as_str(), &bounds[0], &bounds[1], &axis];
                parts.push(graph.node("Slice", &operands, &[]));
            }
        }
        let wanted = kinds.saturating_mul(self.settings.monotonic.decoder_layers);
        if parts.len() < wanted {
            let columns = read_width(graph);
            let zeros = graph.floats(
                "zeros",
                &[columns, units],
                &vec![0.0; columns.saturating_mul(units)],
            );
            let zero = graph.node("MatMul", &[&read, &zeros], &[]);
            parts.resize(wanted, zero);
        }
        parts
    }

    /// The position of the last symbol, `[batch, source]`: where it may have been written from, weighted by
    /// how probable it was there.
    fn position(&self, graph: &mut Graph, filter: &str, emitted: &str, last: &str) -> String {
        let depth = graph.integer(self.target_symbols as i64);
        let values = graph.floats("zero and one", &[2], &[0.0, 1.0]);
        let chosen = graph.node("OneHot", &[last, &depth, &values], &[]);
        let chosen = graph.with_axis(&chosen, 2);
        let probability = graph.node("MatMul", &[emitted, &chosen], &[]);
        let probability = graph.without_axis(&probability, 2);
        let tiny = graph.floats("tiny", &[], &[TINY]);
        let probability = graph.node("Max", &[&probability, &tiny], &[]);
        let joint = graph.node("Mul", &[filter, &probability], &[]);
        let axes = graph.integers(&[-1]);
        let sum = graph.node("ReduceSum", &[&joint, &axes], &[]);
        graph.node("Div", &[&joint, &sum], &[])
    }

    /// The position of the next symbol, `[batch, source]`, for the decoder's output `[batch, units]`.
    fn advance(&self, graph: &mut Graph, position: &str, hidden: &str, start: Start) -> String {
        let settings = &self.settings.monotonic;
        let content = start.memory.first().map_or("", String::as_str);
        let query = graph.with_axis(hidden, 1);
        let keys = graph.transposed(content, &[0, 2, 1]);
        // [batch, 1, to].
        let mut scores = graph.node("MatMul", &[&query, &keys], &[]);
        let none = graph.integer(0);
        let to = places_of(graph, content, 1, &none);
        let from = graph.with_axis(&to, 1);
        let distance = graph.node("Sub", &[&to, &from], &[]);
        if settings.order == 1 {
            let window = settings.window as i64;
            let least = graph.integer(if settings.monotonic {
                0
            } else {
                window.saturating_neg()
            });
            let most = graph.integer(window);
            let jump = graph.node("Clip", &[&distance, &least, &most], &[]);
            let shift = graph.integer(if settings.monotonic { 0 } else { window });
            let jump = graph.sum(&jump, &shift);
            let jumps = dense(graph, hidden, "alignment.jump");
            // [batch, from, to].
            let jumps = graph.node(
                "Gather",
                &[&jumps, &jump],
                &[AttributeProto::int("axis", 1)],
            );
            scores = graph.sum(&scores, &jumps);
        }
        let mut allowed = places_within(graph, &to, start.lengths, 1);
        if settings.monotonic {
            let ahead = graph.node("GreaterOrEqual", &[&distance, &none], &[]);
            allowed = graph.node("And", &[&allowed, &ahead], &[]);
        }
        // Where nothing depends on the place before, all places before have the same scores.
        let shape = graph.node("Shape", &[&distance], &[]);
        let ones = graph.floats("one", &[], &[1.0]);
        let ones = graph.node("Expand", &[&ones, &shape], &[]);
        let zeros = graph.node("Sub", &[&ones, &ones], &[]);
        let scores = graph.sum(&scores, &zeros);
        let moves = softmax_where(graph, &scores, &allowed);
        let position = graph.with_axis(position, 1);
        let next = graph.node("MatMul", &[&position, &moves], &[]);
        graph.without_axis(&next, 1)
    }

    /// The probability of each symbol at each position, `[batch, source, symbols]`.
    ///
    /// A model that copies has one more action: to take over the symbol at the position.
    fn emission(
        &self,
        graph: &mut Graph,
        hidden: &str,
        places: &str,
        copied: Option<&str>,
    ) -> String {
        let own = dense(graph, hidden, "emission.decoder");
        let own = graph.with_axis(&own, 1);
        let sums = graph.sum(places, &own);
        let units = graph.node("Tanh", &[&sums], &[]);
        let scores = dense(graph, &units, "emission.output");
        let axis = AttributeProto::int("axis", -1);
        let Some(copied) = copied else {
            return graph.node("Softmax", &[&scores], &[axis]);
        };
        let symbols = self.target_symbols as i64;
        let written = last_axis(graph, &scores, 0, symbols);
        let copy = last_axis(graph, &scores, symbols, i64::MAX);
        let none = graph.integer(0);
        let can_copy = graph.node("GreaterOrEqual", &[copied, &none], &[]);
        let can_copy = graph.with_axis(&can_copy, 2);
        let never = graph.floats("never", &[], &[-1e30]);
        let copy = graph.node("Where", &[&can_copy, &copy, &never], &[]);
        let actions = graph.node("Concat", &[&written, &copy], std::slice::from_ref(&axis));
        let actions = graph.node("Softmax", &[&actions], &[axis]);
        let written = last_axis(graph, &actions, 0, symbols);
        let copy = last_axis(graph, &actions, symbols, i64::MAX);
        let own = one_hot_of_copied(graph, copied, self.target_symbols);
        let copy = graph.node("Mul", &[&copy, &own], &[]);
        graph.sum(&written, &copy)
    }
}

impl Network for Monotonic<'_> {
    fn states(&self) -> Vec<Port> {
        let units = self.settings.decoder_units();
        let names: &[&str] = match self.kinds() {
            2 => &["h", "c"],
            _ => &["h"],
        };
        let layers = 0..self.settings.monotonic.decoder_layers;
        let layers = layers.flat_map(|layer| {
            names
                .iter()
                .map(move |kind| Port::vector(format!("state.{layer}.{kind}"), units))
        });
        let position = Port {
            name: "position".to_owned(),
            shape: vec![BATCH, SOURCE],
        };
        let emitted = Port::sequence("emitted", SOURCE, self.target_symbols);
        layers.chain([position, emitted]).collect()
    }

    fn memory(&self, graph: &Graph) -> Vec<Port> {
        let hidden = graph.matrix("emission.encoder.kernel").shape[1];
        vec![
            Port::sequence("content", SOURCE, self.settings.decoder_units()),
            Port::sequence("places", SOURCE, hidden),
        ]
    }

    /// The forward algorithm goes from symbol to symbol.
    fn reads_whole_targets(&self) -> bool {
        false
    }

    fn encode(&self, graph: &mut Graph, source: &str, lengths: &str) -> Encoded {
        let ids = graph.transposed(source, &[1, 0]);
        let table = graph.weight("source_embedding");
        let mut below = graph.node("Gather", &[&table, &ids], &[]);
        let lengths_32 = cast(graph, lengths, super::message::INT32);
        for number in 0..self.settings.monotonic.encoder_layers {
            let names = ["forward", "backward"].map(|way| format!("encoder.{way}.{number}"));
            let cell = Cell::of(self.settings.cell);
            below = layer_of(graph, &cell, &names, None, &below, Some(&lengths_32), None).sequence;
        }
        // [batch, source, both directions].
        let states = graph.transposed(&below, &[1, 0, 2]);
        let mut first = self.first_states(graph, &states);
        let content = dense(graph, &states, "alignment.content");
        let places = dense(graph, &states, "emission.encoder");
        // Before the first symbol the alignment stands at the first position, whatever is read there.
        let none = graph.integer(0);
        let numbers = places_of(graph, source, 1, &none);
        let is_first = graph.node("Equal", &[&numbers, &none], &[]);
        let is_first = cast(graph, &is_first, FLOAT);
        let shape = graph.node("Shape", &[source], &[]);
        first.push(graph.node("Expand", &[&is_first, &shape], &[]));
        let symbols = graph.integers(&[self.target_symbols as i64]);
        let shape = graph.node(
            "Concat",
            &[&shape, &symbols],
            &[AttributeProto::int("axis", 0)],
        );
        let one = graph.floats("one", &[], &[1.0]);
        first.push(graph.node("Expand", &[&one, &shape], &[]));
        Encoded {
            states: first,
            memory: vec![content, places],
        }
    }

    fn decode(&self, graph: &mut Graph, written: &str, start: Start) -> Decoded {
        let kinds = self.kinds();
        let count = kinds.saturating_mul(self.settings.monotonic.decoder_layers);
        let part = |place: usize| start.states.get(place).map_or("", String::as_str);
        let last = graph.without_axis(written, 1);
        let position = self.position(graph, part(count), part(count.saturating_add(1)), &last);
        let ids = graph.transposed(written, &[1, 0]);
        let table = graph.weight("target_embedding");
        let mut below = graph.node("Gather", &[&table, &ids], &[]);
        let mut next = Vec::new();
        for number in 0..self.settings.monotonic.decoder_layers {
            let first = number.saturating_mul(kinds);
            let states = start.states.get(first..first.saturating_add(kinds));
            let names = [format!("decoder.{number}")];
            let cell = Cell::of(self.settings.cell);
            let output = layer_of(graph, &cell, &names, None, &below, None, states);
            below = output.sequence;
            next.extend(output.finals);
        }
        // [1, batch, units] of the one step.
        let hidden = graph.without_axis(&below, 0);
        let filter = self.advance(graph, &position, &hidden, start);
        let places = start.memory.get(1).map_or("", String::as_str);
        let emitted = self.emission(graph, &hidden, places, start.copied);
        let weights = graph.with_axis(&filter, 1);
        let mixed = graph.node("MatMul", &[&weights, &emitted], &[]);
        let mixed = graph.without_axis(&mixed, 1);
        let tiny = graph.floats("tiny", &[], &[TINY]);
        let mixed = graph.node("Max", &[&mixed, &tiny], &[]);
        let log_probabilities = graph.node("Log", &[&mixed], &[]);
        next.extend([filter.clone(), emitted]);
        Decoded {
            log_probabilities,
            states: next,
            attention: Some(filter),
        }
    }
}

fn read_width(graph: &Graph) -> usize {
    graph.matrix("alignment.content.kernel").shape[0]
}
