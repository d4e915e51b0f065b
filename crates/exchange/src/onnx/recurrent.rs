//! The recurrent network as graphs of ONNX operators.

use seq2seq_runtime::settings::{AttentionKind, BridgeKind, CellKind, Embedding, ModelSettings};

use super::graph::{Graph, Matrix};
use super::message::{AttributeProto, INT32};
use super::network::{Decoded, Encoded, Network, Port, SOURCE, Start};
use super::operators::{Pointer, cast, dense, layer_norm, pointer, softmax_of_lengths};

/// What a decoder looks at of the source.
struct Memory<'a> {
    keys: &'a str,
    values: &'a str,
    lengths: &'a str,
}

/// A recurrent network whose layers are written into graphs.
pub struct Recurrent<'a> {
    settings: &'a ModelSettings,
    symbols: [usize; 2],
}

/// What a recurrent layer gives.
pub struct LayerOutput {
    /// `[time, batch, width]`.
    pub sequence: String,
    /// h, and c of an LSTM: `[batch, width]`.
    pub finals: Vec<String>,
}

impl<'a> Recurrent<'a> {
    /// A network with so many source and target symbols.
    pub fn new(settings: &'a ModelSettings, symbols: [usize; 2]) -> Self {
        Self { settings, symbols }
    }

    /// Width of the keys and values of attention, if there is attention.
    fn memory_widths(&self, graph: &Graph) -> Option<[usize; 2]> {
        let width = self.settings.encoder_width();
        let columns = |name: &str| match graph.has(name) {
            true => graph.matrix(name).shape[1],
            false => width,
        };
        self.settings.has_attention().then(|| {
            [
                columns("decoder.attention.key"),
                columns("decoder.attention.value"),
            ]
        })
    }

    /// The decoder's first states, from the last ones of the encoder's layers.
    fn bridge(&self, graph: &mut Graph, finals: &[Vec<String>]) -> Vec<String> {
        let layers = self.settings.decoder_layers;
        let mut states = Vec::new();
        for layer in 0..layers {
            let from = finals.len().saturating_add(layer).saturating_sub(layers);
            for (number, state) in finals.get(from).into_iter().flatten().enumerate() {
                let name = format!("bridge.layers.{layer}.states.{number}");
                let kernel = format!("{name}.kernel");
                if !graph.has(&kernel) {
                    states.push(state.clone());
                    continue;
                }
                let passed = dense(graph, state, &name);
                states.push(match self.settings.bridge {
                    BridgeKind::Tanh => graph.node("Tanh", &[&passed], &[]),
                    _ => passed,
                });
            }
        }
        if let Some(first) = states
            .first()
            .filter(|_| self.settings.input_feeding)
            .cloned()
        {
            // Nothing was written yet.
            states.push(graph.node("Sub", &[&first, &first], &[]));
        }
        states
    }

    fn scores(&self, graph: &mut Graph, vectors: &str) -> String {
        let mut vectors = vectors.to_owned();
        if graph.has("output.projection") {
            vectors = graph.product(&vectors, "output.projection");
        }
        let scores = match graph.has("output.kernel") {
            true => graph.product(&vectors, "output.kernel"),
            false => {
                let table = graph.weight("target_embedding");
                let kernel = graph.transposed(&table, &[1, 0]);
                graph.node("MatMul", &[&vectors, &kernel], &[])
            }
        };
        let bias = graph.weight("output.bias");
        graph.sum(&scores, &bias)
    }

    /// The vectors of symbols `[time, batch]`: from a table, or one-hot.
    fn vectors(&self, graph: &mut Graph, ids: &str, table: Option<&str>, symbols: usize) -> String {
        let table = table.filter(|_| matches!(self.settings.embedding, Embedding::Size(_)));
        if let Some(table) = table {
            let table = graph.weight(table);
            return graph.node("Gather", &[&table, ids], &[]);
        }
        let depth = graph.integer(symbols as i64);
        let values = graph.floats("zero and one", &[2], &[0.0, 1.0]);
        graph.node("OneHot", &[ids, &depth, &values], &[])
    }

