//! Models as ONNX files (<https://onnx.ai>), which any of its runtimes runs.

mod graph;
mod message;
mod monotonic;
mod network;
pub mod openutau;
mod operators;
mod recurrent;
mod transformer;

use serde_json::{Value, json};

use seq2seq_runtime::Model;
use seq2seq_runtime::settings::{Architecture, DecoderInput, FeatureUse, ModelSettings, Protocol};

use self::graph::{Axis, Graph, OPSET};
use self::message::{AttributeProto, FLOAT, INT64};
use self::monotonic::Monotonic;
use self::network::{BATCH, Network, SOURCE, Start};
use self::recurrent::Recurrent;
use self::transformer::Transformer;

/// A file of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedFile {
    /// Its name.
    pub name: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Why a model cannot be exported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting} cannot be exported to ONNX; models without it can (docs/onnx.md)")]
pub struct NotExportable {
    setting: &'static str,
}

/// Writes a model as ONNX: `encoder.onnx` and `step.onnx`; `next.onnx` unless each step needs what the
/// one before it found; `metadata.json`, which the ONNX files hold, too; and `README.md`, which has the loop
/// around them. Weights of a quantized model are written in single precision.
///
/// # Errors
/// Names the first setting that no graph is written for.
pub fn export(model: &Model) -> Result<Vec<ExportedFile>, NotExportable> {
    let settings = &model.settings().model;
    check(settings, model.settings().feature_use())?;
    let model = &model.in_single_precision();
    let network = network(model);
    let network = network.as_ref();
    let entries = metadata(model);
    let text = |(key, value): &(&str, Value)| ((*key).to_owned(), value.to_string());
    let metadata: Vec<(String, String)> = entries.iter().map(text).collect();
    let mut files = vec![
        ExportedFile {
            name: "encoder.onnx",
            bytes: encoder(model, network).into_file(&metadata),
        },
        ExportedFile {
            name: "step.onnx",
            bytes: step(model, network).into_file(&metadata),
        },
    ];
    if network.reads_whole_targets() {
        files.push(ExportedFile {
            name: "next.onnx",
            bytes: next(model, network).into_file(&metadata),
        });
    }
    let entries = entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value));
    let object = Value::Object(entries.collect());
    files.push(ExportedFile {
        name: "metadata.json",
        bytes: format!("{object:#}\n").into_bytes(),
    });
    files.push(ExportedFile {
        name: "README.md",
        bytes: include_str!("README.md").into(),
    });
    Ok(files)
}

fn check(settings: &ModelSettings, features: FeatureUse) -> Result<(), NotExportable> {
    let architecture = match settings.architecture {
        Architecture::Recurrent | Architecture::Transformer | Architecture::Monotonic => None,
        Architecture::Ngram => Some("model.architecture = \"ngram\""),
        Architecture::Ensemble => Some("model.architecture = \"ensemble\""),
    };
    let settings = [
        architecture,
        (features == FeatureUse::Encoder).then_some("model.features = \"encoder\""),
        (settings.decoder_input == DecoderInput::EncoderOutput)
            .then_some("model.decoder_input = \"encoder-output\""),
        (settings.decoder_input == DecoderInput::OwnSoftmax)
            .then_some("model.decoder_input = \"own-softmax\""),
    ];
    match settings.into_iter().flatten().next() {
        Some(setting) => Err(NotExportable { setting }),
        None => Ok(()),
    }
}

/// The network of a model that [`check`] accepts.
fn network(model: &Model) -> Box<dyn Network + '_> {
    let (settings, sizes) = (&model.settings().model, model.codec().sizes());
    match settings.architecture {
        Architecture::Transformer => Box::new(Transformer::new(settings, sizes.target)),
        Architecture::Monotonic => Box::new(Monotonic::new(settings, sizes.target)),
        _ => Box::new(Recurrent::new(settings, [sizes.source, sizes.target])),
    }
}

fn encoder<'a>(model: &'a Model, network: &dyn Network) -> Graph<'a> {
    let mut graph = Graph::new("encoder", model.weights());
    let source = graph.input("source", INT64, &[BATCH, SOURCE]);
    let lengths = graph.input("lengths", INT64, &[BATCH]);
    let encoded = network.encode(&mut graph, &source, &lengths);
    let ports = network.states().into_iter().chain(network.memory(&graph));
    for (value, port) in encoded.states.iter().chain(&encoded.memory).zip(ports) {
        graph.output(value, &port.name, FLOAT, &port.shape);
    }
    graph
}

fn step<'a>(model: &'a Model, network: &dyn Network) -> Graph<'a> {
    let mut graph = Graph::new("step", model.weights());
    let last = graph.input("last", INT64, &[BATCH]);
    let ports = network.states();
    let states: Vec<String> = ports
        .iter()
        .map(|port| graph.input(&port.name, FLOAT, &port.shape))
        .collect();
    let memory: Vec<String> = network
        .memory(&graph)
        .iter()
        .map(|port| graph.input(&port.name, FLOAT, &port.shape))
        .collect();
    let lengths = match memory.is_empty() {
        true => String::new(),
        false => graph.input("lengths", INT64, &[BATCH]),
    };
    let copied = copied(&mut graph, model);
    let written = graph.with_axis(&last, 1);
    let start = Start {
        states: &states,
        memory: &memory,
        lengths: &lengths,
        copied: copied.as_deref(),
    };
    let decoded = network.decode(&mut graph, &written, start);
    let symbols = model.codec().sizes().target;
    let shape = [BATCH, Axis::Size(symbols)];
    graph.output(
        &decoded.log_probabilities,
        "log_probabilities",
        FLOAT,
        &shape,
    );
    for (value, port) in decoded.states.iter().zip(ports) {
        let name = format!("next_{}", port.name);
        graph.output(value, &name, FLOAT, &after(&port.shape));
    }
    if let Some(weights) = decoded.attention {
        graph.output(&weights, "attention", FLOAT, &[BATCH, SOURCE]);
    }
    graph
}

