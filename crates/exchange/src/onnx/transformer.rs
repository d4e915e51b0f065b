//! The Transformer as graphs of ONNX operators.
//!
//! A step carries the keys and values of the symbols written so far, `[batch, written, size]` for each
//! layer; before the first step there are none.

use seq2seq_runtime::settings::{ModelSettings, PositionKind, TransformerSettings};

use super::graph::{Axis, Graph};
use super::message::{AttributeProto, FLOAT};
use super::network::{Decoded, Encoded, Network, Port, SOURCE, Start};
use super::operators::{
    Pointer, cast, dense, layer_norm, places_of, pointer, softmax_of_lengths, softmax_where,
    zeros_without_time,
};

/// The axis of symbols that were written.
const WRITTEN: Axis = Axis::Named("written");
/// Longest wave length of positions, over 2 pi.
const BASE: f64 = 10_000.0;

/// A Transformer whose layers are written into graphs.
pub struct Transformer<'a> {
    settings: &'a TransformerSettings,
    copies: bool,
    target_symbols: usize,
}

/// Cosines and sines `[time, half a head]` by which queries and keys are turned.
struct Rotation {
    cosines: String,
    sines: String,
}

/// Keys and values, `[batch, time, size]`.
struct Memory<'a> {
    keys: &'a str,
    values: &'a str,
}

impl<'a> Transformer<'a> {
    /// A network of these settings that writes so many symbols.
    pub fn new(settings: &'a ModelSettings, target_symbols: usize) -> Self {
        Self {
            settings: &settings.transformer,
            copies: settings.copy,
            target_symbols,
        }
    }

    fn heads(&self) -> usize {
        self.settings.heads.max(1)
    }

    fn head_size(&self) -> usize {
        self.settings
            .model_size
            .checked_div(self.heads())
            .unwrap_or(1)
    }

    /// Vectors `[batch, time, size]` of symbols at these places `[time]`.
    fn embed(&self, graph: &mut Graph, side: &str, ids: &str, places: &str) -> String {
        let table = graph.weight(&format!("{side}_embedding"));
        let vectors = graph.node("Gather", &[&table, ids], &[]);
        let scale = graph.floats(
            "scale of vectors",
            &[1],
            &[(self.settings.model_size as f32).sqrt()],
        );
        let vectors = graph.node("Mul", &[&vectors, &scale], &[]);
        match self.settings.positions {
            PositionKind::Rotary => vectors,
            PositionKind::Learned => {
                let name = format!("{side}_positions.table");
                let last = graph.matrix(&name).shape[0].saturating_sub(1);
                let (table, last) = (graph.weight(&name), graph.integer(last as i64));
                let places = graph.node("Min", &[places, &last], &[]);
                let positions = graph.node("Gather", &[&table, &places], &[]);
                graph.sum(&vectors, &positions)
            }
            PositionKind::Sinusoidal => {
                let size = self.settings.model_size;
                let angles = angles(graph, places, size.div_ceil(2));
                let sines = graph.node("Sin", &[&angles], &[]);
                let cosines = graph.node("Cos", &[&angles], &[]);
                let axis = AttributeProto::int("axis", -1);
                let mut both = graph.node("Concat", &[&sines, &cosines], &[axis]);
                if !size.is_multiple_of(2) {
                    // An odd size leaves the last cosine out.
                    let bounds = [&[0][..], &[size as i64], &[-1]].map(|it| graph.integers(it));
                    let [start, end, axis] = &bounds;
                    both = graph.node("Slice", &[&both, start, end, axis], &[]);
                }
                graph.sum(&vectors, &both)
            }
        }
    }

    fn rotation(&self, graph: &mut Graph, places: &str) -> Option<Rotation> {
        if self.settings.positions != PositionKind::Rotary {
            return None;
        }
        let half = self.head_size().checked_div(2).unwrap_or(1);
        let angles = angles(graph, places, half);
        Some(Rotation {
            cosines: graph.node("Cos", &[&angles], &[]),
            sines: graph.node("Sin", &[&angles], &[]),
        })
    }