    /// Layer normalization and the residual connection, where the network has them.
    fn finish(&self, graph: &mut Graph, norm: &str, output: String, input: Option<&str>) -> String {
        let output = match graph.has(&format!("{norm}.gain")) {
            true => layer_norm(graph, norm, &output),
            false => output,
        };
        match input.filter(|_| self.settings.residual) {
            Some(input) => graph.sum(&output, input),
            None => output,
        }
    }

    /// The context `[batch, 1, width]` and the weights `[batch, source time]` of queries
    /// `[batch, 1, units]`.
    fn attend(&self, graph: &mut Graph, queries: &str, memory: &Memory) -> (String, String) {
        let queries = match graph.has("decoder.attention.query") {
            true => graph.product(queries, "decoder.attention.query"),
            false => queries.to_owned(),
        };
        match self.settings.attention {
            AttentionKind::Concat | AttentionKind::Additive => {
                self.compare(graph, &queries, memory)
            }
            AttentionKind::MultiHead => self.multiply_heads(graph, &queries, memory),
            _ => {
                let keys = graph.transposed(memory.keys, &[0, 2, 1]);
                let scores = graph.node("MatMul", &[&queries, &keys], &[]);
                let weights = softmax_of_lengths(graph, &scores, memory.lengths, 2);
                let context = graph.node("MatMul", &[&weights, memory.values], &[]);
                (context, graph.without_axis(&weights, 1))
            }
        }
    }

    fn compare(&self, graph: &mut Graph, queries: &str, memory: &Memory) -> (String, String) {
        let mut queries = queries.to_owned();
        if graph.has("decoder.attention.bias") {
            let bias = graph.weight("decoder.attention.bias");
            queries = graph.sum(&queries, &bias);
        }
        // [batch, 1, units] and [batch, source time, units].
        let sum = graph.sum(memory.keys, &queries);
        let hidden = graph.node("Tanh", &[&sum], &[]);
        let scores = graph.product(&hidden, "decoder.attention.score");
        let scores = graph.transposed(&scores, &[0, 2, 1]);
        let weights = softmax_of_lengths(graph, &scores, memory.lengths, 2);
        let context = graph.node("MatMul", &[&weights, memory.values], &[]);
        (context, graph.without_axis(&weights, 1))
    }

    fn multiply_heads(
        &self,
        graph: &mut Graph,
        queries: &str,
        memory: &Memory,
    ) -> (String, String) {
        let heads = self.settings.attention_heads.max(1);
        let of_head = self
            .settings
            .attention_units()
            .checked_div(heads)
            .unwrap_or(1);
        // [batch, heads, time, units of a head].
        let mut cut = |value: &str| {
            let value = graph.reshaped(value, &[0, 0, heads as i64, -1]);
            graph.transposed(&value, &[0, 2, 1, 3])
        };
        let (queries, keys, values) = (cut(queries), cut(memory.keys), cut(memory.values));
        let keys = graph.transposed(&keys, &[0, 1, 3, 2]);
        let scores = graph.node("MatMul", &[&queries, &keys], &[]);
        let scale = 1.0 / (of_head as f32).sqrt();
        let scale = graph.floats("scale of a head", &[1], &[scale]);
        let scores = graph.node("Mul", &[&scores, &scale], &[]);
        let weights = softmax_of_lengths(graph, &scores, memory.lengths, 3);
        let contexts = graph.node("MatMul", &[&weights, &values], &[]);
        let contexts = graph.transposed(&contexts, &[0, 2, 1, 3]);
        let context = graph.reshaped(&contexts, &[0, 0, -1]);
        let axes = AttributeProto::ints("axes", &[1]);
        let keep = AttributeProto::int("keepdims", 0);
        let mean = graph.node("ReduceMean", &[&weights], &[axes, keep]);
        (context, graph.without_axis(&mean, 1))
    }
}

