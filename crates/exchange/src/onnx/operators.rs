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