    /// `[batch, time, size]` as `[batch, heads, time, head size]`.
    fn cut(&self, graph: &mut Graph, value: &str) -> String {
        let heads = self.heads() as i64;
        let value = graph.reshaped(value, &[0, 0, heads, self.head_size() as i64]);
        graph.transposed(&value, &[0, 2, 1, 3])
    }

    /// `[batch, heads, time, head size]` as `[batch, time, size]`.
    fn joined(&self, graph: &mut Graph, value: &str) -> String {
        let value = graph.transposed(value, &[0, 2, 1, 3]);
        graph.reshaped(&value, &[0, 0, self.settings.model_size as i64])
    }

    /// Turns each head of `[batch, time, size]`.
    fn turned(&self, graph: &mut Graph, value: &str, rotation: Option<&Rotation>) -> String {
        let Some(Rotation { cosines, sines }) = rotation else {
            return value.to_owned();
        };
        let value = self.cut(graph, value);
        let axis = AttributeProto::int("axis", -1);
        let [first, second] = graph.nodes("Split", &[&value], std::slice::from_ref(&axis));
        let mut part = |[a, b]: [&str; 2], op: &str| {
            let kept = graph.node("Mul", &[a, cosines], &[]);
            let crossed = graph.node("Mul", &[b, sines], &[]);
            graph.node(op, &[&kept, &crossed], &[])
        };
        let parts = [
            part([&first, &second], "Sub"),
            part([&second, &first], "Add"),
        ];
        let turned = graph.node("Concat", &[&parts[0], &parts[1]], &[axis]);
        self.joined(graph, &turned)
    }

    fn keys(
        &self,
        graph: &mut Graph,
        name: &str,
        rows: &str,
        rotation: Option<&Rotation>,
    ) -> String {
        let keys = dense(graph, rows, &format!("{name}.key"));
        self.turned(graph, &keys, rotation)
    }

    /// What rows `[batch, time, size]` read from a memory, and the weights `[batch, heads, time, places]`
    /// with which they do. `masked` makes weights of scores.
    fn attend(
        &self,
        graph: &mut Graph,
        name: &str,
        (rows, rotation): (&str, Option<&Rotation>),
        memory: Memory,
        masked: impl FnOnce(&mut Graph, &str) -> String,
    ) -> (String, String) {
        let queries = dense(graph, rows, &format!("{name}.query"));
        let queries = self.turned(graph, &queries, rotation);
        let scale = 1.0 / (self.head_size() as f32).sqrt();
        let scale = graph.floats("scale of queries", &[1], &[scale]);
        let queries = graph.node("Mul", &[&queries, &scale], &[]);
        let queries = self.cut(graph, &queries);
        let (keys, values) = (self.cut(graph, memory.keys), self.cut(graph, memory.values));
        let keys = graph.transposed(&keys, &[0, 1, 3, 2]);
        let scores = graph.node("MatMul", &[&queries, &keys], &[]);
        let weights = masked(graph, &scores);
        let read = graph.node("MatMul", &[&weights, &values], &[]);
        let read = self.joined(graph, &read);
        (dense(graph, &read, &format!("{name}.output")), weights)
    }

    /// The feed-forward network of a layer, added to its input.
    fn feed_forward(&self, graph: &mut Graph, name: &str, rows: &str) -> String {
        let normed = layer_norm(graph, &format!("{name}.feed_forward_norm"), rows);
        let hidden = dense(graph, &normed, &format!("{name}.feed_forward.inner"));
        let hidden = graph.node("Relu", &[&hidden], &[]);
        let output = dense(graph, &hidden, &format!("{name}.feed_forward.outer"));
        graph.sum(rows, &output)
    }