impl Network for Recurrent<'_> {
    fn states(&self) -> Vec<Port> {
        let width = self.settings.decoder_units();
        let kinds: &[&str] = match self.settings.cell {
            CellKind::Lstm => &["h", "c"],
            _ => &["h"],
        };
        let layers = 0..self.settings.decoder_layers;
        let names = layers.flat_map(|layer| {
            let name = move |kind: &&str| format!("state.{layer}.{kind}");
            kinds.iter().map(name)
        });
        let fed = self
            .settings
            .input_feeding
            .then(|| "attentional".to_owned());
        let names = names.chain(fed);
        names.map(|name| Port::vector(name, width)).collect()
    }

    fn memory(&self, graph: &Graph) -> Vec<Port> {
        let widths = self.memory_widths(graph);
        let ports = widths.map(|[keys, values]| {
            [
                Port::sequence("keys", SOURCE, keys),
                Port::sequence("values", SOURCE, values),
            ]
        });
        ports.into_iter().flatten().collect()
    }

    fn reads_whole_targets(&self) -> bool {
        !self.settings.input_feeding
    }

    fn encode(&self, graph: &mut Graph, source: &str, lengths: &str) -> Encoded {
        let ids = graph.transposed(source, &[1, 0]);
        let table = ["source_embedding", "target_embedding"];
        let table = table.into_iter().find(|name| graph.has(name));
        let mut below = self.vectors(graph, &ids, table, self.symbols[0]);
        let lengths_32 = cast(graph, lengths, INT32);
        let mut finals = Vec::new();
        for layer in 0..self.settings.encoder_layers {
            let name = format!("encoder.layers.{layer}");
            let directions: &[&str] = match self.settings.bidirectional {
                true => &["forward", "backward"],
                false => &["forward"],
            };
            let names: Vec<String> = directions.iter().map(|d| format!("{name}.{d}")).collect();
            let cell = Cell::of(self.settings.cell);
            let output = layer_of(graph, &cell, &names, None, &below, Some(&lengths_32), None);
            let input = (layer > 0).then_some(below.as_str());
            below = self.finish(graph, &format!("{name}.norm"), output.sequence, input);
            finals.push(output.finals);
        }
        let states = self.bridge(graph, &finals);
        let mut memory = Vec::new();
        if self.settings.has_attention() {
            let states = graph.transposed(&below, &[1, 0, 2]);
            let projected = |name: &str| match graph.has(name) {
                true => graph.product(&states, name),
                false => states.clone(),
            };
            memory.extend(["decoder.attention.key", "decoder.attention.value"].map(projected));
        }
        Encoded { states, memory }
    }

    fn decode(&self, graph: &mut Graph, written: &str, start: Start) -> Decoded {
        let states = start.states;
        let memory = match start.memory {
            [keys, values] => Some(Memory {
                keys,
                values,
                lengths: start.lengths,
            }),
            _ => None,
        };
        let ids = graph.transposed(written, &[1, 0]);
        let table = graph.has("target_embedding").then_some("target_embedding");
        let input = self.vectors(graph, &ids, table, self.symbols[1]);
        let mut below = input.clone();
        let kinds = Cell::of(self.settings.cell).states();
        let fed = states.last().filter(|_| self.settings.input_feeding);
        if let Some(fed) = fed {
            // One step: the last result of attention is a part of the input.
            let fed = graph.with_axis(fed, 0);
            below = graph.node(
                "Concat",
                &[&below, &fed],
                &[AttributeProto::int("axis", -1)],
            );
        }
        let mut next = Vec::new();
        for layer in 0..self.settings.decoder_layers {
            let name = format!("decoder.layers.{layer}");
            let start = layer.saturating_mul(kinds);
            let start = states.get(start..start.saturating_add(kinds));
            let feed = (layer == 0 && fed.is_some()).then_some("decoder.feed_kernel");
            let names = [format!("{name}.recurrent")];
            let cell = Cell::of(self.settings.cell);
            let output = layer_of(graph, &cell, &names, feed, &below, None, start);
            let input = (layer > 0).then_some(below.as_str());
            below = self.finish(graph, &format!("{name}.norm"), output.sequence, input);
            next.extend(output.finals);
        }
        // [batch, 1, units] of the last step.
        let last = graph.integers(&[-1]);
        let hidden = graph.node(
            "Gather",
            &[&below, &last],
            &[AttributeProto::int("axis", 0)],
        );
        let hidden = graph.transposed(&hidden, &[1, 0, 2]);
        let (vectors, looked) = match &memory {
            None => (hidden.clone(), None),
            Some(memory) => {
                let (context, weights) = self.attend(graph, &hidden, memory);
                let of_hidden = graph.product(&hidden, "decoder.attentional.hidden_kernel");
                let of_context = graph.product(&context, "decoder.attentional.context_kernel");
                let bias = graph.weight("decoder.attentional.bias");
                let sum = graph.sum(&of_hidden, &of_context);
                let sum = graph.sum(&sum, &bias);
                (graph.node("Tanh", &[&sum], &[]), Some((context, weights)))
            }
        };
        let vectors = graph.without_axis(&vectors, 1);
        if fed.is_some() {
            next.push(vectors.clone());
        }
        let mut scores = self.scores(graph, &vectors);
        if let (Some(copied), Some((context, weights))) = (start.copied, &looked) {
            let axis = AttributeProto::int("axis", 0);
            let input = graph.node("Gather", &[&input, &last], &[axis]);
            let parts = [(&hidden, 1), (context, 1), (&input, 0)];
            let [hidden, context, input] = parts.map(|(part, axis)| graph.without_axis(part, axis));
            let pointed = Pointer {
                hidden: &hidden,
                context: &context,
                input: &input,
                weights,
                copied,
            };
            scores = pointer(graph, &scores, self.symbols[1], &pointed);
        }
        let axis = AttributeProto::int("axis", -1);
        Decoded {
            log_probabilities: graph.node("LogSoftmax", &[&scores], &[axis]),
            states: next,
            attention: looked.map(|(_, weights)| weights),
        }
    }
}