/// The shape of a state after a step: what was written is longer by a symbol.
fn after(shape: &[Axis]) -> Vec<Axis> {
    let longer = |axis: &Axis| match axis {
        Axis::Named("written") => Axis::Named("written_next"),
        axis => *axis,
    };
    shape.iter().map(longer).collect()
}

fn next<'a>(model: &'a Model, network: &dyn Network) -> Graph<'a> {
    let mut graph = Graph::new("next", model.weights());
    let source = graph.input("source", INT64, &[BATCH, SOURCE]);
    let lengths = graph.input("lengths", INT64, &[BATCH]);
    let written = graph.input("written", INT64, &[BATCH, Axis::Named("target")]);
    let copied = copied(&mut graph, model);
    let operands = [&source[..], &lengths, &written];
    let scores = whole_target(&mut graph, network, operands, copied.as_deref());
    let symbols = model.codec().sizes().target;
    let best = best(&mut graph, model, &scores, copied.as_deref());
    graph.output(&best, "next", INT64, &[BATCH]);
    let shape = [BATCH, Axis::Size(symbols)];
    graph.output(&scores, "log_probabilities", FLOAT, &shape);
    graph
}

/// The input that says what source symbols can be copied as, for a model that copies.
fn copied(graph: &mut Graph, model: &Model) -> Option<String> {
    let copies = model.settings().model.copy;
    copies.then(|| graph.input("copied", INT64, &[BATCH, SOURCE]))
}

/// Log-probabilities `[batch, symbols]` of what follows written symbols, for sources and their lengths.
fn whole_target(
    graph: &mut Graph,
    network: &dyn Network,
    [source, lengths, written]: [&str; 3],
    copied: Option<&str>,
) -> String {
    let encoded = network.encode(graph, source, lengths);
    let start = Start {
        states: &encoded.states,
        memory: &encoded.memory,
        lengths,
        copied,
    };
    network.decode(graph, written, start).log_probabilities
}

/// The most probable symbol `[batch]`. The begin mark is never written, nor an unknown symbol that is not
/// copied.
fn best(graph: &mut Graph, model: &Model, scores: &str, copied: Option<&str>) -> String {
    let vocabulary = &model.codec().target.vocabulary;
    let (begin, unknown) = (vocabulary.begin(), vocabulary.unknown());
    let mask = |graph: &mut Graph, name: &str, masked: Option<u32>| {
        let ids = 0..vocabulary.len() as u32;
        let values: Vec<f32> = ids
            .map(|id| if Some(id) == masked { -1e30 } else { 0.0 })
            .collect();
        graph.floats(name, &[values.len()], &values)
    };
    let begin = mask(graph, "begin mark", begin);
    let mut allowed = graph.sum(scores, &begin);
    if let Some(id) = unknown {
        let mut never = mask(graph, "unknown symbol", unknown);
        if let Some(copied) = copied {
            let id = graph.integer(id.into());
            let unseen = graph.node("Equal", &[copied, &id], &[]);
            let unseen = operators::cast(graph, &unseen, FLOAT);
            let axes = AttributeProto::ints("axes", &[1]);
            let unseen = graph.node("ReduceMax", &[&unseen], &[axes]);
            let one = graph.floats("one", &[], &[1.0]);
            let seen = graph.node("Sub", &[&one, &unseen], &[]);
            never = graph.node("Mul", &[&never, &seen], &[]);
        }
        allowed = graph.sum(&allowed, &never);
    }
    let attributes = [
        AttributeProto::int("axis", -1),
        AttributeProto::int("keepdims", 0),
    ];
    graph.node("ArgMax", &[&allowed], &attributes)
}

/// What a program needs to know besides the graphs.
fn metadata(model: &Model) -> Vec<(&'static str, Value)> {
    let codec = model.codec();
    let (source, target) = (&codec.source.vocabulary, &codec.target.vocabulary);
    let first_symbol = model.needs_first_symbol();
    let protocol = match model.settings().model.protocol {
        Protocol::BeginOfSequence => "begin-of-sequence",
        Protocol::FirstSymbol => "first-symbol",
    };
    let features = codec.features.as_ref().map(|features| {
        json!({
            "separator": features.separator,
            "symbols": features.vocabulary.symbols(),
        })
    });
    vec![
        ("opset", json!(OPSET)),
        ("source_symbols", json!(source.symbols())),
        ("source_unknown", json!(source.unknown())),
        (
            "source_end",
            json!(source.end().filter(|_| codec.source_end_mark)),
        ),
        ("target_symbols", json!(target.symbols())),
        ("target_begin", json!(target.begin())),
        ("target_end", json!(target.end())),
        ("target_unknown", json!(target.unknown())),
        ("copies", json!(codec.copy)),
        ("source_tokenization", json!(codec.source.tokenization)),
        ("target_tokenization", json!(codec.target.tokenization)),
        ("normalization", json!(codec.normalization)),
        ("lower_case", json!(codec.lower_case)),
        ("source_width", json!(codec.source_width)),
        ("source_align", json!(codec.source_align)),
        ("reverse_source", json!(codec.reverse_source)),
        ("features", json!(features)),
        ("protocol", json!(protocol)),
        (
            "first_symbols",
            match first_symbol {
                true => json!(model.provenance().first_symbols),
                false => json!([]),
            },
        ),
        ("longest_output", json!(model.max_length())),
    ]
}