    fn scores(&self, graph: &mut Graph, rows: &str) -> String {
        if !self.settings.tied_output {
            return dense(graph, rows, "output");
        }
        let table = graph.weight("target_embedding");
        let kernel = graph.transposed(&table, &[1, 0]);
        graph.node("MatMul", &[rows, &kernel], &[])
    }
}

impl Network for Transformer<'_> {
    fn states(&self) -> Vec<Port> {
        let size = self.settings.model_size;
        let layers = 0..self.settings.decoder_layers();
        let ports = layers.flat_map(|layer| {
            ["keys", "values"]
                .map(|kind| Port::sequence(format!("state.{layer}.{kind}"), WRITTEN, size))
        });
        ports.collect()
    }

    fn memory(&self, _: &Graph) -> Vec<Port> {
        let size = self.settings.model_size;
        let layers = 0..self.settings.decoder_layers();
        let ports = layers.flat_map(|layer| {
            ["keys", "values"].map(|kind| Port::sequence(format!("{kind}.{layer}"), SOURCE, size))
        });
        let states = self.copies.then(|| Port::sequence("states", SOURCE, size));
        ports.chain(states).collect()
    }

    fn reads_whole_targets(&self) -> bool {
        true
    }

    fn encode(&self, graph: &mut Graph, source: &str, lengths: &str) -> Encoded {
        let none = graph.integer(0);
        let places = places_of(graph, source, 1, &none);
        let rotation = self.rotation(graph, &places);
        let rotation = rotation.as_ref();
        let mut rows = self.embed(graph, "source", source, &places);
        for layer in 0..self.settings.encoder_layers() {
            let name = format!("encoder.{layer}");
            let normed = layer_norm(graph, &format!("{name}.attention_norm"), &rows);
            let attention = format!("{name}.attention");
            let keys = self.keys(graph, &attention, &normed, rotation);
            let values = dense(graph, &normed, &format!("{attention}.value"));
            let memory = Memory {
                keys: &keys,
                values: &values,
            };
            let (read, _) = self.attend(
                graph,
                &attention,
                (&normed, rotation),
                memory,
                |graph, scores| softmax_of_lengths(graph, scores, lengths, 3),
            );
            rows = graph.sum(&rows, &read);
            rows = self.feed_forward(graph, &name, &rows);
        }
        let rows = layer_norm(graph, "encoder_norm", &rows);
        let (mut states, mut memory) = (Vec::new(), Vec::new());
        for layer in 0..self.settings.decoder_layers() {
            let attention = format!("decoder.{layer}.source_attention");
            memory.push(self.keys(graph, &attention, &rows, rotation));
            memory.push(dense(graph, &rows, &format!("{attention}.value")));
            let none = zeros_without_time(graph, &rows);
            states.extend([none.clone(), none]);
        }
        if self.copies {
            memory.push(rows);
        }
        Encoded { states, memory }
    }

    fn decode(&self, graph: &mut Graph, written: &str, start: Start) -> Decoded {
        let past = match start.states.first() {
            Some(keys) => {
                let shape = graph.node("Shape", &[keys], &[]);
                let time = graph.integer(1);
                graph.node("Gather", &[&shape, &time], &[])
            }
            None => graph.integer(0),
        };
        let places = places_of(graph, written, 1, &past);
        let rotation = self.rotation(graph, &places);
        let rotation = rotation.as_ref();
        let input = self.embed(graph, "target", written, &places);
        let mut rows = input.clone();
        let (mut next, mut attention) = (Vec::new(), None);
        for layer in 0..self.settings.decoder_layers() {
            let name = format!("decoder.{layer}");
            let part = |parts: &'_ [String], place: usize| {
                let first = layer.saturating_mul(2);
                parts.get(first.saturating_add(place)).cloned()
            };
            let normed = layer_norm(graph, &format!("{name}.own_norm"), &rows);
            let own = format!("{name}.own_attention");
            let new = [
                self.keys(graph, &own, &normed, rotation),
                dense(graph, &normed, &format!("{own}.value")),
            ];
            let mut place = 0;
            let [keys, values] = new.map(|new| {
                let past = part(start.states, place);
                place = 1;
                match past {
                    Some(past) => {
                        let axis = AttributeProto::int("axis", 1);
                        graph.node("Concat", &[&past, &new], &[axis])
                    }
                    None => new,
                }
            });
            let memory = Memory {
                keys: &keys,
                values: &values,
            };
            let (read, _) =
                self.attend(graph, &own, (&normed, rotation), memory, |graph, scores| {
                    softmax_of_the_past(graph, scores, &places)
                });
            rows = graph.sum(&rows, &read);
            let normed = layer_norm(graph, &format!("{name}.source_norm"), &rows);
            let [source_keys, source_values] =
                [0, 1].map(|place| part(start.memory, place).unwrap_or_default());
            let memory = Memory {
                keys: &source_keys,
                values: &source_values,
            };
            let of_source = format!("{name}.source_attention");
            let (read, weights) = self.attend(
                graph,
                &of_source,
                (&normed, rotation),
                memory,
                |graph, scores| softmax_of_lengths(graph, scores, start.lengths, 3),
            );
            rows = graph.sum(&rows, &read);
            rows = self.feed_forward(graph, &name, &rows);
            next.extend([keys, values]);
            attention = Some(weights);
        }
        let rows = layer_norm(graph, "decoder_norm", &rows);
        let last = graph.integer(-1);
        let of_last = |graph: &mut Graph, value: &str, axis: i64| {
            graph.node(
                "Gather",
                &[value, &last],
                &[AttributeProto::int("axis", axis)],
            )
        };
        let row = of_last(graph, &rows, 1);
        let attention = attention.map(|weights| {
            // [batch, heads, time, source]: the last step, its heads averaged.
            let weights = of_last(graph, &weights, 2);
            let axes = AttributeProto::ints("axes", &[1]);
            let keep = AttributeProto::int("keepdims", 0);
            graph.node("ReduceMean", &[&weights], &[axes, keep])
        });
        let mut scores = self.scores(graph, &row);
        if let (Some(copied), Some(weights), Some(states)) =
            (start.copied, &attention, start.memory.last())
        {
            let looked = graph.with_axis(weights, 1);
            let context = graph.node("MatMul", &[&looked, states], &[]);
            let context = graph.without_axis(&context, 1);
            let input = of_last(graph, &input, 1);
            let pointed = Pointer {
                hidden: &row,
                context: &context,
                input: &input,
                weights,
                copied,
            };
            scores = pointer(graph, &scores, self.target_symbols, &pointed);
        }
        let axis = AttributeProto::int("axis", -1);
        Decoded {
            log_probabilities: graph.node("LogSoftmax", &[&scores], &[axis]),
            states: next,
            attention,
        }
    }
}

/// Angles `[time, pairs]`: places times the frequency of each pair of numbers.
fn angles(graph: &mut Graph, places: &str, pairs: usize) -> String {
    let frequency = |pair: usize| BASE.powf(-(pair as f64) / pairs as f64) as f32;
    let frequencies: Vec<f32> = (0..pairs).map(frequency).collect();
    let frequencies = graph.floats(&format!("frequencies of {pairs}"), &[pairs], &frequencies);
    let places = cast(graph, places, FLOAT);
    let places = graph.with_axis(&places, 1);
    graph.node("Mul", &[&places, &frequencies], &[])
}

/// Softmax of scores `[batch, heads, time, keys]` over keys that are no later than their query, whose
/// places `[time]` are given.
fn softmax_of_the_past(graph: &mut Graph, scores: &str, places: &str) -> String {
    let none = graph.integer(0);
    let keys = places_of(graph, scores, 3, &none);
    let places = graph.with_axis(places, 1);
    let seen = graph.node("LessOrEqual", &[&keys, &places], &[]);
    softmax_where(graph, scores, &seen)
}