/// A recurrent layer in one direction or both, over `[time, batch, input]`. A second input kernel
/// may be joined to the first, for input that is joined likewise.
pub fn layer_of(
    graph: &mut Graph,
    cell: &Cell,
    names: &[String],
    joined: Option<&str>,
    input: &str,
    lengths: Option<&str>,
    start: Option<&[String]>,
) -> LayerOutput {
    let directions = names.len();
    let mut packed = [Vec::new(), Vec::new(), Vec::new()];
    let (mut inputs, mut units) = (0, 0);
    for name in names {
        let mut kernel = graph.matrix(&format!("{name}.kernel"));
        if let Some(joined) = joined {
            let more = graph.matrix(joined);
            kernel.values.extend(more.values);
            kernel.shape[0] = kernel.shape[0].saturating_add(more.shape[0]);
        }
        let recurrent = graph.matrix(&format!("{name}.recurrent_kernel"));
        (inputs, units) = (kernel.shape[0], recurrent.shape[0]);
        packed[0].extend(cell.gates_first(&kernel, units));
        packed[1].extend(cell.gates_first(&recurrent, units));
        packed[2].extend(cell.biases(&graph.matrix(&format!("{name}.bias")), units));
    }
    let of = names.first().map_or("", String::as_str);
    let gates = cell.order.len().saturating_mul(units);
    let [w, r, b] = packed;
    let w = graph.floats(&format!("{of}.W"), &[directions, gates, inputs], &w);
    let r = graph.floats(&format!("{of}.R"), &[directions, gates, units], &r);
    let b = graph.floats(
        &format!("{of}.B"),
        &[directions, gates.saturating_mul(2)],
        &b,
    );
    let start: Vec<String> = (start.into_iter().flatten())
        .map(|state| graph.with_axis(state, 0))
        .collect();
    let mut operands = vec![input, &w, &r, &b, lengths.unwrap_or("")];
    operands.extend(start.iter().map(String::as_str));
    let mut attributes = vec![AttributeProto::int("hidden_size", units as i64)];
    if directions > 1 {
        attributes.push(AttributeProto::text("direction", "bidirectional"));
    }
    if cell.reset_after {
        attributes.push(AttributeProto::int("linear_before_reset", 1));
    }
    let (sequence, finals) = match cell.op {
        "LSTM" => {
            let [sequence, h, c] = graph.nodes(cell.op, &operands, &attributes);
            (sequence, vec![h, c])
        }
        op => {
            let [sequence, h] = graph.nodes(op, &operands, &attributes);
            (sequence, vec![h])
        }
    };
    let sequence = match directions {
        1 => graph.without_axis(&sequence, 1),
        // [time, directions, batch, units] to [time, batch, directions and units].
        _ => {
            let sequence = graph.transposed(&sequence, &[0, 2, 1, 3]);
            graph.reshaped(&sequence, &[0, 0, -1])
        }
    };
    let finals = finals.iter().map(|state| match directions {
        1 => graph.without_axis(state, 0),
        _ => {
            let state = graph.transposed(state, &[1, 0, 2]);
            graph.reshaped(&state, &[0, -1])
        }
    });
    let finals = finals.collect();
    LayerOutput { sequence, finals }
}

