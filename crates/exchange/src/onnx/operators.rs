//! Layers that several networks have, as operators.

use seq2seq_runtime::layers::EPSILON;

use super::graph::Graph;
use super::message::AttributeProto;

/// `x W + b`.
pub fn dense(graph: &mut Graph, input: &str, name: &str) -> String {
    let product = graph.product(input, &format!("{name}.kernel"));
    let bias = graph.weight(&format!("{name}.bias"));
    graph.sum(&product, &bias)
}

/// Layer normalization with its gain and bias.
pub fn layer_norm(graph: &mut Graph, name: &str, input: &str) -> String {
    let gain = graph.weight(&format!("{name}.gain"));
    let bias = graph.weight(&format!("{name}.bias"));
    let attributes = [
        AttributeProto::int("axis", -1),
        AttributeProto::float("epsilon", EPSILON),
    ];
    graph.node("LayerNormalization", &[input, &gain, &bias], &attributes)
}

/// The numbers from `first` on, as many as the value's axis is long.
pub fn places_of(graph: &mut Graph, value: &str, axis: i64, first: &str) -> String {
    let shape = graph.node("Shape", &[value], &[]);
    let axis = graph.integer(axis);
    let count = graph.node("Gather", &[&shape, &axis], &[]);
    let end = graph.sum(&count, first);
    let one = graph.integer(1);
    graph.node("Range", &[first, &end, &one], &[])
}

/// Whether each place of the source is one of a sequence's symbols, with so many axes between the batch and
/// the source.
pub fn places_within(graph: &mut Graph, places: &str, lengths: &str, between: usize) -> String {
    let mut sizes = vec![-1];
    sizes.resize(between.saturating_add(2), 1);
    let lengths = graph.reshaped(lengths, &sizes);
    graph.node("Less", &[places, &lengths], &[])
}

/// Softmax over the source, of which only so many symbols are there. The scores have so many axes before
/// that of the source.
pub fn softmax_of_lengths(graph: &mut Graph, scores: &str, lengths: &str, before: usize) -> String {
    let none = graph.integer(0);
    let places = places_of(graph, scores, -1, &none);
    let there = places_within(graph, &places, lengths, before.saturating_sub(1));
    softmax_where(graph, scores, &there)
}

/// Softmax over the last axis, of the scores for which a condition holds.
pub fn softmax_where(graph: &mut Graph, scores: &str, condition: &str) -> String {
    let never = graph.floats("never", &[], &[-1e30]);
    let scores = graph.node("Where", &[condition, scores, &never], &[]);
    graph.node("Softmax", &[&scores], &[AttributeProto::int("axis", -1)])
}

/// `[batch, time, width]` as `[batch, 0, width]`: nothing was written yet.
pub fn zeros_without_time(graph: &mut Graph, rows: &str) -> String {
    let (zero, time) = (graph.integers(&[0]), graph.integers(&[1]));
    graph.node("Slice", &[rows, &zero, &zero, &time], &[])
}

/// The value with another type of elements.
pub fn cast(graph: &mut Graph, value: &str, elements: i32) -> String {
    let to = AttributeProto::int("to", elements.into());
    graph.node("Cast", &[value], &[to])
}

/// What the gate between writing and copying goes by (See, Liu and Manning 2017), of one step.
pub struct Pointer<'a> {
    /// The decoder's h, `[batch, units]`.
    pub hidden: &'a str,
    /// What attention found, `[batch, width]`.
    pub context: &'a str,
    /// What the decoder read, `[batch, input]`.
    pub input: &'a str,
    /// Where attention looked, `[batch, source]`.
    pub weights: &'a str,
    /// What each source symbol can be copied as, `[batch, source]`.
    pub copied: &'a str,
}

/// Added to probabilities before the logarithm, so that it is finite.
const TINY: f32 = 1e-12;

/// Log-probabilities `[batch, symbols]` of writing, whose scores are given, and copying.
pub fn pointer(graph: &mut Graph, scores: &str, symbols: usize, pointer: &Pointer) -> String {
    let mut gate = graph.weight("pointer.bias");
    for (input, name) in [
        (pointer.hidden, "pointer.hidden_kernel"),
        (pointer.context, "pointer.context_kernel"),
        (pointer.input, "pointer.input_kernel"),
    ] {
        let part = graph.product(input, name);
        gate = graph.sum(&part, &gate);
    }
    let write = graph.node("Sigmoid", &[&gate], &[]);
    let one = graph.floats("one", &[], &[1.0]);
    let copy = graph.node("Sub", &[&one, &write], &[]);
    let copied = one_hot_of_copied(graph, pointer.copied, symbols);
    let weights = graph.with_axis(pointer.weights, 1);
    let shares = graph.node("MatMul", &[&weights, &copied], &[]);
    let shares = graph.without_axis(&shares, 1);
    let shares = graph.node("Mul", &[&shares, &copy], &[]);
    let axes = graph.integers(&[-1]);
    let sum = graph.node("ReduceSum", &[&shares, &axes], &[]);
    let rest = graph.node("Sub", &[&one, &sum], &[]);
    let rest = graph.node("Relu", &[&rest], &[]);
    let axis = AttributeProto::int("axis", -1);
    let written = graph.node("Softmax", &[scores], &[axis]);
    let written = graph.node("Mul", &[&written, &rest], &[]);
    let sum = graph.sum(&written, &shares);
    let tiny = graph.floats("tiny share", &[], &[TINY]);
    let sum = graph.sum(&sum, &tiny);
    graph.node("Log", &[&sum], &[])
}

/// Target symbols `[batch, source]` as `[batch, source, symbols]`: 1 where a source symbol can be copied as that
/// symbol; zeros where it is -1.
pub fn one_hot_of_copied(graph: &mut Graph, copied: &str, symbols: usize) -> String {
    let one = graph.integer(1);
    let places = graph.sum(copied, &one);
    let depth = graph.integer((symbols as i64).saturating_add(1));
    let values = graph.floats("zero and one", &[2], &[0.0, 1.0]);
    let all = graph.node("OneHot", &[&places, &depth, &values], &[]);
    last_axis(graph, &all, 1, i64::MAX)
}

/// The numbers from `start` to `end` on the last axis.
pub fn last_axis(graph: &mut Graph, value: &str, start: i64, end: i64) -> String {
    let bounds = [start, end, -1].map(|bound| graph.integers(&[bound]));
    let [start, end, axis] = &bounds;
    graph.node("Slice", &[value, start, end, axis], &[])
}