/// How ONNX lays out the weights of a cell.
pub struct Cell {
    op: &'static str,
    /// The place of each of ONNX's gates among those of a model.
    order: &'static [usize],
    reset_after: bool,
    /// Whether the recurrent product has a bias of its own.
    two_biases: bool,
}

impl Cell {
    /// The layout of a kind of cell.
    pub fn of(kind: CellKind) -> Self {
        let gru = |reset_after| Self {
            op: "GRU",
            order: &[0, 1, 2],
            reset_after,
            two_biases: reset_after,
        };
        match kind {
            // Input, output, forget, candidate; a model has input, forget, candidate, output.
            CellKind::Lstm => Self {
                op: "LSTM",
                order: &[0, 3, 1, 2],
                reset_after: false,
                two_biases: false,
            },
            CellKind::Gru => gru(true),
            CellKind::GruOriginal => gru(false),
            CellKind::Rnn => Self {
                op: "RNN",
                order: &[0],
                reset_after: false,
                two_biases: false,
            },
        }
    }

    /// States that are carried on: h, and c of an LSTM.
    pub fn states(&self) -> usize {
        match self.op {
            "LSTM" => 2,
            _ => 1,
        }
    }

    /// A kernel `[rows, gates and units]` as `[gates and units, rows]`, in ONNX's order of gates.
    fn gates_first(&self, kernel: &Matrix, units: usize) -> Vec<f32> {
        let [rows, columns] = kernel.shape;
        let mut values = Vec::with_capacity(kernel.values.len());
        for &gate in self.order {
            for unit in 0..units {
                let column = gate.saturating_mul(units).saturating_add(unit);
                let value = |row: usize| {
                    let place = row.saturating_mul(columns).saturating_add(column);
                    kernel.values.get(place).copied().unwrap_or_default()
                };
                values.extend((0..rows).map(value));
            }
        }
        values
    }

    /// The biases of the input and of the recurrent product, in ONNX's order of gates.
    fn biases(&self, bias: &Matrix, units: usize) -> Vec<f32> {
        let block = self.order.len().saturating_mul(units);
        let ordered = |first: usize| {
            self.order.iter().flat_map(move |&gate| {
                let start = first.saturating_add(gate.saturating_mul(units));
                (start..start.saturating_add(units)).map(|at| bias.values.get(at).copied())
            })
        };
        let of_input = ordered(0).map(Option::unwrap_or_default);
        match self.two_biases {
            true => of_input
                .chain(ordered(block).map(Option::unwrap_or_default))
                .collect(),
            false => of_input.chain(std::iter::repeat_n(0.0, block)).collect(),
        }
    }
}
